//! Verdicts: the result of an approval, for its client.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::enrollment::ApprovalKeyType;
use countersign_protocol::id::{ApprovalId, DeviceId};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::registration::{DeviceClass, KeyProtection};
use countersign_store::{Error as StoreError, Snapshot};
use tokio::time::{Instant, timeout_at};

use crate::Gateway;
use crate::store::{approvals, challenge_contents, challenges, devices, passkeys};

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
        /// The user's reason, if one was given.
        reason: Option<DenialReason>,
    },
    /// No device answered in time.
    Expired,
    /// The number that was chosen or entered is wrong.
    Mismatch,
    /// Every device refused to display it.
    Refused,
    /// A device approved what was not asked, by its own transcript.
    DisplayMismatch,
    /// The client or the operator withdrew it.
    Cancelled,
    /// Every device that was asked has been revoked or suspended since.
    DeviceRevoked,
}

/// An approval, as tokens report it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Approval id.
    pub id: ApprovalId,
    /// The device's signed answer. `None` only for approvals of a [`crate::InProcessApprover`]: no device took part.
    pub signed: Option<SignedAnswer>,
    /// Hash of the authorization details as the client sent them.
    pub details_hash: Option<Hash>,
    /// The interaction that was passed.
    pub interaction: InteractionType,
    /// Time of user verification, or else when the answer arrived.
    pub auth_time: Timestamp,
    /// Whether the user disputed it since.
    pub disputed: bool,
}

/// A device's signed answer, and the token claims derived from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAnswer {
    /// Hash of the challenge that was answered.
    pub challenge_hash: Hash,
    /// Hash of the answer.
    pub answer_hash: Hash,
    /// The device that answered.
    pub device_id: DeviceId,
    /// Interactive or automated.
    pub device_class: DeviceClass,
    /// RFC 8176 values; `hwk` only for a key whose attestation was verified.
    pub amr: Vec<String>,
    /// Authentication context class, `urn:countersign:acr:…`.
    pub acr: String,
    /// The approval key that signed it. `None`: the transport key did, for the request discouraged user verification.
    pub key: Option<AnsweringKey>,
}

/// What is known of the approval key that signed an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweringKey {
    /// How it signs.
    pub key_type: ApprovalKeyType,
    /// How it is protected, as its device claims.
    pub protection: KeyProtection,
    /// The same, as an attestation showed it.
    pub verified: Option<KeyProtection>,
    /// Whether several devices may keep it; known of passkeys alone.
    pub backup_eligible: Option<bool>,
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
    Store(#[from] StoreError),
}

impl NotRedeemable {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            NotRedeemable::NotApproved => "not_approved",
            NotRedeemable::Disputed => "approval_disputed",
            NotRedeemable::DeviceRevoked => "device_revoked",
            NotRedeemable::Store(error) => error.code(),
        }
    }
}

