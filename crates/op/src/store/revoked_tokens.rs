//! Access tokens that were revoked, until they would have ended by themselves.

use countersign_protocol::clock::Timestamp;
use rusqlite::{Connection, params};

use super::columns::column;

/// Notes that a token is worth nothing any more.
pub(crate) fn revoke_token(connection: &Connection, jti: &str, until: Timestamp) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("INSERT INTO revoked_token (jti, until) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    statement.execute(params![jti, column(until)]).map(drop)
}

pub(crate) fn is_revoked(connection: &Connection, jti: &str) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM revoked_token WHERE jti = ?1")?.exists([jti])
}

/// Forgets what has ended by itself.
pub(crate) fn forget_revoked(connection: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    connection.prepare_cached("DELETE FROM revoked_token WHERE until <= ?1")?.execute([column(now)])
}
