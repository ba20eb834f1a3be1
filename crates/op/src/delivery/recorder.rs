//! Writes into the outbox what became true, in the transaction in which it did.

use std::sync::Arc;

use countersign_gateway::{EventSink, GatewayEvent};
use countersign_jose::clock::Clock;
use countersign_jose::random::Random;
use countersign_protocol::issuer::Issuer;
use countersign_store::{Error as StoreError, Transaction};

use super::{Event, OUTBOX_TOPIC};
use crate::metrics::Metrics;
use crate::store::outbox;

/// How long the operator's endpoint may be away before an event is given up, in seconds.
const EVENT_LIFETIME: u64 = 24 * 3600;

/// Is told of everything at the gateway, and of what happens to tokens.
pub(crate) struct Recorder {
    pub(crate) issuer: Issuer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// Whether the operator wants to hear of events.
    pub(crate) webhook: bool,
    pub(crate) metrics: Arc<Metrics>,
}

impl Recorder {
    /// Takes note of an event, for the operator.
    ///
    /// # Errors
    /// What SQLite said.
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
    fn record(&self, transaction: &Transaction<'_>, event: &GatewayEvent<'_>) -> Result<(), StoreError> {
        if let GatewayEvent::Ended { outcome, after, .. } = event {
            let (metrics, outcome, after) = (self.metrics.clone(), *outcome, *after);
            transaction.after_commit(move || metrics.approval(outcome, after));
        }
        match event {
            // A client is told that nobody answered at its request's own end, which is later, and the same for nobody's request.
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
