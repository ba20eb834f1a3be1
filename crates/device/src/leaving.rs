//! Taking an account off a device: its provider revokes the device, its keys are destroyed, its history stays.

use crate::account::{Account, AccountId, AccountStatus};
use crate::account_task::TaskStopped;
use crate::core::{Event, OwnCall};
use crate::device::Device;
use crate::driver::Services;
use crate::error::{OwnCallError, UnenrollError};
use crate::ports::vault::Change;

/// An account that was taken off this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unenrolled {
    /// Why the provider was not told; `None`: it has revoked this device. One that was not told goes on asking it until somebody
    /// revokes it there.
    pub not_told: Option<OwnCallError>,
}

impl Device {
    /// Takes an account off this device: has its provider revoke the device (docs/protocol.md section 13), destroys its keys and
    /// drops what waits to be sent. Its history and its evidence stay. A provider that can't be told keeps nothing from leaving.
    ///
    /// # Errors
    /// [`UnenrollError`].
    pub async fn unenroll(&self, account: &AccountId) -> Result<Unenrolled, UnenrollError> {
        let Services { vault, keys, clock, .. } = &self.inner.services;
        let known = vault.accounts().await?.into_iter().find(|known| known.id == *account);
        let Some(known) = known.filter(|known| known.unenrolled_at.is_none()) else {
            return Err(UnenrollError::Unknown);
        };
        let not_told = self.revoke_itself(account).await.err();
        let ended = match self.take_handle(account) {
            Some(handle) => handle.task.send(Event::Unenroll).await,
            None => Err(TaskStopped),
        };
        // An account that could not be opened, or whose task stopped, has nobody else who would write it.
        if ended.is_err() {
            let record = Account { unenrolled_at: Some(clock.now().seconds()), ..known };
            vault.apply(account, vec![Change::PutAccount(Box::new(record))]).await?;
            keys.destroy(account).await?;
        }
        Ok(Unenrolled { not_told })
    }

    async fn revoke_itself(&self, account: &AccountId) -> Result<(), OwnCallError> {
        match self.about_itself(account, OwnCall::Revocation).await {
            Ok(_) | Err(OwnCallError::NoPart { status: AccountStatus::Revoked { .. } }) => Ok(()),
            // It could not be opened: it has no task.
            Err(OwnCallError::Unknown) => Err(OwnCallError::Stopped),
            Err(error) => Err(error),
        }
    }
}
