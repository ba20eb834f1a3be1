//! Opening the approval key: a PIN's try is stored before it is checked, wrong ones delay the next, the tenth destroys
//! the key. A person whom the platform verified uses up no try.

use std::sync::Arc;

use countersign_jose::clock::{Clock, Timestamp};
use countersign_protocol::answer::{VerifiedBy, VerifiedUser};
use countersign_protocol::registration::DeviceClass;
use tokio::sync::Mutex;

use crate::account::AccountId;
use crate::core::Tick;
use crate::error::AnswerError;
use crate::pin::{Attempt, PinGuard};
use crate::ports::key_store::{KeyError, KeyStore, SigningKey};
use crate::ports::runtime::Runtime;
use crate::ports::user_verifier::{PlatformMethod, Verified};
use crate::ports::vault::Vault;

/// Checks PINs. The caller makes sure that an account has one try at a time ([`UnlockCache`]).
#[derive(Clone)]
pub(crate) struct PinGate {
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl PinGate {
    /// How many tries are left, where one may be made now; for checking before the person is asked.
    ///
    /// # Errors
    /// [`AnswerError::PinWait`], [`AnswerError::PinSpent`], or the key store's.
    pub(crate) async fn tries_left(&self, account: &AccountId) -> Result<u32, AnswerError> {
        let guard = self.vault.pin_guard(account).await?;
        self.attempt(account, &guard).await?;
        self.keys.check_approval(account).await?;
        Ok(guard.tries_left())
    }

    /// Opens the approval key.
    ///
    /// # Errors
    /// [`AnswerError::WrongPin`], [`AnswerError::PinWait`], [`AnswerError::PinSpent`]. The tenth wrong PIN destroys the
    /// approval key, and nothing else. Let it run to its end: a dropped future has used up a try.
    pub(crate) async fn open(&self, account: &AccountId, user: &Verified) -> Result<Arc<dyn SigningKey>, AnswerError> {
        if user.pin().is_none() {
            return Ok(self.keys.open_approval(account, user).await?);
        }
        let before = self.vault.pin_guard(account).await?;
        let counted = self.attempt(account, &before).await?;
        // Before the try is counted: a process that ends while a keyring does not answer has used up none.
        self.keys.check_approval(account).await?;
        self.vault.put_pin_guard(account, &counted).await?;
        match self.keys.open_approval(account, user).await {
            Ok(key) => {
                self.vault.put_pin_guard(account, &PinGuard::default()).await?;
                Ok(key)
            }
            Err(KeyError::WrongPin) if counted.tries_left() == 0 => self.spent(account).await,
            Err(KeyError::WrongPin) => {
                Err(AnswerError::WrongPin { tries_left: counted.tries_left(), wait_ms: counted.wait_ms() })
            }
            Err(error) => {
                // The PIN was not checked: a disk that can't be read must not use up tries.
                self.vault.put_pin_guard(account, &before).await?;
                Err(error.into())
            }
        }
    }

    async fn attempt(&self, account: &AccountId, guard: &PinGuard) -> Result<PinGuard, AnswerError> {
        match guard.attempt(self.clock.now()) {
            Attempt::Check(counted) => Ok(counted),
            Attempt::Wait { left_ms } => Err(AnswerError::PinWait { left_ms }),
            Attempt::Spent => self.spent(account).await,
        }
    }

    async fn spent<T>(&self, account: &AccountId) -> Result<T, AnswerError> {
        self.keys.destroy_approval(account).await?;
        Err(AnswerError::PinSpent)
    }
}

/// How long one verification serves requests whose `user_verification` is `preferred`, in milliseconds.
const UNLOCKED_MS: u64 = 300_000;

/// An opened approval key, for requests whose `user_verification` is `preferred`: for five minutes, for one account,
/// until the machine sleeps, the device is locked or the program ends.
pub(crate) struct UnlockedKey {
    pub(crate) key: Arc<dyn SigningKey>,
    pub(crate) user: VerifiedUser,
    pub(crate) now: UnlockTime,
}

/// A point in time by ticks, and how often the machine had slept and the device had been locked by then.
#[derive(Clone, Copy)]
pub(crate) struct UnlockTime {
    pub(crate) tick: Tick,
    pub(crate) sleeps: u64,
    pub(crate) locks: u64,
}

impl UnlockedKey {
    /// Whether the key may still be used.
    pub(crate) fn serves(&self, now: UnlockTime) -> bool {
        let undisturbed = now.sleeps == self.now.sleeps && now.locks == self.now.locks;
        undisturbed && now.tick.millis_since(self.now.tick) < UNLOCKED_MS
    }
}

/// An account's unlocked key, if any. Only the holder of the lock tries a PIN, so that tries follow one another.
pub(crate) type UnlockCache = Arc<Mutex<Option<UnlockedKey>>>;

/// Drops an unlocked key after five minutes, also where nobody asks for it again.
pub(crate) fn expire_later(runtime: &dyn Runtime, unlock_cache: &UnlockCache) {
    let (unlock_cache, over) = (Arc::downgrade(unlock_cache), runtime.sleep(UNLOCKED_MS));
    runtime.spawn(Box::pin(async move {
        over.await;
        if let Some(unlock_cache) = unlock_cache.upgrade() {
            *unlock_cache.lock().await = None;
        }
    }));
}

/// The user as an answer names them, on an account of this class. `at`: the provider's time. The key counts as one in
/// software (`swk`): what its hardware is worth, the gateway knows from a verified attestation alone.
///
/// # Errors
/// [`AnswerError::PersonNeeded`] where a script gives the PIN of a person's account: the answer would claim that a
/// person was verified.
#[expect(clippy::disallowed_methods, reason = "the gate itself: kept only once the key has been opened")]
pub(crate) fn verified_user(
    class: DeviceClass,
    verified: &Verified,
    at: Timestamp,
) -> Result<VerifiedUser, AnswerError> {
    match (class, verified) {
        (DeviceClass::Automated, _) => Ok(VerifiedUser::by_script(at)),
        (DeviceClass::Interactive, Verified::Pin(_)) => Ok(VerifiedUser::by_pin(at)),
        (DeviceClass::Interactive, Verified::Platform { method }) => {
            let by = match method {
                None => VerifiedBy::Platform,
                Some(PlatformMethod::Fingerprint) => VerifiedBy::Fingerprint,
                Some(PlatformMethod::Face) => VerifiedBy::Face,
            };
            Ok(VerifiedUser::by_platform(by, false, at))
        }
        (DeviceClass::Interactive, Verified::Script(_)) => Err(AnswerError::PersonNeeded),
    }
}

#[cfg(any(test, feature = "wasm-tests"))]
mod tests;
