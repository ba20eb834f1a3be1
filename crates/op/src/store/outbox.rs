//! The outbox: undelivered notifications to clients and events to the webhook, one row each.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_protocol::id::ApprovalId;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, Row, named_params, params};

use super::columns::{column, time};

/// `recipient` of events.
const WEBHOOK: &str = "webhook";

/// A notification to add, to be sent once its request has a verdict.
pub(crate) struct NewNotification<'a> {
    pub(crate) client_id: &'a str,
    /// Push (the tokens themselves) or ping.
    pub(crate) push: bool,
    pub(crate) request: Hash,
    pub(crate) approval: &'a ApprovalId,
    pub(crate) auth_req_id: &'a Secret,
    pub(crate) token: &'a Secret,
    /// When the request expires, which is when the row becomes due without a verdict.
    pub(crate) expires_at: Timestamp,
    pub(crate) give_up_at: Timestamp,
}

/// A due row.
pub(crate) struct Entry {
    pub(crate) id: i64,
    /// Its queue: `client ` and an id, or `webhook`.
    pub(crate) recipient: String,
    pub(crate) item: Item,
    /// Failed attempts.
    pub(crate) attempts: u32,
    pub(crate) give_up_at: Timestamp,
}

/// Content of a row.
pub(crate) enum Item {
    /// A ping or push to the client.
    Notification(Notification),
    /// An event for the webhook.
    Event { id: String, body: String },
}

/// A ping or push. Has no `Debug`: it holds the client's notification token.
pub(crate) struct Notification {
    pub(crate) push: bool,
    pub(crate) request: Hash,
    pub(crate) auth_req_id: Secret,
    pub(crate) token: Secret,
    /// Body once it was built; never changes after that.
    pub(crate) body: Option<Secret>,
}

/// Adds a notification that waits for its request's verdict.
pub(crate) fn add_notification(transaction: &Transaction<'_>, new: &NewNotification<'_>) -> Result<(), Error> {
    let mut statement = transaction.connection().prepare_cached(
        "INSERT INTO outbox (recipient, kind, request_id, approval_id, auth_req_id, token, due_at, give_up_at)
         VALUES (:recipient, :kind, :request_id, :approval_id, :auth_req_id, :token, :due_at, :give_up_at)",
    )?;
    statement.execute(named_params! {
        ":recipient": format!("client {}", new.client_id),
        ":kind": if new.push { "push" } else { "ping" },
        ":request_id": new.request.as_bytes(),
        ":approval_id": new.approval.as_str(),
        ":auth_req_id": new.auth_req_id.expose(),
        ":token": new.token.expose(),
        ":due_at": column(new.expires_at),
        ":give_up_at": column(new.give_up_at),
    })?;
    Ok(())
}

/// Marks the notification of an approval as due. Returns whether there is one.
pub(crate) fn mark_due(transaction: &Transaction<'_>, approval: &ApprovalId, now: Timestamp) -> Result<bool, Error> {
    let changed = transaction
        .connection()
        .prepare_cached("UPDATE outbox SET due_at = ?2 WHERE approval_id = ?1 AND attempts = 0 AND body IS NULL")?
        .execute(params![approval.as_str(), column(now)])?;
    Ok(changed > 0)
}

/// Marks the notification of a cancelled request as due. Returns whether there is one.
pub(crate) fn mark_request_due(transaction: &Transaction<'_>, request: &Hash, now: Timestamp) -> Result<bool, Error> {
    let changed = transaction
        .connection()
        .prepare_cached("UPDATE outbox SET due_at = ?2 WHERE request_id = ?1 AND attempts = 0 AND body IS NULL")?
        .execute(params![request.as_bytes(), column(now)])?;
    Ok(changed > 0)
}

/// Adds an event for the webhook.
pub(crate) fn add_event(
    transaction: &Transaction<'_>,
    id: &str,
    body: &str,
    now: Timestamp,
    give_up_at: Timestamp,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO outbox (recipient, kind, event_id, body, due_at, give_up_at) VALUES (?1, 'event', ?2, ?3, ?4, ?5)",
        )?
        .execute(params![WEBHOOK, id, body, column(now), column(give_up_at)])?;
    Ok(())
}

