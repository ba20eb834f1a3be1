//! In-memory key store: for tests, and for devices that live no longer than their process.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_jose::key::PrivateKey;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::registration::KeyProtection;

use super::{KeyError, KeyStore, LocalKey, NewKeys, PasskeyRequest, SigningKey};
use crate::account::AccountId;
use crate::pin::Pin;
use crate::ports::maybe_send::BoxFuture;
use crate::ports::user_verifier::Verified;

/// Keeps keys until it is dropped.
pub struct MemoryKeys {
    random: Arc<dyn Random>,
    keys: Mutex<BTreeMap<AccountId, AccountKeys>>,
}

struct AccountKeys {
    transport: PrivateKey,
    /// With the PIN that opens it; without one, any verification by the platform does.
    approval: Option<(PrivateKey, Option<Pin>)>,
}

impl MemoryKeys {
    /// An empty store that takes the randomness of its keys from `random`.
    pub fn new(random: Arc<dyn Random>) -> MemoryKeys {
        MemoryKeys { random, keys: Mutex::default() }
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<AccountId, AccountKeys>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryKeys {
    pub(crate) fn make(&self, account: &AccountId, user: &Verified) -> Result<NewKeys, KeyError> {
        let transport = PrivateKey::generate(&*self.random);
        let approval = PrivateKey::generate(&*self.random);
        let (public, created) = (transport.public_key().clone(), None);
        let made = NewKeys { transport: public, approval: approval.public_key().clone(), created };
        self.keys().insert(account.clone(), AccountKeys { transport, approval: Some((approval, user.pin().cloned())) });
        Ok(made)
    }

    pub(crate) fn transport(&self, account: &AccountId) -> Result<Arc<dyn SigningKey>, KeyError> {
        let keys = self.keys();
        let key = &keys.get(account).ok_or(KeyError::Gone)?.transport;
        Ok(Arc::new(LocalKey(key.clone().into_signer())))
    }

    pub(crate) fn open_approval(&self, account: &AccountId, user: &Verified) -> Result<Arc<dyn SigningKey>, KeyError> {
        let keys = self.keys();
        let (key, right) = keys.get(account).and_then(|keys| keys.approval.as_ref()).ok_or(KeyError::Gone)?;
        match (right, user.pin()) {
            (Some(right), Some(given)) if right.secret() != given.secret() => return Err(KeyError::WrongPin),
            (Some(_), None) => return Err(KeyError::PinNeeded),
            _ => {}
        }
        Ok(Arc::new(LocalKey(key.clone().into_signer())))
    }

    pub(crate) fn destroy_approval(&self, account: &AccountId) -> Result<(), KeyError> {
        if let Some(keys) = self.keys().get_mut(account) {
            keys.approval = None;
        }
        Ok(())
    }

    pub(crate) fn destroy(&self, account: &AccountId) -> Result<(), KeyError> {
        self.keys().remove(account);
        Ok(())
    }

    pub(crate) fn has_approval(&self, account: &AccountId) -> bool {
        self.keys().get(account).is_some_and(|keys| keys.approval.is_some())
    }

    pub(crate) fn seal(&self, _: &AccountId, secret: &Secret) -> Result<String, KeyError> {
        Ok(secret.expose().to_owned())
    }

    pub(crate) fn unseal(&self, _: &AccountId, sealed: &str) -> Result<Secret, KeyError> {
        Ok(Secret::new(sealed))
    }
}

/// Each call is done when it returns.
impl KeyStore for MemoryKeys {
    fn protection(&self) -> KeyProtection {
        KeyProtection::Memory
    }

    fn make<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
        passkey: Option<&'a PasskeyRequest>,
    ) -> BoxFuture<'a, Result<NewKeys, KeyError>> {
        Box::pin(ready(match passkey {
            None => MemoryKeys::make(self, account, user),
            Some(_) => Err(KeyError::NoPasskeys),
        }))
    }

    fn transport<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        Box::pin(ready(MemoryKeys::transport(self, account)))
    }

    fn check_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(ready(if MemoryKeys::has_approval(self, account) { Ok(()) } else { Err(KeyError::Gone) }))
    }

    fn open_approval<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        Box::pin(ready(MemoryKeys::open_approval(self, account, user)))
    }

    fn destroy_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(ready(MemoryKeys::destroy_approval(self, account)))
    }

    fn destroy<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(ready(MemoryKeys::destroy(self, account)))
    }

    fn has_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, bool> {
        Box::pin(ready(MemoryKeys::has_approval(self, account)))
    }

    fn seal<'a>(&'a self, account: &'a AccountId, secret: &'a Secret) -> BoxFuture<'a, Result<String, KeyError>> {
        Box::pin(ready(MemoryKeys::seal(self, account, secret)))
    }

    fn unseal<'a>(&'a self, account: &'a AccountId, sealed: &'a str) -> BoxFuture<'a, Result<Secret, KeyError>> {
        Box::pin(ready(MemoryKeys::unseal(self, account, sealed)))
    }
}
