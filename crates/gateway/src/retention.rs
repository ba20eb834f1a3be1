//! Retention: deletes old approvals that ended, with their challenges and answers, and old enrollment links. Devices keep their own
//! evidence; devices, their statements and the key manifests stay here, so that it can still be verified.

use countersign_jose::clock::Timestamp;
use countersign_store::Error as StoreError;

use crate::Gateway;
use crate::store::{approvals, links};

/// Records deleted in one write: few enough that no request waits for them.
const AT_ONCE: usize = 128;
/// Writes of one sweep. What is still there then waits for the next.
const WRITES: usize = 16;

impl Gateway {
    /// Forgets what ended longer ago than [`crate::Settings::keep_records`], a bounded number at a time.
    pub(crate) async fn forget_old_records(&self) -> Result<(), StoreError> {
        let kept = u64::try_from(self.settings().keep_records.as_millis()).unwrap_or(u64::MAX);
        let before = Timestamp::from_millis(self.now().millis().saturating_sub(kept));
        for _ in 0..WRITES {
            let old = self.store().read_slow(move |snapshot| {
                Ok((approvals::ended_before(snapshot, before, AT_ONCE)?, links::has_older(snapshot, before)?))
            });
            let (approvals, has_links) = old.await?;
            if approvals.is_empty() && !has_links {
                return Ok(());
            }
            let forgotten = self.store().write(move |tx| {
                links::forget(tx, before, AT_ONCE)?;
                approvals.iter().try_for_each(|approval| approvals::forget(tx, approval))
            });
            forgotten.await?;
        }
        Ok(())
    }
}
