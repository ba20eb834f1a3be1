//! Event sink called inside the transaction that made the change: its rows commit or roll back with it. The other way round, the
//! gateway asks it there what was ended meanwhile.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::{ApprovalId, DeviceId, Subject};
use countersign_protocol::registration::DeviceClass;
use countersign_store::{Error as StoreError, Snapshot, Transaction};

/// An event at the gateway. Device names are user input: data, never markup.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GatewayEvent<'a> {
    /// An approval has its verdict, which [`Gateway::verdict`](crate::Gateway::verdict) returns and which never changes.
    Ended {
        /// The approval.
        approval: &'a ApprovalId,
        /// Whether it was about a user who could not be asked: no device knows of it, and statistics leave it out.
        asked_nobody: bool,
        /// Whether no device answered in time.
        expired: bool,
        /// The verdict: `approved`, `denied`, `expired`, `cancelled`, `device_revoked`, `mismatch`, `refused`.
        outcome: &'static str,
        /// Time since the request.
        after: Duration,
    },
    /// A user denied a request as "this wasn't me".
    NotMe {
        /// The approval that ended by it.
        approval: &'a ApprovalId,
        /// The user.
        subject: &'a Subject,
        /// The client that made the request.
        client_id: &'a str,
        /// Until when that client's requests to that user are held.
        held_until: Timestamp,
    },
    /// A device approved by a transcript that does not say what was asked: it is faulty or hostile. The approval ended as refused.
    DisplayMismatch {
        /// The approval that ended by it.
        approval: &'a ApprovalId,
        /// The user.
        subject: &'a Subject,
        /// The client that made the request.
        client_id: &'a str,
        /// The device.
        device: &'a DeviceId,
        /// The code of the rule that the transcript breaks.
        why: &'static str,
    },
    /// A user disputed an approval after the fact.
    Disputed {
        /// The approval.
        approval: &'a ApprovalId,
        /// The user.
        subject: &'a Subject,
        /// The client that made the request.
        client_id: &'a str,
        /// The device that the dispute came from.
        device: &'a DeviceId,
    },
    /// A device was confirmed, and gets challenges from now on.
    DeviceAdded {
        /// Its user.
        subject: &'a Subject,
        /// Device id.
        device: &'a DeviceId,
        /// Name that its owner gave it.
        name: &'a str,
        /// Interactive or automated.
        class: DeviceClass,
    },
    /// A passkey signed with a count that did not grow: it may have been copied. Its answer counts all the same.
    SignCount {
        /// Its user.
        subject: &'a Subject,
        /// Device id.
        device: &'a DeviceId,
        /// Name that its owner gave it.
        name: &'a str,
        /// The count of the answer before.
        before: u32,
        /// The count of this answer.
        received: u32,
    },
    /// A device was suspended because two histories claim to be its own: it was copied, or restored from a backup.
    DeviceCopied {
        /// Its user.
        subject: &'a Subject,
        /// Device id.
        device: &'a DeviceId,
        /// Name that its owner gave it.
        name: &'a str,
    },
}

/// Records every [`GatewayEvent`], and knows which requests were ended.
pub trait EventSink: Send + Sync {
    /// Records the event in rows of its own, in the same transaction. Runs on the writer's thread: no call out, no waiting.
    ///
    /// # Errors
    /// The store's; the change that the event reports is rolled back as well.
    fn record(&self, transaction: &Transaction<'_>, event: &GatewayEvent<'_>) -> Result<(), StoreError>;

    /// Whether the request behind a pending approval was ended, although its withdrawal is yet to come: a lock or a removal ends many
    /// in one small write, and the gateway withdraws them in many. Such an approval can't be given any more. `expires_at`: of the
    /// request, as it was accepted.
    ///
    /// # Errors
    /// The store's; then there is no verdict.
    fn has_ended(
        &self,
        _snapshot: &Snapshot<'_>,
        _approval: &ApprovalId,
        _expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// Records nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoopSink;

impl EventSink for NoopSink {
    fn record(&self, _transaction: &Transaction<'_>, _event: &GatewayEvent<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}
