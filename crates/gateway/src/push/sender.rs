//! Sends the pushes that are due: a few at once for each push service, so that one that hangs delays no other.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::DeviceId;
use countersign_store::{Error as StoreError, Snapshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::queue::WAKEUPS_TOPIC;
use crate::Gateway;
use crate::outbox::{InFlight, Rooms};
use crate::push_settings::PushSettings;
use crate::store::wakeups::{self, Wakeup};

/// Pushes under way over all services.
const MOST: usize = 256;
/// Pushes under way to one service.
const MOST_PER_SERVICE: usize = 32;
/// Of these, pushes to devices whose last one failed. Those to others never wait for them: a device chooses its address, and one at which
/// nobody answers must not delay everybody else's at the same service.
const MOST_REPEATED: usize = 16;
/// A service is failing once pushes to so many devices failed and none was answered: then one at a time is repeated.
const FAILING_AFTER: usize = 3;
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
        let mut in_flight = InFlight::new(MOST, MOST_PER_SERVICE).failing_after(FAILING_AFTER);
        while !self.is_closing() {
            let changed = listener.changed();
            let next = match self.start_due(push, &mut in_flight).await {
                Err(StoreError::Closed) => return,
                started => started.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the queue of pushes could not be read");
                    None
                }),
            };
            let wait = next.map(|next| Duration::from_millis(next.millis_since(self.now())));
            // What is due already waits for one that is under way.
            let pause = wait.filter(|wait| !wait.is_zero()).map_or(POLL_INTERVAL, |wait| wait.min(POLL_INTERVAL));
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

    /// Starts what is due, and returns when the next push is.
    async fn start_due(
        &self,
        push: &Arc<PushSettings>,
        in_flight: &mut InFlight<DeviceId>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut queue = self.read_queue(in_flight).await?;
        queue.streamed.retain(|device| !self.held_streams().has(device));
        if !queue.streamed.is_empty() {
            // A stream that ended brings no confirmation any more.
            let (ended, now) = (queue.streamed, self.now());
            self.store()
                .write(move |tx| ended.iter().try_for_each(|device| wakeups::stream_ended(tx, device, now)))
                .await?;
            queue = self.read_queue(in_flight).await?;
        }
        in_flight.forget_failures(|service| queue.services.contains(service));
        for wakeup in queue.due {
            if in_flight.is_full() {
                break;
            }
            if !in_flight.rooms().has_room(&wakeup.service) {
                continue;
            }
            let (gateway, push) = (self.clone(), push.clone());
            let (service, device) = (wakeup.service.clone(), wakeup.device.clone());
            let call = async move { gateway.attempt_push(&push, wakeup).await };
            in_flight.start(service, device, call);
        }
        Ok(queue.next)
    }

    async fn read_queue(&self, in_flight: &InFlight<DeviceId>) -> Result<Queue, StoreError> {
        let (now, rooms) = (self.now(), in_flight.rooms().clone());
        self.store().read(move |snapshot| Queue::read(snapshot, now, &rooms)).await
    }
}

/// The queue of pushes, read at once: each look at the store wakes another thread.
struct Queue {
    /// Devices whose pushes wait for the confirmation of an open stream.
    streamed: Vec<DeviceId>,
    /// Services with a push that is queued, due or not.
    services: HashSet<String>,
    /// As many as their services have room for, those under way among them; of each service first those that did not fail.
    due: Vec<Wakeup>,
    /// When the next push is due.
    next: Option<Timestamp>,
}

impl Queue {
    fn read(snapshot: &Snapshot<'_>, now: Timestamp, rooms: &Rooms) -> Result<Queue, StoreError> {
        let (mut due, mut services) = (Vec::new(), HashSet::new());
        for (service, is_due) in wakeups::services(snapshot, now)? {
            if is_due && rooms.has_room(&service) {
                let repeated = if rooms.is_failing(&service) { 1 } else { MOST_REPEATED };
                for (has_failed, most) in [(false, MOST_PER_SERVICE), (true, repeated)] {
                    due.append(&mut wakeups::due(snapshot, &service, has_failed, now, most)?);
                }
            }
            services.insert(service);
        }
        Ok(Queue { streamed: wakeups::streamed(snapshot)?, services, due, next: wakeups::next_due(snapshot)? })
    }
}
