//! Practice requests: shown, answered and ended like any other, and forgotten with their end. An answer keeps its number in the
//! history, in an entry without content.

use std::collections::VecDeque;

use countersign_protocol::id::ChallengeId;

use super::Core;
use super::inbox::OpenChallenge;
use crate::ports::vault::{Change, StoredChallenge};

/// How many of them are remembered until the device is closed, for who still waits for an outcome.
const REMEMBERED: usize = 16;

/// Practice requests that ended since the start, the oldest first.
#[derive(Default)]
pub(super) struct EndedPractice(VecDeque<StoredChallenge>);

impl OpenChallenge {
    pub(super) fn is_practice(&self) -> bool {
        self.verified.as_ref().is_some_and(|challenge| challenge.claims().practice)
    }
}

impl Core {
    /// A practice request that ended since the start, which the vault has forgotten.
    pub fn ended_practice(&self, id: &ChallengeId) -> Option<&StoredChallenge> {
        self.practice.0.iter().find(|ended| ended.id == *id)
    }

    /// Keeps a challenge that has ended, or forgets it where it was practice.
    pub(super) fn put_ended(&mut self, kept: StoredChallenge, practice: bool) {
        if !practice {
            return self.put(kept);
        }
        self.change(Change::ForgetChallenge(kept.id.clone()));
        if self.practice.0.len() >= REMEMBERED {
            self.practice.0.pop_front();
        }
        self.practice.0.push_back(kept);
    }
}
