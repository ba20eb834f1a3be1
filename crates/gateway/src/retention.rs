//! Retention: deletes old approvals that ended, with their challenges and answers, and old enrollment links. Devices keep their own
//! evidence; devices, their statements and the key manifests stay here, so that it can still be verified.

use std::sync::atomic::Ordering;

use countersign_jose::clock::Timestamp;
use countersign_store::Error as StoreError;

use crate::Gateway;
use crate::store::{approvals, challenge_contents, links};

/// Records deleted in one write: few enough that no request waits for them.
const AT_ONCE: usize = 128;
/// How long a practice request is kept after its end, in milliseconds: its answer may be sent again, and its outcome fetched.
const PRACTICE_KEPT: u64 = 600_000;
/// Writes of one sweep. What is still there then waits for the next.
const WRITES: usize = 16;

impl Gateway {
    /// Deletes the content of requests that ended longer ago than [`crate::Settings::keep_unanswered`] without an answer: expired,
    /// cancelled, refused, or with a revoked device. A bounded number at a time. Where it got to is remembered until a restart.
    pub(crate) async fn forget_unanswered(&self) -> Result<(), StoreError> {
        let kept = u64::try_from(self.settings().keep_unanswered.as_millis()).unwrap_or(u64::MAX);
        let before = Timestamp::from_millis(self.now().millis().saturating_sub(kept));
        for _ in 0..WRITES {
            let from = Timestamp::from_millis(self.unanswered_until().load(Ordering::Relaxed));
            if from >= before {
                return Ok(());
            }
            let found = self
                .store()
                .read_slow(move |snapshot| challenge_contents::unanswered(snapshot, from, before, AT_ONCE))
                .await?;
            // Of those that ended in the last one's millisecond more may follow.
            let reached = match found.last() {
                Some((_, at)) if found.len() == AT_ONCE => *at,
                _ => before,
            };
            let forgotten = self
                .store()
                .write(move |tx| found.iter().try_for_each(|(approval, _)| challenge_contents::delete(tx, approval)));
            forgotten.await?;
            self.unanswered_until().store(reached.millis(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Forgets practice requests some minutes after their end: nothing was approved by them, and nothing is to be proven.
    pub(crate) async fn forget_practice(&self) -> Result<(), StoreError> {
        let before = Timestamp::from_millis(self.now().millis().saturating_sub(PRACTICE_KEPT));
        let old = self.store().read(move |snapshot| approvals::practice_before(snapshot, before, AT_ONCE)).await?;
        if old.is_empty() {
            return Ok(());
        }
        self.store().write(move |tx| old.iter().try_for_each(|approval| approvals::forget(tx, approval))).await
    }

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
