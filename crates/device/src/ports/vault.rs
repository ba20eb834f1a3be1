//! Where a device keeps what must survive a crash: accounts, inbox, outbox, history, PIN counters.

use std::collections::BTreeSet;

use countersign_protocol::hash::Hash;
use countersign_protocol::id::ChallengeId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::account::{Account, AccountId};
use crate::history::{Entry, Head};
use crate::pin::PinGuard;

/// Durable storage. When a call that writes has returned, its change survives `kill -9` and a power cut.
pub trait Vault: Send + Sync {
    /// All accounts, in the order they were made.
    ///
    /// # Errors
    /// [`VaultError`], as every call here.
    fn accounts(&self) -> Result<Vec<Account>, VaultError>;

    /// What an account's core is rebuilt from.
    ///
    /// # Errors
    /// [`VaultError`].
    fn load(&self, account: &AccountId) -> Result<AccountSnapshot, VaultError>;

    /// Makes all changes or none.
    ///
    /// # Errors
    /// [`VaultError`]; then nothing was changed.
    fn apply(&self, account: &AccountId, changes: &[Change]) -> Result<(), VaultError>;

    /// One challenge, ended ones included.
    ///
    /// # Errors
    /// [`VaultError`].
    fn challenge(&self, account: &AccountId, id: &ChallengeId) -> Result<Option<StoredChallenge>, VaultError>;

    /// All challenges of an account, oldest first.
    ///
    /// # Errors
    /// [`VaultError`].
    fn challenges(&self, account: &AccountId) -> Result<Vec<StoredChallenge>, VaultError>;

    /// All history entries of an account, oldest first.
    ///
    /// # Errors
    /// [`VaultError`].
    fn history(&self, account: &AccountId) -> Result<Vec<Entry>, VaultError>;

    /// What the account remembers of wrong PINs.
    ///
    /// # Errors
    /// [`VaultError`].
    fn pin_guard(&self, account: &AccountId) -> Result<PinGuard, VaultError>;

    /// Replaces what the account remembers of wrong PINs.
    ///
    /// # Errors
    /// [`VaultError`].
    fn put_pin_guard(&self, account: &AccountId, guard: &PinGuard) -> Result<(), VaultError>;

    /// A registration that was begun with this token and has not been answered yet.
    ///
    /// # Errors
    /// [`VaultError`].
    fn enrollment(&self, token: &Hash) -> Result<Option<PendingEnrollment>, VaultError>;

    /// Keeps a registration before it is sent, so that the same bytes can be sent again.
    ///
    /// # Errors
    /// [`VaultError`].
    fn put_enrollment(&self, begun: &PendingEnrollment) -> Result<(), VaultError>;
}

/// What an account's core is rebuilt from after a start.
#[derive(Clone, Debug, Default)]
pub struct AccountSnapshot {
    /// Challenges that have not ended.
    pub open: Vec<StoredChallenge>,
    /// Every challenge that could still come again, with the hash of its bytes.
    pub known: Vec<(ChallengeId, Hash)>,
    /// What is still to be sent, oldest first.
    pub outbox: Vec<OutboxEntry>,
    /// Where the history ends; `None` before its first entry.
    pub head: Option<Head>,
    /// The clients that something was approved for.
    pub approved: BTreeSet<ApprovedClient>,
}

/// A client that something was approved for: a client's id means something to its provider only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApprovedClient {
    /// Who issues its tokens.
    pub provider: String,
    /// Its id there.
    pub id: String,
}

/// One step of a change.
#[derive(Clone)]
pub enum Change {
    /// Writes the account's record, replacing an earlier one.
    PutAccount(Box<Account>),
    /// Writes a challenge, replacing its earlier state.
    PutChallenge(Box<StoredChallenge>),
    /// Puts something into the outbox.
    Enqueue(OutboxEntry),
    /// Takes something out of the outbox.
    Dequeue(OutboxId),
    /// Appends to the history.
    Append(Entry),
    /// Remembers a client that something was approved for.
    AddApprovedClient(ApprovedClient),
    /// Forgets a begun registration: it became an account.
    DeleteEnrollment(Hash),
}

/// A challenge as it is kept: the bytes that were received and everything signed about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredChallenge {
    /// Its id.
    pub id: ChallengeId,
    /// Its compact JWS as received.
    pub compact: String,
    /// Its `iat`, seconds since the epoch.
    pub issued_at: u64,
    /// Its `exp`, seconds since the epoch.
    pub expires_at: u64,
    /// How far it is.
    pub stage: Stage,
    /// The transcript that was on the screen when it was answered.
    pub transcript: Option<String>,
    /// The answer's compact JWS.
    pub answer: Option<String>,
    /// The outcome's compact JWS, and after a dispute the second one.
    pub outcomes: Vec<String>,
}

impl StoredChallenge {
    /// The hash of its bytes.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.compact)
    }
}

/// How far a challenge is on this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Verified and kept.
    Received,
    /// A person saw it.
    Shown,
    /// Answered; no verified outcome yet.
    Answering,
    /// This device could not verify, read or show it.
    Refused,
    /// It ended, with or without this device's answer.
    Ended,
}

/// Orders what is in the outbox.
pub type OutboxId = u64;

/// Something signed that the provider has to receive: sent as these bytes until it is settled, never signed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// Its place in the outbox; of answers, their `seq` gives the same order.
    pub id: OutboxId,
    /// What it is.
    pub purpose: OutboxPurpose,
    /// Which challenge it is about.
    pub challenge: ChallengeId,
    /// The compact JWS.
    pub compact: String,
}

/// What a posting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxPurpose {
    /// An answer. It stays until a verified outcome arrives.
    Answer,
    /// A refusal. It stays until the provider replied.
    Refusal,
    /// A dispute. It stays until the provider replied.
    Dispute,
}

/// A registration whose reply has not arrived yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEnrollment {
    /// Hash of the registration token.
    pub token: Hash,
    /// The account it will become; its keys exist already.
    pub account: AccountId,
    /// The exact body that is sent; in the vault sealed by the key store, for the link is in it.
    pub body: String,
}

/// Why the vault failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A newer version of this program wrote it.
    #[error(
        "the store was written by a newer version of Countersign (schema {found}, this one knows {known}); update Countersign"
    )]
    Newer {
        /// The schema it has.
        found: u32,
        /// The newest schema this program knows.
        known: u32,
    },
    /// A record cannot be read.
    #[error(
        "the store holds a record that cannot be read ({what}); restore it from a backup or enroll again in another --home"
    )]
    Damaged {
        /// Which record.
        what: &'static str,
    },
    /// The disk or the database refused.
    #[error("the store cannot be used: {0}")]
    Storage(String),
}

impl VaultError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            VaultError::Newer { .. } => "store_newer",
            VaultError::Damaged { .. } => "store_damaged",
            VaultError::Storage(_) => "store_unusable",
        }
    }
}

/// How long after the newest known challenge an id is still remembered in memory, in seconds: longer than any challenge lives.
pub(crate) const REMEMBERED_SECONDS: u64 = 2 * countersign_protocol::limits::REQUEST_SECONDS;

pub use memory::MemoryVault;
mod memory;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
