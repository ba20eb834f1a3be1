//! Keys in memory that a test hands out in its own way.

use std::sync::Arc;

use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::registration::KeyProtection;

use crate::account::AccountId;
use crate::ports::key_store::{KeyError, KeyStore, MemoryKeys, NewKeys, PasskeyRequest, SigningKey};
use crate::ports::maybe_send::BoxFuture;
use crate::ports::user_verifier::Verified;

/// How keys are handed out.
pub(crate) trait HandOut: Send + Sync {
    /// The transport key, as the device gets it.
    fn transport(&self, key: Arc<dyn SigningKey>) -> Arc<dyn SigningKey> {
        key
    }

    /// Opens an approval key for the device.
    fn approval<'a>(
        &'a self,
        open: impl FnOnce() -> Result<Arc<dyn SigningKey>, KeyError> + Send + 'a,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>>;
}

/// Keys in memory behind a hand.
pub(crate) struct HandedOutKeys<H> {
    keys: MemoryKeys,
    pub(crate) hand: H,
}

impl<H> HandedOutKeys<H> {
    pub(crate) fn by(hand: H, random: Arc<dyn Random>) -> HandedOutKeys<H> {
        HandedOutKeys { keys: MemoryKeys::new(random), hand }
    }
}

impl<H: HandOut> KeyStore for HandedOutKeys<H> {
    fn protection(&self) -> KeyProtection {
        self.keys.protection()
    }

    fn make<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
        passkey: Option<&'a PasskeyRequest>,
    ) -> BoxFuture<'a, Result<NewKeys, KeyError>> {
        KeyStore::make(&self.keys, account, user, passkey)
    }

    fn transport<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        Box::pin(async move { Ok(self.hand.transport(self.keys.transport(account)?)) })
    }

    fn check_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        KeyStore::check_approval(&self.keys, account)
    }

    fn open_approval<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        self.hand.approval(move || self.keys.open_approval(account, user))
    }

    fn destroy_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        KeyStore::destroy_approval(&self.keys, account)
    }

    fn destroy<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        KeyStore::destroy(&self.keys, account)
    }

    fn has_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, bool> {
        KeyStore::has_approval(&self.keys, account)
    }

    fn seal<'a>(&'a self, account: &'a AccountId, secret: &'a Secret) -> BoxFuture<'a, Result<String, KeyError>> {
        KeyStore::seal(&self.keys, account, secret)
    }

    fn unseal<'a>(&'a self, account: &'a AccountId, sealed: &'a str) -> BoxFuture<'a, Result<Secret, KeyError>> {
        KeyStore::unseal(&self.keys, account, sealed)
    }
}
