//! What runs beside the callers: ends what has expired, deletes what is old, and detects writes of other processes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_store::Error as StoreError;
use tokio::task::JoinHandle;

use crate::Gateway;
use crate::outcome::EndError;
use crate::store::approvals;
use crate::withdrawal::AT_ONCE;

/// How often writes of other processes are detected; overdue approvals are ended at every fifth.
const DETECT_EVERY: Duration = Duration::from_millis(200);
const SWEEP_EVERY: u32 = 5;
/// How often old feed entries are purged, in milliseconds.
const FEED_PURGE_EVERY: u64 = 3_600_000;

impl Gateway {
    /// Ends what has expired: approvals whose time is over, links whose code was never typed; deletes old records and feed
    /// entries. Runs by itself in [`Gateway::run_background`]; tests that drive the clock call it.
    ///
    /// # Errors
    /// The store's.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        loop {
            let now = self.now();
            let overdue = self.store().read(move |snapshot| approvals::overdue(snapshot, now, AT_ONCE)).await?;
            let is_last = overdue.len() < AT_ONCE;
            let gateway = self.clone();
            let ended = self.store().write(move |tx| {
                overdue
                    .iter()
                    .try_for_each(|approval| gateway.end_if_pending(tx, approval, approvals::Status::Expired).map(drop))
            });
            match ended.await {
                Ok(()) if is_last => break,
                Ok(()) => {}
                Err(EndError::Store(error)) => return Err(error),
                // The approvals stay, and are tried again at the next sweep.
                Err(error @ EndError::Sign(_)) => {
                    tracing::error!(%error, "expired approvals could not be ended");
                    break;
                }
            }
        }
        match self.withdraw_from_ended_devices().await {
            Ok(()) => {}
            Err(EndError::Store(error)) => return Err(error),
            Err(error @ EndError::Sign(_)) => tracing::error!(%error, "approvals of ended devices could not be ended"),
        }
        if !self.is_restated().load(Ordering::Relaxed) {
            match self.restate_on_behalf_of().await {
                Ok(()) => self.is_restated().store(true, Ordering::Relaxed),
                Err(EndError::Store(error)) => return Err(error),
                Err(error @ EndError::Sign(_)) => {
                    tracing::error!(%error, "devices could not be told on whose behalf it asks")
                }
            }
        }
        self.abandon_unconfirmed().await?;
        self.forget_practice().await?;
        self.forget_old_records().await?;
        self.forget_unanswered().await?;
        // Once an hour: it reads an index of all devices, and the whole old end of the feed, where enrollment statements stay.
        let now = self.now().millis();
        if now.saturating_sub(self.feed_purged().load(Ordering::Relaxed)) < FEED_PURGE_EVERY {
            return Ok(());
        }
        self.feed_purged().store(now, Ordering::Relaxed);
        self.count_devices().await?;
        self.forget_decoys().await?;
        self.forget_old_feed().await
    }

    /// Starts the sweeper and the detection of writes by other processes; they end when the handle is aborted or the store closes.
    pub fn run_background(&self) -> JoinHandle<()> {
        let gateway = self.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(DETECT_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut count = 0_u32;
            loop {
                ticks.tick().await;
                if let Err(error) = gateway.store().detect_external_writes().await {
                    tracing::warn!(%error, "writes of other processes could not be detected");
                    if matches!(error, StoreError::Closed) {
                        return;
                    }
                }
                count = count.wrapping_add(1);
                if count.is_multiple_of(SWEEP_EVERY)
                    && let Err(error) = gateway.sweep().await
                {
                    tracing::warn!(%error, "could not end what has expired");
                }
            }
        })
    }
}
