//! Trace of one approval, for an operator: client, user, devices asked, their answers and the end. It holds nothing of the request's
//! contents: no message, no details, no number.

use countersign_jose::clock::Timestamp;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::id::{ApprovalId, ChallengeId, DeviceId, Subject};
use countersign_store::{Error as StoreError, Snapshot};

use crate::Gateway;
use crate::store::devices::DeviceState;
use crate::store::{approvals, challenges, devices, wakeups};

/// An approval and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApprovalTrace {
    /// Approval id.
    pub id: ApprovalId,
    /// The user.
    pub subject: Subject,
    /// The client that made the request.
    pub client_id: String,
    /// `boolean`, `number_choose` or `input_manual`.
    pub interaction: &'static str,
    /// Whether a device asked for it, to practise: nothing comes of it.
    pub practice: bool,
    /// Whether it is listed on devices but not pushed.
    pub held: bool,
    /// Time of the request.
    pub requested_at: Timestamp,
    /// Deadline for an answer.
    pub answer_until: Timestamp,
    /// `pending`, or its verdict: `approved`, `denied`, `expired`, `cancelled`, `device_revoked`, `mismatch`, `refused`.
    pub outcome: &'static str,
    /// When it got its verdict.
    pub ended_at: Option<Timestamp>,
    /// The user's reason for a denial.
    pub reason: Option<&'static str>,
    /// Authentication context class of the answer (`urn:countersign:acr:…`).
    pub acr: Option<String>,
    /// When the user disputed it.
    pub disputed_at: Option<Timestamp>,
    /// Devices that got a challenge.
    pub asked: Vec<AskedDevice>,
}

/// A device that got a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AskedDevice {
    /// Id of its challenge.
    pub challenge: ChallengeId,
    /// Device id.
    pub device: DeviceId,
    /// Name that its owner gave it: data, never markup.
    pub name: String,
    /// Whether it still takes part.
    pub active: bool,
    /// When a push service first accepted a push about it.
    pub pushed_at: Option<Timestamp>,
    /// When the device first called after that.
    pub looked_at: Option<Timestamp>,
    /// Its code, if it could not show the challenge.
    pub refused: Option<String>,
    /// When its first valid answer came.
    pub answered_at: Option<Timestamp>,
    /// Whether that answer decided.
    pub decided: bool,
}

impl Gateway {
    /// The trace of an approval; `None` for one that never was, is forgotten, or asked nobody.
    ///
    /// # Errors
    /// The store's.
    pub fn trace(&self, snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<Option<ApprovalTrace>, StoreError> {
        let Some(row) = approvals::by_id(snapshot, approval)?.filter(|row| !row.is_decoy) else { return Ok(None) };
        let mut asked = Vec::new();
        let pushes = wakeups::traces(snapshot, approval)?;
        for kept in challenges::with_answers(snapshot, approval)? {
            let push = pushes.iter().find(|(challenge, ..)| *challenge == kept.row.id);
            let device = devices::by_id(snapshot, &kept.row.device)?;
            asked.push(AskedDevice {
                challenge: kept.row.id,
                device: kept.row.device,
                name: kept.row.device_name,
                active: device.is_some_and(|device| device.state == DeviceState::Active),
                pushed_at: push.map(|(_, pushed_at, _)| *pushed_at),
                looked_at: push.and_then(|(.., looked_at)| *looked_at),
                refused: kept.row.refused,
                answered_at: kept.answer.map(|(_, at)| at),
                decided: kept.decided,
            });
        }
        let overdue = row.status == approvals::Status::Pending && self.now() >= row.answer_until;
        let status = if overdue { approvals::Status::Expired } else { row.status };
        let decided = row.resolution.as_ref();
        Ok(Some(ApprovalTrace {
            id: row.id,
            subject: row.subject,
            client_id: row.client_id,
            interaction: row.interaction.as_str(),
            practice: row.is_practice,
            held: row.held,
            requested_at: row.requested_at,
            answer_until: row.answer_until,
            outcome: status.as_str(),
            ended_at: decided.map(|decided| decided.at),
            reason: decided.and_then(|decided| decided.reason).map(|reason| reason.as_str()),
            acr: row.resolution.and_then(|decided| decided.acr),
            disputed_at: row.disputed_at,
            asked,
        }))
    }

    /// The approvals that people call by this reference, newest first, each with the time of its request. Reads every approval: for
    /// the operator.
    ///
    /// # Errors
    /// The store's.
    pub fn approvals_by_ref(&self, wanted: ApprovalRef) -> Result<Vec<(ApprovalId, Timestamp)>, StoreError> {
        let mut all = self.store().read_blocking(approvals::all_ids)?;
        all.retain(|(id, _)| ApprovalRef::of(id) == wanted);
        Ok(all)
    }

    /// The approval that a challenge is about.
    ///
    /// # Errors
    /// The store's.
    pub fn approval_of(
        &self,
        snapshot: &Snapshot<'_>,
        challenge: &ChallengeId,
    ) -> Result<Option<ApprovalId>, StoreError> {
        Ok(challenges::by_id(snapshot, challenge)?.map(|challenge| challenge.approval))
    }
}
