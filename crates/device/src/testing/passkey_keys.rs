//! Key store of a page: approval keys are passkeys of an authenticator that a test holds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_jose::hash::Hash;
use countersign_jose::key::{PrivateKey, PublicKey};
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::{PasskeyProof, RelyingParty};
use countersign_testing::passkey::TestPasskey;

use crate::account::AccountId;
use crate::ports::key_store::{KeyError, KeyStore, MemoryKeys, NewKeys, PasskeyRequest, SigningKey};
use crate::ports::maybe_send::BoxFuture;
use crate::ports::user_verifier::Verified;

/// Keys of a page whose authenticator makes one passkey.
pub(crate) struct PasskeyKeys {
    keys: MemoryKeys,
    random: Arc<dyn Random>,
    authenticator: Authenticator,
    makes_passkeys: bool,
}

/// An authenticator with its person.
pub(crate) type Authenticator = Arc<Mutex<AuthenticatorState>>;

#[derive(Default)]
pub(crate) struct AuthenticatorState {
    pub(crate) passkey: Option<TestPasskey>,
    /// How the system's list names it.
    pub(crate) user_name: Option<String>,
    /// How often the person was asked, for a creation or a signature.
    pub(crate) prompts: u32,
    /// The person would not.
    pub(crate) declines: bool,
}

impl PasskeyKeys {
    /// `makes_passkeys`: whether there is a screen lock.
    pub(crate) fn new(random: Arc<dyn Random>, makes_passkeys: bool) -> PasskeyKeys {
        let keys = MemoryKeys::new(random.clone());
        PasskeyKeys { keys, random, authenticator: Arc::default(), makes_passkeys }
    }

    pub(crate) fn authenticator(&self) -> MutexGuard<'_, AuthenticatorState> {
        self.authenticator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_passkey(&self, account: &AccountId, user: &Verified, ask: &PasskeyRequest) -> Result<NewKeys, KeyError> {
        let made = self.keys.make(account, user)?;
        let mut authenticator = self.authenticator();
        authenticator.prompts += 1;
        if authenticator.declines {
            return Err(KeyError::Declined);
        }
        let passkey = TestPasskey::new(PrivateKey::generate(&*self.random), &ask.party.origin);
        let created = passkey.create(&ask.challenge(&made.transport));
        let approval = passkey.public_key().clone();
        authenticator.user_name = Some(ask.user_name.clone());
        authenticator.passkey = Some(passkey);
        Ok(NewKeys { approval, created: Some(created), ..made })
    }
}

/// A passkey as a key that signs.
struct Passkey(Authenticator);

impl SigningKey for Passkey {
    fn sign(&self, input: String) -> BoxFuture<'static, Result<Vec<u8>, KeyError>> {
        let mut authenticator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        authenticator.prompts += 1;
        let signed = match (&authenticator.passkey, authenticator.declines) {
            (None, _) => Err(KeyError::Gone),
            (_, true) => Err(KeyError::Declined),
            (Some(passkey), false) => Ok(passkey.get(&Hash::of(input)).to_third_part().into_bytes()),
        };
        Box::pin(std::future::ready(signed))
    }
}

impl KeyStore for PasskeyKeys {
    fn protection(&self) -> KeyProtection {
        KeyProtection::BrowserPin
    }

    fn makes_passkeys(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(self.makes_passkeys))
    }

    fn make<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
        passkey: Option<&'a PasskeyRequest>,
    ) -> BoxFuture<'a, Result<NewKeys, KeyError>> {
        Box::pin(std::future::ready(match passkey {
            Some(ask) => self.make_passkey(account, user, ask),
            None => self.keys.make(account, user),
        }))
    }

    fn make_transport<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<PublicKey, KeyError>> {
        let user = Verified::Platform { method: None };
        let made = self.keys.make(account, &user).map(|made| made.transport);
        Box::pin(std::future::ready(made))
    }

    fn find_passkey<'a>(
        &'a self,
        _: &'a AccountId,
        _: &'a RelyingParty,
        challenge: &'a Hash,
    ) -> BoxFuture<'a, Result<PasskeyProof, KeyError>> {
        let mut authenticator = self.authenticator();
        authenticator.prompts += 1;
        let proof = match (&authenticator.passkey, authenticator.declines) {
            (Some(passkey), false) => Ok(passkey.prove(challenge)),
            _ => Err(KeyError::Declined),
        };
        Box::pin(std::future::ready(proof))
    }

    fn transport<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        KeyStore::transport(&self.keys, account)
    }

    fn open_approval<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        match self.authenticator().passkey {
            Some(_) => {
                let key: Arc<dyn SigningKey> = Arc::new(Passkey(Arc::clone(&self.authenticator)));
                Box::pin(std::future::ready(Ok(key)))
            }
            None => KeyStore::open_approval(&self.keys, account, user),
        }
    }

    fn destroy_approval<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        KeyStore::destroy_approval(&self.keys, account)
    }

    fn destroy<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<(), KeyError>> {
        self.authenticator().passkey = None;
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
