//! What the challenges of an approval share, the client's details among it.

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::{ApprovalId, ChallengeId, DeviceId};
use countersign_protocol::limits;
use countersign_store::{Error, Snapshot, Transaction};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use rusqlite::types::{Type, Value, ValueRef};
use rusqlite::{OptionalExtension, Row, params};

use super::columns::{millis, text};
use crate::challenge_parts::{self, SharedPart};

/// Details of so many bytes or more are deflated: smaller ones share a page with others anyway.
const DEFLATED_FROM: usize = 1024;
/// Of 10: most of what there is to gain, in a tenth of a millisecond for the longest details.
const EFFORT: u8 = 3;

/// Columns from which [`jws`] puts a challenge together again; NULL where the content was deleted.
pub(crate) const JWS_COLUMNS: &str =
    "c.signature, coalesce(c.header, m.header) AS content_header, coalesce(c.iat, m.iat) AS content_iat,
    m.frame AS content_frame, m.details AS content_details";

/// To be joined to a challenge `c`.
pub(crate) const JWS_JOIN: &str = "LEFT JOIN challenge_content m ON m.approval_id = c.approval_id";

/// Keeps the shared part of an approval's challenges.
pub(crate) fn insert(
    transaction: &Transaction<'_>,
    approval: &ApprovalId,
    shared: &SharedPart,
    details: Option<&str>,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO challenge_content (approval_id, header, iat, frame, details) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![approval.as_str(), shared.header, shared.iat as i64, shared.frame, details.map(packed)])?;
    Ok(())
}

/// A challenge's JWS; `None` where its content was deleted.
pub(crate) fn jws(row: &Row<'_>, device: &DeviceId, challenge: &ChallengeId) -> rusqlite::Result<Option<String>> {
    let Some(frame) = row.get("content_frame")? else { return Ok(None) };
    let iat = row.get::<_, i64>("content_iat")?.unsigned_abs();
    let shared = SharedPart { header: row.get("content_header")?, iat, frame };
    let details = unpacked(row.get_ref("content_details")?)?;
    let signature = row.get_ref("signature")?.as_blob()?;
    Ok(Some(challenge_parts::join(&shared, signature, device.as_str(), challenge.as_str(), details.as_deref())))
}

/// The client's details of an approval, byte for byte.
pub(crate) fn details(snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<Option<String>, Error> {
    let found = snapshot
        .connection()
        .prepare_cached("SELECT details FROM challenge_content WHERE approval_id = ?1")?
        .query_row([approval.as_str()], |row| unpacked(row.get_ref(0)?))
        .optional()?;
    Ok(found.flatten())
}

/// Details as a column keeps them.
fn packed(details: &str) -> Value {
    if details.len() >= DEFLATED_FROM {
        let deflated = compress_to_vec(details.as_bytes(), EFFORT);
        if deflated.len() < details.len() {
            return Value::Blob(deflated);
        }
    }
    Value::Text(details.to_owned())
}

/// Details as the client sent them.
fn unpacked(column: ValueRef<'_>) -> rusqlite::Result<Option<String>> {
    let ValueRef::Blob(deflated) = column else { return Ok(column.as_str_or_null()?.map(str::to_owned)) };
    let bytes = decompress_to_vec_with_limit(deflated, limits::BODY_BYTES).ok();
    let details = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    details.map(Some).ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, "deflated details".into()))
}

/// Approvals that ended in this time, however they did, without an answer to any of their challenges, at most `most`, oldest first,
/// with the time of their end.
pub(crate) fn unanswered(
    snapshot: &Snapshot<'_>,
    from: Timestamp,
    before: Timestamp,
    most: usize,
) -> Result<Vec<(ApprovalId, Timestamp)>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT a.id, a.decided_at FROM approval a
             WHERE a.status IN ('expired', 'cancelled', 'device_revoked', 'refused') AND a.decided_at >= ?1 AND a.decided_at < ?2
                AND EXISTS (SELECT 1 FROM challenge_content m WHERE m.approval_id = a.id)
                AND NOT EXISTS (SELECT 1 FROM challenge c JOIN answer s ON s.challenge_id = c.id WHERE c.approval_id = a.id)
             ORDER BY a.decided_at LIMIT ?3",
        )?
        .query_map(params![millis(from), millis(before), most as i64], |row| {
            Ok((text(row, 0)?, super::columns::time(row, 1)?))
        })?
        .collect::<Result<_, _>>()?)
}

/// Deletes what an approval's challenges share. Their hashes and outcomes stay.
pub(crate) fn delete(transaction: &Transaction<'_>, approval: &ApprovalId) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("DELETE FROM challenge_content WHERE approval_id = ?1")?
        .execute([approval.as_str()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn details_come_back_byte_for_byte(short in any::<String>(), times in 0_usize..200) {
            let details = short.repeat(times.min(6144 / short.len().max(1)));
            let kept = packed(&details);
            prop_assert_eq!(unpacked(ValueRef::from(&kept)).expect("readable"), Some(details));
        }
    }
}
