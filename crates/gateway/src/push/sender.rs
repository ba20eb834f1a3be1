//! Sends the pushes that are due: a few at once for each push service, so that one that hangs delays no other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::id::DeviceId;
use countersign_store::Error as StoreError;
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::queue::WAKEUPS_TOPIC;
use crate::Gateway;
use crate::push_settings::PushSettings;
use crate::store::wakeups::{self, Wakeup};

/// Pushes under way over all services.
const MOST: usize = 256;
/// Pushes under way to one service; one whose last push failed gets one.
const MOST_PER_SERVICE: usize = 32;
/// How often the queue is read without a notification, because the clock may have been set.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How long pushes under way may take once the gateway closes. One that is cut off is sent again after the next start.
const GRACE: Duration = Duration::from_secs(3);

/// Pushes under way.
#[derive(Default)]
struct InFlight {
    tasks: JoinSet<bool>,
    of_task: HashMap<Id, (String, DeviceId)>,
    devices: HashSet<DeviceId>,
    by_service: HashMap<String, usize>,
    /// Services whose last push failed.
    failing: HashSet<String>,
}

impl Gateway {
    /// Starts to send pushes, where the settings say so, until the gateway closes. One process at a time does.
    pub fn run_push_sender(&self) -> Option<JoinHandle<()>> {
        let push = Arc::new(self.settings().push.clone()?);
        let gateway = self.clone();
        Some(tokio::spawn(async move { gateway.send_pushes(&push).await }))
    }

    async fn send_pushes(&self, push: &Arc<PushSettings>) {
        let listener = self.store().notifier().listen(WAKEUPS_TOPIC);
        let mut in_flight = InFlight::default();
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
        let finished = timeout(GRACE, async { while in_flight.tasks.join_next().await.is_some() {} });
        if finished.await.is_err() {
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

    async fn start_due(&self, push: &Arc<PushSettings>, in_flight: &mut InFlight) -> Result<(), StoreError> {
        let now = self.now();
        for service in self.store().read(move |snapshot| wakeups::services_due(snapshot, now)).await? {
            if in_flight.tasks.len() >= MOST {
                break;
            }
            let most = if in_flight.failing.contains(&service) { 1 } else { MOST_PER_SERVICE };
            if in_flight.by_service.get(&service).is_some_and(|count| *count >= most) {
                continue;
            }
            let due = self.store().read(move |snapshot| wakeups::due(snapshot, &service, now, most)).await?;
            due.into_iter().for_each(|wakeup| in_flight.start(self, push, wakeup));
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

impl InFlight {
    /// Starts an attempt, unless one for this device is under way.
    fn start(&mut self, gateway: &Gateway, push: &Arc<PushSettings>, wakeup: Wakeup) {
        if !self.devices.insert(wakeup.device.clone()) {
            return;
        }
        *self.by_service.entry(wakeup.service.clone()).or_default() += 1;
        let of_task = (wakeup.service.clone(), wakeup.device.clone());
        let (gateway, push) = (gateway.clone(), push.clone());
        let task = self.tasks.spawn(async move { gateway.attempt_push(&push, wakeup).await });
        self.of_task.insert(task.id(), of_task);
    }

    /// Waits for an attempt to finish; never resolves while none is under way.
    async fn next_finished(&mut self) {
        let (task, succeeded) = match self.tasks.join_next_with_id().await {
            Some(Ok((task, succeeded))) => (task, succeeded),
            Some(Err(error)) => {
                tracing::error!(%error, "a push panicked");
                (error.id(), false)
            }
            None => return std::future::pending().await,
        };
        let Some((service, device)) = self.of_task.remove(&task) else { return };
        self.devices.remove(&device);
        if let Some(count) = self.by_service.get_mut(&service) {
            *count -= 1;
            if *count == 0 {
                self.by_service.remove(&service);
            }
        }
        match succeeded {
            true => self.failing.remove(&service),
            false => self.failing.insert(service),
        };
    }
}
