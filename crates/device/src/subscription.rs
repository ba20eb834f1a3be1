//! Keeps providers informed where this device can be woken: after each change of the subscription, of the permission, or of what a
//! provider says about it.

use countersign_protocol::discovery::{Discovery, WELL_KNOWN};
use countersign_protocol::push::{PushAddress, PushState, PushStatus};

use crate::account::AccountId;
use crate::core::Core;
use crate::device::Device;
use crate::error::{OwnCallError, WakeError};
use crate::link_preview::read;
use crate::ports::maybe_send::MaybeSend;
use crate::ports::push_service::{Permission, PushService, SubscribeError, Subscription};
use crate::ports::runtime::{ScopedTask, timeout};

/// How long a push service may take, in milliseconds. Chromium without Google's never answers.
const SERVICE_MS: u64 = 10_000;

/// Watches what a provider says of an account's push address, until it is dropped.
pub struct PushWatch(#[expect(dead_code, reason = "dropped, it stops the task")] ScopedTask);

/// What an account's provider was told, and what it says.
struct Known {
    takes_part: bool,
    told: Option<PushAddress>,
    status: Option<PushStatus>,
}

/// What is to be done for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    Tell(PushAddress),
    Remove,
    /// The subscription is of no use: another one, for this key where it is known.
    SubscribeAnew(Option<String>),
}

impl Known {
    fn of(core: &Core) -> Known {
        let account = core.account();
        let takes_part =
            account.status.no_part().is_none() && core.unusable().is_none() && account.endpoints.device.is_some();
        Known { takes_part, told: account.push_told.clone(), status: core.push_status().cloned() }
    }

    fn step(&self, permission: Permission, subscription: Option<&Subscription>) -> Step {
        let Some(status) = self.status.as_ref().filter(|status| self.takes_part && status.state != PushState::Off)
        else {
            return Step::Nothing;
        };
        if permission != Permission::Granted {
            let is_known = self.told.is_some() && status.state != PushState::None;
            return if is_known { Step::Remove } else { Step::Nothing };
        }
        let Some(subscription) = subscription else {
            // Nobody asked for one, or the browser has thrown away what it had.
            return if self.told.is_some() {
                Step::SubscribeAnew(status.vapid_public_key.clone())
            } else {
                Step::Nothing
            };
        };
        if status.state == PushState::Rekey && subscription.key != status.vapid_public_key {
            return Step::SubscribeAnew(status.vapid_public_key.clone());
        }
        let is_told = self.told.as_ref() == Some(&subscription.address);
        match status.state {
            PushState::Ok if is_told => Step::Nothing,
            // Of the subscription that there is; of an earlier one it says nothing.
            PushState::Gone | PushState::Rekey if is_told => Step::SubscribeAnew(status.vapid_public_key.clone()),
            _ => Step::Tell(subscription.address.clone()),
        }
    }
}

impl Device {
    /// Has the person allow that this device is woken, subscribes, and tells the account's provider. To be called in a gesture.
    ///
    /// # Errors
    /// [`WakeError`].
    pub async fn wake_by_push(&self, account: &AccountId, push: &dyn PushService) -> Result<(), WakeError> {
        match push.permission() {
            Permission::Denied => return Err(WakeError::Blocked),
            Permission::Unsupported => return Err(WakeError::Unsupported),
            Permission::Granted | Permission::Askable => {}
        }
        if push.ask().await != Permission::Granted {
            return Err(WakeError::Refused);
        }
        let key = self.push_key(account).await?;
        let present = timeout(&*self.inner.services.runtime, SERVICE_MS, push.subscription()).await;
        let subscription = match present.ok_or(WakeError::Silent)? {
            Some(present) if present.key.as_ref() == Some(&key) => present,
            _ => self.subscribe_anew(push, &key).await?,
        };
        Ok(self.set_push_address(account, Some(subscription.address)).await?)
    }

    /// Compares the subscription with what each provider was told and says, and puts right what differs: tells the new one, subscribes
    /// anew, removes the address where the permission is gone. What fails is tried at the next look.
    pub async fn look_to_push(&self, push: &dyn PushService) {
        let mut renewed = false;
        loop {
            let present = timeout(&*self.inner.services.runtime, SERVICE_MS, push.subscription()).await;
            let Some(subscription) = present else { return };
            let permission = push.permission();
            let mut anew = None;
            for (account, handle) in self.handles() {
                let Ok(known) = handle.task.read(|core, _| Known::of(core)).await else { continue };
                match known.step(permission, subscription.as_ref()) {
                    Step::Nothing => {}
                    // A provider that refuses, or is away, is told at the next look.
                    Step::Tell(address) => drop(self.set_push_address(&account, Some(address)).await),
                    Step::Remove => drop(self.set_push_address(&account, None).await),
                    Step::SubscribeAnew(key) => anew = Some((account, key)),
                }
            }
            let Some((account, key)) = anew.filter(|_| !renewed) else { return };
            renewed = true;
            let key = match key {
                Some(key) => Ok(key),
                None => self.push_key(&account).await,
            };
            let Ok(key) = key else { return };
            if self.subscribe_anew(push, &key).await.is_err() {
                return;
            }
        }
    }

