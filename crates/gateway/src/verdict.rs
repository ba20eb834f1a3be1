//! Verdicts: the result of an approval, for its client.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::id::{ApprovalId, DeviceId};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::registration::DeviceClass;

/// The verdict of an approval. Everything but `Pending` is final and never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "a verdict lives for one call; a box would be in everybody's way")]
pub enum Verdict {
    /// No device has answered yet.
    Pending,
    /// A device approved it.
    Approved(Approval),
    /// A device denied it.
    Denied {
        /// Why, if the person said so.
        reason: Option<DenialReason>,
    },
    /// No device answered in time.
    Expired,
    /// The number was wrong.
    Mismatch,
    /// Every device refused to show it.
    Refused,
    /// It was withdrawn.
    Cancelled,
    /// Every device that was asked has been revoked or suspended since.
    DeviceRevoked,
}

/// What tokens say about an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The approval.
    pub id: ApprovalId,
    /// What the device signed. `None` only for approvals of a [`crate::InProcessApprover`]: no device took part.
    pub signed: Option<SignedAnswer>,
    /// Hash of the authorization details as the client sent them.
    pub details_hash: Option<Hash>,
    /// The interaction that was passed.
    pub interaction: InteractionType,
    /// When the person was verified, or else when the answer arrived.
    pub auth_time: Timestamp,
    /// Whether the person disputed it since.
    pub disputed: bool,
}

/// A device's signature under an approval, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAnswer {
    /// Hash of the challenge that was answered.
    pub challenge_hash: Hash,
    /// Hash of the answer.
    pub answer_hash: Hash,
    /// The device that answered.
    pub device_id: DeviceId,
    /// Person or program.
    pub device_class: DeviceClass,
    /// RFC 8176 values; `hwk` only for a key whose attestation was verified.
    pub amr: Vec<String>,
    /// `urn:countersign:acr:…`.
    pub acr: String,
}

/// Why an approval can't be redeemed any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotRedeemable {
    /// It was never approved, or has not been yet.
    #[error("the approval was not given")]
    NotApproved,
    /// The person disputed it.
    #[error("the approval was disputed")]
    Disputed,
    /// The device was revoked or suspended, or has other keys since.
    #[error("the device that approved was revoked")]
    DeviceRevoked,
    /// The store failed.
    #[error("the provider's database failed: {0}")]
    Store(#[from] rusqlite::Error),
}
