//! The interaction of a request: what client, devices and policy agree on. A client's choice is never lowered.

use std::time::Duration;

use countersign_protocol::interaction::InteractionType;
use countersign_protocol::kind::Kind;

/// Longest lifetime of payments, of sign-ins and of every request with a number: NIST SP 800-63B and OWASP ASVS 6.5.5 allow an
/// out-of-band secret ten minutes.
pub const SHORT_LIFETIME: Duration = Duration::from_secs(600);

/// The interaction's side of a request (docs/protocol.md, "Interaction").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractionPolicy {
    /// `interaction_type` of the request.
    pub requested: Option<InteractionType>,
    /// The client's registered `interaction_types`; empty means boolean alone.
    pub client_supported: Vec<InteractionType>,
    /// The provider's minimum for this client. Admitting a device takes a number, whatever the minimum.
    pub minimum: InteractionType,
    /// What the client shows, where it must not learn anything about the person: the same whatever that person's devices can do
    /// and however often she was asked. Then a request is never raised above it, and devices of which some can't do it are asked
    /// for a tap instead. `None`: the client shows what devices are asked.
    pub disclosed: Option<InteractionType>,
    /// The client prefers a number for its level of assurance (`acr_values`): a payment then gets the strongest interaction
    /// that client and devices share, as a sign-in does anyway.
    pub number_preferred: bool,
}

/// Why no interaction fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InteractionError {
    /// The minimum is more than the client asked for, or would get.
    #[error("interaction_type would be {}, but this provider asks for {} at least: register the client for that, and ask for it by name if not all of the user's devices can do it", requested.as_str(), minimum.as_str())]
    BelowMinimum {
        /// Interaction that the client requested, or would get.
        requested: InteractionType,
        /// The minimum.
        minimum: InteractionType,
    },
    /// The client is not registered for it.
    #[error("this client is not registered for interaction_type {}", .0.as_str())]
    BeyondClient(InteractionType),
    /// None of the user's devices can do it.
    #[error("no device of the user can do interaction_type {}", .0.as_str())]
    BeyondDevices(InteractionType),
}

impl InteractionError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            InteractionError::BelowMinimum { .. } => "interaction_below_minimum",
            InteractionError::BeyondClient(_) => "interaction_beyond_client",
            InteractionError::BeyondDevices(_) => "interaction_beyond_devices",
        }
    }
}

/// The interaction types of the devices that may be asked, one list a device.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Capabilities<'a> {
    /// No device is known: each could do everything.
    Unknown,
    Known(&'a [&'a [InteractionType]]),
}

impl InteractionPolicy {
    /// The interaction of a request of this kind if the user's devices support all of them. A request that fails here fails for
    /// every user, so that the error discloses nothing about one.
    ///
    /// # Errors
    /// [`InteractionError::BelowMinimum`] and [`InteractionError::BeyondClient`].
    pub fn without_devices(&self, kind: Kind) -> Result<InteractionType, InteractionError> {
        self.choose(kind, false, Capabilities::Unknown)
    }

    /// The one rule. With `raised` (a request that is held) it asks for the strongest that client and devices share, whatever the
    /// client asked for: who is asked again and again may pick one of three numbers without looking.
    pub(crate) fn choose(
        &self,
        kind: Kind,
        raised: bool,
        devices: Capabilities<'_>,
    ) -> Result<InteractionType, InteractionError> {
        let client_can = |one: InteractionType| one == InteractionType::Boolean || self.client_supported.contains(&one);
        let strongest_shared = InteractionType::ALL
            .into_iter()
            .rev()
            .find(|one| client_can(*one) && devices.all_can(*one))
            .unwrap_or(InteractionType::Boolean);

        // Admitting a device always takes a number, never a tap.
        let minimum = match kind {
            Kind::Device => self.minimum.max(InteractionType::NumberChoose),
            _ => self.minimum,
        };
        let wanted = match (self.requested, self.disclosed) {
            (Some(InteractionType::Unknown), _) => {
                return Err(InteractionError::BeyondClient(InteractionType::Unknown));
            }
            (Some(requested), _) => requested,
            // The client shows that number or none that counts: nothing in between would match what is on its screen.
            (None, Some(disclosed)) if devices.all_can(disclosed) || minimum > InteractionType::Boolean => disclosed,
            (None, Some(_)) => InteractionType::Boolean,
            (None, None) if kind == Kind::Payment && !self.number_preferred => minimum,
            (None, None) => strongest_shared,
        };
        if wanted < minimum {
            return Err(InteractionError::BelowMinimum { requested: wanted, minimum });
        }
        if !client_can(wanted) {
            return Err(InteractionError::BeyondClient(wanted));
        }
        if !devices.any_can(wanted) {
            return Err(InteractionError::BeyondDevices(wanted));
        }
        // A number that the client does not show can't be asked for, and showing it would tell the client that it is held.
        Ok(if raised && self.disclosed.is_none() { wanted.max(strongest_shared) } else { wanted })
    }
}

