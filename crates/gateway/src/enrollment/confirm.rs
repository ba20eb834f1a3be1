//! The confirmation code: shown by the device, typed where the link came from, three tries.

use countersign_jose::secret::Secret;
use countersign_protocol::enrollment::ConfirmedBy;
use countersign_protocol::id::{DeviceId, RegistrationTokenId};
use countersign_protocol::limits;
use countersign_protocol::revocation::RevokedBy;
use countersign_store::{Error as StoreError, Transaction};
use ring::hmac;

use crate::Gateway;
use crate::outcome::EndError;
use crate::store::devices::{self, DeviceState};
use crate::store::links::{self, LinkState};

/// How long after its registration a device waits for its code, in seconds.
const CODE_LIFE: u64 = limits::REGISTRATION_TOKEN_SECONDS;

/// A device was confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmedDevice {
    /// The device.
    pub device_id: DeviceId,
    /// Name that the user gave it.
    pub device_name: String,
}

/// Why a device was not confirmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfirmError {
    /// There is no such link.
    #[error("there is no such link")]
    UnknownLink,
    /// No device has used the link yet. The try does not count.
    #[error("no device has used the link yet: open it on the device first, then type the code it shows")]
    NotRegistered,
    /// Another code. The device still waits.
    #[error("that is not the code the device shows; tries left: {tries_left}")]
    WrongCode {
        /// How many tries are left; at least one.
        tries_left: u32,
    },
    /// The third miss: link and device are ended.
    #[error("that was the third wrong code: link and device are ended, make a new link")]
    Ended,
    /// The device was confirmed before.
    #[error("the device is confirmed already")]
    AlreadyConfirmed,
    /// The gateway's key did not sign.
    #[error("the gateway could not sign")]
    Sign,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ConfirmError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            ConfirmError::Ended => "confirmation_failed",
            _ => "confirmation",
        }
    }
}

impl From<EndError> for ConfirmError {
    fn from(error: EndError) -> Self {
        match error {
            EndError::Store(error) => Self::Store(error),
            EndError::Sign(_) => Self::Sign,
        }
    }
}

impl Gateway {
    /// The code a device shows: derived, so that a repeated registration shows the same and nothing is stored.
    pub(crate) fn confirmation_code(&self, device: &DeviceId) -> Secret {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.keys().secret.as_slice());
        let tag = hmac::sign(&key, format!("confirmation code of {device}").as_bytes());
        let (first, _) = tag.as_ref().split_first_chunk::<8>().expect("SHA-256 has 32 bytes");
        Secret::new(format!("{:06}", u64::from_be_bytes(*first) % 1_000_000))
    }

    /// Compares the code a person typed with the one their device shows, ignoring white space. If equal, the device becomes active
    /// and gets its statement, and the user's others are notified. The third wrong code ends link and device.
    ///
    /// # Errors
    /// [`ConfirmError`].
    pub async fn confirm(&self, link: &RegistrationTokenId, code: &str) -> Result<ConfirmedDevice, ConfirmError> {
        let gateway = self.clone();
        let link = link.clone();
        let typed = Secret::new(code.split_whitespace().collect::<String>());
        self.store().write(move |tx| gateway.confirm_in(tx, &link, &typed)).await?
    }

    /// A miss is kept, so it is no error of the transaction: the inner result is what the caller hears.
    fn confirm_in(
        &self,
        transaction: &Transaction<'_>,
        link_id: &RegistrationTokenId,
        typed: &Secret,
    ) -> Result<Result<ConfirmedDevice, ConfirmError>, ConfirmError> {
        let link = links::by_id(transaction, link_id)?.ok_or(ConfirmError::UnknownLink)?;
        match link.state {
            LinkState::Open => return Err(ConfirmError::NotRegistered),
            LinkState::Confirmed => return Err(ConfirmError::AlreadyConfirmed),
            LinkState::Ended => return Err(ConfirmError::Ended),
            LinkState::Registered => {}
        }
        let device_id = link.device.ok_or(ConfirmError::NotRegistered)?;
        let device = devices::by_id(transaction, &device_id)?.ok_or(ConfirmError::UnknownLink)?;
        if device.state != DeviceState::Unconfirmed {
            return Err(ConfirmError::Ended);
        }
        if *typed == self.confirmation_code(&device_id) {
            links::set_state(transaction, link_id, LinkState::Confirmed)?;
            self.confirm_device(transaction, &device, ConfirmedBy::Code)?;
            return Ok(Ok(ConfirmedDevice { device_id, device_name: device.name }));
        }
        let tries_left = links::miss(transaction, link_id)?;
        if tries_left > 0 {
            return Ok(Err(ConfirmError::WrongCode { tries_left }));
        }
        links::set_state(transaction, link_id, LinkState::Ended)?;
        self.end_device(transaction, &device, DeviceState::Abandoned, RevokedBy::Confirmation)?;
        tracing::warn!(device = %device_id, "confirmation code missed three times: link and device ended");
        Ok(Err(ConfirmError::Ended))
    }

    /// Ends devices whose code was never typed.
    pub(crate) async fn abandon_unconfirmed(&self) -> Result<(), StoreError> {
        let before =
            countersign_jose::clock::Timestamp::from_millis(self.now().millis().saturating_sub(CODE_LIFE * 1000));
        if self.store().read(move |snapshot| devices::unconfirmed_before(snapshot, before)).await?.is_empty() {
            return Ok(());
        }
        let gateway = self.clone();
        let ended = self.store().write(move |tx| {
            // Looked up again: a code may have been typed, even in another process, since the read above.
            devices::unconfirmed_before(tx, before)?.iter().try_for_each(|device| {
                links::set_state(tx, &device.link, LinkState::Ended)?;
                gateway.end_device(tx, device, DeviceState::Abandoned, RevokedBy::Confirmation)
            })
        });
        match ended.await {
            Ok(()) => Ok(()),
            Err(EndError::Store(error)) => Err(error),
            Err(error @ EndError::Sign(_)) => {
                tracing::error!(%error, "devices that were never confirmed could not be ended");
                Ok(())
            }
        }
    }
}
