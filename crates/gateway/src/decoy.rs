//! Decoys: requests about users who can't be asked, for clients that must not learn it. A decoy takes the path of any other request
//! (the same reads, rows, signatures and end), with devices that nobody holds, and is deleted a day after its end.

use std::sync::{Mutex, PoisonError};

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::id::{ApprovalId, Subject};
use countersign_store::{Error as StoreError, Snapshot, Transaction};

use crate::Gateway;
use crate::store::devices::DeviceToAsk;
use crate::store::{approvals, decoys, device_counts};

/// How long a decoy is kept after its end, in milliseconds: for longer than a client's request, which a poll finds for a day.
const KEPT_MILLIS: u64 = 25 * 3_600_000;
/// Decoys deleted in one write.
const AT_ONCE: usize = 128;

/// Who is asked when nobody can be. The same identifier has the same decoy, so that limits and times of requests about it are
/// those of one user.
#[derive(Debug, Clone)]
pub struct Decoy {
    subject: Subject,
    devices: u32,
}

impl Decoy {
    /// A subject that no user has. It stands in the store, and is shown to nobody.
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }
}

/// How many users have how many devices: `(devices, users)`, by the first.
#[derive(Default)]
pub(crate) struct DeviceCounts(Mutex<Vec<(u32, u64)>>);

impl DeviceCounts {
    fn set(&self, counts: Vec<(u32, u64)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    /// A number of devices, as often among all samples as among users. 1 while there are no users.
    fn at(&self, sample: u32) -> u32 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let users: u64 = counts.iter().map(|(_, users)| users).sum();
        let mut rank = (u64::from(sample) * users) >> 32;
        for (devices, users) in &*counts {
            match rank.checked_sub(*users) {
                Some(left) => rank = left,
                None => return *devices,
            }
        }
        1
    }
}

impl Gateway {
    /// The decoy of an identifier, by the digest of what the client called the user.
    pub fn decoy(&self, identifier: &Hash) -> Decoy {
        let keys = self.keys();
        let digest = Hash::of_parts(&[&keys.secret[..], b"decoy\0", identifier.as_bytes()]);
        let sample = digest.as_bytes().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let subject = format!("decoy:{digest}").parse().expect("printable ASCII");
        Decoy { subject, devices: self.device_counts().at(sample) }
    }

    /// Whether nobody was asked for this approval.
    ///
    /// # Errors
    /// The store's.
    pub fn is_decoy(&self, snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<bool, StoreError> {
        Ok(approvals::by_id(snapshot, approval)?.is_some_and(|row| row.is_decoy))
    }

    /// The decoy's devices, or none where they are not needed, at the same cost of one read. They are made when a number of
    /// devices is first needed.
    pub(crate) fn decoy_devices(
        &self,
        transaction: &Transaction<'_>,
        decoy: &Decoy,
        is_needed: bool,
    ) -> Result<Vec<DeviceToAsk>, StoreError> {
        let number = if is_needed { decoy.devices } else { 0 };
        let found = decoys::devices(transaction, number)?;
        if number == 0 || !found.is_empty() {
            return Ok(found);
        }
        for _ in 0..number {
            decoys::add_device(transaction, number, self.now(), self.random())?;
        }
        decoys::devices(transaction, number)
    }

    /// Counts users by their number of devices, for the decoys' own. Reads the index of all devices.
    pub(crate) async fn count_devices(&self) -> Result<(), StoreError> {
        let counts = self.store().read_slow(device_counts::count_by_number).await?;
        self.device_counts().set(counts);
        Ok(())
    }

    /// Deletes decoys that ended a day ago and what is known of their subjects, a few in each write.
    pub(crate) async fn forget_decoys(&self) -> Result<(), StoreError> {
        let before = Timestamp::from_millis(self.now().millis().saturating_sub(KEPT_MILLIS));
        loop {
            let found = self.store().read_slow(move |snapshot| decoys::ended_before(snapshot, before, AT_ONCE)).await?;
            let is_last = found.len() < AT_ONCE;
            let forgotten = self.store().write(move |tx| {
                decoys::forget_feeds(tx, before)?;
                found.iter().try_for_each(|(approval, subject)| {
                    approvals::forget(tx, approval)?;
                    decoys::forget_prompts(tx, subject, before)
                })
            });
            forgotten.await?;
            if is_last {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoys_have_as_many_devices_as_users_have_and_as_often() {
        let counts = DeviceCounts::default();
        assert_eq!(counts.at(u32::MAX), 1, "nobody is enrolled yet");
        counts.set(vec![(1, 50), (2, 25), (5, 25)]);
        let drawn = |devices| (0..1000_u32).filter(|n| counts.at(n * (u32::MAX / 1000)) == devices).count();
        assert_eq!([drawn(1), drawn(2), drawn(5)].map(|n| (n + 5) / 10), [50, 25, 25]);
    }
}
