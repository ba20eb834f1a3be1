//! Challenges, each signed once for one device, and the answers to them.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::enrollment::EnrollmentStatement;
use countersign_protocol::id::{ApprovalId, ChallengeId, DeviceId};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::jws::Compact;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, Row, params};

use super::challenge_contents::{self, JWS_COLUMNS, JWS_JOIN};
use super::columns::{ColumnCursor, millis, name, optional_text, text, time};
use super::devices;
use crate::challenge_parts::SharedPart;

/// A challenge as the store keeps it.
pub(crate) struct ChallengeRow {
    pub(crate) id: ChallengeId,
    pub(crate) approval: ApprovalId,
    pub(crate) device: DeviceId,
    pub(crate) hash: Hash,
    /// The device's code, when it refused to show the challenge.
    pub(crate) refused: Option<String>,
    /// The signed outcome, once there is one.
    pub(crate) outcome: Option<String>,
    /// The second statement after a dispute.
    pub(crate) disputed: Option<String>,
    /// The first valid answer.
    pub(crate) answer: Option<AnswerFingerprint>,
    /// The device's name.
    pub(crate) device_name: String,
    /// Hash of the device's enrollment statement in force; only confirmed devices are asked, so there is one.
    pub(crate) statement: Hash,
}

/// By what an answer is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnswerFingerprint {
    pub(crate) jti: String,
    pub(crate) signed: Hash,
}

/// In the order in which [`challenge`] reads them.
const COLUMNS: &str =
    "c.id, c.approval_id, c.device_id, c.hash, c.refused, c.outcome, c.disputed, s.jti, s.signed_hash,
     d.name, d.statement_hash";
const TABLES: &str = "challenge c JOIN device d ON d.id = c.device_id LEFT JOIN answer s ON s.challenge_id = c.id";

fn challenge(row: &Row<'_>) -> rusqlite::Result<ChallengeRow> {
    let mut at = ColumnCursor::default();
    Ok(ChallengeRow {
        id: text(row, at.next())?,
        approval: text(row, at.next())?,
        device: text(row, at.next())?,
        hash: text(row, at.next())?,
        refused: row.get(at.next())?,
        outcome: row.get(at.next())?,
        disputed: row.get(at.next())?,
        answer: match (row.get(at.next())?, optional_text(row, at.next())?) {
            (Some(jti), Some(signed)) => Some(AnswerFingerprint { jti, signed }),
            _ => None,
        },
        device_name: row.get(at.next())?,
        statement: text(row, at.next())?,
    })
}

/// Stores a challenge before it is first sent.
pub(crate) fn insert(
    transaction: &Transaction<'_>,
    id: &ChallengeId,
    approval: &ApprovalId,
    device: &DeviceId,
    signature: &[u8],
    hash: &Hash,
    feed_n: i64,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO challenge (id, approval_id, device_id, signature, hash, feed_n) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![id.as_str(), approval.as_str(), device.as_str(), signature, hash.to_string(), feed_n])?;
    Ok(())
}

/// Notes of a challenge that it was signed later than its approval's others: its own header and `iat`.
pub(crate) fn set_signed_later(
    transaction: &Transaction<'_>,
    id: &ChallengeId,
    signed: &SharedPart,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE challenge SET header = ?2, iat = ?3 WHERE id = ?1")?
        .execute(params![id.as_str(), signed.header, signed.iat as i64])?;
    Ok(())
}

pub(crate) fn by_id(snapshot: &Snapshot<'_>, id: &ChallengeId) -> Result<Option<ChallengeRow>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM {TABLES} WHERE c.id = ?1"))?
        .query_row([id.as_str()], challenge)
        .optional()?)
}

/// The challenge, if it was sent to this device.
pub(crate) fn of_device(
    snapshot: &Snapshot<'_>,
    id: &ChallengeId,
    device: &DeviceId,
) -> Result<Option<ChallengeRow>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM {TABLES} WHERE c.id = ?1 AND c.device_id = ?2"))?
        .query_row(params![id.as_str(), device.as_str()], challenge)
        .optional()?)
}

/// A challenge's entry in its device's feed.
pub(crate) struct FeedEntry {
    pub(crate) device: DeviceId,
    pub(crate) n: i64,
    /// Whether the device refused to show it.
    pub(crate) refused: bool,
}

/// The feed entries of an approval's challenges.
pub(crate) fn feed_entries(snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<Vec<FeedEntry>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT device_id, feed_n, refused IS NOT NULL AS refused FROM challenge WHERE approval_id = ?1",
        )?
        .query_map([approval.as_str()], |row| {
            Ok(FeedEntry { device: text(row, "device_id")?, n: row.get("feed_n")?, refused: row.get("refused")? })
        })?
        .collect::<Result<_, _>>()?)
}

/// All challenges of an approval.
pub(crate) fn of_approval(snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<Vec<ChallengeRow>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM {TABLES} WHERE c.approval_id = ?1 ORDER BY c.id"))?
        .query_map([approval.as_str()], challenge)?
        .collect::<Result<_, _>>()?)
}

/// A challenge with everything that was signed about it.
pub(crate) struct ChallengeWithAnswer {
    pub(crate) row: ChallengeRow,
    /// `None` where its content was deleted, since nobody answered in time.
    pub(crate) jws: Option<String>,
    /// The first valid answer and when it arrived.
    pub(crate) answer: Option<(String, Timestamp)>,
    /// The transcript whose hash it signs.
    pub(crate) transcript: Option<String>,
    /// Whether its answer decided the approval.
    pub(crate) decided: bool,
}