impl Gateway {
    /// The verdict of an approval now. One whose time is over has expired, whether or not it was swept yet.
    ///
    /// # Errors
    /// The store's; [`StoreError::MissingRow`] if there is no approval of this id.
    pub fn verdict(&self, snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<Verdict, StoreError> {
        let row = approvals::by_id(snapshot, approval)?.ok_or(StoreError::MissingRow)?;
        let reason = row.resolution.as_ref().and_then(|decided| decided.reason);
        Ok(match row.status {
            approvals::Status::Pending if self.now() >= row.answer_until => Verdict::Expired,
            approvals::Status::Pending => Verdict::Pending,
            // Nothing redeems it.
            approvals::Status::Approved if row.is_practice => Verdict::Cancelled,
            // An approval without a signature counts only while an in-process approver is configured.
            approvals::Status::Approved => {
                self.approval_from(snapshot, row)?.map_or(Verdict::Cancelled, Verdict::Approved)
            }
            approvals::Status::Denied => Verdict::Denied { reason },
            approvals::Status::Expired => Verdict::Expired,
            approvals::Status::Mismatch => Verdict::Mismatch,
            // Only an answer leaves its hash.
            approvals::Status::Refused if row.resolution.as_ref().is_some_and(|end| end.answer_hash.is_some()) => {
                Verdict::DisplayMismatch
            }
            approvals::Status::Refused => Verdict::Refused,
            approvals::Status::Cancelled => Verdict::Cancelled,
            approvals::Status::DeviceRevoked => Verdict::DeviceRevoked,
        })
    }

    /// Whether an approval waits for an answer or was approved: whether its client may still get something by it.
    ///
    /// # Errors
    /// The store's.
    pub fn is_open(&self, snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<bool, StoreError> {
        approvals::is_open(snapshot, approval, self.now())
    }

    /// Whether an approval's time is not over and no answer decided it: whether it waits for all that a client may know which must
    /// not learn who exists. It may have ended: refused by its devices, with their revocation, or by a lock.
    ///
    /// # Errors
    /// The store's.
    pub fn is_unanswered(&self, snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<bool, StoreError> {
        approvals::is_unanswered(snapshot, approval, self.now())
    }

    /// The authorization details of an approval, the client's bytes; `None` without any, or without a device that was asked.
    ///
    /// # Errors
    /// The store's.
    pub fn details(&self, snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<Option<String>, StoreError> {
        challenge_contents::details(snapshot, approval)
    }

    /// Checks once more, at the moment of redemption, that the approval is good: approved, not disputed, by a device that is
    /// still the user's, with the keys it had.
    ///
    /// # Errors
    /// [`NotRedeemable`].
    pub fn redeemable(&self, snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<Approval, NotRedeemable> {
        let Verdict::Approved(given) = self.verdict(snapshot, approval)? else {
            return Err(NotRedeemable::NotApproved);
        };
        self.still_valid(snapshot, &given)?;
        Ok(given)
    }

    /// Whether an approval that was given is still worth something: not disputed, and by a device that is still the user's.
    ///
    /// # Errors
    /// [`NotRedeemable`].
    pub fn still_valid(&self, snapshot: &Snapshot<'_>, given: &Approval) -> Result<(), NotRedeemable> {
        if given.disputed {
            return Err(NotRedeemable::Disputed);
        }
        let Some(signed) = &given.signed else { return Ok(()) };
        match devices::by_id(snapshot, &signed.device_id)? {
            Some(device) if device.state == devices::DeviceState::Active => Ok(()),
            // Its passkey registered again: the approval key is still the user's.
            Some(device) if passkeys::is_key_active(snapshot, &device.approval_kid)? => Ok(()),
            _ => Err(NotRedeemable::DeviceRevoked),
        }
    }

    fn approval_from(
        &self,
        snapshot: &Snapshot<'_>,
        row: approvals::ApprovalRow,
    ) -> Result<Option<Approval>, StoreError> {
        let missing = || StoreError::MissingRow;
        let decided = row.resolution.ok_or_else(missing)?;
        let signed = match &decided.challenge {
            Some(challenge) => {
                let challenge = challenges::by_id(snapshot, challenge)?.ok_or_else(missing)?;
                let device = devices::by_id(snapshot, &challenge.device)?.ok_or_else(missing)?;
                Some(SignedAnswer {
                    challenge_hash: challenge.hash,
                    answer_hash: decided.answer_hash.ok_or_else(missing)?,
                    device_id: device.id,
                    device_class: device.class,
                    key: (decided.by_approval_key == Some(true)).then(|| AnsweringKey {
                        key_type: match device.passkey {
                            None => ApprovalKeyType::P256,
                            Some(_) => ApprovalKeyType::Webauthn,
                        },
                        protection: device.key_protection,
                        verified: device.key_verified,
                        backup_eligible: device.passkey.as_ref().map(|passkey| passkey.backup_eligible),
                    }),
                    acr: decided.acr.ok_or_else(missing)?,
                    amr: decided.amr,
                })
            }
            None if self.approves_in_process(&row.subject) => None,
            None => return Ok(None),
        };
        Ok(Some(Approval {
            id: row.id,
            signed,
            details_hash: row.details_hash,
            interaction: row.interaction,
            auth_time: decided.auth_time.unwrap_or(decided.at),
            disputed: row.disputed_at.is_some(),
        }))
    }

    /// Returns as soon as the approval has a verdict, or after `at_most`. The caller reads [`Gateway::verdict`] afterwards.
    ///
    /// # Errors
    /// The store's.
    pub async fn verdict_changed(&self, approval: &ApprovalId, at_most: Duration) -> Result<(), StoreError> {
        let until = Instant::now() + at_most;
        let listener = self.store().notifier().listen(approval.as_str());
        loop {
            let changed = listener.changed();
            let (gateway, id) = (self.clone(), approval.clone());
            let verdict = self.store().read(move |snapshot| gateway.verdict(snapshot, &id)).await?;
            let has_ended = verdict != Verdict::Pending || self.is_closing();
            // A wake-up only says "look again": another process may have written something else.
            if has_ended || timeout_at(until, changed).await.is_err() {
                return Ok(());
            }
        }
    }
}
