//! Approvals: one row and one verdict each, changed by compare-and-swap only.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::id::{ApprovalId, ChallengeId, Subject};
use countersign_protocol::interaction::{InteractionType, Opening, UserVerification};
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::columns::{
    ColumnCursor, as_json, millis, name, name_of, optional_json, optional_name, optional_text, optional_time, text,
    time,
};

/// The state of an approval. Everything but `Pending` is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Pending,
    Approved,
    Denied,
    Expired,
    Cancelled,
    DeviceRevoked,
    Mismatch,
    Refused,
}

impl Status {
    /// The word in the store and in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Approved => "approved",
            Status::Denied => "denied",
            Status::Expired => "expired",
            Status::Cancelled => "cancelled",
            Status::DeviceRevoked => "device_revoked",
            Status::Mismatch => "mismatch",
            Status::Refused => "refused",
        }
    }
}

/// Whether an approval is there, and is approved or waits at this time.
pub(crate) fn is_open(snapshot: &Snapshot<'_>, id: &ApprovalId, now: Timestamp) -> Result<bool, Error> {
    let mut statement = snapshot.connection().prepare_cached(
        "SELECT status = 'approved' OR (status = 'pending' AND answer_until > ?2) FROM approval WHERE id = ?1",
    )?;
    Ok(statement.query_row(params![id.as_str(), millis(now)], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// Whether an approval is there, its time is not over, and no answer decided it, whether it waits or has ended.
pub(crate) fn is_unanswered(snapshot: &Snapshot<'_>, id: &ApprovalId, now: Timestamp) -> Result<bool, Error> {
    let mut statement = snapshot
        .connection()
        .prepare_cached("SELECT answer_hash IS NULL AND answer_until > ?2 FROM approval WHERE id = ?1")?;
    Ok(statement.query_row(params![id.as_str(), millis(now)], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// How many approvals wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingCount {
    /// All that wait for an answer.
    pub pending: u64,
    /// Those of them that are held: listed on devices, never pushed.
    pub held: u64,
}

/// Counts what waits at this time.
pub(crate) fn count_pending(snapshot: &Snapshot<'_>, now: Timestamp) -> Result<PendingCount, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT count(*), coalesce(sum(held), 0) FROM approval WHERE status = 'pending' AND answer_until > ?1 AND decoy = 0 AND practice = 0",
        )?
        .query_row([millis(now)], |row| {
            Ok(PendingCount {
                pending: row.get::<_, i64>(0)?.unsigned_abs(),
                held: row.get::<_, i64>(1)?.unsigned_abs(),
            })
        })?)
}

/// Counts what ended since then, by its outcome.
pub(crate) fn count_ended(snapshot: &Snapshot<'_>, since: Timestamp) -> Result<Vec<(String, u64)>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT status, count(*) FROM approval WHERE decided_at >= ?1 AND decoy = 0 AND practice = 0 GROUP BY status ORDER BY status")?
        .query_map([millis(since)], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?
        .collect::<Result<_, _>>()?)
}

/// An approval as the store keeps it.
pub(crate) struct ApprovalRow {
    pub(crate) id: ApprovalId,
    /// Nobody holds the devices that were asked.
    pub(crate) is_decoy: bool,
    pub(crate) subject: Subject,
    pub(crate) client_id: String,
    pub(crate) status: Status,
    pub(crate) held: bool,
    /// Of a verified client.
    pub(crate) terminal: Option<String>,
    /// Whether its client shares limits with others.
    pub(crate) unvouched: bool,
    /// A device asked for it: nothing redeems it.
    pub(crate) is_practice: bool,
    pub(crate) interaction: InteractionType,
    pub(crate) opening: Option<Opening>,
    pub(crate) user_verification: UserVerification,
    pub(crate) allow_automated: bool,
    pub(crate) details_hash: Option<Hash>,
    pub(crate) requested_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) answer_until: Timestamp,
    /// How long `not_me` holds the client the first time, in milliseconds.
    pub(crate) not_me_hold: u64,
    pub(crate) resolution: Option<Resolution>,
    pub(crate) disputed_at: Option<Timestamp>,
}

/// How an approval ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resolution {
    pub(crate) at: Timestamp,
    pub(crate) reason: Option<DenialReason>,
    pub(crate) challenge: Option<ChallengeId>,
    pub(crate) answer_hash: Option<Hash>,
    pub(crate) amr: Vec<String>,
    pub(crate) acr: Option<String>,
    pub(crate) auth_time: Option<Timestamp>,
    /// Whether the device's approval key signed the answer that decided.
    pub(crate) by_approval_key: Option<bool>,
    /// The enrollment statement by which the answer's transcript holds. For the outcome only; it is not stored here.
    pub(crate) statement: Option<Hash>,
    /// Until when the client is held back for the user. For the outcome only; it is not stored here.
    pub(crate) held_until: Option<Timestamp>,
}

/// In the order in which [`approval`] reads them.
const COLUMNS: &str =
    "a.id, a.decoy, a.subject, a.client_id, a.status, a.held, a.terminal, a.unvouched, a.practice, a.interaction, a.salt, a.value, a.user_verification,
    a.allow_automated, a.details_hash, a.requested_at, a.expires_at, a.answer_until, a.not_me_hold, a.disputed_at,
    a.decided_at, a.reason, a.challenge_id, a.answer_hash, a.amr, a.acr, a.auth_time, a.by_approval_key";

fn approval(row: &Row<'_>) -> rusqlite::Result<ApprovalRow> {
    let mut at = ColumnCursor::default();
    Ok(ApprovalRow {
        id: text(row, at.next())?,
        is_decoy: row.get(at.next())?,
        subject: text(row, at.next())?,
        client_id: row.get(at.next())?,
        status: name(row, at.next())?,
        held: row.get(at.next())?,
        terminal: row.get(at.next())?,
        unvouched: row.get(at.next())?,
        is_practice: row.get(at.next())?,
        interaction: name(row, at.next())?,
        opening: match (row.get(at.next())?, row.get(at.next())?) {
            (Some(salt), Some(value)) => Some(Opening { salt, value }),
            _ => None,
        },
        user_verification: name(row, at.next())?,
        allow_automated: row.get(at.next())?,
        details_hash: optional_text(row, at.next())?,
        requested_at: time(row, at.next())?,
        expires_at: time(row, at.next())?,
        answer_until: time(row, at.next())?,
        not_me_hold: row.get::<_, i64>(at.next())?.unsigned_abs(),
        disputed_at: optional_time(row, at.next())?,
        resolution: match optional_time(row, at.next())? {
            None => None,
            Some(decided_at) => Some(Resolution {
                at: decided_at,
                reason: optional_name(row, at.next())?,
                challenge: optional_text(row, at.next())?,
                answer_hash: optional_text(row, at.next())?,
                amr: optional_json(row, at.next())?.unwrap_or_default(),
                acr: row.get(at.next())?,
                auth_time: optional_time(row, at.next())?,
                by_approval_key: row.get(at.next())?,
                statement: None,
                held_until: None,
            }),
        },
    })
}

/// Adds a pending approval.
pub(crate) fn insert(transaction: &Transaction<'_>, new: &ApprovalRow) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO approval (id, subject, client_id, status, held, interaction, salt, value, user_verification,
                allow_automated, details_hash, requested_at, expires_at, answer_until, not_me_hold, terminal, unvouched, decoy, practice)
             VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        )?
        .execute(params![
            new.id.as_str(),
            new.subject.as_str(),
            new.client_id,
            new.held,
            new.interaction.as_str(),
            new.opening.as_ref().map(|opening| &opening.salt),
            new.opening.as_ref().map(|opening| &opening.value),
            name_of(&new.user_verification),
            new.allow_automated,
            new.details_hash.map(|hash| hash.to_string()),
            millis(new.requested_at),
            millis(new.expires_at),
            millis(new.answer_until),
            i64::try_from(new.not_me_hold).unwrap_or(i64::MAX),
            new.terminal,
            new.unvouched,
            new.is_decoy,
            new.is_practice,
        ])?;
    Ok(())
}

