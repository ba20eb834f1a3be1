//! What the serving process does of its own accord: forgets what is over.

use std::time::Duration;

use super::Provider;
use crate::store;

/// How often requests that ended a day ago are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(600);

impl Provider {
    pub(super) fn forget_old_requests(&self) -> tokio::task::JoinHandle<()> {
        let parts = self.parts.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(FORGET_EVERY);
            loop {
                ticks.tick().await;
                let now = parts.ports.clock.now();
                let forgotten = parts.gateway.store().write(move |transaction| {
                    store::forget_used(transaction, now)?;
                    store::forget_revoked(transaction, now)?;
                    store::forget_guesses(transaction, now)?;
                    store::forget_families(transaction, now)?;
                    store::forget_old(transaction, now)
                });
                if let Err(error) = parts.user_codes.recount_user_codes().await {
                    tracing::warn!(%error, "people with a user code could not be counted");
                }
                if let Err(error) = forgotten.await {
                    tracing::warn!(%error, "old requests could not be forgotten");
                }
            }
        })
    }
}