    /// Calls `changed` whenever the account's provider says something else of its push address, the first word included.
    pub fn watch_push(
        &self,
        account: &AccountId,
        mut changed: impl FnMut() + MaybeSend + 'static,
    ) -> Option<PushWatch> {
        let task = self.handles().remove(account)?.task;
        let watching = async move {
            let mut last: Option<PushState> = None;
            loop {
                let other = move |core: &Core, _| {
                    core.push_status().map(|status| status.state).filter(|state| Some(*state) != last)
                };
                match task.wait_for(other).await {
                    Ok(state) => last = Some(state),
                    Err(_) => return,
                }
                changed();
            }
        };
        Some(PushWatch(ScopedTask::spawn(&*self.inner.services.runtime, watching)))
    }

    /// All accounts of one origin share its key, and a browser has one subscription for each origin.
    async fn subscribe_anew(&self, push: &dyn PushService, key: &str) -> Result<Subscription, WakeError> {
        let subscribing = async {
            push.unsubscribe().await;
            push.subscribe(key).await
        };
        match timeout(&*self.inner.services.runtime, SERVICE_MS, subscribing).await {
            Some(Ok(subscription)) => Ok(subscription),
            Some(Err(SubscribeError::NotAllowed)) => Err(WakeError::Refused),
            Some(Err(SubscribeError::Failed(why))) => Err(WakeError::NoService(why)),
            None => Err(WakeError::Silent),
        }
    }

    /// The key that the account's provider pushes with now.
    async fn push_key(&self, account: &AccountId) -> Result<String, OwnCallError> {
        let handle = self.handles().remove(account).ok_or(OwnCallError::Unknown)?;
        let issuer = handle.task.read(|core, _| core.account().issuer.clone()).await?;
        let [first, appended] = issuer.well_known(WELL_KNOWN);
        let no_reply = |_| OwnCallError::NoReply { why: None };
        let reply = self.get(first).await.map_err(no_reply)?;
        let reply = if reply.status == 404 { self.get(appended).await.map_err(no_reply)? } else { reply };
        let discovery: Discovery = read("discovery", &reply).map_err(no_reply)?;
        discovery.endpoints(&issuer).map_err(|_| OwnCallError::NoReply { why: None })?;
        discovery.vapid_public_key.ok_or(OwnCallError::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

    fn address(name: &str) -> PushAddress {
        serde_json::from_value(serde_json::json!({
            "type": "web_push", "endpoint": format!("https://push.example.net/{name}"), "p256dh": KEY,
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        }))
        .expect("an address")
    }

    fn subscription(name: &str) -> Subscription {
        Subscription { address: address(name), key: Some("now".to_owned()) }
    }

    fn known(told: Option<&str>, state: PushState, key: Option<&str>) -> Known {
        let status = PushStatus { state, vapid_public_key: key.map(str::to_owned) };
        Known { takes_part: true, told: told.map(address), status: Some(status) }
    }

    fn step(known: &Known, present: Option<&str>) -> Step {
        known.step(Permission::Granted, present.map(subscription).as_ref())
    }

    #[test]
    fn a_provider_is_told_what_it_does_not_know() {
        let tell = Step::Tell(address("b"));
        assert_eq!(step(&known(Some("b"), PushState::Ok, None), Some("b")), Step::Nothing);
        assert_eq!(step(&known(Some("a"), PushState::Ok, None), Some("b")), tell, "it was told another one");
        assert_eq!(step(&known(None, PushState::None, None), Some("b")), tell, "a second account of the same page");
        assert_eq!(step(&known(Some("b"), PushState::None, None), Some("b")), tell, "it has forgotten");
    }

    #[test]
    fn a_subscription_that_is_gone_or_for_another_key_is_made_anew_once_for_all_accounts() {
        let anew = |key: Option<&str>| Step::SubscribeAnew(key.map(str::to_owned));
        assert_eq!(step(&known(Some("a"), PushState::Gone, None), Some("a")), anew(None));
        assert_eq!(
            step(&known(Some("a"), PushState::Gone, None), Some("b")),
            Step::Tell(address("b")),
            "of the one before"
        );
        assert_eq!(step(&known(Some("a"), PushState::Rekey, Some("next")), Some("a")), anew(Some("next")));
        assert_eq!(step(&known(Some("a"), PushState::Rekey, Some("now")), Some("b")), Step::Tell(address("b")));
        assert_eq!(step(&known(Some("a"), PushState::Ok, None), None), anew(None), "the browser threw it away");
        assert_eq!(step(&known(None, PushState::None, None), None), Step::Nothing, "nobody asked for it");
    }

    #[test]
    fn an_address_is_removed_with_the_permission_and_nothing_is_said_before_the_provider_spoke() {
        for permission in [Permission::Denied, Permission::Askable, Permission::Unsupported] {
            let ok = known(Some("a"), PushState::Ok, None);
            assert_eq!(ok.step(permission, Some(&subscription("a"))), Step::Remove);
            assert_eq!(known(Some("a"), PushState::None, None).step(permission, None), Step::Nothing);
        }
        let silent = Known { status: None, ..known(Some("a"), PushState::Ok, None) };
        let idle = Known { takes_part: false, ..known(Some("a"), PushState::Ok, None) };
        let off = known(Some("a"), PushState::Off, None);
        for known in [silent, idle, off] {
            assert_eq!(step(&known, Some("b")), Step::Nothing);
            assert_eq!(known.step(Permission::Denied, None), Step::Nothing);
        }
    }
}