impl Capabilities<'_> {
    fn all_can(self, one: InteractionType) -> bool {
        match self {
            Capabilities::Unknown => true,
            Capabilities::Known(devices) => devices.iter().all(|device| device.contains(&one)),
        }
    }

    fn any_can(self, one: InteractionType) -> bool {
        match self {
            Capabilities::Unknown => true,
            Capabilities::Known(devices) => devices.iter().any(|device| device.contains(&one)),
        }
    }
}

#[cfg(test)]
mod tests {
    use InteractionType::{Boolean, InputManual, NumberChoose};

    use super::*;

    fn policy(client_supported: &[InteractionType]) -> InteractionPolicy {
        InteractionPolicy {
            requested: None,
            client_supported: client_supported.to_vec(),
            minimum: Boolean,
            disclosed: None,
            number_preferred: false,
        }
    }

    #[test]
    fn admitting_a_device_takes_a_number_whether_or_not_devices_are_known() {
        let boolean_only = policy(&[]);
        let refused = Err(InteractionError::BelowMinimum { requested: Boolean, minimum: NumberChoose });
        assert_eq!(boolean_only.without_devices(Kind::Device), refused);
        assert_eq!(boolean_only.choose(Kind::Device, false, Capabilities::Known(&[&[Boolean, NumberChoose]])), refused);
        // What approves in a device's place can do no more than a tap.
        assert_eq!(boolean_only.choose(Kind::Device, false, Capabilities::Known(&[&[Boolean]])), refused);
        let with_number = policy(&[NumberChoose]);
        assert_eq!(with_number.without_devices(Kind::Device), Ok(NumberChoose));
        assert_eq!(with_number.without_devices(Kind::Login), Ok(NumberChoose));
    }

    #[test]
    fn without_devices_the_answer_is_that_of_devices_that_can_do_everything() {
        let everything: &[&[InteractionType]] = &[&InteractionType::ALL, &InteractionType::ALL];
        let types = [Boolean, NumberChoose, InputManual];
        let requested = types.into_iter().map(Some).chain([None]);
        let supported: [&[InteractionType]; 4] = [&[], &[NumberChoose], &[InputManual], &[NumberChoose, InputManual]];
        for requested in requested {
            for client in supported {
                for minimum in types {
                    for kind in [Kind::Device, Kind::Payment, Kind::Login, Kind::Consent, Kind::Other] {
                        for number_preferred in [false, true] {
                            let policy = InteractionPolicy { requested, minimum, number_preferred, ..policy(client) };
                            let known = policy.choose(kind, false, Capabilities::Known(everything));
                            assert_eq!(policy.without_devices(kind), known, "{policy:?} {kind:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_held_request_gets_the_strongest_that_client_and_devices_share_whatever_was_asked_for() {
        let able = policy(&[NumberChoose, InputManual]);
        let all: &[&[InteractionType]] = &[&InteractionType::ALL];
        let older: &[&[InteractionType]] = &[&InteractionType::ALL, &[Boolean, NumberChoose]];
        for (requested, devices, held) in [
            (Some(NumberChoose), all, InputManual),
            (Some(Boolean), all, InputManual),
            (None, all, InputManual),
            (Some(NumberChoose), older, NumberChoose),
            (Some(Boolean), older, NumberChoose),
            (Some(InputManual), older, InputManual),
        ] {
            let policy = InteractionPolicy { requested, ..able.clone() };
            let choose = |raised| policy.choose(Kind::Payment, raised, Capabilities::Known(devices));
            assert_eq!(choose(true), Ok(held), "{requested:?}");
            assert_eq!(choose(false), Ok(requested.unwrap_or(Boolean)), "{requested:?}");
        }
    }

    #[test]
    fn a_payment_gets_the_minimum_unless_the_client_prefers_a_number() {
        let payment = policy(&[NumberChoose]);
        assert_eq!(payment.without_devices(Kind::Payment), Ok(Boolean));
        let preferred = InteractionPolicy { number_preferred: true, ..payment };
        assert_eq!(preferred.without_devices(Kind::Payment), Ok(NumberChoose));
    }
}
