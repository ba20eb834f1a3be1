//! Access tokens that were revoked, until they would have ended by themselves.

use countersign_jose::clock::Timestamp;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::params;

use super::columns::column;

/// Notes that a token is worth nothing any more.
pub(crate) fn revoke_token(transaction: &Transaction<'_>, jti: &str, until: Timestamp) -> Result<(), Error> {
    let mut statement = transaction
        .connection()
        .prepare_cached("INSERT INTO revoked_token (jti, until) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    statement.execute(params![jti, column(until)])?;
    Ok(())
}

pub(crate) fn is_revoked(snapshot: &Snapshot<'_>, jti: &str) -> Result<bool, Error> {
    Ok(snapshot.connection().prepare_cached("SELECT 1 FROM revoked_token WHERE jti = ?1")?.exists([jti])?)
}

/// Forgets what has ended by itself.
pub(crate) fn forget_revoked(transaction: &Transaction<'_>, now: Timestamp) -> Result<usize, Error> {
    Ok(transaction
        .connection()
        .prepare_cached("DELETE FROM revoked_token WHERE until <= ?1")?
        .execute([column(now)])?)
}
