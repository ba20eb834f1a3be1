//! History: a hash chain of what this device answered, refused, disputed and saw end. Each entry holds the hash of the
//! one before.

use countersign_jose::hash::Hash;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::json;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The end of an account's history. The next entry continues it, and the next answer commits to it (`seq`, `prev`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the newest entry; 0 before the first.
    pub seq: u64,
    /// The hash of the newest entry's bytes; before the first, of the enrollment statement.
    pub hash: Hash,
}

impl Head {
    /// The head of a history without entries, anchored in the account's enrollment statement.
    pub fn beginning(enrollment_statement: &str) -> Head {
        Head { seq: 0, hash: Hash::of(enrollment_statement) }
    }

    /// Appends an entry. `at`: milliseconds since the epoch.
    pub fn append(&mut self, at: u64, what: HistoryEvent) -> Entry {
        let body = EntryBody { seq: self.seq + 1, prev: self.hash, at, what };
        let text = serde_json::to_string(&body).expect("an entry has string keys and no floating-point numbers");
        *self = Head { seq: body.seq, hash: Hash::of(&text) };
        Entry { body, text }
    }
}

/// An entry and the exact bytes that are stored and hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    body: EntryBody,
    text: String,
}

/// The content of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryBody {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// The hash of the entry before it, or of the enrollment statement.
    pub prev: Hash,
    /// When it was written, by the provider's clock as far as the device knew it (milliseconds since the epoch).
    pub at: u64,
    /// What happened.
    pub what: HistoryEvent,
}

/// An event in the life of a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum HistoryEvent {
    /// This device answered. The answer's `seq` is this entry's, its `prev` this entry's `prev`.
    Answered {
        /// The challenge.
        challenge: ChallengeId,
        /// Hash of its compact JWS.
        challenge_hash: Hash,
        /// Hash of the answer's compact JWS.
        answer_hash: Hash,
        /// `approved` or `denied`.
        decision: String,
    },
    /// This device could not verify, read or show it, and sent a refusal.
    Refused {
        /// The challenge.
        challenge: ChallengeId,
        /// Hash of its compact JWS.
        challenge_hash: Hash,
        /// The refusal's code.
        code: String,
    },
    /// The challenge ended.
    Ended {
        /// The challenge.
        challenge: ChallengeId,
        /// Hash of its compact JWS.
        challenge_hash: Hash,
        /// The outcome (`approved`, `expired` …), or `absent` where the provider no longer knew the challenge.
        outcome: String,
        /// Hash of the outcome's compact JWS, where there was one.
        outcome_hash: Option<Hash>,
    },
    /// This device answered a practice request, which moved nothing: the number stays used, and what it was about is never written.
    Practised,
    /// The person disputed it afterwards: that wasn't me.
    Disputed {
        /// The challenge.
        challenge: ChallengeId,
        /// Hash of the dispute's compact JWS.
        dispute_hash: Hash,
    },
}

impl HistoryEvent {
    /// The challenge that was approved, where this is an approval.
    pub fn approved(&self) -> Option<&ChallengeId> {
        match self {
            HistoryEvent::Answered { challenge, decision, .. } if decision == "approved" => Some(challenge),
            _ => None,
        }
    }

    /// The challenge this is about; `None` for practice.
    pub fn challenge(&self) -> Option<&ChallengeId> {
        match self {
            HistoryEvent::Answered { challenge, .. }
            | HistoryEvent::Refused { challenge, .. }
            | HistoryEvent::Ended { challenge, .. }
            | HistoryEvent::Disputed { challenge, .. } => Some(challenge),
            HistoryEvent::Practised => None,
        }
    }
}

/// Why a stored history is not the chain that this device wrote.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryError {
    /// An entry cannot be read.
    #[error("entry {seq} of the history cannot be read")]
    Unreadable {
        /// The number the entry should have.
        seq: u64,
    },
    /// An entry does not continue the one before it.
    #[error("entry {seq} of the history does not continue the one before it")]
    Unchained {
        /// The entry's number.
        seq: u64,
    },
}

impl HistoryError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            HistoryError::Unreadable { .. } => "history_unreadable",
            HistoryError::Unchained { .. } => "history_unchained",
        }
    }
}

impl Entry {
    /// Reads a stored entry; [`check`] finds out whether it continues the chain.
    ///
    /// # Errors
    /// [`HistoryError::Unreadable`].
    pub fn read(seq: u64, text: String) -> Result<Entry, HistoryError> {
        let body: EntryBody = json::parse(text.as_bytes()).map_err(|_| HistoryError::Unreadable { seq })?;
        Ok(Entry { body, text })
    }

    /// Its content.
    pub fn body(&self) -> &EntryBody {
        &self.body
    }

    /// The exact bytes that are stored and hashed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Checks that the entries, oldest first, are a chain from `beginning` on. Returns its end.
///
/// # Errors
/// [`HistoryError`] names the first entry that is missing, changed or out of order.
pub fn check<'a>(beginning: Head, entries: impl IntoIterator<Item = &'a Entry>) -> Result<Head, HistoryError> {
    let mut head = beginning;
    for entry in entries {
        let seq = head.seq + 1;
        if entry.body.seq != seq || entry.body.prev != head.hash {
            return Err(HistoryError::Unchained { seq });
        }
        head = Head { seq, hash: Hash::of(&entry.text) };
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(id: &str) -> HistoryEvent {
        HistoryEvent::Ended {
            challenge: id.parse().unwrap(),
            challenge_hash: Hash::of(id),
            outcome: "expired".into(),
            outcome_hash: None,
        }
    }

    fn three() -> (Head, Vec<Entry>) {
        let beginning = Head::beginning("statement");
        let mut head = beginning;
        let entries = ["ch_a", "ch_b", "ch_c"].map(|id| head.append(7, ended(id))).to_vec();
        assert_eq!(check(beginning, &entries), Ok(head));
        (beginning, entries)
    }

    #[test]
    fn the_first_entry_hashes_the_enrollment_statement() {
        let (_, entries) = three();
        assert_eq!(entries[0].body().prev, Hash::of("statement"));
        assert_eq!(entries[1].body().prev, Hash::of(entries[0].text()));
    }

    #[test]
    fn a_missing_swapped_or_changed_entry_is_named() {
        let (beginning, entries) = three();
        let without = [entries[0].clone(), entries[2].clone()];
        assert_eq!(check(beginning, &without), Err(HistoryError::Unchained { seq: 2 }));
        let mut changed = entries.clone();
        changed[1] = Entry::read(2, entries[1].text().replace("ch_b", "ch_x")).unwrap();
        assert_eq!(check(beginning, &changed), Err(HistoryError::Unchained { seq: 3 }));
        assert_eq!(Entry::read(2, "{".into()), Err(HistoryError::Unreadable { seq: 2 }));
    }

    #[test]
    fn an_entry_reads_back_as_the_bytes_it_was_written_in() {
        let (_, entries) = three();
        for entry in &entries {
            assert_eq!(Entry::read(entry.body().seq, entry.text().to_owned()).as_ref(), Ok(entry));
        }
    }

    #[test]
    fn a_stored_entry_looks_like_this() {
        insta::assert_snapshot!(three().1[0].text());
    }
}
