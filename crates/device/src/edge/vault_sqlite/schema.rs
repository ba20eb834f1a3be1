//! The schema, and the migration of a file of an earlier version.

use countersign_protocol::answer::Decision;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::{Ending, Outcome};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::core::decision_of;
use crate::ports::vault::{ApprovedClient, StoredChallenge, VaultError};

/// The schema this program writes, kept in `PRAGMA user_version`.
pub const SCHEMA: u32 = 2;

const FIRST: &str = "
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
CREATE TABLE pin_guards (
    account TEXT PRIMARY KEY,
    record TEXT NOT NULL
) STRICT;
CREATE TABLE enrollments (
    token TEXT PRIMARY KEY,
    record TEXT NOT NULL
) STRICT;
";

/// Since schema 2: the clients that something was approved for.
const APPROVED_CLIENTS: &str = "
CREATE TABLE approved_clients (
    account TEXT NOT NULL,
    provider TEXT NOT NULL,
    client TEXT NOT NULL,
    PRIMARY KEY (account, provider, client)
) STRICT;
";

/// Creates missing tables, all of them or none.
///
/// # Errors
/// [`VaultError`]; then the file is unchanged.
pub(super) fn migrate(connection: &mut Connection, found: u32) -> Result<(), VaultError> {
    if found == SCHEMA {
        return Ok(());
    }
    let make = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if found == 0 {
        make.execute_batch(FIRST)?;
    }
    make.execute_batch(APPROVED_CLIENTS)?;
    insert_earlier_approved_clients(&make)?;
    make.pragma_update(None, "user_version", SCHEMA)?;
    Ok(make.commit()?)
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

/// Clients that were approved before this table existed. A record that can't be read counts as not approved.
fn insert_earlier_approved_clients(make: &Transaction<'_>) -> Result<(), VaultError> {
    let mut statement = make.prepare("SELECT account, record FROM challenges WHERE ended = 1")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    for row in rows {
        let (account, record) = row?;
        let kept = serde_json::from_str::<StoredChallenge>(&record).ok();
        if let Some(client) = kept.as_ref().and_then(approved_client) {
            insert_approved_client(make, &account, &client)?;
        }
    }
    Ok(())
}

fn approved_client(kept: &StoredChallenge) -> Option<ApprovedClient> {
    let outcome = Compact::<Outcome>::from_text(kept.outcomes.first()?.clone()).peek().ok()?;
    let here = decision_of(kept) == Some(Decision::Approved) && outcome.outcome == Ending::Approved;
    let challenge = Compact::<Challenge>::from_text(kept.compact.clone()).peek().ok().filter(|_| here)?;
    Some(ApprovedClient { provider: challenge.provider.issuer.as_str().to_owned(), id: challenge.client.id })
}
