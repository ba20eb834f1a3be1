//! The gateway's keys while it runs: a new one signs, and the former ones end.

use countersign_jose::key::{Signer as _, Thumbprint};
use countersign_protocol::jws::Compact;
use countersign_protocol::manifest::ManifestKey;

use crate::Gateway;
use crate::keys::Keys;
use crate::manifest::{self, ManifestError};

impl Gateway {
    /// Signs with these keys from now on; those they follow end soon, or at once where they are in the wrong hands
    /// (`revoke_others`). Every process over the same store calls this when a key was followed by another. Blocks the thread.
    ///
    /// # Errors
    /// [`ManifestError`]; then the former keys stay in use.
    pub fn renew_keys(&self, keys: Keys, revoke_others: bool) -> Result<(), ManifestError> {
        manifest::bring_up_to_date(self.store(), &keys, &self.settings().issuer, self.now(), revoke_others)?;
        self.replace_keys(keys);
        Ok(())
    }

    /// The keys that sign for devices, those of the past included, as the newest manifest lists them.
    ///
    /// # Errors
    /// [`ManifestError`] when the stored chain can't be read.
    pub fn listed_keys(&self) -> Result<Vec<ManifestKey>, ManifestError> {
        let chain = manifest::chain(self.store())?;
        let last = chain.manifests.last().map(Compact::peek).transpose();
        let last = last.map_err(|why| ManifestError::Foreign(why.into()))?;
        Ok(last.map(|last| last.keys).unwrap_or_default())
    }

    /// The thumbprints of the key that signs enrollment links, and of those before it.
    pub fn registration_keys(&self) -> (Thumbprint, Vec<Thumbprint>) {
        let keys = self.keys();
        let former = keys.former_registration.iter().map(|key| *key.thumbprint());
        (*keys.registration.public_key().thumbprint(), former.collect())
    }

    /// The thumbprints of the keys that push services know this gateway by: the former ones, and the one that new subscriptions are made for.
    pub fn vapid_keys(&self) -> (Vec<Thumbprint>, Thumbprint) {
        let keys = self.keys();
        let newest = *keys.newest_vapid().public_key().thumbprint();
        let former = keys.vapid.iter().map(|key| *key.public_key().thumbprint()).filter(|kid| *kid != newest);
        (former.collect(), newest)
    }

    /// The thumbprint that devices pin, and by which evidence is verified.
    pub fn evidence_root(&self) -> Thumbprint {
        *self.keys().root.public_key().thumbprint()
    }
}
