//! Whoever must know what happens at the gateway is told in the very transaction in which it happens, so that its own rows
//! about it stand or fall with it.

use std::time::Duration;

use countersign_protocol::clock::Timestamp;
use countersign_protocol::id::{ApprovalId, DeviceId, Subject};
use countersign_protocol::registration::DeviceClass;

use crate::store::Transaction;

/// Something that happened. Names of devices are their owners' words: data, never markup.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening<'a> {
    /// An approval has its verdict, which [`Gateway::verdict`](crate::Gateway::verdict) tells and which never changes.
    Ended {
        /// The approval.
        approval: &'a ApprovalId,
        /// Whether nobody answered in time.
        expired: bool,
        /// The verdict's word: `approved`, `denied`, `expired`, `cancelled`, `device_revoked`, `mismatch`, `refused`.
        outcome: &'static str,
        /// How long after the request.
        after: Duration,
    },
    /// A person denied a request as "this wasn't me".
    NotMe {
        /// The approval that ended by it.
        approval: &'a ApprovalId,
        /// The person.
        subject: &'a Subject,
        /// Who asked.
        client_id: &'a str,
        /// Until when that client's requests to that person are held.
        held_until: Timestamp,
    },
    /// A person disputed an approval after the fact.
    Disputed {
        /// The approval.
        approval: &'a ApprovalId,
        /// The person.
        subject: &'a Subject,
        /// Who had asked.
        client_id: &'a str,
        /// The device that the dispute came from.
        device: &'a DeviceId,
    },
    /// A device takes part from now on.
    DeviceAdded {
        /// Whose it is.
        subject: &'a Subject,
        /// The device.
        device: &'a DeviceId,
        /// What its owner calls it.
        name: &'a str,
        /// Person or program.
        class: DeviceClass,
    },
    /// A device was suspended because two histories claim to be its own: it was copied, or restored from a backup.
    DeviceCopied {
        /// Whose it is.
        subject: &'a Subject,
        /// The device.
        device: &'a DeviceId,
        /// What its owner calls it.
        name: &'a str,
    },
}

/// Is told of every [`Happening`].
pub trait Witness: Send + Sync {
    /// Takes note, with rows of its own in the same transaction. It runs on the writer's thread: no call out, no waiting.
    ///
    /// # Errors
    /// What SQLite said; it undoes what happened as well.
    fn saw(&self, transaction: &Transaction<'_>, happening: &Happening<'_>) -> rusqlite::Result<()>;
}

/// Nobody takes note.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Witness for Nobody {
    fn saw(&self, _transaction: &Transaction<'_>, _happening: &Happening<'_>) -> rusqlite::Result<()> {
        Ok(())
    }
}
