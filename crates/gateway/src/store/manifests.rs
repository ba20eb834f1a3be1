//! The chain of key manifests, as signed.

use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::params;

/// The chain, oldest first.
pub(crate) fn all(snapshot: &Snapshot<'_>) -> Result<Vec<String>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT jws FROM manifest ORDER BY sequence")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// Adds the next manifest, unless another process has added one of this sequence.
pub(crate) fn add(transaction: &Transaction<'_>, sequence: u64, jws: &str) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("INSERT INTO manifest (sequence, jws) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![sequence as i64, jws])?;
    Ok(())
}
