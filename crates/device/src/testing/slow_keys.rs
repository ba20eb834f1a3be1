//! Key store whose signatures take their time: 200 ms each, one in three approvals declined by the person, one in ten
//! signatures never made.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use countersign_jose::random::Random;

use super::handed_out_keys::{HandOut, HandedOutKeys};
use crate::ports::key_store::{KeyError, SigningKey};
use crate::ports::maybe_send::BoxFuture;
use crate::ports::runtime::Runtime;

/// How long a signature takes, in milliseconds of the runtime's time.
const SIGNING_MS: u64 = 200;

/// Keys in memory behind a slow hand. They sign at once until [`SlowKeys::slow_down`].
pub(crate) type SlowKeys = HandedOutKeys<Arc<SlowHand>>;

pub(crate) struct SlowHand {
    runtime: Arc<dyn Runtime>,
    is_slow: AtomicBool,
    signatures: AtomicU32,
    approvals: AtomicU32,
}

impl SlowKeys {
    pub(crate) fn new(random: Arc<dyn Random>, runtime: Arc<dyn Runtime>) -> SlowKeys {
        let (is_slow, signatures, approvals) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
        HandedOutKeys::by(Arc::new(SlowHand { runtime, is_slow, signatures, approvals }), random)
    }

    /// From now on, signatures take their time.
    pub(crate) fn slow_down(&self) {
        self.hand.is_slow.store(true, Ordering::SeqCst);
    }

    /// How often the approval key was asked while it was slow.
    pub(crate) fn approvals_asked(&self) -> u32 {
        self.hand.approvals.load(Ordering::SeqCst)
    }
}

impl HandOut for Arc<SlowHand> {
    fn transport(&self, key: Arc<dyn SigningKey>) -> Arc<dyn SigningKey> {
        slow(self, key, false)
    }

    fn approval<'a>(
        &'a self,
        open: impl FnOnce() -> Result<Arc<dyn SigningKey>, KeyError> + Send + 'a,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        Box::pin(async move { Ok(slow(self, open()?, true)) })
    }
}

fn slow(hand: &Arc<SlowHand>, key: Arc<dyn SigningKey>, asks_person: bool) -> Arc<dyn SigningKey> {
    Arc::new(SlowKey { key, asks_person, hand: Arc::clone(hand) })
}

struct SlowKey {
    key: Arc<dyn SigningKey>,
    asks_person: bool,
    hand: Arc<SlowHand>,
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