/// All challenges of an approval, with everything that was signed about them.
pub(crate) fn with_answers(snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<Vec<ChallengeWithAnswer>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, {JWS_COLUMNS}, s.jws AS answer_jws, s.transcript, s.received_at,
                    coalesce(a.challenge_id = c.id, 0) AS decided
             FROM {TABLES} JOIN approval a ON a.id = c.approval_id {JWS_JOIN} WHERE c.approval_id = ?1 ORDER BY c.id"
        ))?
        .query_map([approval.as_str()], |row| {
            let answer: Option<String> = row.get("answer_jws")?;
            let challenge = challenge(row)?;
            Ok(ChallengeWithAnswer {
                jws: challenge_contents::jws(row, &challenge.device, &challenge.id)?,
                answer: answer.map(|jws| Ok::<_, rusqlite::Error>((jws, time(row, "received_at")?))).transpose()?,
                transcript: row.get("transcript")?,
                decided: row.get("decided")?,
                row: challenge,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// The pending approvals that a device was asked about, those that are held last.
pub(crate) fn pending_approvals(snapshot: &Snapshot<'_>, device: &DeviceId) -> Result<Vec<ApprovalId>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT a.id FROM challenge c JOIN approval a ON a.id = c.approval_id
             WHERE c.device_id = ?1 AND c.outcome IS NULL AND a.status = 'pending' ORDER BY a.held, c.feed_n",
        )?
        .query_map([device.as_str()], |row| text(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// A pending challenge, as signed, and what it takes to show it.
pub(crate) struct PendingChallenge {
    pub(crate) id: ChallengeId,
    pub(crate) interaction: InteractionType,
    pub(crate) jws: String,
}

/// A device's challenge of a pending approval about which `other` was not asked.
pub(crate) fn pending_unasked(
    snapshot: &Snapshot<'_>,
    device: &DeviceId,
    approval: &ApprovalId,
    other: &DeviceId,
) -> Result<Option<PendingChallenge>, Error> {
    let found: Option<Option<PendingChallenge>> = snapshot
        .connection()
        .prepare_cached(&format!(
            "SELECT c.id, a.interaction, {JWS_COLUMNS}
             FROM challenge c JOIN approval a ON a.id = c.approval_id {JWS_JOIN}
             WHERE c.device_id = ?1 AND c.approval_id = ?2 AND c.outcome IS NULL AND a.status = 'pending'
                AND NOT EXISTS (SELECT 1 FROM challenge o WHERE o.approval_id = ?2 AND o.device_id = ?3)"
        ))?
        .query_row([device.as_str(), approval.as_str(), other.as_str()], |row| {
            let id: ChallengeId = text(row, "id")?;
            let jws = challenge_contents::jws(row, device, &id)?;
            let interaction = name(row, "interaction")?;
            Ok(jws.map(|jws| PendingChallenge { id, interaction, jws }))
        })
        .optional()?;
    Ok(found.flatten())
}

/// Devices that ended, and were asked about approvals that are pending.
pub(crate) fn ended_devices_with_pending(snapshot: &Snapshot<'_>) -> Result<Vec<DeviceId>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT DISTINCT d.id FROM approval a JOIN challenge c ON c.approval_id = a.id JOIN device d ON d.id = c.device_id
             WHERE a.status = 'pending' AND c.outcome IS NULL AND d.status IN ('suspended', 'revoked', 'abandoned')",
        )?
        .query_map([], |row| text(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// How many devices can still answer an approval, and how many have refused it.
pub(crate) fn still_asked(snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<(u32, u32), Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE d.status = 'active' AND c.refused IS NULL), count(*) FILTER (WHERE c.refused IS NOT NULL)
             FROM challenge c JOIN device d ON d.id = c.device_id WHERE c.approval_id = ?1",
        )?
        .query_row([approval.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

pub(crate) fn set_outcome(transaction: &Transaction<'_>, id: &ChallengeId, outcome: &str) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE challenge SET outcome = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), outcome])?;
    Ok(())
}

pub(crate) fn set_disputed(transaction: &Transaction<'_>, id: &ChallengeId, outcome: &str) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE challenge SET disputed = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), outcome])?;
    Ok(())
}

pub(crate) fn set_refused(transaction: &Transaction<'_>, id: &ChallengeId, code: &str) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE challenge SET refused = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), code])?;
    Ok(())
}

/// A challenge and its device's enrollment statements, newest first, as signed: what a transcript may quote.
pub(crate) type SignedTexts = (Compact<Challenge>, Vec<Compact<EnrollmentStatement>>);

/// A challenge and the device's latest enrollment statements, at most `most`.
pub(crate) fn signed_texts(snapshot: &Snapshot<'_>, id: &ChallengeId, most: u32) -> Result<Option<SignedTexts>, Error> {
    let found = snapshot
        .connection()
        .prepare_cached(&format!("SELECT c.device_id, {JWS_COLUMNS} FROM challenge c {JWS_JOIN} WHERE c.id = ?1"))?
        .query_row([id.as_str()], |row| {
            let device: DeviceId = text(row, "device_id")?;
            Ok(challenge_contents::jws(row, &device, id)?.map(|challenge| (challenge, device)))
        })
        .optional()?
        .flatten();
    let Some((challenge, device)) = found else { return Ok(None) };
    Ok(Some((Compact::from_text(challenge), devices::latest_statements(snapshot, &device, most)?)))
}

/// Keeps the first valid answer to a challenge, and the transcript whose hash it signs.
pub(crate) fn keep_answer(
    transaction: &Transaction<'_>,
    id: &ChallengeId,
    answer: &AnswerFingerprint,
    jws: &str,
    transcript: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO answer (challenge_id, jti, signed_hash, received_at, jws, transcript)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![id.as_str(), answer.jti, answer.signed.to_string(), millis(now), jws, transcript])?;
    Ok(())
}
