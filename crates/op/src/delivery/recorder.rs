//! Transactional outbox: adds the row in the transaction of the event it reports.

use std::sync::Arc;

use countersign_gateway::{EventSink, GatewayEvent};
use countersign_jose::clock::{Clock, Timestamp};
use countersign_jose::random::Random;
use countersign_protocol::id::ApprovalId;
use countersign_protocol::issuer::Issuer;
use countersign_store::{Error as StoreError, Snapshot, Transaction};

use super::{Event, OUTBOX_TOPIC};
use crate::metrics::Metrics;
use crate::store::{self, outbox};

/// How long delivery of an event is retried before it is given up, in seconds.
const EVENT_LIFETIME: u64 = 24 * 3600;

/// Event sink of the gateway and of the token endpoint.
pub(crate) struct Recorder {
    pub(crate) issuer: Issuer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// Whether `[webhook]` is configured.
    pub(crate) webhook: bool,
    pub(crate) metrics: Arc<Metrics>,
}

impl Recorder {
    /// Adds an event to the webhook's queue, if there is a webhook.
    ///
    /// # Errors
    /// The store's error.
    pub(crate) fn note(&self, transaction: &Transaction<'_>, event: &Event<'_>) -> Result<(), StoreError> {
        if !self.webhook {
            return Ok(());
        }
        let now = self.clock.now();
        let (id, body) = event.body(&self.issuer, now, &*self.random);
        outbox::add_event(transaction, &id, &body, now, now.plus_seconds(EVENT_LIFETIME))?;
        transaction.notify_after_commit(OUTBOX_TOPIC);
        Ok(())
    }
}

impl EventSink for Recorder {
    fn has_ended(
        &self,
        snapshot: &Snapshot<'_>,
        approval: &ApprovalId,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        store::has_ended(snapshot, approval, expires_at)
    }

    fn record(&self, transaction: &Transaction<'_>, event: &GatewayEvent<'_>) -> Result<(), StoreError> {
        if let GatewayEvent::Ended { asked_nobody: false, outcome, after, .. } = event {
            let (metrics, outcome, after) = (self.metrics.clone(), *outcome, *after);
            transaction.after_commit(move || metrics.approval(outcome, after));
        }
        if let GatewayEvent::DisplayMismatch { .. } = event {
            let metrics = self.metrics.clone();
            transaction.after_commit(move || metrics.display_mismatch());
        }
        match event {
            // A client learns of expiry when its request expires, which is later, and is the same for a request without approval.
            GatewayEvent::Ended { expired: true, .. } => Ok(()),
            GatewayEvent::Ended { approval, .. } => {
                if outbox::mark_due(transaction, approval, self.clock.now())? {
                    transaction.notify_after_commit(OUTBOX_TOPIC);
                }
                Ok(())
            }
            other => match Event::of(other) {
                Some(event) => self.note(transaction, &event),
                None => Ok(()),
            },
        }
    }
}
