//! In-memory vault: for tests, and for a device that must leave nothing behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_jose::hash::Hash;
use countersign_protocol::id::ChallengeId;

use super::{
    AccountSnapshot, ApprovedClient, Change, OutboxEntry, OutboxId, PendingEnrollment, RECENT_MS, REMEMBERED_SECONDS,
    RecentApproval, Stage, StoredChallenge, UnnumberedEvent, Vault, VaultError,
};
use crate::account::{Account, AccountId};
use crate::history::{Entry, Head};
use crate::pin::PinGuard;

/// Keeps everything until it is dropped.
#[derive(Default)]
pub struct MemoryVault {
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    accounts: Vec<Account>,
    records: BTreeMap<AccountId, AccountRecords>,
    enrollments: Vec<PendingEnrollment>,
}

/// What belongs to one account.
#[derive(Default)]
struct AccountRecords {
    challenges: Vec<StoredChallenge>,
    outbox: BTreeMap<OutboxId, OutboxEntry>,
    history: Vec<Entry>,
    unnumbered: BTreeMap<u64, UnnumberedEvent>,
    guard: PinGuard,
    approved: BTreeSet<ApprovedClient>,
}

impl AccountRecords {
    fn recent(&self) -> Vec<RecentApproval> {
        let newest = self.history.last().map_or(0, |entry| entry.body().at);
        let recent = self.history.iter().filter(|entry| entry.body().at.saturating_add(RECENT_MS) >= newest);
        let approvals = recent.filter_map(|entry| {
            let id = entry.body().what.approved()?;
            let challenge = self.challenges.iter().find(|known| known.id == *id)?.clone();
            Some(RecentApproval { challenge, at: entry.body().at })
        });
        approvals.filter(RecentApproval::counts).collect()
    }
}

impl MemoryVault {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn records<T>(&self, account: &AccountId, look: impl FnOnce(&mut AccountRecords) -> T) -> T {
        look(self.contents().records.entry(account.clone()).or_default())
    }
}

impl Vault for MemoryVault {
    fn accounts(&self) -> Result<Vec<Account>, VaultError> {
        Ok(self.contents().accounts.clone())
    }

    fn load(&self, account: &AccountId) -> Result<AccountSnapshot, VaultError> {
        Ok(self.records(account, |records| {
            let newest = records.challenges.iter().map(|kept| kept.issued_at).max().unwrap_or(0);
            AccountSnapshot {
                open: records.challenges.iter().filter(|kept| kept.stage != Stage::Ended).cloned().collect(),
                known: records
                    .challenges
                    .iter()
                    .filter(|kept| kept.issued_at + REMEMBERED_SECONDS >= newest)
                    .map(|kept| (kept.id.clone(), kept.hash()))
                    .collect(),
                outbox: records.outbox.values().cloned().collect(),
                head: records.history.last().map(|entry| Head { seq: entry.body().seq, hash: Hash::of(entry.text()) }),
                unnumbered: records.unnumbered.values().cloned().collect(),
                approved: records.approved.clone(),
                recent: records.recent(),
            }
        }))
    }

    fn apply(&self, account: &AccountId, changes: &[Change]) -> Result<(), VaultError> {
        let mut contents = self.contents();
        for change in changes {
            if let Change::DeleteEnrollment(token) = change {
                contents.enrollments.retain(|begun| begun.token != *token);
            }
            if let Change::PutAccount(account) = change {
                match contents.accounts.iter_mut().find(|known| known.id == account.id) {
                    Some(known) => *known = (**account).clone(),
                    None => contents.accounts.push((**account).clone()),
                }
            }
            let records = contents.records.entry(account.clone()).or_default();
            match change {
                Change::PutAccount(_) | Change::DeleteEnrollment(_) => {}
                Change::PutChallenge(challenge) => {
                    match records.challenges.iter_mut().find(|known| known.id == challenge.id) {
                        Some(known) => *known = (**challenge).clone(),
                        None => records.challenges.push((**challenge).clone()),
                    }
                }
                Change::Enqueue(entry) => {
                    records.outbox.insert(entry.id, entry.clone());
                }
                Change::Dequeue(id) => {
                    records.outbox.remove(id);
                }
                Change::Append(entry) => records.history.push(entry.clone()),
                Change::AddUnnumbered(event) => {
                    records.unnumbered.insert(event.id, event.clone());
                }
                Change::DeleteUnnumbered(id) => {
                    records.unnumbered.remove(id);
                }
                Change::AddApprovedClient(client) => {
                    records.approved.insert(client.clone());
                }
            }
        }
        Ok(())
    }

    fn challenge(&self, account: &AccountId, id: &ChallengeId) -> Result<Option<StoredChallenge>, VaultError> {
        Ok(self.records(account, |records| records.challenges.iter().find(|known| known.id == *id).cloned()))
    }

    fn challenges(&self, account: &AccountId) -> Result<Vec<StoredChallenge>, VaultError> {
        Ok(self.records(account, |records| records.challenges.clone()))
    }

    fn history(&self, account: &AccountId) -> Result<Vec<Entry>, VaultError> {
        Ok(self.records(account, |records| records.history.clone()))
    }

    fn pin_guard(&self, account: &AccountId) -> Result<PinGuard, VaultError> {
        Ok(self.records(account, |records| records.guard.clone()))
    }

    fn put_pin_guard(&self, account: &AccountId, guard: &PinGuard) -> Result<(), VaultError> {
        self.records(account, |records| records.guard = guard.clone());
        Ok(())
    }

    fn enrollment(&self, token: &Hash) -> Result<Option<PendingEnrollment>, VaultError> {
        Ok(self.contents().enrollments.iter().find(|begun| begun.token == *token).cloned())
    }

    fn put_enrollment(&self, begun: &PendingEnrollment) -> Result<(), VaultError> {
        let mut contents = self.contents();
        contents.enrollments.retain(|known| known.token != begun.token);
        contents.enrollments.push(begun.clone());
        Ok(())
    }
}
