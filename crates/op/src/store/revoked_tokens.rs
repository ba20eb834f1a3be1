//! Revoked access tokens (RFC 7009), kept until they expire.

use countersign_jose::clock::Timestamp;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::params;

use super::columns::column;

/// Revokes a token by its `jti`; `until` is its expiry.
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

/// Deletes revocations of tokens that have expired.
pub(crate) fn forget_revoked(transaction: &Transaction<'_>, now: Timestamp) -> Result<usize, Error> {
    Ok(transaction
        .connection()
        .prepare_cached("DELETE FROM revoked_token WHERE until <= ?1")?
        .execute([column(now)])?)
}
