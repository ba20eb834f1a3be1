//! Token responses that may be repeated within `redeem_grace`, sealed. A row goes when one of its tokens was used.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, params};

use super::columns::column;

/// A token response to keep.
pub(crate) struct KeptResponse {
    pub(crate) request: Hash,
    pub(crate) sealed: Vec<u8>,
    /// Hash of its access token.
    pub(crate) access_token: Hash,
    /// Hash of its refresh token.
    pub(crate) refresh_token: Option<Hash>,
    /// Hash of its ID token, which is used as a hint.
    pub(crate) id_token: Option<Hash>,
    pub(crate) until: Timestamp,
}

pub(crate) fn keep_response(transaction: &Transaction<'_>, kept: &KeptResponse) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO kept_response (request_id, sealed, access_token, refresh_token, id_token, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            kept.request.as_bytes(),
            kept.sealed,
            kept.access_token.as_bytes(),
            kept.refresh_token.as_ref().map(Hash::as_bytes),
            kept.id_token.as_ref().map(Hash::as_bytes),
            column(kept.until),
        ])?;
    Ok(())
}

/// The sealed response of a redeemed request, while it may be repeated.
pub(crate) fn kept_response(snapshot: &Snapshot<'_>, request: &Hash, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
    let mut statement = snapshot
        .connection()
        .prepare_cached("SELECT sealed FROM kept_response WHERE request_id = ?1 AND until > ?2")?;
    Ok(statement.query_row(params![request.as_bytes(), column(now)], |row| row.get(0)).optional()?)
}

/// Whether this token's response is stored: it may be repeated, or its time is over and it was not deleted yet.
pub(crate) fn is_kept(snapshot: &Snapshot<'_>, token: &Hash) -> Result<bool, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT 1 FROM kept_response WHERE access_token = ?1 OR refresh_token = ?1 OR id_token = ?1")?
        .exists([token.as_bytes()])?)
}

/// The token was used: its response is not repeated any more.
pub(crate) fn token_used(transaction: &Transaction<'_>, token: &Hash) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("DELETE FROM kept_response WHERE access_token = ?1 OR refresh_token = ?1 OR id_token = ?1")?
        .execute([token.as_bytes()])?;
    Ok(())
}

/// Deletes responses that may not be repeated any more.
pub(crate) fn forget_kept(transaction: &Transaction<'_>, now: Timestamp) -> Result<usize, Error> {
    Ok(transaction
        .connection()
        .prepare_cached("DELETE FROM kept_response WHERE until <= ?1")?
        .execute([column(now)])?)
}
