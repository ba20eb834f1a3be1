//! The queue of pushes: which events add to it, and what ends a push before it is sent.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::{ChallengeId, DeviceId};
use countersign_store::{Error as StoreError, Transaction};

use crate::Gateway;
use crate::store::wakeups::{self, Reason};

/// The sender is woken by it.
pub(crate) const WAKEUPS_TOPIC: &str = "wakeups";

/// How long a device with an open stream or a held fetch may take to confirm what came.
const CONFIRM_WITHIN: Duration = Duration::from_secs(3);

/// Nothing is sent for this reason alone.
const NEVER: Timestamp = Timestamp::from_millis(0);

impl Gateway {
    /// A challenge that is not held waits for the device.
    pub(crate) fn wake_for_challenge(
        &self,
        transaction: &Transaction<'_>,
        device: &DeviceId,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let streamed = self.held_streams().has(device);
        let waits = streamed || self.held_polls().has(device);
        let pause = if waits { CONFIRM_WITHIN } else { Duration::ZERO };
        let due_at = now.plus_millis(pause.as_millis() as u64);
        self.wake(transaction, device, &Reason { due_at, streamed, kept: false, until: NEVER, quiet_alone: false })
    }

    /// Something that waited for the device has ended: told to addresses that may pass over a push in silence.
    pub(crate) fn wake_for_end(
        &self,
        transaction: &Transaction<'_>,
        device: &DeviceId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let due_at = self.now();
        self.wake(transaction, device, &Reason { due_at, streamed: false, kept: false, until, quiet_alone: true })
    }

    /// A push that is sent whatever the device confirms meanwhile.
    pub(crate) fn wake_in_any_case(
        &self,
        transaction: &Transaction<'_>,
        device: &DeviceId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let due_at = self.now();
        self.wake(transaction, device, &Reason { due_at, streamed: false, kept: true, until, quiet_alone: false })
    }

    fn wake(&self, transaction: &Transaction<'_>, device: &DeviceId, reason: &Reason) -> Result<(), StoreError> {
        let Some(push) = &self.settings().push else { return Ok(()) };
        if wakeups::queue(transaction, device, reason)? {
            let observer = push.observer.clone();
            transaction.after_commit(move || observer.wakeup("queued"));
            transaction.notify_after_commit(WAKEUPS_TOPIC);
        }
        Ok(())
    }

    /// The device has everything up to this cursor.
    pub(crate) async fn confirm_received(&self, device: &DeviceId, cursor: &str) -> Result<(), StoreError> {
        let Some(n) = self.position(cursor) else { return Ok(()) };
        if self.settings().push.is_none() {
            return Ok(());
        }
        let (gateway, device) = (self.clone(), device.clone());
        self.store()
            .write(move |tx| {
                if wakeups::confirm(tx, &device, n)? {
                    gateway.count_confirmed(tx);
                }
                Ok(())
            })
            .await
    }

    /// The device speaks about this challenge, so it has it.
    pub(crate) fn confirm_challenge(
        &self,
        transaction: &Transaction<'_>,
        device: &DeviceId,
        challenge: &ChallengeId,
    ) -> Result<(), StoreError> {
        if self.settings().push.is_some() && wakeups::confirm_challenge(transaction, device, challenge)? {
            self.count_confirmed(transaction);
        }
        Ok(())
    }

    fn count_confirmed(&self, transaction: &Transaction<'_>) {
        if let Some(push) = &self.settings().push {
            let observer = push.observer.clone();
            transaction.after_commit(move || observer.wakeup("confirmed"));
        }
    }
}
