//! The answer: approved or denied, signed by the device. The `kid` says by which of its two keys.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::PublicKey;
use serde::{Deserialize, Serialize};

use crate::challenge::VerifiedChallenge;
use crate::id::{ChallengeId, DeviceId, MessageId, Subject};
use crate::interaction::UserVerification;
use crate::issuer::Issuer;
use crate::jws::{Claims, Unsigned};
use crate::transcript::ShownTranscript;

/// The claims of an answer (`authentication-answer+jwt`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The device.
    pub iss: DeviceId,
    /// The issuer, as a single string.
    pub aud: Issuer,
    /// The user.
    pub sub: Subject,
    /// The answer's id. The same `jti` with other content is refused.
    pub jti: MessageId,
    /// Signed at, in seconds since the epoch, by the server's time as the device knows it. The gateway checks the arrival by
    /// its own clock.
    pub iat: u64,
    /// The challenge's `exp`.
    pub exp: u64,
    /// The challenge's id.
    pub challenge: ChallengeId,
    /// Hash of the challenge's compact JWS as received.
    pub challenge_hash: Hash,
    /// Approved or denied.
    pub decision: Decision,
    /// Why it was denied.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<DenialReason>,
    /// The number the person typed or picked, as a string; only with `approved`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interaction_value: Option<String>,
    /// Hash of the transcript that was shown.
    pub display_hash: Hash,
    /// The language it was shown in.
    pub locale: String,
    /// How the person was verified (RFC 8176): `pin`, `fpt`, `face`, `user`; `swk` or `hwk` for the key.
    pub amr: Vec<String>,
    /// When the person was verified, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uv_at: Option<u64>,
    /// Number of this answer's entry in the device's history, from 1; one more for each entry.
    pub seq: u64,
    /// Hash of the previous history entry; for the first, of the enrollment statement.
    pub prev: Hash,
}

/// The person's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The person approved.
    Approved,
    /// The person denied.
    Denied,
}

/// Why a person denied a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenialReason {
    /// "This wasn't me": the person did not start the request.
    NotMe,
    /// The person started the request by mistake.
    Mistake,
    /// Anything else.
    #[serde(other)]
    Other,
}

impl DenialReason {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotMe => "not_me",
            Self::Mistake => "mistake",
            Self::Other => "other",
        }
    }
}

impl Claims for Answer {
    const TYP: &'static str = "authentication-answer+jwt";
    const MEMBERS: &'static [&'static str] = &[
        "iss",
        "aud",
        "sub",
        "jti",
        "iat",
        "exp",
        "challenge",
        "challenge_hash",
        "decision",
        "reason",
        "interaction_value",
        "display_hash",
        "locale",
        "amr",
        "uv_at",
        "seq",
        "prev",
    ];
    const BY_APPROVAL_KEY: bool = true;
}

/// How a person was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VerifiedBy {
    /// A PIN typed by a person.
    Pin,
    /// A fingerprint.
    Fingerprint,
    /// A face.
    Face,
    /// Biometrics or device PIN, the platform does not say which.
    Platform,
    /// A PIN from a file, an environment variable or a pipe: a program, not a person. Never reported as `pin`.
    Automated,
}

/// A user who was verified on this device: what the approval key asks for before it signs.
///
/// Only a device's user verifier makes one, after it succeeded. It lives in another crate, so its constructors are public, and
/// clippy.toml disallows them: each call says by `#[expect]` why it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedUser {
    by: VerifiedBy,
    hardware_key: bool,
    at: Timestamp,
}

impl VerifiedUser {
    /// Verified by a PIN that a person typed, with an approval key in software. `at`: the server's time.
    pub const fn by_pin(at: Timestamp) -> Self {
        Self { by: VerifiedBy::Pin, hardware_key: false, at }
    }

    /// A PIN from a file, an environment variable or a pipe, with an approval key in software. `at`: the server's time.
    pub const fn by_script(at: Timestamp) -> Self {
        Self { by: VerifiedBy::Automated, hardware_key: false, at }
    }

    /// Verified by the platform. `hardware_key`: the approval key can't leave its hardware. `at`: the server's time.
    pub const fn by_platform(by: VerifiedBy, hardware_key: bool, at: Timestamp) -> Self {
        Self { by, hardware_key, at }
    }

    /// When the user was verified, by the server's time.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The `amr` values (RFC 8176) of this verification.
    pub fn amr(&self) -> Vec<String> {
        let key = if self.hardware_key { "hwk" } else { "swk" };
        let user = match self.by {
            VerifiedBy::Pin => Some("pin"),
            VerifiedBy::Fingerprint => Some("fpt"),
            VerifiedBy::Face => Some("face"),
            VerifiedBy::Platform => Some("user"),
            VerifiedBy::Automated => None,
        };
        std::iter::once(key).chain(user).map(str::to_owned).collect()
    }
}

