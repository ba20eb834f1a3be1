//! How a device is woken: its push address at its providers, a test push, practice, and pulling at each wake in place of a stream.

use countersign_protocol::json;
use countersign_protocol::push::{PushAddress, PushStatus, PushTest};

use crate::account::AccountId;
use crate::account_task::TaskStopped;
use crate::core::{Effect, Event, OwnCall, OwnCallId};
use crate::device::{AccountHandle, Device};
use crate::device_event::OfflineReason;
use crate::error::OwnCallError;
use crate::listeners::Events;
use crate::ports::wake::Wake;

impl Device {
    /// Fetches at once, and again at every wake: no stream and no long poll is held. The first caller also gets the events since
    /// the device was opened.
    pub async fn run_by(&self, wake: Box<dyn Wake>) -> Events {
        let events = self.inner.services.listeners.listen_from_the_start();
        self.wake_by(wake);
        for handle in self.handles().into_values() {
            // A stopped account has emitted `Stopped` already.
            handle.task.send(Event::Wake).await.ok();
        }
        events
    }

    /// Tells the account's provider where this device can be woken; `None`: nowhere any more. What it makes of that is
    /// [`Device::push_status`].
    ///
    /// # Errors
    /// [`OwnCallError`]; what the provider knew before is unchanged, unless there was no reply.
    pub async fn set_push_address(
        &self,
        account: &AccountId,
        address: Option<PushAddress>,
    ) -> Result<(), OwnCallError> {
        self.about_itself(account, OwnCall::PushAddress(address.map(Box::new))).await.map(drop)
    }

    /// Has the account's provider send a push now, and waits until the push service has accepted it.
    ///
    /// # Errors
    /// [`OwnCallError`].
    pub async fn test_push(&self, account: &AccountId) -> Result<PushTest, OwnCallError> {
        let body = self.about_itself(account, OwnCall::PushTest).await?;
        json::parse(&body).map_err(|_| OwnCallError::NoReply { why: Some(OfflineReason::NotTheProvider) })
    }

    /// Asks the account's provider for a practice request, which comes as every request does.
    ///
    /// # Errors
    /// [`OwnCallError`].
    pub async fn practise(&self, account: &AccountId) -> Result<(), OwnCallError> {
        self.about_itself(account, OwnCall::Practice).await.map(drop)
    }

    /// What the account's provider last said of its push address; `None` before the first fetch since the start.
    pub async fn push_status(&self, account: &AccountId) -> Option<PushStatus> {
        let handle = self.handles().remove(account)?;
        handle.task.read(|core, _| core.push_status().cloned()).await.ok().flatten()
    }

    pub(crate) async fn about_itself(&self, account: &AccountId, call: OwnCall) -> Result<Vec<u8>, OwnCallError> {
        let handle = self.handles().remove(account).ok_or(OwnCallError::Unknown)?;
        let id = begin(&handle, call).await?;
        handle.task.wait_for(move |core, _| core.has_own_reply(id).then_some(())).await?;
        handle.task.run(move |core, _| (core.take_own_reply(id), Vec::new())).await?
    }
}

async fn begin(handle: &AccountHandle, call: OwnCall) -> Result<OwnCallId, OwnCallError> {
    let begun = handle.task.run(move |core, at| match core.call_about_itself(at, call) {
        Ok((id, effects)) => (Ok(id), effects),
        Err(error) => (Err(error), Vec::<Effect>::new()),
    });
    begun.await?
}

impl From<TaskStopped> for OwnCallError {
    fn from(TaskStopped: TaskStopped) -> Self {
        OwnCallError::Stopped
    }
}
