//! The outcome: the gateway's signed statement of how an approval ended, given to every device that was asked.

use countersign_jose::hash::Hash;
use serde::{Deserialize, Serialize};

use crate::id::{ApprovalId, ChallengeId, DeviceId, MessageId, Subject};
use crate::interaction::Opening;
use crate::issuer::Issuer;
use crate::jws::{Claims, Compact, JwsError};
use crate::manifest::TrustedKeys;

/// The claims of an outcome (`authentication-outcome+jwt`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The gateway.
    pub iss: Issuer,
    /// The receiving device.
    pub aud: DeviceId,
    /// The user.
    pub sub: Subject,
    /// The outcome's id.
    pub jti: MessageId,
    /// Issued at, in seconds since the epoch.
    pub iat: u64,
    /// The approval.
    pub approval: ApprovalId,
    /// This device's challenge.
    pub challenge: ChallengeId,
    /// Hash of this device's challenge.
    pub challenge_hash: Hash,
    /// Hash of this device's answer, if that one decided the approval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answer_hash: Option<Hash>,
    /// How it ended.
    pub outcome: Ending,
    /// The name of the device that answered, if it was another.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    /// Hash of this device's enrollment statement in force.
    pub enrollment_hash: Hash,
    /// Opens the challenge's commitment, if it had one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub opening: Option<Opening>,
    /// After a denial as `not_me`: until when this client's prompts to this user are muted, in seconds since the epoch. Present
    /// for the device that denied.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held_until: Option<u64>,
    /// In the second outcome of a disputed approval: hash of the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<Hash>,
}

/// How an approval ended, as seen from one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// This device approved it.
    Approved,
    /// This device denied it.
    Denied,
    /// No device answered in time.
    Expired,
    /// Another device answered first.
    AnsweredElsewhere,
    /// The client, the person or the operator cancelled it.
    Cancelled,
    /// The number was wrong, which ends the approval.
    Mismatch,
    /// Every device refused to show it.
    Refused,
    /// The person disputed it afterwards.
    Disputed,
    /// An ending this version does not know; shown as "This request has ended".
    #[serde(other)]
    Unknown,
}

impl Ending {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::AnsweredElsewhere => "answered_elsewhere",
            Self::Cancelled => "cancelled",
            Self::Mismatch => "mismatch",
            Self::Refused => "refused",
            Self::Disputed => "disputed",
            Self::Unknown => "unknown",
        }
    }
}

impl Claims for Outcome {
    const TYP: &'static str = "authentication-outcome+jwt";
    const MEMBERS: &'static [&'static str] = &[
        "iss",
        "aud",
        "sub",
        "jti",
        "iat",
        "approval",
        "challenge",
        "challenge_hash",
        "answer_hash",
        "outcome",
        "by",
        "enrollment_hash",
        "opening",
        "held_until",
        "replaces",
    ];
}

/// An outcome that was verified: the only thing that ends a challenge on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedOutcome {
    claims: Outcome,
    compact: Compact<Outcome>,
    hash: Hash,
}

/// Why an outcome was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutcomeError {
    /// Signature, form or kind.
    #[error("the outcome can't be verified: {0}")]
    Jws(#[from] JwsError),
    /// Another issuer, device or user.
    #[error("the outcome is meant for another device or user")]
    Audience,
    /// For another challenge than the expected one.
    #[error("the outcome is about another request")]
    OtherChallenge,
    /// Approved or denied by an answer that this device did not give, or an opening that does not match the commitment.
    #[error("the outcome does not fit what this device sent")]
    Inconsistent,
}

/// The challenge and the answer that an outcome must be about.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedOutcome<'a> {
    /// The device.
    pub device: &'a DeviceId,
    /// The user.
    pub subject: &'a Subject,
    /// The challenge's id.
    pub challenge: &'a ChallengeId,
    /// The challenge's hash.
    pub challenge_hash: &'a Hash,
    /// The commitment of the challenge's interaction, if it has one.
    pub commitment: Option<&'a Hash>,
    /// Hash of this device's answer, if it gave one.
    pub answer_hash: Option<&'a Hash>,
}

impl Outcome {
    /// Verifies an outcome about one challenge.
    ///
    /// # Errors
    /// [`OutcomeError`].
    pub fn verify(
        compact: &Compact<Self>,
        keys: &TrustedKeys,
        about: &ExpectedOutcome<'_>,
    ) -> Result<VerifiedOutcome, OutcomeError> {
        let opened = keys.verify(compact, |claims: &Self| claims.iat)?;
        let claims = opened.claims;
        if claims.iss != *keys.issuer() || claims.aud != *about.device || claims.sub != *about.subject {
            return Err(OutcomeError::Audience);
        }
        if claims.challenge != *about.challenge || claims.challenge_hash != *about.challenge_hash {
            return Err(OutcomeError::OtherChallenge);
        }
        let of_this_answer = match (&claims.answer_hash, about.answer_hash) {
            (Some(named), given) => given == Some(named),
            (None, _) => !matches!(claims.outcome, Ending::Approved | Ending::Denied),
        };
        let opened_rightly = match (&claims.opening, about.commitment) {
            (Some(opening), commitment) => opening.commitment().as_ref() == commitment,
            (None, _) => true,
        };
        if !of_this_answer || !opened_rightly {
            return Err(OutcomeError::Inconsistent);
        }
        Ok(VerifiedOutcome { claims, compact: compact.clone(), hash: opened.hash })
    }
}

impl VerifiedOutcome {
    /// The claims.
    pub fn claims(&self) -> &Outcome {
        &self.claims
    }

    /// How it ended.
    pub fn ending(&self) -> Ending {
        self.claims.outcome
    }

    /// The compact JWS as received.
    pub fn compact(&self) -> &Compact<Outcome> {
        &self.compact
    }

    /// Hash of the compact JWS.
    pub fn hash(&self) -> &Hash {
        &self.hash
    }
}
