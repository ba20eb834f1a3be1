//! Notices: signed messages of the gateway to a device beside challenges: the device's enrollment statement, revocations, and
//! events of the user's other devices.

use serde::{Deserialize, Serialize};

use crate::enrollment::EnrollmentStatement;
use crate::id::{DeviceId, MessageId, Subject};
use crate::issuer::Issuer;
use crate::jws::{self, Claims, Compact};
use crate::manifest::TrustedKeys;
use crate::registration::DeviceClass;
use crate::revocation::{NoticeError, Revocation};

/// The claims of a notice about another device (`device-notice+jwt`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNotice {
    /// The issuer.
    pub iss: Issuer,
    /// The receiving device.
    pub aud: DeviceId,
    /// The user.
    pub sub: Subject,
    /// The message's id.
    pub jti: MessageId,
    /// Issued at, in seconds since the epoch.
    pub iat: u64,
    /// What happened.
    pub event: DeviceEvent,
    /// The device concerned, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_id: Option<DeviceId>,
    /// The name that the person gave it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_name: Option<String>,
    /// Whether a person or a program answers on it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_class: Option<DeviceClass>,
}

/// An event of one of the user's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeviceEvent {
    /// A device was added and confirmed.
    DeviceAdded,
    /// A device got new keys.
    DeviceRotated,
    /// A device answered twice from one point of its history: it may have been copied or restored. It is suspended.
    DeviceSuspended,
    /// An attempt to register with a link that was already used.
    LinkUsedAgain,
    /// An event this version does not know; shown as "something changed with your devices".
    #[serde(other)]
    Unknown,
}

impl Claims for DeviceNotice {
    const TYP: &'static str = "device-notice+jwt";
    const MEMBERS: &'static [&'static str] =
        &["iss", "aud", "sub", "jti", "iat", "event", "device_id", "device_name", "device_class"];
}

impl DeviceNotice {
    /// Verifies a notice that this device received.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub fn verify(
        compact: &Compact<Self>,
        keys: &TrustedKeys,
        device: &DeviceId,
        subject: &Subject,
    ) -> Result<Self, NoticeError> {
        let claims = keys.verify(compact, |claims| claims.iat)?.claims;
        if claims.iss != *keys.issuer() || claims.aud != *device || claims.sub != *subject {
            return Err(NoticeError::Audience);
        }
        Ok(claims)
    }
}

/// A notice as received, its kind by its header's `typ`. Nothing is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// An enrollment statement of this device.
    Statement(Compact<EnrollmentStatement>),
    /// A revocation of this or another device.
    Revocation(Compact<Revocation>),
    /// An event of another device.
    Device(Compact<DeviceNotice>),
    /// A kind this version does not know; ignored.
    Unknown,
}

impl Notice {
    /// A notice by its compact JWS.
    pub fn of(text: &str) -> Self {
        match jws::peek_typ(text).as_deref() {
            Some(EnrollmentStatement::TYP) => Self::Statement(Compact::from_text(text)),
            Some(Revocation::TYP) => Self::Revocation(Compact::from_text(text)),
            Some(DeviceNotice::TYP) => Self::Device(Compact::from_text(text)),
            _ => Self::Unknown,
        }
    }
}
