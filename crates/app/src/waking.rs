//! How the app is woken by push: asking for it, practice, a test push, and keeping providers informed where it is.

use std::sync::Arc;

use countersign_device::Device;
use countersign_device::account::AccountId;
use countersign_device::error::WakeError;
use countersign_device::ports::push_service::PushService;
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;

/// What came of asking to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum WakeResult {
    /// The provider wakes this device from now on.
    On,
    /// The person, asked now, said no.
    Refused,
    /// The person said no earlier.
    Blocked,
    /// This browser can't be woken.
    Unsupported,
    /// The browser has no push service, or does not reach it.
    Absent,
    /// The browser did not answer within ten seconds.
    Silent,
}

/// A test push on its way, as far as the provider knows.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PushTrial {
    /// From the call until the provider sent it, in milliseconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub queued_ms: u64,
    /// From then until the push service took it, in milliseconds; `null`: it did not.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub accepted_ms: Option<u64>,
    /// The push service's host.
    pub service: String,
}

impl App {
    /// Asks the person to allow that this device is woken, subscribes, and tells the account's provider. To be called in a gesture.
    ///
    /// # Errors
    /// [`Failure`] where the provider could not be told; it is told later.
    pub async fn wake(&self, account: &str) -> Result<WakeResult, Failure> {
        let account = account_id(account)?;
        let device = self.device()?;
        let Some(push) = self.push_service() else { return Ok(WakeResult::Unsupported) };
        let woken = device.wake_by_push(&account, &*push).await;
        if woken.is_ok() {
            // The others of this page are told, too: there is one subscription.
            self.look_to_push().await;
        }
        self.changed();
        match woken {
            Ok(()) => Ok(WakeResult::On),
            Err(WakeError::Refused) => Ok(WakeResult::Refused),
            Err(WakeError::Blocked) => Ok(WakeResult::Blocked),
            Err(WakeError::Unsupported) => Ok(WakeResult::Unsupported),
            Err(WakeError::NoService(_)) => Ok(WakeResult::Absent),
            Err(WakeError::Silent) => Ok(WakeResult::Silent),
            Err(error) => Err(Failure::new(error.code(), error)),
        }
    }

    /// Asks the account's provider for a practice request.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn practise(&self, account: &str) -> Result<(), Failure> {
        Ok(self.device()?.practise(&account_id(account)?).await?)
    }

    /// Has the account's provider push now.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn test_push(&self, account: &str) -> Result<PushTrial, Failure> {
        let test = self.device()?.test_push(&account_id(account)?).await?;
        let service = countersign_protocol::text::escape(&test.service);
        Ok(PushTrial { queued_ms: test.queued_ms, accepted_ms: test.accepted_ms, service })
    }

    /// Compares the subscription with what providers know of it, and puts right what differs.
    pub async fn look_to_push(&self) {
        if let (Ok(device), Some(push)) = (self.device(), self.push_service()) {
            let _turn = self.push_turn().lock().await;
            device.look_to_push(&*push).await;
            self.changed();
        }
    }

    /// Looks to the subscription whenever the account's provider says something else of it. Where nothing can wake this app, nothing
    /// is watched.
    pub(crate) fn watch_push(&self, device: &Device, account: &AccountId) {
        let Some(runtime) = self.push_service().map(|_| self.runtime()) else { return };
        let inner = self.downgrade();
        let watch = device.watch_push(account, move || {
            let inner = inner.clone();
            runtime.spawn(Box::pin(async move {
                if let Some(app) = inner.upgrade() {
                    app.look_to_push().await;
                }
            }));
        });
        if let Some(watch) = watch {
            self.keep_push_watch(watch);
        }
    }

    pub(crate) fn push_service(&self) -> Option<Arc<dyn PushService>> {
        self.options().push.clone()
    }
}

fn account_id(text: &str) -> Result<AccountId, Failure> {
    text.parse().map_err(|_| Failure::bad_argument("the account"))
}
