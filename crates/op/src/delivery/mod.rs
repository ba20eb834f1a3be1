//! Delivery of pings, pushes (CIBA Core §10.2, §10.3) and webhook events, each repeated until it is acknowledged.
//!
//! The outbox is a table: its rows are added in the transaction of the event they report (`recorder.rs`) and removed once they
//! are acknowledged (`attempt.rs`), so that a crash costs at most a repetition with the same body. Failed attempts are repeated
//! with growing pauses (`retry.rs`). Each recipient has a queue of its own with few attempts at once: an endpoint that hangs
//! delays no other.

mod attempt;
mod delivery_metrics;
mod notification;
mod recorder;
mod retry;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use countersign_egress::Egress;
use countersign_gateway::outbox::InFlight;
use countersign_gateway::{Gateway, Ports};
use countersign_store::Error as StoreError;
use tokio::time::sleep;

pub use delivery_metrics::DeliveryCount;
pub(crate) use delivery_metrics::DeliveryMetrics;
pub(crate) use recorder::Recorder;
pub(crate) use webhook::Event;

use crate::config::Config;
use crate::directory::Directory;
use crate::issuance::Issuance;
use crate::shutdown::Shutdown;
use crate::store::outbox;

/// Notified when an outbox row becomes due.
pub(crate) const OUTBOX_TOPIC: &str = "outbox";

/// Concurrent attempts over all queues.
const MAX_IN_FLIGHT: usize = 256;

/// Concurrent attempts to one recipient; a recipient whose last attempt failed gets one.
const MAX_IN_FLIGHT_PER_RECIPIENT: usize = 4;

/// How often the outbox is read without a notification, because the clock may have been set.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Sends the due rows of the outbox.
pub(crate) struct DeliveryWorker {
    pub(crate) config: Arc<Config>,
    pub(crate) gateway: Gateway,
    pub(crate) directory: Arc<Directory>,
    pub(crate) issuance: Arc<Issuance>,
    pub(crate) egress: Egress,
    pub(crate) metrics: DeliveryMetrics,
    pub(crate) ports: Ports,
    pub(crate) shutdown: Shutdown,
}

impl DeliveryWorker {
    /// Delivers until shutdown begins.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut in_flight = InFlight::new(MAX_IN_FLIGHT, MAX_IN_FLIGHT_PER_RECIPIENT);
        let notifier = self.gateway.store().notifier().clone();
        loop {
            let listener = notifier.listen(OUTBOX_TOPIC);
            let changed = listener.changed();
            if let Err(error) = self.start_due(&mut in_flight).await {
                tracing::warn!(%error, "the outbox could not be read");
            }
            let pause = self.until_next_due().await;
            tokio::select! {
                () = changed => {}
                () = in_flight.next_finished() => {}
                () = sleep(pause) => {}
                () = self.shutdown.wait() => break,
            }
        }
        if !in_flight.finish().await {
            tracing::info!("deliveries in progress were cut off; they are repeated after the next start");
        }
    }

    async fn start_due(self: &Arc<Self>, in_flight: &mut InFlight<i64>) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        let store = self.gateway.store();
        for recipient in store.read(move |snapshot| outbox::recipients_due(snapshot, now)).await? {
            if in_flight.is_full() {
                break;
            }
            let Some(most) = in_flight.rooms().room(&recipient) else { continue };
            for entry in store.read(move |snapshot| outbox::due(snapshot, &recipient, now, most)).await? {
                let (worker, recipient, id) = (self.clone(), entry.recipient.clone(), entry.id);
                in_flight.start(recipient, id, async move { worker.attempt(entry).await });
            }
        }
        Ok(())
    }

    async fn until_next_due(&self) -> Duration {
        let now = self.ports.clock.now();
        let next = self.gateway.store().read(move |snapshot| outbox::next_due(snapshot, now)).await.ok().flatten();
        let pause = next.map_or(POLL_INTERVAL, |next| Duration::from_millis(next.millis_since(now)));
        pause.min(POLL_INTERVAL)
    }
}
