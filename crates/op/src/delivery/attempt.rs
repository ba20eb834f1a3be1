//! One attempt to tell somebody: what is sent is made, sent, and what came of it is kept.

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_store::{Error as StoreError, Transaction};
use reqwest::header::HeaderMap;
use tokio::time::sleep;
use url::Url;

use super::DeliveryWorker;
use super::retry::{self, Delivery};
use crate::store::outbox::{self, Entry, Item};

/// The longest pause between two attempts to tell a client, whose request won't live long.
const MAX_PAUSE_CLIENT: Duration = Duration::from_secs(60);

/// The longest pause between two attempts to tell the operator.
const MAX_PAUSE_WEBHOOK: Duration = Duration::from_secs(3600);

/// The pause before what came of an attempt is written again, when the store did not take it.
const WRITE_RETRY_PAUSE: Duration = Duration::from_secs(2);

/// What becomes of a row whose time has come.
pub(super) enum PreparedDelivery {
    /// This is sent.
    Send(Message),
    /// There is nothing to tell before that time. The row is put off only if that is still true when it is written.
    NotYet { until: Timestamp, unless: StillPending },
    /// There is nobody to tell, or no sense in it any more.
    Drop(&'static str),
    /// It could not be made; perhaps the next time.
    Failed,
}

/// Asks once more, in the transaction that puts a row off, whether there is still nothing to tell.
pub(super) type StillPending = Arc<dyn Fn(&Transaction<'_>) -> Result<bool, StoreError> + Send + Sync>;

/// A call that tells somebody something.
pub(super) struct Message {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl DeliveryWorker {
    /// Makes one attempt. Returns whether the recipient is well, as far as that was seen.
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
                let said = match result {
                    Ok(answer) => format!("answered {}", answer.status),
                    Err(error) => error.to_string(),
                };
                self.record_attempt(&entry, outcome, &said);
                outcome
            }
            PreparedDelivery::NotYet { until, unless } => {
                self.update_row(move |transaction| match unless(transaction)? {
                    true => outbox::postpone(transaction, id, until),
                    false => Ok(()),
                })
                .await;
                return true;
            }
            PreparedDelivery::Drop(why) => {
                tracing::debug!(kind = entry.kind(), recipient = entry.recipient, why, "nothing is told");
                self.update_row(move |transaction| outbox::remove(transaction, id)).await;
                return true;
            }
            PreparedDelivery::Failed => {
                self.record_attempt(&entry, Delivery::Retry(None), "it could not be made");
                Delivery::Retry(None)
            }
        };
        match outcome {
            Delivery::Delivered | Delivery::Refused => {
                self.update_row(move |transaction| outbox::remove(transaction, id)).await;
            }
            Delivery::Retry(asked) => self.reschedule(&entry, asked).await,
        }
        // A refusal is an answer: whoever gives one does not hang.
        !matches!(outcome, Delivery::Retry(_))
    }

    /// Puts a row off, or gives it up where the next attempt would come too late.
    async fn reschedule(&self, entry: &Entry, asked: Option<Duration>) {
        let (id, attempts) = (entry.id, entry.attempts.saturating_add(1));
        let longest = match entry.item {
            Item::Notification(_) => MAX_PAUSE_CLIENT,
            Item::Event { .. } => MAX_PAUSE_WEBHOOK,
        };
        let pause = retry::pause(attempts, longest, asked, &*self.ports.random);
        let due = self.ports.clock.now().plus_millis(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        if due > entry.give_up_at {
            self.metrics.count(entry.kind(), "given_up");
            let (kind, recipient) = (entry.kind(), entry.recipient.as_str());
            tracing::warn!(kind, recipient, attempts, outcome = "given_up", "nobody took it in time");
            return self.update_row(move |transaction| outbox::remove(transaction, id)).await;
        }
        self.update_row(move |transaction| outbox::reschedule(transaction, id, attempts, due)).await;
    }

    /// A count and a line in the log: what came of it, never what was sent or where.
    fn record_attempt(&self, entry: &Entry, outcome: Delivery, said: &str) {
        let (kind, recipient, attempts) = (entry.kind(), entry.recipient.as_str(), entry.attempts.saturating_add(1));
        let outcome = outcome.as_str();
        self.metrics.count(kind, outcome);
        match outcome {
            "delivered" => tracing::info!(kind, recipient, attempts, outcome, said, "told"),
            _ => tracing::warn!(kind, recipient, attempts, outcome, said, "not told"),
        }
    }

    /// Writes what came of an attempt, as often as it takes: as long as it isn't kept, the row must not be tried again.
    async fn update_row(&self, work: impl Fn(&Transaction<'_>) -> Result<(), StoreError> + Clone + Send + 'static) {
        while let Err(error) = self.gateway.store().write(work.clone()).await {
            tracing::warn!(%error, "what came of an attempt to tell somebody could not be kept");
            if matches!(error, StoreError::Closed) {
                return;
            }
            sleep(WRITE_RETRY_PAUSE).await;
        }
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
