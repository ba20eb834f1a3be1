//! Ends devices: by themselves, the user or the operator; what waits for them is withdrawn.

use countersign_jose::clock::Timestamp;
use countersign_protocol::enrollment::ApprovalKeyType;
use countersign_protocol::id::{DeviceId, MessageId, Subject};
use countersign_protocol::jws::Compact;
use countersign_protocol::notice::DeviceEvent;
use countersign_protocol::registration::{DeviceClass, KeyProtection};
use countersign_protocol::revocation::{Revocation, RevokedBy};
use countersign_protocol::webauthn::StatedPasskey;
use countersign_store::{Error as StoreError, Transaction};

use crate::Gateway;
use crate::event_sink::GatewayEvent;
use crate::outcome::EndError;
use crate::push::PushRecord;
use crate::store::devices::{self, Device, DeviceState};
use crate::store::{feed, push_addresses};

/// A device as its user and the operator see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Device id.
    pub id: DeviceId,
    /// The user it is enrolled for.
    pub subject: Subject,
    /// Name that the user gave it.
    pub name: String,
    /// Interactive or automated.
    pub class: DeviceClass,
    /// `linux`, `android`, …, as the device claims.
    pub platform: String,
    /// Protection of its approval key, as it claims.
    pub key_protection: KeyProtection,
    /// The same, as an attestation showed it.
    pub key_verified: Option<KeyProtection>,
    /// What its statements say of its passkey; `None`: a P-256 key of its own.
    pub passkey: Option<StatedPasskey>,
    /// Whether its passkey was backed up when it last signed (BS).
    pub backup_state: Option<bool>,
    /// The origin of the page that is the device.
    pub code_origin: Option<String>,
    /// Whether several people use it.
    pub shared: bool,
    /// Unconfirmed, active, suspended or ended.
    pub state: DeviceState,
    /// When it registered.
    pub registered_at: Timestamp,
    /// When it was confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// Whether it can be woken.
    pub push: PushRecord,
}

impl DeviceRecord {
    /// How its approval key signs.
    pub const fn key_type(&self) -> ApprovalKeyType {
        match self.passkey {
            None => ApprovalKeyType::P256,
            Some(_) => ApprovalKeyType::Webauthn,
        }
    }
}

/// Why a device was not revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// There is no such device.
    #[error("there is no such device")]
    UnknownDevice,
    /// The gateway's key did not sign the revocation.
    #[error("the gateway could not sign the revocation")]
    Sign,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RevokeError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            RevokeError::UnknownDevice => "unknown",
            RevokeError::Sign | RevokeError::Store(_) => "provider",
        }
    }
}

impl From<EndError> for RevokeError {
    fn from(error: EndError) -> Self {
        match error {
            EndError::Store(error) => Self::Store(error),
            EndError::Sign(_) => Self::Sign,
        }
    }
}

impl Gateway {
    /// Every device a user ever registered, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn devices(&self, subject: &Subject) -> Result<Vec<DeviceRecord>, StoreError> {
        self.store().read_blocking(|snapshot| {
            let devices = devices::all(snapshot, subject)?;
            devices.into_iter().map(|device| Ok(record(self.push_record(snapshot, &device.id)?, device))).collect()
        })
    }

    /// Revokes a device: its streams end, what waits for it alone is withdrawn (a few approvals in each write), it finds a signed
    /// revocation in every 401, and the user's others are notified. Idempotent: returns whether this call ended it.
    ///
    /// # Errors
    /// [`RevokeError`].
    pub async fn revoke_device(&self, device: &DeviceId, by: RevokedBy) -> Result<bool, RevokeError> {
        let gateway = self.clone();
        let id = device.clone();
        let revoked = self.store().write(move |tx| -> Result<bool, RevokeError> {
            let device = devices::by_id(tx, &id)?.ok_or(RevokeError::UnknownDevice)?;
            if matches!(device.state, DeviceState::Revoked | DeviceState::Abandoned) {
                return Ok(false);
            }
            gateway.end_device(tx, &device, DeviceState::Revoked, by)?;
            Ok(true)
        });
        let revoked = revoked.await?;
        self.withdraw_from_ended_devices().await?;
        Ok(revoked)
    }

    /// Ends a device with a signed revocation and withdraws what waited for it.
    pub(crate) fn end_device(
        &self,
        transaction: &Transaction<'_>,
        device: &Device,
        state: DeviceState,
        by: RevokedBy,
    ) -> Result<(), EndError> {
        let now = self.now();
        let revocation = |told: &DeviceId| {
            let claims = Revocation {
                iss: self.settings().issuer.clone(),
                aud: told.clone(),
                sub: device.subject.clone(),
                jti: MessageId::random(self.random()),
                iat: now.seconds(),
                device_id: device.id.clone(),
                device_name: device.name.clone(),
                by,
            };
            Compact::sign(&claims, &self.keys().signing)
        };
        let own = revocation(&device.id)?;
        devices::end(transaction, &device.id, state, Some(own.as_str()), now)?;
        push_addresses::remove(transaction, &device.id)?;
        transaction.notify_after_commit(device.id.as_str());
        // The others never heard of a device that was never confirmed.
        if device.state != DeviceState::Unconfirmed {
            for other in self.others(transaction, &device.subject, Some(&device.id))? {
                let told = revocation(&other.id)?;
                feed::append(transaction, &other.id, "notice", told.as_str(), now, self.random())?;
            }
        }
        self.withdraw_from(transaction, &device.id)?;
        tracing::info!(device = %device.id, ?by, "device ended");
        Ok(())
    }

    /// Suspends a device that may have been copied or restored, and notifies the user's other devices.
    pub(crate) fn suspend_device(&self, transaction: &Transaction<'_>, device: &Device) -> Result<(), EndError> {
        devices::end(transaction, &device.id, DeviceState::Suspended, None, self.now())?;
        transaction.notify_after_commit(device.id.as_str());
        self.notify_other_devices(transaction, &device.subject, DeviceEvent::DeviceSuspended, Some(device))?;
        self.withdraw_from(transaction, &device.id)?;
        let Device { subject, id, name, .. } = device;
        self.event_sink().record(transaction, &GatewayEvent::DeviceCopied { subject, device: id, name })?;
        tracing::warn!(device = %device.id, subject = %device.subject, "device suspended: its history forked, it may have been copied or restored");
        Ok(())
    }
}

fn record(push: PushRecord, device: Device) -> DeviceRecord {
    DeviceRecord {
        id: device.id,
        subject: device.subject,
        name: device.name,
        class: device.class,
        platform: device.platform,
        key_protection: device.key_protection,
        key_verified: device.key_verified,
        passkey: device.passkey,
        backup_state: device.backup_state,
        code_origin: device.code_origin,
        shared: device.shared,
        state: device.state,
        registered_at: device.registered_at,
        confirmed_at: device.confirmed_at,
        push,
    }
}
