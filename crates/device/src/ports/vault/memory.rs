//! In-memory vault: for tests, and for a device that must leave nothing behind.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
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
use crate::ports::maybe_send::BoxFuture;

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

impl MemoryVault {
    pub(crate) fn accounts(&self) -> Result<Vec<Account>, VaultError> {
        Ok(self.contents().accounts.clone())
    }

    pub(crate) fn load(&self, account: &AccountId) -> Result<AccountSnapshot, VaultError> {
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

    pub(crate) fn apply(&self, account: &AccountId, changes: &[Change]) -> Result<(), VaultError> {
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
                Change::ForgetChallenge(id) => records.challenges.retain(|known| known.id != *id),
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

    pub(crate) fn challenge(
        &self,
        account: &AccountId,
        id: &ChallengeId,
    ) -> Result<Option<StoredChallenge>, VaultError> {
        Ok(self.records(account, |records| records.challenges.iter().find(|known| known.id == *id).cloned()))
    }

    pub(crate) fn challenges(&self, account: &AccountId) -> Result<Vec<StoredChallenge>, VaultError> {
        Ok(self.records(account, |records| records.challenges.clone()))
    }

    pub(crate) fn history(&self, account: &AccountId) -> Result<Vec<Entry>, VaultError> {
        Ok(self.records(account, |records| records.history.clone()))
    }

    pub(crate) fn pin_guard(&self, account: &AccountId) -> Result<PinGuard, VaultError> {
        Ok(self.records(account, |records| records.guard.clone()))
    }

    pub(crate) fn put_pin_guard(&self, account: &AccountId, guard: &PinGuard) -> Result<(), VaultError> {
        self.records(account, |records| records.guard = guard.clone());
        Ok(())
    }

    pub(crate) fn enrollment(&self, token: &Hash) -> Result<Option<PendingEnrollment>, VaultError> {
        Ok(self.contents().enrollments.iter().find(|begun| begun.token == *token).cloned())
    }

    pub(crate) fn put_enrollment(&self, begun: &PendingEnrollment) -> Result<(), VaultError> {
        let mut contents = self.contents();
        contents.enrollments.retain(|known| known.token != begun.token);
        contents.enrollments.push(begun.clone());
        Ok(())
    }
}

/// Each call is done when it returns.
impl Vault for MemoryVault {
    fn accounts(&self) -> BoxFuture<'_, Result<Vec<Account>, VaultError>> {
        Box::pin(ready(MemoryVault::accounts(self)))
    }

    fn load<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<AccountSnapshot, VaultError>> {
        Box::pin(ready(MemoryVault::load(self, account)))
    }

    fn apply<'a>(&'a self, account: &'a AccountId, changes: Vec<Change>) -> BoxFuture<'a, Result<(), VaultError>> {
        Box::pin(ready(MemoryVault::apply(self, account, &changes)))
    }

    fn challenge<'a>(
        &'a self,
        account: &'a AccountId,
        id: &'a ChallengeId,
    ) -> BoxFuture<'a, Result<Option<StoredChallenge>, VaultError>> {
        Box::pin(ready(MemoryVault::challenge(self, account, id)))
    }

    fn challenges<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Vec<StoredChallenge>, VaultError>> {
        Box::pin(ready(MemoryVault::challenges(self, account)))
    }

    fn history<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Vec<Entry>, VaultError>> {
        Box::pin(ready(MemoryVault::history(self, account)))
    }

    fn pin_guard<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<PinGuard, VaultError>> {
        Box::pin(ready(MemoryVault::pin_guard(self, account)))
    }

    fn put_pin_guard<'a>(
        &'a self,
        account: &'a AccountId,
        guard: &'a PinGuard,
    ) -> BoxFuture<'a, Result<(), VaultError>> {
        Box::pin(ready(MemoryVault::put_pin_guard(self, account, guard)))
    }

    fn enrollment<'a>(&'a self, token: &'a Hash) -> BoxFuture<'a, Result<Option<PendingEnrollment>, VaultError>> {
        Box::pin(ready(MemoryVault::enrollment(self, token)))
    }

    fn put_enrollment<'a>(&'a self, begun: &'a PendingEnrollment) -> BoxFuture<'a, Result<(), VaultError>> {
        Box::pin(ready(MemoryVault::put_enrollment(self, begun)))
    }
}
