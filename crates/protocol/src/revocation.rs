//! Revocation: the issuer's signed word that a device's keys and account are over. Nothing unsigned ever destroys anything.

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
    /// The device that is told: the revoked one, or another of the same user.
    pub aud: DeviceId,
    /// The user.
    pub sub: Subject,
    /// Names the message.
    pub jti: MessageId,
    /// Issued at, seconds.
    pub iat: u64,
    /// The device that is revoked.
    pub device_id: DeviceId,
    /// What the person called it.
    pub device_name: String,
    /// On whose word.
    pub by: RevokedBy,
}

/// On whose word a device was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RevokedBy {
    /// The device itself.
    Device,
    /// The person, elsewhere.
    User,
    /// The confirmation code was missed three times.
    Confirmation,
    /// The provider's operator. Anything unknown is shown so.
    #[serde(other)]
    Operator,
}

impl Claims for Revocation {
    const TYP: &'static str = "device-revocation+jwt";
    const MEMBERS: &'static [&'static str] = &["iss", "aud", "sub", "jti", "iat", "device_id", "device_name", "by"];
}

/// The message is not this issuer's word to this device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// Signature, form or kind.
    #[error("a notice can't be verified: {0}")]
    Jws(#[from] JwsError),
    /// Another issuer, audience or user.
    #[error("a notice is meant for somebody else")]
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
        let claims = keys.open(compact, |claims| claims.iat)?.claims;
        if claims.iss != *keys.issuer() || claims.aud != *device || claims.sub != *subject {
            return Err(NoticeError::Audience);
        }
        Ok(claims)
    }
}
