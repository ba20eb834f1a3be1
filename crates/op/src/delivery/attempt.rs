//! One delivery attempt: builds the message, sends it, and writes the result to the outbox row.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::HeaderMap;
use countersign_gateway::outbox::write_result;
use countersign_jose::clock::Timestamp;
use countersign_store::{Error as StoreError, Transaction};
use url::Url;

use super::DeliveryWorker;
use super::retry::{self, Delivery};
use crate::store::outbox::{self, Entry, Item};

/// Longest pause between two attempts to a client, whose request expires soon.
const MAX_PAUSE_CLIENT: Duration = Duration::from_secs(60);

/// Longest pause between two attempts to the operator's webhook.
const MAX_PAUSE_WEBHOOK: Duration = Duration::from_secs(3600);

/// What to do with a due row.
pub(super) enum PreparedDelivery {
    Send(Message),
    /// Nothing to tell the client yet: postponed until `until` if that still holds.
    NotYet {
        until: Timestamp,
        still_pending: StillPending,
    },
    /// Removed without being sent; the reason is for the log.
    Drop(&'static str),
    /// The message could not be built now; retried.
    Failed,
}

/// Checks, in the transaction that postpones a row, that the request is still pending as its client may see it.
pub(super) type StillPending = Arc<dyn Fn(&Transaction<'_>) -> Result<bool, StoreError> + Send + Sync>;

/// A `POST` to a recipient.
pub(super) struct Message {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl DeliveryWorker {
    /// Makes one attempt. Returns `false` if the recipient should get fewer concurrent attempts.
    pub(super) async fn attempt(self: &Arc<Self>, entry: Entry) -> bool {
        let prepared = match &entry.item {
            Item::Notification(notification) => self.notification(&entry, notification).await,
            Item::Event { id, body } => self.event(id, body),
        };
        let id = entry.id;
        let outcome = match prepared {
            PreparedDelivery::Send(message) => {
                let result = self.egress.post(&message.url, message.headers, message.body).await;
                let outcome = retry::classify(&result);
                let detail = match result {
                    Ok(answer) => format!("answered {}", answer.status),
                    Err(error) => error.to_string(),
                };
                self.record_attempt(&entry, outcome, &detail);
                outcome
            }
            PreparedDelivery::NotYet { until, still_pending } => {
                self.update_row(move |transaction| match still_pending(transaction)? {
                    true => outbox::postpone(transaction, id, until),
                    false => Ok(()),
                })
                .await;
                return true;
            }
            PreparedDelivery::Drop(why) => {
                tracing::debug!(kind = entry.kind(), recipient = entry.recipient, why, "delivery dropped");
                self.update_row(move |transaction| outbox::remove(transaction, id)).await;
                return true;
            }
            PreparedDelivery::Failed => {
                self.record_attempt(&entry, Delivery::Retry(None), "the message could not be built");
                Delivery::Retry(None)
            }
        };
        match outcome {
            Delivery::Delivered | Delivery::Refused => {
                self.update_row(move |transaction| outbox::remove(transaction, id)).await;
            }
            Delivery::Retry(retry_after) => self.reschedule(&entry, retry_after).await,
        }
        // A recipient that refuses does respond: it delays nothing.
        !matches!(outcome, Delivery::Retry(_))
    }

    /// Reschedules a row, or gives it up if the next attempt would be after `give_up_at`.
    async fn reschedule(&self, entry: &Entry, retry_after: Option<Duration>) {
        let (id, attempts) = (entry.id, entry.attempts.saturating_add(1));
        let longest = match entry.item {
            Item::Notification(_) => MAX_PAUSE_CLIENT,
            Item::Event { .. } => MAX_PAUSE_WEBHOOK,
        };
        let pause = retry::pause(attempts, longest, retry_after, &*self.ports.random);
        let due = self.ports.clock.now().plus_millis(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        if due > entry.give_up_at {
            self.metrics.count(entry.kind(), "given_up");
            let (kind, recipient) = (entry.kind(), entry.recipient.as_str());
            tracing::warn!(kind, recipient, attempts, outcome = "given_up", "delivery given up");
            return self.update_row(move |transaction| outbox::remove(transaction, id)).await;
        }
        self.update_row(move |transaction| outbox::reschedule(transaction, id, attempts, due)).await;
    }

    /// Counts and logs the result of an attempt; never the body or the address.
    fn record_attempt(&self, entry: &Entry, outcome: Delivery, detail: &str) {
        let (kind, recipient, attempts) = (entry.kind(), entry.recipient.as_str(), entry.attempts.saturating_add(1));
        let outcome = outcome.as_str();
        self.metrics.count(kind, outcome);
        match outcome {
            "delivered" => tracing::info!(kind, recipient, attempts, outcome, detail, "delivered"),
            _ => tracing::warn!(kind, recipient, attempts, outcome, detail, "delivery failed"),
        }
    }

    async fn update_row(&self, work: impl Fn(&Transaction<'_>) -> Result<(), StoreError> + Clone + Send + 'static) {
        write_result(self.gateway.store(), work).await;
    }
}

impl Entry {
    fn kind(&self) -> &'static str {
        match &self.item {
            Item::Notification(notification) if notification.push => "push",
            Item::Notification(_) => "ping",
            Item::Event { .. } => "event",
        }
    }
}