/// Recipients with due rows, the longest waiting first. Visits each queue once, however long it is.
pub(crate) fn recipients_due(snapshot: &Snapshot<'_>, now: Timestamp) -> Result<Vec<String>, Error> {
    let mut statement = snapshot.connection().prepare_cached(
        "WITH RECURSIVE queue (recipient) AS (
             SELECT min(recipient) FROM outbox
             UNION ALL
             SELECT (SELECT min(recipient) FROM outbox WHERE recipient > queue.recipient) FROM queue
             WHERE queue.recipient IS NOT NULL
         )
         SELECT recipient, (SELECT min(due_at) FROM outbox WHERE outbox.recipient = queue.recipient) AS first
         FROM queue WHERE recipient IS NOT NULL AND first <= ?1 ORDER BY first",
    )?;
    Ok(statement.query_map([column(now)], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Number of rows of each kind that are due or being retried. Those waiting for a verdict don't count.
pub(crate) fn queued(snapshot: &Snapshot<'_>, now: Timestamp) -> Result<Vec<(&'static str, i64)>, Error> {
    let mut statement = snapshot
        .connection()
        .prepare_cached("SELECT kind, count(*) FROM outbox WHERE attempts > 0 OR due_at <= ?1 GROUP BY kind")?;
    let counted = statement.query_map([column(now)], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let counted = counted.collect::<rusqlite::Result<Vec<_>>>()?;
    let of = |kind: &str| counted.iter().find(|(found, _)| found == kind).map_or(0, |(_, count)| *count);
    Ok(["ping", "push", "event"].map(|kind| (kind, of(kind))).into())
}

/// The recipient with the most failed attempts for one row, and their number.
pub(crate) fn most_attempts(snapshot: &Snapshot<'_>) -> Result<Option<(String, u32)>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT recipient, attempts FROM outbox ORDER BY attempts DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// At most `most` due rows of one queue, the longest waiting first.
pub(crate) fn due(snapshot: &Snapshot<'_>, recipient: &str, now: Timestamp, most: usize) -> Result<Vec<Entry>, Error> {
    let mut statement = snapshot.connection().prepare_cached(
        "SELECT id, recipient, kind, request_id, auth_req_id, token, event_id, body, attempts, give_up_at
         FROM outbox WHERE recipient = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(statement.query_map(params![recipient, column(now), most], entry)?.collect::<Result<_, _>>()?)
}

/// When the next row becomes due.
pub(crate) fn next_due(snapshot: &Snapshot<'_>, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let next: Option<i64> = snapshot
        .connection()
        .prepare_cached("SELECT min(due_at) FROM outbox WHERE due_at > ?1")?
        .query_row([column(now)], |row| row.get(0))?;
    Ok(next.map(time))
}

/// Stores a body, unless the row has one; returns the stored one, or `None` if the row is gone.
pub(crate) fn store_body(transaction: &Transaction<'_>, id: i64, body: &Secret) -> Result<Option<Secret>, Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE outbox SET body = ?2 WHERE id = ?1 AND body IS NULL")?
        .execute(params![id, body.expose()])?;
    let kept: Option<String> = transaction
        .connection()
        .prepare_cached("SELECT body FROM outbox WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(kept.map(Secret::new))
}

/// Reschedules a row after a failed attempt.
pub(crate) fn reschedule(
    transaction: &Transaction<'_>,
    id: i64,
    attempts: u32,
    due_at: Timestamp,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE outbox SET attempts = ?2, due_at = ?3 WHERE id = ?1")?
        .execute(params![id, attempts, column(due_at)])?;
    Ok(())
}

/// Postpones a row whose approval is still pending.
pub(crate) fn postpone(transaction: &Transaction<'_>, id: i64, due_at: Timestamp) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE outbox SET due_at = ?2 WHERE id = ?1")?
        .execute(params![id, column(due_at)])?;
    Ok(())
}

/// Deletes a row, and with it the client's notification token.
pub(crate) fn remove(transaction: &Transaction<'_>, id: i64) -> Result<(), Error> {
    transaction.connection().prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([id])?;
    Ok(())
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let kind: String = row.get("kind")?;
    let item = match kind.as_str() {
        "event" => Item::Event { id: row.get("event_id")?, body: row.get("body")? },
        kind => Item::Notification(Notification {
            push: kind == "push",
            request: Hash::from(row.get::<_, [u8; 32]>("request_id")?),
            auth_req_id: Secret::new(row.get::<_, String>("auth_req_id")?),
            token: Secret::new(row.get::<_, String>("token")?),
            body: row.get::<_, Option<String>>("body")?.map(Secret::new),
        }),
    };
    Ok(Entry {
        id: row.get("id")?,
        recipient: row.get("recipient")?,
        item,
        attempts: row.get("attempts")?,
        give_up_at: time(row.get("give_up_at")?),
    })
}
