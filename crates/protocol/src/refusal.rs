//! The refusal: a device's word that it can't show a challenge, so that nobody waits for an answer.

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
    /// Names the message.
    pub jti: MessageId,
    /// Signed at, seconds.
    pub iat: u64,
    /// The challenge's id, as far as the device could read it.
    pub challenge: ChallengeId,
    /// Hash of what was received.
    pub challenge_hash: Hash,
    /// Why.
    pub code: RefusalCode,
}

/// Why a device refuses a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// It was signed, but can't be read.
    Unparsable,
    /// It needs something this device does not know.
    Unsupported,
    /// It calls itself something weaker than it is.
    WeakerKind,
    /// It can't be shown whole.
    Unshowable,
    /// The same id came before with other bytes.
    Conflicting,
    /// Its signature, audience or times don't hold. Anything unknown is treated so.
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
