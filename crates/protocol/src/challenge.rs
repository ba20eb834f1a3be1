//! The challenge: an approval's signed copy for one device.

use std::collections::BTreeMap;

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use serde::{Deserialize, Serialize};

use crate::details::{Details, DetailsError};
use crate::id::{ApprovalId, ChallengeId, DeviceId, Subject};
use crate::interaction::{Interaction, InteractionType, UserVerification};
use crate::issuer::Issuer;
use crate::jws::{Claims, Compact, JwsError};
use crate::kind::Kind;
use crate::limits;
use crate::manifest::TrustedKeys;
use crate::refusal::RefusalCode;
use crate::transcript;

/// The claims of a challenge (`authentication-challenge+jwt`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// The gateway.
    pub iss: Issuer,
    /// The device.
    pub aud: DeviceId,
    /// The user.
    pub sub: Subject,
    /// The challenge's id.
    pub jti: ChallengeId,
    /// Issued at, in seconds since the epoch.
    pub iat: u64,
    /// Expires at, in seconds since the epoch, before the request itself does. An answer that arrives then or later is refused.
    pub exp: u64,
    /// The approval this is a copy of.
    pub approval: ApprovalId,
    /// The kind of request, as the gateway computed it.
    pub kind: Kind,
    /// The version of the table by which `kind` was computed.
    pub kind_table: u32,
    /// The issuer of the tokens; another than `iss` behind a connector.
    pub provider: Party,
    /// The client that sent the authentication request.
    pub client: Client,
    /// The client's message, verbatim.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub binding_message: Option<String>,
    /// The scope, as the client sent it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// The `acr_values`, as the client sent them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub acr_values: Option<String>,
    /// The client's own bytes of `authorization_details`, as a string.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub authorization_details_json: Option<String>,
    /// How the person proves that they look at the right request.
    pub interaction: Interaction,
    /// Whether the person must be verified.
    pub user_verification: UserVerification,
    /// Muted because of limits: listed, never pushed. Fixed for the challenge's lifetime.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub held: bool,
    /// Context of the request's origin, by name, for example `ip` or `location`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub context: Option<BTreeMap<String, ContextValue>>,
    /// Whether it is a practice request: it moves nothing, whatever the answer. Then `must_understand` names this member.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub practice: bool,
    /// When the client sent the request, in seconds since the epoch.
    pub requested_at: u64,
    /// Members that a device must know, or refuse the challenge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub must_understand: Option<Vec<String>>,
}

/// Member of [`Challenge`] that a practice request's `must_understand` names.
pub const PRACTICE: &str = "practice";

/// Member of [`Challenge::context`]: the till or counter that asks.
pub const TERMINAL: &str = "terminal";

/// An issuer and its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The issuer of the tokens.
    pub issuer: Issuer,
    /// Its name, for people.
    pub name: String,
}

/// The client as the provider knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether the operator has verified the name; otherwise a device shows "calls itself …".
    pub verified: bool,
}

/// One value of a request's context, and its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextValue {
    /// The value, verbatim.
    pub value: String,
    /// Who determined it.
    pub source: ContextSource,
}

/// The source of a context value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextSource {
    /// The provider determined it.
    Provider,
    /// The client declared it. Anything unknown is shown as this.
    #[serde(other)]
    Client,
}

impl Claims for Challenge {
    const TYP: &'static str = "authentication-challenge+jwt";
    const MEMBERS: &'static [&'static str] = &[
        "iss",
        "aud",
        "sub",
        "jti",
        "iat",
        "exp",
        "approval",
        "kind",
        "kind_table",
        "provider",
        "client",
        "binding_message",
        "scope",
        "acr_values",
        "authorization_details_json",
        "interaction",
        "user_verification",
        "held",
        "context",
        "practice",
        "requested_at",
        "must_understand",
    ];
}

/// What a challenge must be for and signed by.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedChallenge<'a> {
    /// The account's device id.
    pub device: &'a DeviceId,
    /// The account's user.
    pub subject: &'a Subject,
    /// The issuers that the enrollment statement in force names in `on_behalf_of`.
    pub on_behalf_of: &'a [Issuer],
    /// The issuer's keys, from its manifest.
    pub keys: &'a TrustedKeys,
    /// The server's time as the device knows it, never the device's own clock.
    pub now: Timestamp,
}

