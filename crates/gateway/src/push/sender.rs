//! Sends the pushes that are due: a few at once for each push service, so that one that hangs delays no other.

use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::id::DeviceId;
use countersign_store::Error as StoreError;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::queue::WAKEUPS_TOPIC;
use crate::Gateway;
use crate::outbox::InFlight;
use crate::push_settings::PushSettings;
use crate::store::wakeups;

/// Pushes under way over all services.
const MOST: usize = 256;
/// Pushes under way to one service; one whose last push failed gets one.
const MOST_PER_SERVICE: usize = 32;
/// How often the queue is read without a notification, because the clock may have been set.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

impl Gateway {
    /// Starts to send pushes, where the settings say so, until the gateway closes. One process at a time does.
    pub fn run_push_sender(&self) -> Option<JoinHandle<()>> {
        let push = Arc::new(self.settings().push.clone()?);
        let gateway = self.clone();
        Some(tokio::spawn(async move { gateway.send_pushes(&push).await }))
    }

    async fn send_pushes(&self, push: &Arc<PushSettings>) {
        let listener = self.store().notifier().listen(WAKEUPS_TOPIC);
        let mut in_flight = InFlight::new(MOST, MOST_PER_SERVICE);
        while !self.is_closing() {
            let changed = listener.changed();
            let started = async {
                self.end_waits_for_streams().await?;
                self.start_due(push, &mut in_flight).await
            };
            if let Err(error) = started.await {
                if matches!(error, StoreError::Closed) {
                    return;
                }
                tracing::warn!(%error, "the queue of pushes could not be read");
            }
            let pause = self.until_next_due().await;
            tokio::select! {
                () = changed => {}
                () = self.held_streams().ended() => {}
                () = in_flight.next_finished() => {}
                () = sleep(pause) => {}
            }
        }
        if !in_flight.finish().await {
            tracing::info!("pushes in progress were cut off; they are sent again after the next start");
        }
    }

    /// A stream that ended brings no confirmation any more.
    async fn end_waits_for_streams(&self) -> Result<(), StoreError> {
        let waiting = self.store().read(wakeups::streamed).await?;
        let ended: Vec<_> = waiting.into_iter().filter(|device| !self.held_streams().has(device)).collect();
        if ended.is_empty() {
            return Ok(());
        }
        let now = self.now();
        self.store().write(move |tx| ended.iter().try_for_each(|device| wakeups::stream_ended(tx, device, now))).await
    }

    async fn start_due(&self, push: &Arc<PushSettings>, in_flight: &mut InFlight<DeviceId>) -> Result<(), StoreError> {
        let now = self.now();
        for service in self.store().read(move |snapshot| wakeups::services_due(snapshot, now)).await? {
            if in_flight.is_full() {
                break;
            }
            let Some(most) = in_flight.room(&service) else { continue };
            let due = self.store().read(move |snapshot| wakeups::due(snapshot, &service, now, most)).await?;
            for wakeup in due {
                let (gateway, push) = (self.clone(), push.clone());
                let (service, device) = (wakeup.service.clone(), wakeup.device.clone());
                let call = async move { gateway.attempt_push(&push, wakeup).await };
                in_flight.start(service, device, call);
            }
        }
        Ok(())
    }

    async fn until_next_due(&self) -> Duration {
        let next = self.store().read(wakeups::next_due).await.ok().flatten();
        let wait = next.map(|next| Duration::from_millis(next.millis_since(self.now())));
        // What is due already waits for one that is under way.
        wait.filter(|wait| !wait.is_zero()).map_or(POLL_INTERVAL, |wait| wait.min(POLL_INTERVAL))
    }
}
