//! The tables of the vault.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::ports::vault::{ApprovedClient, VaultError};

/// The version of the tables, in `PRAGMA user_version`. A file of another version is refused: nothing is converted.
pub const SCHEMA: u32 = 5;

const TABLES: &str = "
CREATE TABLE accounts (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
) STRICT;
CREATE TABLE challenges (
    position INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (account, id)
) STRICT;
CREATE INDEX challenges_open ON challenges (account) WHERE ended = 0;
CREATE INDEX challenges_recent ON challenges (account, issued_at);
CREATE TABLE outbox (
    account TEXT NOT NULL,
    id INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (account, id)
) STRICT;
CREATE TABLE history (
    account TEXT NOT NULL,
    seq INTEGER NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (account, seq)
) STRICT;
CREATE TABLE unnumbered (
    account TEXT NOT NULL,
    id INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (account, id)
) STRICT;
CREATE TABLE pin_guards (
    account TEXT PRIMARY KEY,
    record TEXT NOT NULL
) STRICT;
CREATE TABLE enrollments (
    token TEXT PRIMARY KEY,
    record TEXT NOT NULL
) STRICT;
CREATE TABLE approved_clients (
    account TEXT NOT NULL,
    provider TEXT NOT NULL,
    client TEXT NOT NULL,
    PRIMARY KEY (account, provider, client)
) STRICT;
";

/// Creates the tables in an empty file, all of them or none.
///
/// # Errors
/// [`VaultError::Newer`] and [`VaultError::OtherBuild`] for a file of another build, [`VaultError::Storage`] when the database
/// refuses; then the file is unchanged.
pub(super) fn create(connection: &mut Connection) -> Result<(), VaultError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have created them since the version was read.
    if is_empty(&transaction)? {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
    }
    Ok(transaction.commit()?)
}

/// Whether the file has no tables yet.
///
/// # Errors
/// [`VaultError::Newer`] and [`VaultError::OtherBuild`] for the tables of another build.
pub(super) fn is_empty(connection: &Connection) -> Result<bool, VaultError> {
    match connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? {
        SCHEMA => Ok(false),
        0 => match connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, u32>(0))? {
            0 => Ok(true),
            _ => Err(VaultError::OtherBuild { found: 0 }),
        },
        found if found > SCHEMA => Err(VaultError::Newer { found, known: SCHEMA }),
        found => Err(VaultError::OtherBuild { found }),
    }
}

/// Inserts one approved client.
pub(super) fn insert_approved_client(
    transaction: &Transaction<'_>,
    account: &str,
    client: &ApprovedClient,
) -> rusqlite::Result<usize> {
    transaction.execute(
        "INSERT OR IGNORE INTO approved_clients (account, provider, client) VALUES (?1, ?2, ?3)",
        params![account, client.provider, client.id],
    )
}
