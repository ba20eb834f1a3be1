//! Counts of approvals and devices, for metrics and commands.

use countersign_jose::clock::Timestamp;
use countersign_store::{Error as StoreError, Snapshot};

use crate::Gateway;
use crate::store::approvals::{self, PendingCount};
use crate::store::device_counts::{self, EnrollmentCount};

impl Gateway {
    /// How many approvals wait for an answer.
    ///
    /// # Errors
    /// The store's.
    pub fn pending_approvals(&self, snapshot: &Snapshot<'_>) -> Result<PendingCount, StoreError> {
        approvals::count_pending(snapshot, self.now())
    }

    /// How many people have a device that takes part. Reads every device: for commands.
    ///
    /// # Errors
    /// The store's.
    pub fn count_enrolled(&self, snapshot: &Snapshot<'_>) -> Result<EnrollmentCount, StoreError> {
        device_counts::count_active(snapshot)
    }

    /// How many approvals ended since then, by their outcome. Reads every one of them: for commands.
    ///
    /// # Errors
    /// The store's.
    pub fn count_ended(&self, snapshot: &Snapshot<'_>, since: Timestamp) -> Result<Vec<(String, u64)>, StoreError> {
        approvals::count_ended(snapshot, since)
    }
}
