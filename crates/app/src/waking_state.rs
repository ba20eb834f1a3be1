//! Whether an account's provider can wake this device, by what browser and provider say.

use countersign_device::ports::push_service::Permission;
use countersign_device::view::PushView;
use countersign_protocol::push::PushState;
use serde::Serialize;

/// Whether an account's provider can wake this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Waking {
    /// It can.
    On,
    /// The person can allow it.
    Askable,
    /// The person said no: the system's settings alone can change that.
    Denied,
    /// This browser can't be woken.
    Unsupported,
    /// The provider wakes nobody.
    NotPushed,
    /// It is allowed, and the provider does not know it yet.
    NotTold,
}

impl Waking {
    pub(crate) fn of(permission: Permission, push: PushView) -> Waking {
        if !push.supported || push.state == Some(PushState::Off) {
            return Waking::NotPushed;
        }
        match permission {
            Permission::Unsupported => Waking::Unsupported,
            Permission::Denied => Waking::Denied,
            Permission::Askable => Waking::Askable,
            Permission::Granted if !push.told => Waking::Askable,
            // Before the first fetch what was last known stands.
            Permission::Granted if matches!(push.state, None | Some(PushState::Ok)) => Waking::On,
            Permission::Granted => Waking::NotTold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(told: bool, state: Option<PushState>) -> PushView {
        PushView { told, supported: true, state }
    }

    #[test]
    fn it_is_on_where_it_is_allowed_and_the_provider_took_the_address() {
        let of = |told, state| Waking::of(Permission::Granted, push(told, state));
        assert_eq!(of(true, Some(PushState::Ok)), Waking::On);
        assert_eq!(of(true, None), Waking::On, "before the first fetch");
        assert_eq!(of(false, Some(PushState::None)), Waking::Askable);
        for state in [PushState::Gone, PushState::Rekey, PushState::None] {
            assert_eq!(of(true, Some(state)), Waking::NotTold);
        }
    }

    #[test]
    fn what_keeps_it_from_being_woken_is_told_apart() {
        let ok = push(true, Some(PushState::Ok));
        assert_eq!(Waking::of(Permission::Denied, ok), Waking::Denied);
        assert_eq!(Waking::of(Permission::Askable, ok), Waking::Askable);
        assert_eq!(Waking::of(Permission::Unsupported, ok), Waking::Unsupported);
        for permission in [Permission::Granted, Permission::Denied, Permission::Unsupported] {
            assert_eq!(Waking::of(permission, push(true, Some(PushState::Off))), Waking::NotPushed);
            assert_eq!(Waking::of(permission, PushView { supported: false, ..ok }), Waking::NotPushed);
        }
    }
}