/// Why a challenge was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeError {
    /// Signature, form or kind of message.
    #[error("the request can't be verified: {0}")]
    Jws(#[from] JwsError),
    /// Another issuer, device or user.
    #[error("the request is meant for another device or user")]
    Audience,
    /// In the name of an issuer that the enrollment statement does not say this gateway passes requests on for.
    #[error("the request names a provider that this gateway may not speak for")]
    ForeignProvider,
    /// Issued in the future, or valid for longer than 72 hours.
    #[error("the request's times can't be right")]
    Times,
    /// `exp` is past.
    #[error("the request has expired")]
    Expired,
    /// Its `kind` is weaker than the one computed from its content.
    #[error("the request claims a weaker kind than its content has")]
    WeakerKind,
    /// The interaction is unknown or incomplete.
    #[error("the request needs an interaction that this device does not know")]
    Interaction,
    /// A practice request that is more than one, or that a device without practice would take for a real one.
    #[error("the request calls itself practice, and is not one that moves nothing")]
    Practice,
    /// The details can't be shown in full.
    #[error("the request can't be shown in full: {0}")]
    Details(#[from] DetailsError),
    /// Its lines take more than a transcript may.
    #[error("the request is too long to be shown whole")]
    TooLong,
}

impl ChallengeError {
    /// The code of the refusal that a device sends the gateway; `None` for an expired challenge, which needs none.
    pub fn refusal(&self) -> Option<RefusalCode> {
        match self {
            Self::Jws(JwsError::Unsupported) | Self::Interaction | Self::Practice => Some(RefusalCode::Unsupported),
            Self::Jws(JwsError::Payload(_)) => Some(RefusalCode::Unparsable),
            Self::Jws(_) | Self::Audience | Self::Times | Self::ForeignProvider => Some(RefusalCode::Unverifiable),
            Self::WeakerKind => Some(RefusalCode::WeakerKind),
            Self::Details(_) | Self::TooLong => Some(RefusalCode::Unshowable),
            Self::Expired => None,
        }
    }
}

/// A challenge that this device verified: the only thing that can be shown or answered.
///
/// Only [`Challenge::verify`] makes one; a received challenge has another type:
///
/// ```
/// # use countersign_protocol::challenge::{Challenge, ChallengeError, ExpectedChallenge, VerifiedChallenge};
/// # use countersign_protocol::jws::Compact;
/// # use countersign_protocol::transcript::{ShownTranscript, Transcript};
/// fn show(received: &Compact<Challenge>, expected: &ExpectedChallenge<'_>) -> Result<ShownTranscript, ChallengeError> {
///     let verified: VerifiedChallenge = Challenge::verify(received, expected)?;
///     Ok(Transcript::new(&verified, "en", vec![]).freeze())
/// }
/// ```
///
/// ```compile_fail,E0308
/// # use countersign_protocol::{challenge::Challenge, jws::Compact, transcript::{Transcript, ShownTranscript}};
/// fn show(received: &Compact<Challenge>) -> ShownTranscript {
///     Transcript::new(received, "en", vec![]).freeze() // an unverified challenge can't be shown
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedChallenge {
    claims: Challenge,
    details: Option<Details>,
    compact: Compact<Challenge>,
    hash: Hash,
}

impl Challenge {
    /// The till or counter that the request comes from, where the client named one; not escaped.
    pub fn terminal(&self) -> Option<&str> {
        self.context.as_ref()?.get(TERMINAL).map(|terminal| terminal.value.as_str())
    }

    /// Verifies a challenge as a device must before it shows anything.
    ///
    /// # Errors
    /// [`ChallengeError`]; its [`refusal`](ChallengeError::refusal) is sent to the gateway.
    pub fn verify(
        compact: &Compact<Self>,
        expected: &ExpectedChallenge<'_>,
    ) -> Result<VerifiedChallenge, ChallengeError> {
        let ExpectedChallenge { device, subject, on_behalf_of, keys, .. } = *expected;
        let verified = Self::verify_signed(compact, device, subject, on_behalf_of, keys)?;
        let claims = &verified.claims;
        if !transcript::fits(claims, verified.details()) {
            return Err(ChallengeError::TooLong);
        }
        let from_the_future = claims.iat > expected.now.seconds().saturating_add(limits::IAT_SKEW_SECONDS);
        if from_the_future {
            return Err(ChallengeError::Times);
        }
        if expected.now.seconds() >= claims.exp {
            return Err(ChallengeError::Expired);
        }
        Ok(verified)
    }

    /// Verifies everything that does not depend on the time now: for evidence, and for what a device already keeps.
    ///
    /// # Errors
    /// [`ChallengeError`].
    pub fn verify_signed(
        compact: &Compact<Self>,
        device: &DeviceId,
        subject: &Subject,
        on_behalf_of: &[Issuer],
        keys: &TrustedKeys,
    ) -> Result<VerifiedChallenge, ChallengeError> {
        let opened = keys.verify(compact, |claims: &Self| claims.iat)?;
        let claims = opened.claims;
        if claims.iss != *keys.issuer() || claims.aud != *device || claims.sub != *subject {
            return Err(ChallengeError::Audience);
        }
        if claims.exp <= claims.iat || claims.exp - claims.iat > limits::REQUEST_SECONDS {
            return Err(ChallengeError::Times);
        }
        if !claims.interaction.is_well_formed() {
            return Err(ChallengeError::Interaction);
        }
        // Who admits a device can approve everything after it: always a number, always user verification.
        let is_light = claims.interaction.kind == InteractionType::Boolean
            || claims.user_verification != UserVerification::Required;
        if claims.kind == Kind::Device && is_light {
            return Err(ChallengeError::Interaction);
        }
        if claims.practice && !claims.is_sound_practice() {
            return Err(ChallengeError::Practice);
        }
        let details = claims.authorization_details_json.as_deref().map(Details::parse).transpose()?;
        let computed = match &details {
            Some(details) => Kind::of(details.types(), claims.scope.as_deref()),
            None => Kind::of([], claims.scope.as_deref()),
        };
        if claims.kind.is_weaker_than(computed) {
            return Err(ChallengeError::WeakerKind);
        }
        if claims.provider.issuer != claims.iss && !on_behalf_of.contains(&claims.provider.issuer) {
            return Err(ChallengeError::ForeignProvider);
        }
        Ok(VerifiedChallenge { claims, details, compact: compact.clone(), hash: opened.hash })
    }

    /// Whether a practice request is one (docs/protocol.md section 20): refused by devices that do not know practice, of the
    /// provider itself, and with nothing in it that somebody could be made to approve.
    fn is_sound_practice(&self) -> bool {
        let names_practice = |names: &Vec<String>| names.iter().any(|name| name == PRACTICE);
        let asks_nothing = [&self.binding_message, &self.scope, &self.acr_values, &self.authorization_details_json]
            .into_iter()
            .all(Option::is_none);
        self.must_understand.as_ref().is_some_and(names_practice)
            && self.kind == Kind::Other
            && self.provider.issuer == self.iss
            && self.client.verified
            && self.client.id == self.iss.as_str()
            && self.client.name == self.provider.name
            && asks_nothing
            && self.context.is_none()
            && !self.held
            && self.interaction.kind == InteractionType::Boolean
            && self.user_verification == UserVerification::Required
    }
}

impl VerifiedChallenge {
    /// The claims.
    pub fn claims(&self) -> &Challenge {
        &self.claims
    }

    /// The challenge's id.
    pub fn id(&self) -> &ChallengeId {
        &self.claims.jti
    }

    /// The details, parsed, if the client sent any.
    pub fn details(&self) -> Option<&Details> {
        self.details.as_ref()
    }

    /// The compact JWS as received.
    pub fn compact(&self) -> &Compact<Challenge> {
        &self.compact
    }

    /// Hash of the compact JWS as received: `challenge_hash`.
    pub fn hash(&self) -> &Hash {
        &self.hash
    }
}
