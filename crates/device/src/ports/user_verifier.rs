//! User verification port: asks for the PIN, or has the platform verify the person.

use crate::account::AccountId;
use crate::pin::Pin;
use crate::ports::maybe_send::{BoxFuture, MaybeSend, MaybeSync};

/// Verifies a person, or takes a script's PIN. Called only where an approval or an enrollment needs it, never to deny.
pub trait UserVerifier: MaybeSend + MaybeSync {
    /// Asks once. `None`: the person would not, or nobody is there to ask.
    fn verify(&self, ask: PinPrompt) -> BoxFuture<'_, Option<Verified>>;
}

/// How the user was verified. It decides what an answer claims (`amr`), and opens the approval key.
#[derive(Clone)]
pub enum Verified {
    /// A person typed this PIN at a terminal or in a window: `pin`.
    Pin(Pin),
    /// The platform verified the person, by biometrics or by the code that unlocks the device: `user`, or the method.
    Platform {
        /// The method, where the platform says which.
        method: Option<PlatformMethod>,
    },
    /// A file, an environment variable or a pipe held this PIN: the device is `automated`, and nothing is claimed.
    Script(Pin),
}

/// The platform's method of verifying a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformMethod {
    /// A fingerprint: `fpt`.
    Fingerprint,
    /// A face: `face`.
    Face,
}

impl Verified {
    /// The PIN, where there is one.
    pub const fn pin(&self) -> Option<&Pin> {
        match self {
            Verified::Pin(pin) | Verified::Script(pin) => Some(pin),
            Verified::Platform { .. } => None,
        }
    }

    /// Whether a program gave the PIN, and no person was verified.
    pub const fn is_script(&self) -> bool {
        matches!(self, Verified::Script(_))
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinPrompt {
    /// A new PIN for an account that is being made.
    NewPin,
    /// The account's PIN, to approve.
    Pin {
        /// The account.
        account: AccountId,
        /// Tries left before its approval key is destroyed, 1 to 10.
        tries_left: u32,
    },
}

/// Gives the same answer whenever asked: for scripts, tests, and a PIN that was typed before the call.
pub struct FixedVerifier(pub Verified);

impl UserVerifier for FixedVerifier {
    fn verify(&self, _: PinPrompt) -> BoxFuture<'_, Option<Verified>> {
        Box::pin(std::future::ready(Some(self.0.clone())))
    }
}
