//! Test pushes: one is sent on request, and how long each step took is reported.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::DeviceId;
use countersign_store::Error as StoreError;
use tokio::time::{Instant, sleep};

use crate::Gateway;
use crate::store::devices::{self, DeviceState};
use crate::store::push_addresses::{self, AddressRow, AddressState};

/// How long a test push is worth delivering, in seconds.
const TEST_SECONDS: u64 = 60;
/// How long a test waits for the push service.
const WAIT: Duration = Duration::from_secs(15);
/// How often the result is looked for: the sender may run in another process.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long the steps of a test push took.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushTestReport {
    /// Until the sender took it from the queue, in milliseconds.
    pub queued_ms: u64,
    /// From then until the push service accepted it, in milliseconds; `None`: it did not within 15 s, or refused.
    pub accepted_ms: Option<u64>,
    /// The push service's host.
    pub service: String,
    /// When the service accepted it.
    accepted_at: Option<Timestamp>,
}

/// Why no test push was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushTestError {
    /// There is no such device.
    #[error("there is no such device")]
    UnknownDevice,
    /// The device does not take part.
    #[error("the device is not active: nothing is pushed to it")]
    NotActive,
    /// It has no address that can be pushed to.
    #[error("the device has no push address, or one that its push service or this provider's key no longer fits")]
    NoAddress,
    /// This provider does not push.
    #[error("this provider does not push: see [push] in its configuration")]
    Off,
    /// Nothing took it from the queue.
    #[error("nothing took the push from the queue: is the provider running?")]
    NotSent,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PushTestError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            PushTestError::UnknownDevice => "unknown",
            PushTestError::NotActive | PushTestError::NoAddress | PushTestError::Off => "no_push",
            PushTestError::NotSent | PushTestError::Store(_) => "provider",
        }
    }
}

impl Gateway {
    /// Sends a test push to the device, and waits until its push service accepted it: at most 15 seconds. For the operator, without a limit.
    ///
    /// # Errors
    /// [`PushTestError`].
    pub async fn test_push(&self, device: &DeviceId) -> Result<PushTestReport, PushTestError> {
        if self.settings().push.is_none() {
            return Err(PushTestError::Off);
        }
        let (gateway, id) = (self.clone(), device.clone());
        let began = self.now();
        self.store()
            .write(move |tx| -> Result<(), PushTestError> {
                let device = devices::by_id(tx, &id)?.ok_or(PushTestError::UnknownDevice)?;
                if device.state != DeviceState::Active {
                    return Err(PushTestError::NotActive);
                }
                let address = push_addresses::by_device(tx, &id)?;
                address.filter(|row| row.state == AddressState::Ok).ok_or(PushTestError::NoAddress)?;
                gateway.wake_in_any_case(tx, &id, began.plus_seconds(TEST_SECONDS))?;
                Ok(())
            })
            .await?;
        let until = Instant::now() + WAIT;
        // Of the first attempt, however many follow.
        let mut taken = None;
        loop {
            let id = device.clone();
            let row = self.store().read(move |snapshot| push_addresses::by_device(snapshot, &id)).await?;
            let row = row.ok_or(PushTestError::NoAddress)?;
            taken = taken.or(row.sent_at.filter(|sent| *sent >= began));
            if let Some(sent_at) = taken
                && (row.last_ok.is_some_and(|at| at >= sent_at)
                    || row.state != AddressState::Ok
                    || Instant::now() >= until)
            {
                return Ok(report(&row, began, sent_at));
            }
            if Instant::now() >= until {
                return Err(PushTestError::NotSent);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for the device's first call after a test push, and says how many milliseconds it took; `None`: it did not come in this time.
    ///
    /// # Errors
    /// The store's.
    pub async fn await_look(
        &self,
        device: &DeviceId,
        report: &PushTestReport,
        most: Duration,
    ) -> Result<Option<u64>, StoreError> {
        let Some(accepted_at) = report.accepted_at else { return Ok(None) };
        let until = Instant::now() + most;
        loop {
            let id = device.clone();
            let row = self.store().read(move |snapshot| push_addresses::by_device(snapshot, &id)).await?;
            if let Some(row) = row
                && row.last_ok.is_some_and(|at| at >= accepted_at)
                && let Some(looked_at) = row.looked_at
                && row.sent_at.is_some_and(|sent_at| looked_at >= sent_at)
            {
                return Ok(Some(looked_at.millis_since(accepted_at)));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

fn report(row: &AddressRow, began: Timestamp, sent_at: Timestamp) -> PushTestReport {
    let accepted_at = row.last_ok.filter(|at| *at >= sent_at);
    PushTestReport {
        queued_ms: sent_at.millis_since(began),
        accepted_ms: accepted_at.map(|at| at.millis_since(sent_at)),
        service: row.host().to_owned(),
        accepted_at,
    }
}
