//! Withdraws many approvals, a few in each write, so that no other write waits long for a lock, a removal or a revocation.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use countersign_protocol::id::{ApprovalId, DeviceId};
use countersign_store::Transaction;

use crate::Gateway;
use crate::outcome::EndError;
use crate::store::approvals::Status;
use crate::store::{challenges, passkeys};

/// Approvals ended in one write. Each takes a signature and four rows for every device that was asked, at most ten: some
/// 30 ms for all.
pub(crate) const AT_ONCE: usize = 8;

/// Between two of these writes, at least: SQLite looks some ten times a second whether a file is free that it waits for.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

impl Gateway {
    /// Withdraws those of these approvals that are still pending, and returns their number. Takes many small writes, and pauses
    /// between them for as long as each took: a command beside a serving provider is another process, and a file that one
    /// process writes without a pause others wait for in vain. After a crash in between the rest is still pending.
    ///
    /// # Errors
    /// [`EndError`]; what was withdrawn before stays so.
    pub async fn withdraw_all(&self, approvals: Vec<ApprovalId>) -> Result<usize, EndError> {
        let mut withdrawn = 0;
        let mut pause = None;
        for some in approvals.chunks(AT_ONCE) {
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            let begun = Instant::now();
            let (gateway, some) = (self.clone(), some.to_vec());
            let ended = self.store().write(move |tx| -> Result<usize, EndError> {
                let mut ended = 0;
                for approval in &some {
                    ended += usize::from(gateway.withdraw(tx, approval)?);
                }
                Ok(ended)
            });
            withdrawn += ended.await?;
            pause = Some(begun.elapsed().max(SHORTEST_PAUSE));
        }
        Ok(withdrawn)
    }

    /// Asks the device that took the place of this one, which ended, about the first approvals that are pending, and ends those that no
    /// device is left to answer; the rest follows the commit, by [`Gateway::withdraw_from_ended_devices`].
    pub(crate) fn withdraw_from(&self, transaction: &Transaction<'_>, device: &DeviceId) -> Result<(), EndError> {
        let pending = challenges::pending_approvals(transaction, device)?;
        self.leave_to_others(transaction, device, &pending[..pending.len().min(AT_ONCE)])?;
        if pending.len() > AT_ONCE {
            let (gateway, device) = (self.clone(), device.clone());
            transaction.after_commit(move || gateway.ended_devices().lock().push(device));
        }
        Ok(())
    }

    /// Asks those that took the place of devices which ended, and ends the approvals that are left without anybody to answer. The first call also looks for devices that
    /// ended before this process began.
    pub(crate) async fn withdraw_from_ended_devices(&self) -> Result<(), EndError> {
        if !self.ended_devices().looked.load(Ordering::Acquire) {
            let earlier = self.store().read_slow(challenges::ended_devices_with_pending).await?;
            self.ended_devices().lock().extend(earlier);
            self.ended_devices().looked.store(true, Ordering::Release);
        }
        loop {
            let Some(device) = self.ended_devices().lock().first().cloned() else { return Ok(()) };
            let asked = device.clone();
            let pending =
                self.store().read_slow(move |snapshot| challenges::pending_approvals(snapshot, &asked)).await?;
            for some in pending.chunks(AT_ONCE) {
                let (gateway, ended, some) = (self.clone(), device.clone(), some.to_vec());
                self.store().write(move |tx| gateway.leave_to_others(tx, &ended, &some)).await?;
            }
            // Only now: what failed above is tried again at the next sweep.
            self.ended_devices().lock().retain(|listed| *listed != device);
        }
    }

    fn leave_to_others(
        &self,
        transaction: &Transaction<'_>,
        ended: &DeviceId,
        approvals: &[ApprovalId],
    ) -> Result<(), EndError> {
        let successor = passkeys::successor(transaction, ended)?;
        approvals.iter().try_for_each(|approval| {
            if let Some(successor) = &successor {
                self.ask_successor(transaction, ended, successor, approval)?;
            }
            self.end_if_nobody_is_left(transaction, approval)
        })
    }

    fn end_if_nobody_is_left(&self, transaction: &Transaction<'_>, approval: &ApprovalId) -> Result<(), EndError> {
        let (can_answer, refused) = challenges::still_asked(transaction, approval)?;
        if can_answer == 0 {
            let status = if refused > 0 { Status::Refused } else { Status::DeviceRevoked };
            self.end_if_pending(transaction, approval, status)?;
        }
        Ok(())
    }
}
