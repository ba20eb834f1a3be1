//! Keys, for the operator's commands.

use countersign_gateway::ManifestError;

use crate::issuance::key_rotation::{KeyRecord, RotateError};
use crate::server::Provider;

impl Provider {
    /// Every key that signs, signed or will sign, those of a name from the oldest to the newest.
    ///
    /// # Errors
    /// [`ManifestError`] when the stored manifest can't be read.
    pub fn keys(&self) -> Result<Vec<KeyRecord>, ManifestError> {
        self.parts().keys.keys()
    }

    /// Gives every key but the evidence root a successor. The new token key is published at once and signs ten minutes later; the
    /// others sign at once. What was signed before stays good, unless the former keys are `compromised`: then they are removed and
    /// revoked, and the tokens and links they signed are refused.
    ///
    /// The process that serves the same home notices within seconds. Blocks the thread.
    ///
    /// # Errors
    /// [`RotateError`].
    pub fn rotate_keys(&self, compromised: bool) -> Result<(), RotateError> {
        self.parts().keys.rotate_keys(compromised)
    }

    /// Reads the keys again if their files came or went; returns whether they did. [`Provider::serve`] does this by itself. Blocks
    /// the thread.
    ///
    /// # Errors
    /// [`RotateError`]; then the keys that were read before stay in use.
    pub fn reload_keys(&self) -> Result<bool, RotateError> {
        self.parts().keys.reload_keys()
    }
}
