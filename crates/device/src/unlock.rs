//! From a PIN to an opened approval key: counted before it is checked, slower after wrong ones, over after ten.

use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::answer::{VerifiedBy, VerifiedUser};
use countersign_protocol::clock::{Clock, Timestamp};
use countersign_protocol::key::Signer;
use countersign_protocol::registration::DeviceClass;
use tokio::sync::Mutex;

use crate::account::AccountId;
use crate::core::Tick;
use crate::error::AnswerError;
use crate::pin::{Attempt, PinEntry, PinGuard, PinSource};
use crate::ports::key_store::{KeyError, KeyStore};
use crate::ports::vault::Vault;

/// Where PINs are checked. Only one try at a time may be under way for an account; the caller sees to that.
#[derive(Clone)]
pub(crate) struct PinGate {
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl PinGate {
    /// Whether a try may be made now, before anybody is asked for a PIN. Says how many are left.
    ///
    /// # Errors
    /// [`AnswerError::PinWait`], [`AnswerError::PinSpent`], or that the key is gone.
    pub(crate) fn tries_left(&self, account: &AccountId) -> Result<u32, AnswerError> {
        let guard = self.vault.pin_guard(account)?;
        self.attempt(account, &guard)?;
        Ok(guard.tries_left())
    }

    /// Opens the approval key with a PIN.
    ///
    /// # Errors
    /// [`AnswerError::WrongPin`] and its kin; the tenth destroys the approval key, and nothing else.
    pub(crate) fn open(&self, account: &AccountId, entry: &PinEntry) -> Result<Box<dyn Signer>, AnswerError> {
        let before = self.vault.pin_guard(account)?;
        let counted = self.attempt(account, &before)?;
        self.vault.put_pin_guard(account, &counted)?;
        match self.keys.open_approval(account, entry) {
            Ok(key) => {
                self.vault.put_pin_guard(account, &PinGuard::default())?;
                Ok(key)
            }
            Err(KeyError::WrongPin) if counted.tries_left() == 0 => self.spent(account),
            Err(KeyError::WrongPin) => {
                Err(AnswerError::WrongPin { tries_left: counted.tries_left(), wait_ms: counted.wait_ms() })
            }
            Err(error) => {
                // Nothing was said about the PIN: a disk that is away must not destroy a key.
                self.vault.put_pin_guard(account, &before)?;
                Err(error.into())
            }
        }
    }

    fn attempt(&self, account: &AccountId, guard: &PinGuard) -> Result<PinGuard, AnswerError> {
        match guard.attempt(self.clock.now()) {
            Attempt::Check(counted) => Ok(counted),
            Attempt::Wait { left_ms } => Err(AnswerError::PinWait { left_ms }),
            Attempt::Spent => self.spent(account),
        }
    }

    fn spent<T>(&self, account: &AccountId) -> Result<T, AnswerError> {
        self.keys.destroy_approval(account)?;
        Err(AnswerError::PinSpent)
    }
}

/// How long one verification serves requests that only prefer one, in milliseconds.
const UNLOCKED_MS: u64 = 300_000;

/// An opened approval key that serves requests which prefer, and don't require, verification: for five minutes, for this
/// account, until the device sleeps, is locked or starts again.
pub(crate) struct UnlockedKey {
    pub(crate) key: Arc<dyn Signer>,
    pub(crate) user: VerifiedUser,
    pub(crate) now: UnlockTime,
}

/// When something is, as far as an unlocked key is concerned.
#[derive(Clone, Copy)]
pub(crate) struct UnlockTime {
    pub(crate) tick: Tick,
    pub(crate) sleeps: u64,
}

impl UnlockedKey {
    /// Whether it still serves.
    pub(crate) fn serves(&self, now: UnlockTime) -> bool {
        now.sleeps == self.now.sleeps && now.tick.millis_since(self.now.tick) < UNLOCKED_MS
    }
}

/// The place of an unlocked key; holding its lock is the right to try a PIN.
pub(crate) type UnlockCache = Arc<Mutex<Option<UnlockedKey>>>;

/// Forgets an unlocked key when its time is over, also when nobody asks for it again.
pub(crate) fn expire_later(unlock_cache: &UnlockCache) {
    let unlock_cache = Arc::downgrade(unlock_cache);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(UNLOCKED_MS)).await;
        if let Some(unlock_cache) = unlock_cache.upgrade() {
            *unlock_cache.lock().await = None;
        }
    });
}

/// Who was verified by this PIN on this account. `at` is the provider's time.
///
/// # Errors
/// [`AnswerError::PersonNeeded`] where a script gives the PIN of a person's account: it would claim a person who was not there.
pub(crate) fn verified_by_pin(
    class: DeviceClass,
    source: PinSource,
    at: Timestamp,
) -> Result<VerifiedUser, AnswerError> {
    let by = match (class, source) {
        (DeviceClass::Interactive, PinSource::Person) => VerifiedBy::Pin,
        (DeviceClass::Interactive, PinSource::Script) => return Err(AnswerError::PersonNeeded),
        (DeviceClass::Automated, _) => VerifiedBy::Automated,
    };
    Ok(VerifiedUser::vouch(by, false, at))
}

#[cfg(test)]
mod tests;
