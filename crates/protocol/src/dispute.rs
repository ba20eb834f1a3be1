//! The dispute: "that wasn't me", signed by the transport key, also after the fact (up to 30 days).

use countersign_jose::hash::Hash;
use serde::{Deserialize, Serialize};

use crate::id::{ChallengeId, DeviceId, MessageId, Subject};
use crate::issuer::Issuer;
use crate::jws::Claims;

/// The claims of a dispute (`approval-dispute+jwt`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
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
    /// The challenge that is disputed.
    pub challenge: ChallengeId,
    /// Hash of the challenge's compact JWS.
    pub challenge_hash: Hash,
    /// Hash of the outcome that is disputed, if the device has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome_hash: Option<Hash>,
}

impl Claims for Dispute {
    const TYP: &'static str = "approval-dispute+jwt";
    const MEMBERS: &'static [&'static str] =
        &["iss", "aud", "sub", "jti", "iat", "challenge", "challenge_hash", "outcome_hash"];
}
