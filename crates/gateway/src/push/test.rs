//! Test pushes: one is sent on request, and how long each step took is reported.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::DeviceId;
use countersign_store::Error as StoreError;
use tokio::time::{Instant, sleep};

use crate::Gateway;
use crate::store::devices::{self, DeviceState};
use crate::store::push_addresses::{self, AddressRow, AddressState};
use crate::store::wakeups::{self, Queued};

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
    #[error("the device is {}: nothing is pushed to it", standing(*.0))]
    NotActive(DeviceState),
    /// It has no address.
    #[error("the device has no push address")]
    NoAddress,
    /// Its push service answered 404 or 410.
    #[error(
        "{service} no longer knows the device's push address, which was forgotten; the device has to register a new one"
    )]
    Gone {
        /// The push service's host.
        service: String,
    },
    /// Its push service refused this provider's key.
    #[error("{service} refused this provider's key for the device's push address; the device has to subscribe anew")]
    Rekey {
        /// The push service's host.
        service: String,
    },
    /// This provider does not push.
    #[error("this provider does not push: see [push] in its configuration")]
    Off,
    /// Earlier pushes failed, and the next try comes after a test would have ended.
    #[error("the device's last push was not accepted; the next try is in {seconds} s")]
    PutOff {
        /// Seconds until the next try.
        seconds: u64,
    },
    /// Nothing took it from the queue.
    #[error("nothing took the push from the queue: is the provider running?")]
    NotSent,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const fn standing(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Unconfirmed => "not confirmed yet",
        DeviceState::Active => "active",
        DeviceState::Suspended => "suspended",
        DeviceState::Revoked => "revoked",
        DeviceState::Abandoned => "never confirmed",
    }
}

impl PushTestError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            PushTestError::UnknownDevice => "unknown",
            PushTestError::NotActive(_)
            | PushTestError::NoAddress
            | PushTestError::Gone { .. }
            | PushTestError::Rekey { .. }
            | PushTestError::Off => "no_push",
            PushTestError::PutOff { .. } | PushTestError::NotSent => "unavailable",
            PushTestError::Store(_) => "provider",
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
                    return Err(PushTestError::NotActive(device.state));
                }
                let row = push_addresses::by_device(tx, &id)?.ok_or(PushTestError::NoAddress)?;
                let service = row.host().to_owned();
                match row.state {
                    AddressState::Ok => {}
                    AddressState::Gone => return Err(PushTestError::Gone { service }),
                    AddressState::Rekey => return Err(PushTestError::Rekey { service }),
                }
                if let Some(seconds) = put_off(wakeups::queued(tx, &id)?, began) {
                    return Err(PushTestError::PutOff { seconds });
                }
                gateway.wake_in_any_case(tx, &id, began.plus_seconds(TEST_SECONDS))?;
                Ok(())
            })
            .await?;
        let until = Instant::now() + WAIT;
        // Of the first attempt, however many follow.
        let mut taken = None;
        loop {
            let id = device.clone();
            let read = self
                .store()
                .read(move |snapshot| Ok((push_addresses::by_device(snapshot, &id)?, wakeups::queued(snapshot, &id)?)));
            let (row, queued) = read.await?;
            let row = row.ok_or(PushTestError::NoAddress)?;
            taken = taken.or(row.sent_at.filter(|sent| *sent >= began));
            let is_over = Instant::now() >= until;
            match taken {
                Some(sent_at) => {
                    let accepted = row.last_ok.is_some_and(|at| at >= sent_at);
                    let is_final = queued.is_none() || put_off(queued, began).is_some();
                    if accepted || row.state != AddressState::Ok || is_final || is_over {
                        return Ok(report(&row, began, sent_at));
                    }
                }
                None => {
                    // An attempt that was under way before the test has failed.
                    if let Some(seconds) = put_off(queued, began) {
                        return Err(PushTestError::PutOff { seconds });
                    }
                    if is_over {
                        return Err(PushTestError::NotSent);
                    }
                }
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

/// Seconds from the test's begin until a push that failed before is tried again, where no test waits so long.
fn put_off(queued: Option<Queued>, began: Timestamp) -> Option<u64> {
    let Queued { attempts, due_at } = queued?;
    let wait = due_at.millis_since(began);
    (attempts > 0 && u128::from(wait) > WAIT.as_millis()).then_some(wait.div_ceil(1000))
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
