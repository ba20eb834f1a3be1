//! Revocation: the issuer's signed statement that a device's keys and account are invalid. Nothing unsigned ever destroys a key
//! or an account.

use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, MessageId, Subject};
use crate::issuer::Issuer;
use crate::jws::{Claims, Compact, JwsError};
use crate::manifest::TrustedKeys;

/// The claims of a revocation (`device-revocation+jwt`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The issuer.
    pub iss: Issuer,
    /// The receiving device: the revoked one, or another of the same user.
    pub aud: DeviceId,
    /// The user.
    pub sub: Subject,
    /// The message's id.
    pub jti: MessageId,
    /// Issued at, in seconds since the epoch.
    pub iat: u64,
    /// The revoked device.
    pub device_id: DeviceId,
    /// The name that the person gave it.
    pub device_name: String,
    /// Who revoked it.
    pub by: RevokedBy,
}

/// Who revoked a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RevokedBy {
    /// The device itself.
    Device,
    /// The person, on another device or at the provider.
    User,
    /// Three wrong confirmation codes.
    Confirmation,
    /// The provider's operator. Anything unknown is treated as this.
    #[serde(other)]
    Operator,
}

impl Claims for Revocation {
    const TYP: &'static str = "device-revocation+jwt";
    const MEMBERS: &'static [&'static str] = &["iss", "aud", "sub", "jti", "iat", "device_id", "device_name", "by"];
}

/// Why a notice was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// Signature, form or type.
    #[error("a notice can't be verified: {0}")]
    Jws(#[from] JwsError),
    /// Another issuer, audience or user.
    #[error("a notice is meant for another device or user")]
    Audience,
}

impl Revocation {
    /// Verifies a revocation that this device received.
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
