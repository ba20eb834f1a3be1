//! `op keys`: list, rotate and reload the signing keys.

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

    /// Rotates every key but the evidence root and, unless `compromised`, the one for push services. The new token key is published at once and signs ten minutes later; the others sign
    /// at once. Earlier signatures stay valid, unless the former keys are `compromised`: then they are removed and revoked, and the
    /// tokens and links they signed are refused.
    ///
    /// The process that serves the same home reloads them within seconds. Blocks the thread.
    ///
    /// # Errors
    /// [`RotateError`].
    pub fn rotate_keys(&self, compromised: bool) -> Result<(), RotateError> {
        self.parts().keys.rotate_keys(compromised)
    }

    /// Changes the key that push services know this provider by (RFC 8292), and nothing else: every device has to subscribe anew, which it
    /// does when it next fetches. The former key goes on for the addresses that were made for it, at most 60 days; where it is `compromised`
    /// not at all, and then such devices are not woken until they fetched.
    ///
    /// # Errors
    /// [`RotateError`].
    pub fn rotate_push_key(&self, compromised: bool) -> Result<(), RotateError> {
        self.parts().keys.rotate_push_key(compromised)
    }

    /// Reloads the keys if files were added or removed; returns whether they were. [`Provider::serve`] does this by itself. Blocks
    /// the thread.
    ///
    /// # Errors
    /// [`RotateError`]; the keys in use stay in use.
    pub fn reload_keys(&self) -> Result<bool, RotateError> {
        self.parts().keys.reload_keys()
    }
}
