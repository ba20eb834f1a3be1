//! Vault port: durable storage of accounts, inbox, outbox, history and PIN counters.

use std::collections::BTreeSet;

use countersign_jose::hash::Hash;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::{Ending, Outcome};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::account::{Account, AccountId};
use crate::history::{Entry, Head, HistoryEvent};
use crate::pin::PinGuard;
use crate::ports::maybe_send::{BoxFuture, MaybeSend, MaybeSync};

/// Durable storage. When a call that writes has returned, its change survives `kill -9` and a power cut.
pub trait Vault: MaybeSend + MaybeSync {
    /// All accounts, in the order they were made.
    ///
    /// # Errors
    /// [`VaultError`], as every call here.
    fn accounts(&self) -> BoxFuture<'_, Result<Vec<Account>, VaultError>>;

    /// The state that an account's core is rebuilt from.
    ///
    /// # Errors
    /// [`VaultError`].
    fn load<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<AccountSnapshot, VaultError>>;

    /// Makes all changes or none, in order, in one transaction.
    ///
    /// # Errors
    /// [`VaultError`]; then nothing was changed.
    fn apply<'a>(&'a self, account: &'a AccountId, changes: Vec<Change>) -> BoxFuture<'a, Result<(), VaultError>>;

    /// One challenge, ended ones included.
    ///
    /// # Errors
    /// [`VaultError`].
    fn challenge<'a>(
        &'a self,
        account: &'a AccountId,
        id: &'a ChallengeId,
    ) -> BoxFuture<'a, Result<Option<StoredChallenge>, VaultError>>;

    /// All challenges of an account, oldest first.
    ///
    /// # Errors
    /// [`VaultError`].
    fn challenges<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Vec<StoredChallenge>, VaultError>>;

    /// All history entries of an account, oldest first.
    ///
    /// # Errors
    /// [`VaultError`].
    fn history<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Vec<Entry>, VaultError>>;

    /// What the account remembers of wrong PINs.
    ///
    /// # Errors
    /// [`VaultError`].
    fn pin_guard<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<PinGuard, VaultError>>;

    /// Replaces what the account remembers of wrong PINs.
    ///
    /// # Errors
    /// [`VaultError`].
    fn put_pin_guard<'a>(
        &'a self,
        account: &'a AccountId,
        guard: &'a PinGuard,
    ) -> BoxFuture<'a, Result<(), VaultError>>;

    /// The registration with this token that was begun and has no reply yet.
    ///
    /// # Errors
    /// [`VaultError`].
    fn enrollment<'a>(&'a self, token: &'a Hash) -> BoxFuture<'a, Result<Option<PendingEnrollment>, VaultError>>;

    /// Stores a registration before it is sent, so that the same bytes can be sent again.
    ///
    /// # Errors
    /// [`VaultError`].
    fn put_enrollment<'a>(&'a self, begun: &'a PendingEnrollment) -> BoxFuture<'a, Result<(), VaultError>>;
}

/// The state that an account's core is rebuilt from after a start.
#[derive(Clone, Debug, Default)]
pub struct AccountSnapshot {
    /// Challenges that have not ended.
    pub open: Vec<StoredChallenge>,
    /// Every challenge that could still be sent again, with the hash of its bytes.
    pub known: Vec<(ChallengeId, Hash)>,
    /// Messages still to be delivered, oldest first.
    pub outbox: Vec<OutboxEntry>,
    /// The end of the history; `None` before its first entry.
    pub head: Option<Head>,
    /// Events of the history that have no number yet, oldest first.
    pub unnumbered: Vec<UnnumberedEvent>,
    /// The clients that this account has approved something for.
    pub approved: BTreeSet<ApprovedClient>,
    /// What was approved within [`RECENT_MS`] before the newest entry of the history, and did not end otherwise; the oldest
    /// first.
    pub recent: Vec<RecentApproval>,
}

/// A request that this device approved a short time ago.
#[derive(Clone, Debug)]
pub struct RecentApproval {
    /// The request.
    pub challenge: StoredChallenge,
    /// When it was approved, by the provider's clock as far as the device knew it (milliseconds since the epoch).
    pub at: u64,
}

impl RecentApproval {
    /// Whether it was approved as far as the device knows: an approval that a verified outcome contradicts came to nothing.
    pub fn counts(&self) -> bool {
        let first = self.challenge.outcomes.first();
        let outcome = first.map(|outcome| Compact::<Outcome>::from_text(outcome.clone()).peek());
        outcome.is_none_or(|outcome| outcome.is_ok_and(|outcome| outcome.outcome == Ending::Approved))
    }
}

/// How long a request counts as a repetition of an approved one, in milliseconds.
pub const RECENT_MS: u64 = 600_000;

/// A client that something was approved for. Client ids are unique within one provider only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApprovedClient {
    /// The issuer of its tokens.
    pub provider: String,
    /// Its client id.
    pub id: String,
}

