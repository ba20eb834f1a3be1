//! In-memory key store: for tests, and for devices that live no longer than their process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_jose::key::{PrivateKey, Signer};
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::registration::KeyProtection;

use super::{KeyError, KeyStore, NewKeys};
use crate::account::AccountId;
use crate::pin::Pin;
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

impl KeyStore for MemoryKeys {
    fn protection(&self) -> KeyProtection {
        KeyProtection::Memory
    }

    fn make(&self, account: &AccountId, user: &Verified) -> Result<NewKeys, KeyError> {
        let transport = PrivateKey::generate(&*self.random);
        let approval = PrivateKey::generate(&*self.random);
        let made = NewKeys { transport: transport.public_key().clone(), approval: approval.public_key().clone() };
        self.keys().insert(account.clone(), AccountKeys { transport, approval: Some((approval, user.pin().cloned())) });
        Ok(made)
    }

    fn transport(&self, account: &AccountId) -> Result<Arc<dyn Signer>, KeyError> {
        let keys = self.keys();
        let key = &keys.get(account).ok_or(KeyError::Gone)?.transport;
        Ok(Arc::new(key.clone().into_signer()))
    }

    fn open_approval(&self, account: &AccountId, user: &Verified) -> Result<Box<dyn Signer>, KeyError> {
        let keys = self.keys();
        let (key, right) = keys.get(account).and_then(|keys| keys.approval.as_ref()).ok_or(KeyError::Gone)?;
        match (right, user.pin()) {
            (Some(right), Some(given)) if right.secret() != given.secret() => return Err(KeyError::WrongPin),
            (Some(_), None) => return Err(KeyError::PinNeeded),
            _ => {}
        }
        Ok(Box::new(key.clone().into_signer()))
    }

    fn destroy_approval(&self, account: &AccountId) -> Result<(), KeyError> {
        if let Some(keys) = self.keys().get_mut(account) {
            keys.approval = None;
        }
        Ok(())
    }

    fn destroy(&self, account: &AccountId) -> Result<(), KeyError> {
        self.keys().remove(account);
        Ok(())
    }

    fn has_approval(&self, account: &AccountId) -> bool {
        self.keys().get(account).is_some_and(|keys| keys.approval.is_some())
    }

    fn seal(&self, _: &AccountId, secret: &Secret) -> Result<String, KeyError> {
        Ok(secret.expose().to_owned())
    }

    fn unseal(&self, _: &AccountId, sealed: &str) -> Result<Secret, KeyError> {
        Ok(Secret::new(sealed))
    }
}
