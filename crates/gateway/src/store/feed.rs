//! Feed entries of each device, in order, under numbers that no restored backup repeats.

use countersign_jose::clock::Timestamp;
use countersign_jose::random::{self, Random};
use countersign_protocol::id::{ChallengeId, DeviceId};
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, Row, params};

use super::challenge_contents::{self, JWS_COLUMNS, JWS_JOIN};
use super::columns::{millis, text};

/// One entry of a device's feed.
pub(crate) struct Entry {
    pub(crate) n: i64,
    pub(crate) item: Item,
}

/// Content of an entry.
pub(crate) enum Item {
    /// A challenge that is pending; its compact JWS.
    Challenge(String),
    /// An approval ended; the challenge's id and the signed outcome (the second one after a dispute).
    Ended(ChallengeId, String),
    /// A signed notice.
    Notice(String),
    /// A challenge that has ended since; its end follows as an entry of its own.
    Past,
}

/// The first number of a new device's feed.
pub(crate) fn first(random: &dyn Random) -> i64 {
    next(0, random)
}

/// A counter in the upper half and random bits in the lower: numbers grow, yet two histories of one file (before and after a
/// backup was restored) do not meet, and a cursor can be compared for equality.
fn next(head: i64, random: &dyn Random) -> i64 {
    let count = (head >> 32) + 1;
    (count << 32) | i64::from(u32::from_be_bytes(random::bytes(random)))
}

/// Adds an entry, wakes the device after the commit, and returns the entry's number. `item` is a challenge's id or a notice's JWS.
pub(crate) fn append(
    transaction: &Transaction<'_>,
    device: &DeviceId,
    kind: &str,
    item: &str,
    now: Timestamp,
    random: &dyn Random,
) -> Result<i64, Error> {
    let n = next(head(transaction, device)?, random);
    transaction
        .connection()
        .prepare_cached("INSERT INTO feed (device_id, n, kind, item, at) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![device.as_str(), n, kind, item, millis(now)])?;
    transaction
        .connection()
        .prepare_cached("UPDATE device SET feed_head = ?2 WHERE id = ?1")?
        .execute(params![device.as_str(), n])?;
    transaction.notify_after_commit(device.as_str());
    Ok(n)
}

/// The number of the device's latest entry.
pub(crate) fn head(snapshot: &Snapshot<'_>, device: &DeviceId) -> Result<i64, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT feed_head FROM device WHERE id = ?1")?
        .query_row([device.as_str()], |row| row.get(0))?)
}

/// Whether the device's feed has an entry of this number. The latest may be forgotten already; it is known by [`head`].
pub(crate) fn has(snapshot: &Snapshot<'_>, device: &DeviceId, n: i64) -> Result<bool, Error> {
    let found = snapshot
        .connection()
        .prepare_cached("SELECT 1 FROM feed WHERE device_id = ?1 AND n = ?2")?
        .query_row(params![device.as_str(), n], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// The next entries after `n`, at most `most`.
pub(crate) fn after(snapshot: &Snapshot<'_>, device: &DeviceId, n: i64, most: usize) -> Result<Vec<Entry>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            &format!("SELECT f.n, f.kind, f.item, {JWS_COLUMNS}, c.outcome, c.disputed, a.status
             FROM feed f
             LEFT JOIN challenge c ON f.kind <> 'notice' AND c.id = f.item
             LEFT JOIN approval a ON a.id = c.approval_id
             LEFT JOIN challenge_content m ON f.kind = 'challenge' AND a.status = 'pending' AND m.approval_id = c.approval_id
             WHERE f.device_id = ?1 AND f.n > ?2 ORDER BY f.n LIMIT ?3"),
        )?
        .query_map(params![device.as_str(), n, most as i64], |row| entry(row, device))?
        .collect::<Result<_, _>>()?)
}

/// Everything that still matters after `n`, at most `most`: pending challenges and notices.
pub(crate) fn pending_after(
    snapshot: &Snapshot<'_>,
    device: &DeviceId,
    n: i64,
    most: usize,
) -> Result<Vec<Entry>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!(
            "SELECT f.n, f.kind, f.item, {JWS_COLUMNS}, NULL AS outcome, NULL AS disputed, a.status
             FROM feed f
             LEFT JOIN challenge c ON f.kind = 'challenge' AND c.id = f.item
             LEFT JOIN approval a ON a.id = c.approval_id
             {JWS_JOIN}
             WHERE f.device_id = ?1 AND f.n > ?2 AND (f.kind = 'notice' OR a.status = 'pending') ORDER BY f.n LIMIT ?3"
        ))?
        .query_map(params![device.as_str(), n, most as i64], |row| entry(row, device))?
        .collect::<Result<_, _>>()?)
}

/// Whether there is anything to forget.
pub(crate) fn has_older(snapshot: &Snapshot<'_>, before: Timestamp) -> Result<bool, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM feed f WHERE f.at < ?1
                AND NOT (f.kind = 'notice' AND EXISTS (SELECT 1 FROM statement s WHERE s.device_id = f.device_id AND s.jws = f.item)))",
        )?
        .query_row([millis(before)], |row| row.get(0))?)
}

/// Forgets what is older than `before`; a device that was away for longer hears everything pending instead. Its enrollment
/// statements stay.
pub(crate) fn forget(transaction: &Transaction<'_>, before: Timestamp) -> Result<usize, Error> {
    Ok(transaction
        .connection()
        .prepare_cached(
            "DELETE FROM feed AS f WHERE f.at < ?1
                AND NOT (f.kind = 'notice' AND EXISTS (SELECT 1 FROM statement s WHERE s.device_id = f.device_id AND s.jws = f.item))",
        )?
        .execute([millis(before)])?)
}

fn entry(row: &Row<'_>, device: &DeviceId) -> rusqlite::Result<Entry> {
    let kind = row.get_ref("kind")?.as_str()?;
    let item = match kind {
        "notice" => Item::Notice(row.get("item")?),
        "challenge" if row.get_ref("status")?.as_str_or_null()? == Some("pending") => {
            challenge_contents::jws(row, device, &text(row, "item")?)?.map_or(Item::Past, Item::Challenge)
        }
        "challenge" => Item::Past,
        _ => {
            let second: Option<String> = if kind == "disputed" { row.get("disputed")? } else { None };
            let outcome = match second {
                Some(outcome) => Some(outcome),
                None => row.get("outcome")?,
            };
            outcome
                .map_or(Ok(Item::Past), |outcome| Ok::<_, rusqlite::Error>(Item::Ended(text(row, "item")?, outcome)))?
        }
    };
    Ok(Entry { n: row.get("n")?, item })
}
