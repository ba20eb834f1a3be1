//! The refusal: a device's signed message that it can't show a challenge, so that the gateway does not wait for its answer.

use countersign_jose::hash::Hash;
use serde::{Deserialize, Serialize};

use crate::id::{ChallengeId, DeviceId, MessageId, Subject};
use crate::issuer::Issuer;
use crate::jws::Claims;

/// The claims of a refusal (`challenge-refusal+jwt`), signed by the transport key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The device.
    pub iss: DeviceId,
    /// The issuer, as a single string.
    pub aud: Issuer,
    /// The user.
    pub sub: Subject,
    /// The message's id.
    pub jti: MessageId,
    /// Signed at, in seconds since the epoch.
    pub iat: u64,
    /// The challenge's id, as far as the device could read it.
    pub challenge: ChallengeId,
    /// Hash of the compact JWS as received.
    pub challenge_hash: Hash,
    /// Why it was refused.
    pub code: RefusalCode,
}

/// Why a device refuses a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// The signature is valid, but the payload can't be read.
    Unparsable,
    /// It needs a feature that this device does not have.
    Unsupported,
    /// It claims a weaker kind than its content has.
    WeakerKind,
    /// It can't be shown in full.
    Unshowable,
    /// The same id was received before with other bytes.
    Conflicting,
    /// Its signature, audience or times are invalid. Anything unknown is treated as this.
    #[serde(other)]
    Unverifiable,
}

impl RefusalCode {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unverifiable => "unverifiable",
            Self::Unparsable => "unparsable",
            Self::Unsupported => "unsupported",
            Self::WeakerKind => "weaker_kind",
            Self::Unshowable => "unshowable",
            Self::Conflicting => "conflicting",
        }
    }
}

impl Claims for Refusal {
    const TYP: &'static str = "challenge-refusal+jwt";
    const MEMBERS: &'static [&'static str] =
        &["iss", "aud", "sub", "jti", "iat", "challenge", "challenge_hash", "code"];
}
