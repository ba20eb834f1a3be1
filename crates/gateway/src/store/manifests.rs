//! The chain of key manifests, as signed.

use rusqlite::{Connection, params};

/// The chain, oldest first.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare_cached("SELECT jws FROM manifest ORDER BY sequence")?.query_map([], |row| row.get(0))?.collect()
}

/// Adds the next manifest. Fails if another process has added one of this sequence.
pub(crate) fn add(connection: &Connection, sequence: u64, jws: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO manifest (sequence, jws) VALUES (?1, ?2)")?
        .execute(params![sequence as i64, jws])
        .map(drop)
}
