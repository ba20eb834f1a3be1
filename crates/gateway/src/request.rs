//! Requests for an approval. The caller has already checked its client, the user and the schemas.

use std::collections::BTreeMap;

use countersign_jose::clock::Timestamp;
use countersign_protocol::challenge::{Challenge, Client, ContextValue, Party};
use countersign_protocol::details::Details;
use countersign_protocol::id::{ApprovalId, ChallengeId, DeviceId, Subject};
use countersign_protocol::interaction::{Interaction, InteractionType, UserVerification};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::kind::{self, Kind};
use countersign_protocol::text::TextError;
use countersign_store::Error as StoreError;

use crate::interaction::{InteractionError, InteractionPolicy};

/// One authentication request, in the gateway's words.
#[derive(Debug, Clone)]
pub struct ApprovalRequest {
    /// The user whose devices are asked.
    pub subject: Subject,
    /// Whether automated devices may answer for this user in production.
    pub subject_allows_automated: bool,
    /// Who issues the tokens.
    pub provider: Party,
    /// The client that asks.
    pub client: Client,
    /// The client's message, verbatim.
    pub binding_message: Option<String>,
    /// The scope, as the client sent it.
    pub scope: Option<String>,
    /// The `acr_values`, as the client sent them.
    pub acr_values: Option<String>,
    /// The client's own bytes, already valid by their schemas.
    pub authorization_details: Option<Details>,
    /// What client and policy say about the interaction.
    pub interaction_policy: InteractionPolicy,
    /// Whether the person must be verified.
    pub user_verification: UserVerification,
    /// What is known about where the request comes from, by member.
    pub context: BTreeMap<String, ContextValue>,
    /// When the client asked.
    pub requested_at: Timestamp,
    /// Lifetime of the request in seconds, at most 72 h; policy and `requested_expiry` have been applied.
    pub ttl_seconds: u64,
    /// The polling interval in seconds: challenges end a little earlier, so that the last answer can still be fetched.
    pub interval_seconds: u64,
    /// The limits of this client.
    pub limits: Limits,
}

/// What a challenge has of its device and its approval; the rest is the request's.
pub(crate) struct ChallengeTarget {
    pub(crate) aud: DeviceId,
    pub(crate) sub: Subject,
    pub(crate) jti: ChallengeId,
    /// Seconds since the epoch, like `exp`.
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    pub(crate) approval: ApprovalId,
    pub(crate) interaction: Interaction,
    pub(crate) user_verification: UserVerification,
    pub(crate) held: bool,
}

impl ApprovalRequest {
    /// Its challenge for a device.
    pub(crate) fn challenge(&self, issuer: &Issuer, kind: Kind, target: ChallengeTarget) -> Challenge {
        let ChallengeTarget { aud, sub, jti, iat, exp, approval, interaction, user_verification, held } = target;
        Challenge {
            iss: issuer.clone(),
            aud,
            sub,
            jti,
            iat,
            exp,
            approval,
            kind,
            kind_table: kind::TABLE_VERSION,
            provider: self.provider.clone(),
            client: self.client.clone(),
            binding_message: self.binding_message.clone(),
            scope: self.scope.clone(),
            acr_values: self.acr_values.clone(),
            authorization_details_json: self.authorization_details.as_ref().map(|d| d.as_str().to_owned()),
            interaction,
            user_verification,
            held,
            context: (!self.context.is_empty()).then(|| self.context.clone()),
            practice: false,
            requested_at: self.requested_at.seconds(),
            must_understand: None,
        }
    }
}

/// Policy that mutes. Nothing here refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one client that may wait for one user; more are held. A verified client's count by terminal.
    pub max_pending: u32,
    /// For a client that nobody vouches for: limits that all such clients share for one user. `None` for other clients.
    pub unvouched: Option<UnvouchedLimits>,
    /// Unapproved prompts of one client to one user in a minute; then waits grow from 10 s to 1 h.
    pub prompts_per_minute: u32,
    /// How long `not_me` holds the client for that user the first time, in seconds; it doubles each time.
    pub not_me_hold_seconds: u64,
}

/// Limits of prompts to one user over all clients that nobody vouches for: ten clients that registered themselves are not
/// ten budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnvouchedLimits {
    /// Prompts in a minute, less those that the user approved.
    pub per_minute: u32,
    /// Requests that may wait.
    pub pending: u32,
}

impl Default for UnvouchedLimits {
    fn default() -> Self {
        Self { per_minute: 3, pending: 5 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pending: 3, unvouched: None, prompts_per_minute: 5, not_me_hold_seconds: 900 }
    }
}

/// An accepted request; devices are woken once the transaction is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedRequest {
    /// The approval. Never shown to the client.
    pub approval: ApprovalId,
    /// The user who is asked, or the decoy's.
    pub subject: Subject,
    /// The interaction that devices ask for.
    pub interaction: InteractionType,
    /// What the client must display, for number interactions.
    pub interaction_value: Option<String>,
    /// The end of the request.
    pub expires_at: Timestamp,
    /// Held because of limits: listed, not pushed. Not visible to the client.
    pub held: bool,
    /// Nobody is asked. Not visible to the client.
    pub is_decoy: bool,
}

/// Why a request was not accepted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The user has no device that could answer.
    #[error("the user has no device")]
    NoDevice,
    /// The user had devices, and all were revoked.
    #[error("all devices of the user were revoked")]
    DevicesRevoked,
    /// The message can't be shown: `invalid_binding_message`.
    #[error("binding_message: {0}")]
    BindingMessage(TextError),
    /// Client name, provider name, scope or context can't be shown.
    #[error("{member}: {why}")]
    Text {
        /// The member that can't be shown.
        member: String,
        /// The rule it breaks.
        why: TextError,
    },
    /// The challenge would be larger than 14 KiB: the details are too large.
    #[error("the request is too large to be shown on a device (14 KiB signed)")]
    TooLarge,
    /// The lines of the details would not fit on a device.
    #[error("authorization_details has too many members, or too long names, to be shown on a device line by line")]
    DetailsTooLong,
    /// No interaction that client, devices and policy allow.
    #[error(transparent)]
    Interaction(#[from] InteractionError),
    /// A signed challenge could not be kept in parts: a bug.
    #[error("the signed request can't be stored")]
    NotKept,
    /// The lifetime is zero or longer than 72 hours.
    #[error("the lifetime of a request is between 1 second and 72 hours")]
    Lifetime,
    /// The gateway's key did not sign.
    #[error("the gateway could not sign")]
    Sign,
    /// The store failed.
    #[error("the provider's database failed: {0}")]
    Store(#[from] StoreError),
}

impl AcceptError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            AcceptError::NoDevice => "no_device",
            AcceptError::DevicesRevoked => "devices_revoked",
            AcceptError::BindingMessage(_) => "invalid_binding_message",
            AcceptError::Text { .. } => "invalid_text",
            AcceptError::TooLarge => "request_too_large",
            AcceptError::DetailsTooLong => "details_too_long",
            AcceptError::Interaction(error) => error.code(),
            AcceptError::NotKept => "not_kept",
            AcceptError::Lifetime => "invalid_lifetime",
            AcceptError::Sign => "not_signed",
            AcceptError::Store(error) => error.code(),
        }
    }
}
