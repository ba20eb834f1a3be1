//! Clients and users added by commands or registration, and locks of users.

use countersign_jose::clock::Timestamp;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, Row, params};

use super::columns::{column, time};
use crate::config::HashedSecret;

/// A client's row.
pub(crate) struct ClientRow {
    pub(crate) client_id: String,
    /// One `[[clients]]` entry.
    pub(crate) entry: String,
    pub(crate) secret: Option<HashedSecret>,
    pub(crate) registered: bool,
    pub(crate) added_at: Timestamp,
}

/// A user's row.
pub(crate) struct UserRow {
    pub(crate) sub: String,
    /// One `[[users]]` entry.
    pub(crate) entry: String,
    pub(crate) added_at: Timestamp,
}

const CLIENT: &str = "SELECT client_id, entry, secret_salt, secret_digest, registered, added_at FROM client_entry";

fn client_row(row: &Row<'_>) -> rusqlite::Result<ClientRow> {
    let (salt, digest): (Option<[u8; 16]>, Option<[u8; 32]>) = (row.get(2)?, row.get(3)?);
    Ok(ClientRow {
        client_id: row.get(0)?,
        entry: row.get(1)?,
        secret: salt.zip(digest).map(|(salt, digest)| HashedSecret::of_parts(salt, digest)),
        registered: row.get(4)?,
        added_at: time(row.get(5)?),
    })
}

pub(crate) fn client(snapshot: &Snapshot<'_>, client_id: &str) -> Result<Option<ClientRow>, Error> {
    let mut statement = snapshot.connection().prepare_cached(&format!("{CLIENT} WHERE client_id = ?1"))?;
    Ok(statement.query_row([client_id], client_row).optional()?)
}

/// All rows, by client id.
pub(crate) fn clients(snapshot: &Snapshot<'_>) -> Result<Vec<ClientRow>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!("{CLIENT} ORDER BY client_id"))?
        .query_map([], client_row)?
        .collect::<Result<_, _>>()?)
}

/// Number of clients that registered themselves (RFC 7591).
pub(crate) fn registered_clients(snapshot: &Snapshot<'_>) -> Result<u32, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT count(*) FROM client_entry WHERE registered = 1")?
        .query_row([], |row| row.get(0))?)
}

/// Adds a client. `false` if the id is in use.
pub(crate) fn add_client(transaction: &Transaction<'_>, new: &ClientRow) -> Result<bool, Error> {
    let parts = new.secret.as_ref().map(HashedSecret::parts);
    let added = transaction
        .connection()
        .prepare_cached(
            "INSERT INTO client_entry (client_id, entry, secret_salt, secret_digest, registered, added_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            new.client_id,
            new.entry,
            parts.map(|(salt, _)| salt),
            parts.map(|(_, digest)| digest),
            new.registered,
            column(new.added_at),
        ])?;
    Ok(added == 1)
}

/// Replaces a client's secret. `false` if there is no such client, or it has none.
pub(crate) fn replace_secret(
    transaction: &Transaction<'_>,
    client_id: &str,
    secret: &HashedSecret,
) -> Result<bool, Error> {
    let (salt, digest) = secret.parts();
    let changed = transaction
        .connection()
        .prepare_cached(
            "UPDATE client_entry SET secret_salt = ?2, secret_digest = ?3
             WHERE client_id = ?1 AND secret_digest IS NOT NULL",
        )?
        .execute(params![client_id, salt, digest])?;
    Ok(changed == 1)
}

/// Removes a client. `false` if there was none.
pub(crate) fn remove_client(transaction: &Transaction<'_>, client_id: &str) -> Result<bool, Error> {
    let removed = transaction
        .connection()
        .prepare_cached("DELETE FROM client_entry WHERE client_id = ?1")?
        .execute([client_id])?;
    Ok(removed == 1)
}

fn user_row(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    Ok(UserRow { sub: row.get(0)?, entry: row.get(1)?, added_at: time(row.get(2)?) })
}

