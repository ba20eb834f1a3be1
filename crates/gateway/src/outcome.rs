//! Ends approvals: one verdict by compare-and-swap, and a signed outcome for every device that was asked.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_jose::key::SignFailed;
use countersign_protocol::id::{ApprovalId, MessageId};
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::{Ending, Outcome};
use countersign_store::{Error as StoreError, Transaction};

use crate::Gateway;
use crate::event_sink::GatewayEvent;
use crate::store::approvals::{self, ApprovalRow, Resolution, Status};
use crate::store::challenges::{self, ChallengeRow};
use crate::store::feed;

/// An approval could not be ended; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// The store failed.
    #[error("the provider's database failed: {0}")]
    Store(#[from] StoreError),
    /// The gateway's key did not sign.
    #[error("the gateway could not sign")]
    Sign(#[from] SignFailed),
}

impl EndError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            EndError::Store(error) => error.code(),
            EndError::Sign(_) => "not_signed",
        }
    }
}

impl Gateway {
    /// Ends an approval that is pending. Returns false, and changes nothing, if it has ended already: there is one verdict.
    pub(crate) fn end(
        &self,
        transaction: &Transaction<'_>,
        approval: &ApprovalRow,
        status: Status,
        resolution: &Resolution,
    ) -> Result<bool, EndError> {
        if !approvals::resolve(transaction, &approval.id, status, resolution)? {
            return Ok(false);
        }
        let asked = challenges::of_approval(transaction, &approval.id)?;
        let by = asked.iter().find(|challenge| resolution.challenge.as_ref() == Some(&challenge.id));
        for challenge in &asked {
            let outcome = self.first_outcome(approval, status, resolution, challenge, by);
            let Some(outcome) = outcome else { continue };
            let signed = Compact::sign(&outcome, &self.keys().signing)?;
            challenges::set_outcome(transaction, &challenge.id, signed.as_str())?;
            let now = resolution.at;
            feed::append(transaction, &challenge.device, "ended", challenge.id.as_str(), now, self.random())?;
            let is_by_it = by.is_some_and(|by| by.id == challenge.id);
            if !approval.held && !is_by_it {
                self.wake_for_end(transaction, &challenge.device, approval.expires_at)?;
            }
        }
        let asked_nobody = approval.is_decoy;
        // No client waits for the end of practice, and no statistics count it.
        if !approval.is_practice {
            let expired = status == Status::Expired;
            let after = Duration::from_millis(resolution.at.millis_since(approval.requested_at));
            let ended =
                GatewayEvent::Ended { approval: &approval.id, asked_nobody, expired, outcome: status.as_str(), after };
            self.event_sink().record(transaction, &ended)?;
        }
        transaction.notify_after_commit(approval.id.as_str());
        let id = approval.id.clone();
        if !asked_nobody {
            transaction
                .after_commit(move || tracing::info!(approval = %id, outcome = status.as_str(), "approval ended"));
        }
        Ok(true)
    }

    /// Withdraws an approval that is still pending: every device gets the outcome `cancelled`. Returns whether this call ended it.
    ///
    /// # Errors
    /// [`EndError`]; nothing was changed.
    pub fn withdraw(&self, transaction: &Transaction<'_>, approval: &ApprovalId) -> Result<bool, EndError> {
        self.end_if_pending(transaction, approval, Status::Cancelled)
    }

    /// Ends a pending approval without an answer.
    pub(crate) fn end_if_pending(
        &self,
        transaction: &Transaction<'_>,
        approval: &ApprovalId,
        status: Status,
    ) -> Result<bool, EndError> {
        match approvals::by_id(transaction, approval)? {
            Some(row) if row.status == Status::Pending => {
                // An approval whose time is over has expired, whatever ends it now.
                let now = self.now();
                let status = if now >= row.answer_until { Status::Expired } else { status };
                self.end(transaction, &row, status, &Resolution { at: now, ..Resolution::default() })
            }
            _ => Ok(false),
        }
    }

    fn first_outcome(
        &self,
        approval: &ApprovalRow,
        status: Status,
        resolution: &Resolution,
        challenge: &ChallengeRow,
        by: Option<&ChallengeRow>,
    ) -> Option<Outcome> {
        let is_answerer = by.is_some_and(|by| by.id == challenge.id);
        let ending = match status {
            Status::Pending => return None,
            Status::Approved | Status::Denied if !is_answerer => Ending::AnsweredElsewhere,
            Status::Approved => Ending::Approved,
            Status::Denied => Ending::Denied,
            Status::Expired => Ending::Expired,
            Status::Cancelled | Status::DeviceRevoked => Ending::Cancelled,
            Status::Mismatch => Ending::Mismatch,
            Status::Refused => Ending::Refused,
        };
        let shown_by = resolution.statement.filter(|_| is_answerer);
        Some(Outcome {
            outcome: ending,
            enrollment_hash: shown_by.unwrap_or(challenge.statement),
            answer_hash: resolution.answer_hash.filter(|_| is_answerer),
            by: by.filter(|_| !is_answerer).map(|by| by.device_name.clone()),
            held_until: resolution.held_until.filter(|_| is_answerer).map(Timestamp::seconds),
            ..self.outcome_about(approval, challenge, resolution.at)
        })
    }

    /// The members that every outcome of a challenge shares; the caller sets the result.
    pub(crate) fn outcome_about(&self, approval: &ApprovalRow, challenge: &ChallengeRow, now: Timestamp) -> Outcome {
        Outcome {
            iss: self.settings().issuer.clone(),
            aud: challenge.device.clone(),
            sub: approval.subject.clone(),
            jti: MessageId::random(self.random()),
            iat: now.seconds(),
            approval: approval.id.clone(),
            challenge: challenge.id.clone(),
            challenge_hash: challenge.hash,
            answer_hash: None,
            outcome: Ending::Unknown,
            by: None,
            enrollment_hash: challenge.statement,
            opening: approval.opening.clone(),
            held_until: None,
            replaces: None,
        }
    }
}