/// One change of a transaction.
#[derive(Clone)]
pub enum Change {
    /// Inserts or replaces the account's record.
    PutAccount(Box<Account>),
    /// Inserts or replaces a challenge.
    PutChallenge(Box<StoredChallenge>),
    /// Deletes a challenge: a practice request that has ended.
    ForgetChallenge(ChallengeId),
    /// Adds an entry to the outbox, or replaces it: it was signed.
    Enqueue(OutboxEntry),
    /// Removes an entry from the outbox: it was delivered, or has become pointless.
    Dequeue(OutboxId),
    /// Appends an entry to the history.
    Append(Entry),
    /// Stores an event of the history that has no number yet.
    AddUnnumbered(UnnumberedEvent),
    /// Deletes an event without a number: it was numbered.
    DeleteUnnumbered(u64),
    /// Adds a client that something was approved for.
    AddApprovedClient(ApprovedClient),
    /// Deletes a begun registration: it became an account.
    DeleteEnrollment(Hash),
}

/// A stored challenge: the bytes that were received and everything signed about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredChallenge {
    /// The challenge's id.
    pub id: ChallengeId,
    /// The compact JWS as received.
    pub compact: String,
    /// The claim `iat`, seconds since the epoch.
    pub issued_at: u64,
    /// The claim `exp`, seconds since the epoch.
    pub expires_at: u64,
    /// How far the challenge has come on this device.
    pub stage: Stage,
    /// The transcript that was on the screen when it was answered, as JSON.
    pub transcript: Option<String>,
    /// The answer's compact JWS.
    pub answer: Option<String>,
    /// Verified outcomes as compact JWS: the first, and after a dispute the second.
    pub outcomes: Vec<String>,
}

impl StoredChallenge {
    /// The hash of the compact JWS.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.compact)
    }

    /// What people call the approval that this asks for; `None` where it cannot be read. To be shown only once it has ended, so
    /// that nobody compares it in place of what they approve.
    pub fn approval_ref(&self) -> Option<ApprovalRef> {
        let claims = Compact::<Challenge>::from_text(self.compact.clone()).peek().ok()?;
        Some(ApprovalRef::of(&claims.approval))
    }
}

/// How far a challenge has come on this device, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Verified and stored.
    Received,
    /// A person saw it.
    Shown,
    /// Answered; there is no verified outcome yet.
    Answering,
    /// This device could not verify, read or show it, and sent a refusal.
    Refused,
    /// Ended, with or without an answer of this device.
    Ended,
}

/// An entry's place in the outbox; ascending within an account.
pub type OutboxId = u64;

/// A message that the provider has to receive: once it is signed, the same bytes are sent until it is delivered, never
/// signed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// Its place in the outbox. Answers are in the order of their `seq`.
    pub id: OutboxId,
    /// The kind of message.
    pub purpose: OutboxPurpose,
    /// The challenge it is about.
    pub challenge: ChallengeId,
    /// The message.
    #[serde(flatten)]
    pub message: OutboxMessage,
    /// The transcript's exact text, beside an answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transcript: Option<String>,
}

/// A message in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxMessage {
    /// The compact JWS.
    Compact(String),
    /// Its signing input (RFC 7515 §5.1): the transport key has not signed it yet. Never sent.
    Unsigned(String),
}

/// An event of the history that was stored while the next number was reserved. It is numbered afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnnumberedEvent {
    /// Its place among those without a number; ascending within an account.
    pub id: u64,
    /// When it happened, by the provider's clock as far as the device knew it (milliseconds since the epoch).
    pub at: u64,
    /// What happened.
    pub what: HistoryEvent,
}

/// The kinds of messages in the outbox, and how long each stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxPurpose {
    /// An answer: until a verified outcome arrives.
    Answer,
    /// A refusal: until the provider has replied.
    Refusal,
    /// A dispute: until the provider has replied.
    Dispute,
}

/// A registration without a reply yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEnrollment {
    /// Hash of the registration token.
    pub token: Hash,
    /// The account it will become; its keys exist already.
    pub account: AccountId,
    /// The exact body that is sent. In the vault it is encrypted by the key store, because it holds the link.
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
    /// Another build of this program wrote it, older or unreleased; its tables are not converted.
    #[error(
        "the store was written by another build of Countersign (schema {found}) and is not converted; start that build, or enroll again in another --home"
    )]
    OtherBuild {
        /// The schema it has; 0: none that a build of this program names.
        found: u32,
    },
    /// A record cannot be read.
    #[error(
        "the store holds a record that cannot be read ({what}); restore it from a backup or enroll again in another --home"
    )]
    Damaged {
        /// The kind of record.
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
            VaultError::OtherBuild { .. } => "store_other_build",
            VaultError::Damaged { .. } => "store_damaged",
            VaultError::Storage(_) => "store_unusable",
        }
    }
}

/// Ids of challenges older than the newest by more than this, in seconds, are not loaded: no challenge is valid for so
/// long.
pub const REMEMBERED_SECONDS: u64 = 2 * countersign_protocol::limits::REQUEST_SECONDS;

pub use memory::MemoryVault;
mod memory;

#[cfg(all(test, feature = "edge"))]
mod tests;
