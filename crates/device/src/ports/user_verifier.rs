//! User verification port: asks for the PIN.

use crate::account::AccountId;
use crate::pin::PinEntry;
use crate::ports::transport::BoxFuture;

/// Asks a person or a script for the PIN. Called only where an approval or an enrollment needs it, never to deny.
pub trait UserVerifier: Send + Sync {
    /// Asks once. `None`: no PIN was given.
    fn verify(&self, ask: PinPrompt) -> BoxFuture<'_, Option<PinEntry>>;
}

/// Which PIN is asked for.
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

/// Gives the same PIN whenever asked: for scripts, tests, and a PIN that was typed before the call.
pub struct FixedPin(pub PinEntry);

impl UserVerifier for FixedPin {
    fn verify(&self, _: PinPrompt) -> BoxFuture<'_, Option<PinEntry>> {
        Box::pin(std::future::ready(Some(self.0.clone())))
    }
}
