//! Key store whose signatures take their time: 200 ms each, one in three approvals declined by the person, one in ten
//! signatures never made.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::registration::KeyProtection;

use crate::account::AccountId;
use crate::ports::key_store::{KeyError, KeyStore, MemoryKeys, NewKeys, SigningKey};
use crate::ports::maybe_send::BoxFuture;
use crate::ports::runtime::Runtime;
use crate::ports::user_verifier::Verified;

/// How long a signature takes, in milliseconds of the runtime's time.
const SIGNING_MS: u64 = 200;

/// Keys in memory behind a slow hand. They sign at once until [`SlowKeys::slow_down`].
pub(crate) struct SlowKeys {
    keys: MemoryKeys,
    hand: Arc<Hand>,
}

struct Hand {
    runtime: Arc<dyn Runtime>,
    is_slow: AtomicBool,
    signatures: AtomicU32,
    approvals: AtomicU32,
}

impl SlowKeys {
    pub(crate) fn new(random: Arc<dyn Random>, runtime: Arc<dyn Runtime>) -> SlowKeys {
        let (is_slow, signatures, approvals) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
        SlowKeys { keys: MemoryKeys::new(random), hand: Arc::new(Hand { runtime, is_slow, signatures, approvals }) }
    }

    /// From now on, signatures take their time.
    pub(crate) fn slow_down(&self) {
        self.hand.is_slow.store(true, Ordering::SeqCst);
    }

    /// How often the approval key was asked while it was slow.
    pub(crate) fn approvals_asked(&self) -> u32 {
        self.hand.approvals.load(Ordering::SeqCst)
    }

    fn slow(&self, key: Arc<dyn SigningKey>, asks_person: bool) -> Arc<dyn SigningKey> {
        Arc::new(SlowKey { key, asks_person, hand: Arc::clone(&self.hand) })
    }
}

struct SlowKey {
    key: Arc<dyn SigningKey>,
    asks_person: bool,
    hand: Arc<Hand>,
}

impl SigningKey for SlowKey {
    fn sign(&self, input: String) -> BoxFuture<'static, Result<Vec<u8>, KeyError>> {
        let signing = self.key.sign(input);
        if !self.hand.is_slow.load(Ordering::SeqCst) {
            return signing;
        }
        let never = self.hand.signatures.fetch_add(1, Ordering::SeqCst) % 10 == 9;
        let declined = self.asks_person && self.hand.approvals.fetch_add(1, Ordering::SeqCst) % 3 == 1;
        let slowly = self.hand.runtime.sleep(SIGNING_MS);
        Box::pin(async move {
            if never {
                pending::<()>().await;
            }
            slowly.await;
            if declined { Err(KeyError::Declined) } else { signing.await }
        })
    }
}

impl KeyStore for SlowKeys {
    fn protection(&self) -> KeyProtection {
        KeyProtection::Memory
    }

    fn make<'a>(&'a self, account: &'a AccountId, user: &'a Verified) -> BoxFuture<'a, Result<NewKeys, KeyError>> {
        KeyStore::make(&self.keys, account, user)
    }

    fn transport<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        Box::pin(async move { Ok(self.slow(self.keys.transport(account)?, false)) })
    }

    fn open_approval<'a>(
        &'a self,
        account: &'a AccountId,
        user: &'a Verified,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        Box::pin(async move { Ok(self.slow(self.keys.open_approval(account, user)?, true)) })
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