pub(crate) fn by_id(snapshot: &Snapshot<'_>, id: &ApprovalId) -> Result<Option<ApprovalRow>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM approval a WHERE a.id = ?1"))?
        .query_row([id.as_str()], approval)
        .optional()?)
}

/// How many requests of this client, and of this terminal, wait for this user, held ones not counted.
pub(crate) fn pending_unheld(
    snapshot: &Snapshot<'_>,
    subject: &Subject,
    client: &str,
    terminal: Option<&str>,
) -> Result<u32, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT count(*) FROM approval
             WHERE subject = ?1 AND client_id = ?2 AND held = 0 AND status = 'pending' AND terminal IS ?3",
        )?
        .query_row(params![subject.as_str(), client, terminal], |row| row.get(0))?)
}

/// How many requests of clients that nobody vouches for wait for this user, held ones not counted.
pub(crate) fn pending_unvouched(snapshot: &Snapshot<'_>, subject: &Subject) -> Result<u32, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT count(*) FROM approval WHERE subject = ?1 AND unvouched = 1 AND held = 0 AND status = 'pending'",
        )?
        .query_row([subject.as_str()], |row| row.get(0))?)
}

/// Approvals whose time to answer has ended, at most `most`, oldest first.
pub(crate) fn overdue(snapshot: &Snapshot<'_>, now: Timestamp, most: usize) -> Result<Vec<ApprovalId>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT id FROM approval WHERE status = 'pending' AND answer_until <= ?1 ORDER BY answer_until LIMIT ?2",
        )?
        .query_map(params![millis(now), most as i64], |row| text(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// The one place where a verdict is made: ends the approval if it is still pending. Returns whether this call did.
pub(crate) fn resolve(
    transaction: &Transaction<'_>,
    id: &ApprovalId,
    status: Status,
    resolution: &Resolution,
) -> Result<bool, Error> {
    let changed = transaction
        .connection()
        .prepare_cached(
            "UPDATE approval SET status = ?2, decided_at = ?3, reason = ?4, challenge_id = ?5, answer_hash = ?6, amr = ?7,
                acr = ?8, auth_time = ?9, by_approval_key = ?10
             WHERE id = ?1 AND status = 'pending'",
        )?
        .execute(params![
            id.as_str(),
            status.as_str(),
            millis(resolution.at),
            resolution.reason.as_ref().map(name_of),
            resolution.challenge.as_ref().map(ChallengeId::as_str),
            resolution.answer_hash.map(|hash| hash.to_string()),
            as_json(&resolution.amr),
            resolution.acr,
            resolution.auth_time.map(millis),
            resolution.by_approval_key,
        ])?;
    Ok(changed == 1)
}

/// Notes the first dispute of an approval. Returns whether this was the first.
pub(crate) fn dispute(transaction: &Transaction<'_>, id: &ApprovalId, now: Timestamp) -> Result<bool, Error> {
    let changed = transaction
        .connection()
        .prepare_cached("UPDATE approval SET disputed_at = ?2 WHERE id = ?1 AND disputed_at IS NULL")?
        .execute(params![id.as_str(), millis(now)])?;
    Ok(changed == 1)
}

/// Approvals that ended before then, at most `most`, oldest first.
pub(crate) fn ended_before(snapshot: &Snapshot<'_>, before: Timestamp, most: usize) -> Result<Vec<ApprovalId>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT id FROM approval WHERE decided_at < ?1 ORDER BY decided_at LIMIT ?2")?
        .query_map(params![millis(before), most as i64], |row| text(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// Practice approvals that ended before then, at most `most`, oldest first.
pub(crate) fn practice_before(
    snapshot: &Snapshot<'_>,
    before: Timestamp,
    most: usize,
) -> Result<Vec<ApprovalId>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT id FROM approval WHERE practice = 1 AND decided_at < ?1 ORDER BY decided_at LIMIT ?2")?
        .query_map(params![millis(before), most as i64], |row| text(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// Every approval with the time of its request, newest first, without decoys and practice. Reads one row each.
pub(crate) fn all_ids(snapshot: &Snapshot<'_>) -> Result<Vec<(ApprovalId, Timestamp)>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT id, requested_at FROM approval WHERE decoy = 0 AND practice = 0 ORDER BY requested_at DESC",
        )?
        .query_map([], |row| Ok((text(row, "id")?, time(row, "requested_at")?)))?
        .collect::<Result<_, _>>()?)
}

/// Forgets an approval with its challenges and the answers to them.
pub(crate) fn forget(transaction: &Transaction<'_>, id: &ApprovalId) -> Result<(), Error> {
    for statement in [
        "DELETE FROM answer WHERE challenge_id IN (SELECT id FROM challenge WHERE approval_id = ?1)",
        "DELETE FROM wakeup_trace WHERE challenge_id IN (SELECT id FROM challenge WHERE approval_id = ?1)",
        "DELETE FROM challenge WHERE approval_id = ?1",
        "DELETE FROM challenge_content WHERE approval_id = ?1",
        "DELETE FROM approval WHERE id = ?1",
    ] {
        transaction.connection().prepare_cached(statement)?.execute([id.as_str()])?;
    }
    Ok(())
}
