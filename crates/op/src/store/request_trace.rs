//! A request's row with its notification and refresh tokens, for `op trace`. Scans without an index of its own.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::id::ApprovalId;
use countersign_store::{Error, Snapshot};
use rusqlite::{OptionalExtension, Row, params};

use super::columns::time;

/// The client's side of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestTrace {
    /// The client that made the request.
    pub client_id: String,
    /// Time of the request.
    pub requested_at: Timestamp,
    /// When the request expires.
    pub expires_at: Timestamp,
    /// Seconds between two polls, increased by each `slow_down`.
    pub interval: u32,
    /// Time of the last poll.
    pub polled_at: Option<Timestamp>,
    /// When its tokens were issued.
    pub redeemed_at: Option<Timestamp>,
    /// When its client cancelled it.
    pub cancelled_at: Option<Timestamp>,
    /// Undelivered notification: `ping` or `push`, and the number of failed attempts.
    pub undelivered: Option<(String, u32)>,
    /// When the family of its refresh tokens ends, and when it was ended early.
    pub refresh: Option<(Timestamp, Option<Timestamp>)>,
}
const COLUMNS: &str =
    "r.client_id, r.requested_at, r.expires_at, r.interval, r.polled_at, r.redeemed_at, r.cancelled_at,
    o.kind, o.attempts, f.ends_at, f.ended_at, r.approval_id";
const TABLES: &str = "authentication_request r LEFT JOIN outbox o ON o.request_id = r.id
    LEFT JOIN refresh_family f ON f.approval_id = r.approval_id";

type Found = (RequestTrace, ApprovalId);

/// By the request's own id.
pub(crate) fn trace_of_request(snapshot: &Snapshot<'_>, id: &Hash) -> Result<Option<Found>, Error> {
    let mut statement = snapshot.connection().prepare(&format!("SELECT {COLUMNS} FROM {TABLES} WHERE r.id = ?1"))?;
    Ok(statement.query_row([id.as_bytes()], read).optional()?)
}

/// By its approval.
pub(crate) fn trace_of_approval(snapshot: &Snapshot<'_>, id: &ApprovalId) -> Result<Option<Found>, Error> {
    let mut statement =
        snapshot.connection().prepare(&format!("SELECT {COLUMNS} FROM {TABLES} WHERE r.approval_id = ?1"))?;
    Ok(statement.query_row(params![id.as_str()], read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Found> {
    let optional = |at: usize| row.get::<_, Option<i64>>(at).map(|found| found.map(time));
    let kind: Option<String> = row.get(7)?;
    let attempts: Option<u32> = row.get(8)?;
    let approval = row.get_ref(11)?.as_str()?.parse::<ApprovalId>();
    let approval = approval
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(11, rusqlite::types::Type::Text, Box::new(error)))?;
    let request = RequestTrace {
        client_id: row.get(0)?,
        requested_at: time(row.get(1)?),
        expires_at: time(row.get(2)?),
        interval: row.get(3)?,
        polled_at: optional(4)?,
        redeemed_at: optional(5)?,
        cancelled_at: optional(6)?,
        undelivered: kind.zip(attempts),
        refresh: match optional(9)? {
            Some(ends) => Some((ends, optional(10)?)),
            None => None,
        },
    };
    Ok((request, approval))
}
