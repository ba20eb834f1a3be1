//! The credentials of devices, by their hashes: one in use, and at most one that waits for its first use.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::id::DeviceId;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, params};

use super::columns::{ColumnCursor, millis, time};
use super::devices::{self, Device};

/// A credential that was presented, and whose it is.
pub(crate) struct CredentialRow {
    pub(crate) device: Device,
    pub(crate) expires_at: Timestamp,
    pub(crate) used: bool,
    /// Whether a push is queued for its device.
    pub(crate) push_queued: bool,
}

/// Looks a credential up by its hash.
pub(crate) fn by_hash(snapshot: &Snapshot<'_>, hash: &Hash) -> Result<Option<CredentialRow>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!(
            "SELECT {}, c.expires_at, c.used, EXISTS (SELECT 1 FROM wakeup w WHERE w.device_id = d.id) FROM credential c JOIN device d ON d.id = c.device_id WHERE c.hash = ?1",
            devices::COLUMNS
        ))?
        .query_row([hash.to_string()], |row| {
            let mut at = ColumnCursor::default();
            Ok(CredentialRow {
                device: devices::device(row, &mut at)?,
                expires_at: time(row, at.next())?,
                used: row.get(at.next())?,
                push_queued: row.get(at.next())?,
            })
        })
        .optional()?)
}

/// Adds a credential that has not been used yet.
pub(crate) fn add(
    transaction: &Transaction<'_>,
    id: &DeviceId,
    hash: &Hash,
    expires_at: Timestamp,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("INSERT INTO credential (hash, device_id, expires_at, used) VALUES (?1, ?2, ?3, 0)")?
        .execute(params![hash.to_string(), id.as_str(), millis(expires_at)])?;
    Ok(())
}

/// Marks a credential as used, which ends every other of its device. Returns false if it is gone.
pub(crate) fn mark_used(transaction: &Transaction<'_>, id: &DeviceId, hash: &Hash) -> Result<bool, Error> {
    let used = transaction
        .connection()
        .prepare_cached("UPDATE credential SET used = 1 WHERE hash = ?1 AND device_id = ?2")?
        .execute(params![hash.to_string(), id.as_str()])?;
    if used == 1 {
        transaction
            .connection()
            .prepare_cached("DELETE FROM credential WHERE device_id = ?2 AND hash <> ?1")?
            .execute(params![hash.to_string(), id.as_str()])?;
    }
    Ok(used == 1)
}

/// Ends credentials that were given out and never used, so that at most two are valid at a time.
pub(crate) fn end_unused(transaction: &Transaction<'_>, id: &DeviceId) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("DELETE FROM credential WHERE device_id = ?1 AND used = 0")?
        .execute([id.as_str()])?;
    Ok(())
}

/// Ends every credential of a device.
pub(crate) fn end_all(transaction: &Transaction<'_>, id: &DeviceId) -> Result<(), Error> {
    transaction.connection().prepare_cached("DELETE FROM credential WHERE device_id = ?1")?.execute([id.as_str()])?;
    Ok(())
}
