//! How the device finds out that its user is there: by a PIN today, by biometrics later.

use std::future::Future;
use std::pin::Pin as Pinned;

use crate::account::AccountId;
use crate::pin::PinEntry;

/// Asks the person, or a script, to verify themselves. Called only when it is needed: never to deny.
pub trait UserVerifier: Send + Sync {
    /// Asks once. `None` means that they would not.
    fn verify(&self, ask: PinPrompt) -> Pinned<Box<dyn Future<Output = Option<PinEntry>> + Send + '_>>;
}

/// What the verification is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinPrompt {
    /// A new PIN for an account that is being made.
    NewPin,
    /// The account's PIN, to approve.
    Pin {
        /// Which account.
        account: AccountId,
        /// Tries left before its approval key is destroyed.
        tries_left: u32,
    },
}

/// Gives the same PIN whenever asked: for scripts, for tests, and for a PIN that was typed before the call.
pub struct FixedPin(pub PinEntry);

impl UserVerifier for FixedPin {
    fn verify(&self, _: PinPrompt) -> Pinned<Box<dyn Future<Output = Option<PinEntry>> + Send + '_>> {
        Box::pin(std::future::ready(Some(self.0.clone())))
    }
}
