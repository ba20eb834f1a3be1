//! Acknowledgements of authentication requests with an `Idempotency-Key`, sealed.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, params};

use super::columns::{column, time};

/// An acknowledgement to repeat.
pub(crate) struct KeptAcknowledgement {
    /// Digest of the request's parameters.
    pub(crate) parameters: Hash,
    pub(crate) sealed: Vec<u8>,
    /// When the request ends.
    pub(crate) expires_at: Timestamp,
    pub(crate) until: Timestamp,
}

/// Keeps an acknowledgement in place of one whose time is over.
pub(crate) fn keep_acknowledgement(
    transaction: &Transaction<'_>,
    key: &Hash,
    kept: &KeptAcknowledgement,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT OR REPLACE INTO idempotency_key (id, parameters, sealed, expires_at, until)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            key.as_bytes(),
            kept.parameters.as_bytes(),
            kept.sealed,
            column(kept.expires_at),
            column(kept.until),
        ])?;
    Ok(())
}

/// The acknowledgement kept for a key, while it may be repeated.
pub(crate) fn kept_acknowledgement(
    snapshot: &Snapshot<'_>,
    key: &Hash,
    now: Timestamp,
) -> Result<Option<KeptAcknowledgement>, Error> {
    let mut statement = snapshot.connection().prepare_cached(
        "SELECT parameters, sealed, expires_at, until FROM idempotency_key WHERE id = ?1 AND until > ?2",
    )?;
    let found = statement.query_row(params![key.as_bytes(), column(now)], |row| {
        Ok(KeptAcknowledgement {
            parameters: Hash::from(row.get::<_, [u8; 32]>(0)?),
            sealed: row.get(1)?,
            expires_at: time(row.get(2)?),
            until: time(row.get(3)?),
        })
    });
    Ok(found.optional()?)
}

/// Deletes acknowledgements that are not repeated any more.
pub(crate) fn forget_acknowledgements(transaction: &Transaction<'_>, now: Timestamp) -> Result<usize, Error> {
    Ok(transaction
        .connection()
        .prepare_cached("DELETE FROM idempotency_key WHERE until <= ?1")?
        .execute([column(now)])?)
}
