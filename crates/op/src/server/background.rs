//! Background cleanup: deletes expired rows, and withdraws what an ending left to be withdrawn.

use std::time::Duration;

use super::{Parts, Provider};
use crate::store;

/// Interval of the cleanup.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(600);

impl Provider {
    pub(super) fn forget_old_requests(&self) -> tokio::task::JoinHandle<()> {
        let parts = self.parts.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(CLEANUP_INTERVAL);
            loop {
                ticks.tick().await;
                parts.withdraw_ended().await;
                let now = parts.ports.clock.now();
                let forgotten = parts.gateway.store().write(move |transaction| {
                    store::forget_used(transaction, now)?;
                    store::forget_revoked(transaction, now)?;
                    store::forget_guesses(transaction, now)?;
                    store::forget_families(transaction, now)?;
                    store::forget_kept(transaction, now)?;
                    store::forget_acknowledgements(transaction, now)?;
                    store::forget_old(transaction, now)
                });
                if let Err(error) = parts.user_codes.recount_user_codes().await {
                    tracing::warn!(%error, "users with a user code could not be counted");
                }
                if let Err(error) = forgotten.await {
                    tracing::warn!(%error, "expired rows could not be deleted");
                }
            }
        })
    }
}

impl Parts {
    /// Withdraws approvals whose requests were ended: by the file's locks, a restored copy, or a command that did not get to
    /// its end. In small writes beside what is served, for it may be thousands; meanwhile none of them can be approved any more
    /// (`has_ended` in `recorder.rs`).
    pub(super) async fn withdraw_ended(&self) {
        let now = self.ports.clock.now();
        let pending = self.gateway.store().read_slow(move |snapshot| store::pending_ended(snapshot, now)).await;
        let withdrawn = match pending {
            Ok(pending) => self.gateway.withdraw_all(pending).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = withdrawn {
            tracing::warn!(%error, "ended requests could not be withdrawn");
        }
    }
}