/// A user by subject, byte for byte.
pub(crate) fn user(snapshot: &Snapshot<'_>, sub: &str) -> Result<Option<UserRow>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT sub, entry, added_at FROM user_entry WHERE sub = ?1")?
        .query_row([sub], user_row)
        .optional()?)
}

/// A user by subject or hint, case-folded by [`crate::config::folded`].
pub(crate) fn user_named(snapshot: &Snapshot<'_>, folded: &str) -> Result<Option<UserRow>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT u.sub, u.entry, u.added_at FROM user_name n JOIN user_entry u ON u.sub = n.sub WHERE n.name = ?1",
        )?
        .query_row([folded], user_row)
        .optional()?)
}

/// All rows, by subject.
pub(crate) fn users(snapshot: &Snapshot<'_>) -> Result<Vec<UserRow>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT sub, entry, added_at FROM user_entry ORDER BY sub")?
        .query_map([], user_row)?
        .collect::<Result<_, _>>()?)
}

/// Why a user's entry was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutUserError {
    /// A subject or hint is another user's already.
    #[error("the name {0} is another user's")]
    NameInUse(String),
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<rusqlite::Error> for PutUserError {
    fn from(error: rusqlite::Error) -> PutUserError {
        PutUserError::Store(error.into())
    }
}

/// Inserts or replaces a user's entry, and `names`: the case-folded subject and hints.
///
/// # Errors
/// [`PutUserError`]; then the transaction must be rolled back.
pub(crate) fn put_user(transaction: &Transaction<'_>, new: &UserRow, names: &[String]) -> Result<(), PutUserError> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO user_entry (sub, entry, added_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (sub) DO UPDATE SET entry = excluded.entry",
        )?
        .execute(params![new.sub, new.entry, column(new.added_at)])?;
    transaction.connection().prepare_cached("DELETE FROM user_name WHERE sub = ?1")?.execute([&new.sub])?;
    let mut add = transaction
        .connection()
        .prepare_cached("INSERT INTO user_name (name, sub) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    for name in names {
        if add.execute(params![name, new.sub])? == 0 {
            return Err(PutUserError::NameInUse(name.clone()));
        }
    }
    Ok(())
}

/// Removes a user. `false` if there was none.
pub(crate) fn remove_user(transaction: &Transaction<'_>, sub: &str) -> Result<bool, Error> {
    Ok(transaction.connection().prepare_cached("DELETE FROM user_entry WHERE sub = ?1")?.execute([sub])? == 1)
}

/// Whether a command locked this user.
pub(crate) fn is_locked(snapshot: &Snapshot<'_>, sub: &str) -> Result<bool, Error> {
    Ok(snapshot.connection().prepare_cached("SELECT 1 FROM user_lock WHERE sub = ?1")?.exists([sub])?)
}

/// Locks or unlocks a user. `false` if nothing changed.
pub(crate) fn set_lock(transaction: &Transaction<'_>, sub: &str, lock: Option<Timestamp>) -> Result<bool, Error> {
    let changed = match lock {
        Some(now) => transaction
            .connection()
            .prepare_cached("INSERT INTO user_lock (sub, locked_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute(params![sub, column(now)])?,
        None => transaction.connection().prepare_cached("DELETE FROM user_lock WHERE sub = ?1")?.execute([sub])?,
    };
    Ok(changed == 1)
}

/// Number of stored users with a user code, and of all stored users.
pub(crate) fn users_with_code(snapshot: &Snapshot<'_>) -> Result<(u64, u64), Error> {
    let counts = "SELECT count(*) FILTER (WHERE instr(entry, 'user_code') > 0), count(*) FROM user_entry";
    Ok(snapshot
        .connection()
        .query_row(counts, [], |row| Ok((row.get::<_, u32>(0)?.into(), row.get::<_, u32>(1)?.into())))?)
}
