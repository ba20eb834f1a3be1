//! A vault in memory: the twin for tests and for a device that must leave nothing behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_protocol::hash::Hash;
use countersign_protocol::id::ChallengeId;

use super::{
    ApprovedClient, BegunEnrollment, Change, Posting, PostingId, REMEMBERED_SECONDS, Snapshot, Stage, StoredChallenge,
    Vault, VaultError,
};
use crate::account::{Account, AccountId};
use crate::history::{Entry, Head};
use crate::pin::PinGuard;

/// Keeps everything until it is dropped.
#[derive(Default)]
pub struct MemoryVault {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    accounts: Vec<Account>,
    rooms: BTreeMap<AccountId, Room>,
    enrollments: Vec<BegunEnrollment>,
}

/// What belongs to one account.
#[derive(Default)]
struct Room {
    challenges: Vec<StoredChallenge>,
    outbox: BTreeMap<PostingId, Posting>,
    history: Vec<Entry>,
    guard: PinGuard,
    approved: BTreeSet<ApprovedClient>,
}

impl MemoryVault {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room<T>(&self, account: &AccountId, look: impl FnOnce(&mut Room) -> T) -> T {
        look(self.kept().rooms.entry(account.clone()).or_default())
    }
}

impl Vault for MemoryVault {
    fn accounts(&self) -> Result<Vec<Account>, VaultError> {
        Ok(self.kept().accounts.clone())
    }

    fn load(&self, account: &AccountId) -> Result<Snapshot, VaultError> {
        Ok(self.room(account, |room| {
            let newest = room.challenges.iter().map(|kept| kept.issued_at).max().unwrap_or(0);
            Snapshot {
                open: room.challenges.iter().filter(|kept| kept.stage != Stage::Ended).cloned().collect(),
                known: room
                    .challenges
                    .iter()
                    .filter(|kept| kept.issued_at + REMEMBERED_SECONDS >= newest)
                    .map(|kept| (kept.id.clone(), kept.hash()))
                    .collect(),
                outbox: room.outbox.values().cloned().collect(),
                head: room.history.last().map(|entry| Head { seq: entry.body().seq, hash: Hash::of(entry.text()) }),
                approved: room.approved.clone(),
            }
        }))
    }

    fn apply(&self, account: &AccountId, changes: &[Change]) -> Result<(), VaultError> {
        let mut kept = self.kept();
        for change in changes {
            if let Change::EndEnrollment(token) = change {
                kept.enrollments.retain(|begun| begun.token != *token);
            }
            if let Change::PutAccount(account) = change {
                match kept.accounts.iter_mut().find(|known| known.id == account.id) {
                    Some(known) => *known = (**account).clone(),
                    None => kept.accounts.push((**account).clone()),
                }
            }
            let room = kept.rooms.entry(account.clone()).or_default();
            match change {
                Change::PutAccount(_) | Change::EndEnrollment(_) => {}
                Change::PutChallenge(challenge) => {
                    match room.challenges.iter_mut().find(|known| known.id == challenge.id) {
                        Some(known) => *known = (**challenge).clone(),
                        None => room.challenges.push((**challenge).clone()),
                    }
                }
                Change::Post(posting) => {
                    room.outbox.insert(posting.id, posting.clone());
                }
                Change::Settle(id) => {
                    room.outbox.remove(id);
                }
                Change::Append(entry) => room.history.push(entry.clone()),
                Change::KnowClient(client) => {
                    room.approved.insert(client.clone());
                }
            }
        }
        Ok(())
    }

    fn challenge(&self, account: &AccountId, id: &ChallengeId) -> Result<Option<StoredChallenge>, VaultError> {
        Ok(self.room(account, |room| room.challenges.iter().find(|known| known.id == *id).cloned()))
    }

    fn challenges(&self, account: &AccountId) -> Result<Vec<StoredChallenge>, VaultError> {
        Ok(self.room(account, |room| room.challenges.clone()))
    }

    fn history(&self, account: &AccountId) -> Result<Vec<Entry>, VaultError> {
        Ok(self.room(account, |room| room.history.clone()))
    }

    fn pin_guard(&self, account: &AccountId) -> Result<PinGuard, VaultError> {
        Ok(self.room(account, |room| room.guard.clone()))
    }

    fn put_pin_guard(&self, account: &AccountId, guard: &PinGuard) -> Result<(), VaultError> {
        self.room(account, |room| room.guard = guard.clone());
        Ok(())
    }

    fn enrollment(&self, token: &Hash) -> Result<Option<BegunEnrollment>, VaultError> {
        Ok(self.kept().enrollments.iter().find(|begun| begun.token == *token).cloned())
    }

    fn put_enrollment(&self, begun: &BegunEnrollment) -> Result<(), VaultError> {
        let mut kept = self.kept();
        kept.enrollments.retain(|known| known.token != begun.token);
        kept.enrollments.push(begun.clone());
        Ok(())
    }
}