/// Position of an answer in the device's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryPosition {
    /// The number of the answer's entry.
    pub seq: u64,
    /// Hash of the previous entry.
    pub prev: Hash,
}

/// An undecided answer to a challenge that was verified and shown.
#[derive(Debug, Clone)]
pub struct AnswerDraft {
    claims: Answer,
    user_verification: UserVerification,
}

impl AnswerDraft {
    /// Starts an answer. `now` is the server's time. `None` if the transcript is of another challenge.
    pub fn new(
        challenge: &VerifiedChallenge,
        shown: &ShownTranscript,
        jti: MessageId,
        place: HistoryPosition,
        now: Timestamp,
    ) -> Option<Self> {
        if shown.challenge() != challenge.id() {
            return None;
        }
        let of = challenge.claims();
        let claims = Answer {
            iss: of.aud.clone(),
            aud: of.iss.clone(),
            sub: of.sub.clone(),
            jti,
            iat: now.seconds(),
            exp: of.exp,
            challenge: of.jti.clone(),
            challenge_hash: *challenge.hash(),
            decision: Decision::Denied,
            reason: None,
            interaction_value: None,
            display_hash: *shown.hash(),
            locale: shown.locale().to_owned(),
            amr: Vec::new(),
            uv_at: None,
            seq: place.seq,
            prev: place.prev,
        };
        Some(Self { claims, user_verification: of.user_verification })
    }

    /// The claims of an approval that a passkey is to sign. They name no verification: they are written before it, and the passkey's
    /// own signature says that the person was verified for exactly this.
    pub fn passkey_claims(self, interaction_value: Option<String>) -> Answer {
        Answer { decision: Decision::Approved, interaction_value, ..self.claims }
    }
}

/// The device's approval key: signs approvals, and only for a verified user.
///
/// ```
/// # use countersign_jose::key::PublicKey;
/// # use countersign_protocol::answer::{Answer, AnswerDraft, ApprovalKey, VerifiedUser};
/// # use countersign_protocol::jws::Unsigned;
/// fn approve(key: &PublicKey, draft: AnswerDraft, user: &VerifiedUser) -> Unsigned<Answer> {
///     ApprovalKey::new(key).approve(draft, user, None)
/// }
/// ```
///
/// ```compile_fail,E0061
/// # use countersign_jose::key::PublicKey;
/// # use countersign_protocol::answer::{Answer, AnswerDraft, ApprovalKey, VerifiedUser};
/// # use countersign_protocol::jws::Unsigned;
/// fn approve(key: &PublicKey, draft: AnswerDraft) -> Unsigned<Answer> {
///     ApprovalKey::new(key).approve(draft, None) // no decision without a VerifiedUser
/// }
/// ```
pub struct ApprovalKey<'k>(&'k PublicKey);

impl<'k> ApprovalKey<'k> {
    /// Wraps the account's approval key.
    pub const fn new(key: &'k PublicKey) -> Self {
        Self(key)
    }

    /// An approval for this key to sign. `interaction_value` is the number that was typed or picked, if the challenge
    /// asks for one.
    pub fn approve(
        &self,
        draft: AnswerDraft,
        user: &VerifiedUser,
        interaction_value: Option<String>,
    ) -> Unsigned<Answer> {
        let claims = Answer {
            decision: Decision::Approved,
            interaction_value,
            amr: user.amr(),
            uv_at: Some(user.at().seconds()),
            ..draft.claims
        };
        Unsigned::new(&claims, self.0)
    }
}

/// The device's transport key: signs denials, and approvals only where the challenge discourages user verification.
pub struct TransportKey<'k>(&'k PublicKey);

/// The challenge requires user verification: the transport key signs no approval of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this request needs the person to be verified")]
pub struct VerificationNeeded;

impl<'k> TransportKey<'k> {
    /// Wraps the account's transport key.
    pub const fn new(key: &'k PublicKey) -> Self {
        Self(key)
    }

    /// A denial for this key to sign. Denying never asks for a PIN.
    pub fn deny(&self, draft: AnswerDraft, reason: Option<DenialReason>) -> Unsigned<Answer> {
        let claims = Answer { decision: Decision::Denied, reason, ..draft.claims };
        Unsigned::new(&claims, self.0)
    }

    /// An approval without verification of the person, for this key to sign.
    ///
    /// # Errors
    /// [`VerificationNeeded`] unless the challenge says `user_verification: discouraged`.
    pub fn approve_unverified(
        &self,
        draft: AnswerDraft,
        interaction_value: Option<String>,
    ) -> Result<Unsigned<Answer>, VerificationNeeded> {
        if draft.user_verification != UserVerification::Discouraged {
            return Err(VerificationNeeded);
        }
        let claims =
            Answer { decision: Decision::Approved, interaction_value, amr: vec!["swk".to_owned()], ..draft.claims };
        Ok(Unsigned::new(&claims, self.0))
    }
}
