//! SQLite vault: one file, readable by its owner alone.

mod schema;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_jose::hash::Hash;
use countersign_protocol::id::ChallengeId;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::blocking::Blocking;
use crate::account::{Account, AccountId};
use crate::history::{Entry, Head};
use crate::home::private_file;
use crate::pin::PinGuard;
use crate::ports::maybe_send::BoxFuture;
use crate::ports::vault::{
    AccountSnapshot, ApprovedClient, Change, OutboxEntry, PendingEnrollment, RECENT_MS, REMEMBERED_SECONDS,
    RecentApproval, Stage, StoredChallenge, Vault, VaultError,
};

pub use schema::SCHEMA;

/// A vault in a SQLite file: what a call has written is on the disk when its future returns.
pub struct SqliteVault {
    database: Blocking<Database>,
}

impl SqliteVault {
    /// Opens the file, or creates it (mode 0600).
    ///
    /// # Errors
    /// [`VaultError::Newer`] and [`VaultError::OtherBuild`] for a file of another build; nothing is changed then.
    pub async fn open(path: &Path) -> Result<SqliteVault, VaultError> {
        let path = path.to_owned();
        Ok(SqliteVault { database: Blocking::open(move || Database::open(&path)).await? })
    }
}

impl Vault for SqliteVault {
    fn accounts(&self) -> BoxFuture<'_, Result<Vec<Account>, VaultError>> {
        self.database.call(move |database| database.accounts())
    }

    fn load<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<AccountSnapshot, VaultError>> {
        let account = account.clone();
        self.database.call(move |database| database.load(&account))
    }

    fn apply<'a>(&'a self, account: &'a AccountId, changes: Vec<Change>) -> BoxFuture<'a, Result<(), VaultError>> {
        let account = account.clone();
        self.database.call(move |database| database.apply(&account, &changes))
    }

    fn challenge<'a>(
        &'a self,
        account: &'a AccountId,
        id: &'a ChallengeId,
    ) -> BoxFuture<'a, Result<Option<StoredChallenge>, VaultError>> {
        let (account, id) = (account.clone(), id.clone());
        self.database.call(move |database| database.challenge(&account, &id))
    }

    fn challenges<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Vec<StoredChallenge>, VaultError>> {
        let account = account.clone();
        self.database.call(move |database| database.challenges(&account))
    }

    fn history<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<Vec<Entry>, VaultError>> {
        let account = account.clone();
        self.database.call(move |database| database.history(&account))
    }

    fn pin_guard<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<PinGuard, VaultError>> {
        let account = account.clone();
        self.database.call(move |database| database.pin_guard(&account))
    }

    fn put_pin_guard<'a>(
        &'a self,
        account: &'a AccountId,
        guard: &'a PinGuard,
    ) -> BoxFuture<'a, Result<(), VaultError>> {
        let (account, guard) = (account.clone(), guard.clone());
        self.database.call(move |database| database.put_pin_guard(&account, &guard))
    }

    fn enrollment<'a>(&'a self, token: &'a Hash) -> BoxFuture<'a, Result<Option<PendingEnrollment>, VaultError>> {
        let token = *token;
        self.database.call(move |database| database.enrollment(&token))
    }

    fn put_enrollment<'a>(&'a self, begun: &'a PendingEnrollment) -> BoxFuture<'a, Result<(), VaultError>> {
        let begun = begun.clone();
        self.database.call(move |database| database.put_enrollment(&begun))
    }
}

/// The file, whose calls block their thread. Each [`Database::apply`] is one transaction, on the disk when the call
/// returns.
struct Database {
    connection: Mutex<Connection>,
}

impl Database {
    /// Opens the file, or creates it (mode 0600).
    ///
    /// # Errors
    /// [`VaultError::Newer`] and [`VaultError::OtherBuild`] for a file of another build; nothing is changed then.
    fn open(path: &Path) -> Result<Database, VaultError> {
        private_file(path).map_err(|error| VaultError::Storage(error.to_string()))?;
        let mut connection = Connection::open(path)?;
        let is_empty = schema::is_empty(&connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        if is_empty {
            schema::create(&mut connection)?;
        }
        Ok(Database { connection: Mutex::new(connection) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn records<T: DeserializeOwned>(
        &self,
        what: &'static str,
        query: &str,
        account: &str,
    ) -> Result<Vec<T>, VaultError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(query)?;
        let rows = statement.query_map([account], |row| row.get::<_, String>(0))?;
        rows.map(|row| read(what, &row?)).collect()
    }

    /// What was approved a short time ago, the oldest first.
    fn recent(&self, account: &AccountId) -> Result<Vec<RecentApproval>, VaultError> {
        let mut recent = Vec::new();
        // The lock is held until the end of this statement alone: each challenge below takes it again.
        let newest = newest_entries(&self.connection(), account.as_str())?;
        for entry in newest.iter().rev() {
            let Some(id) = entry.body().what.approved() else { continue };
            let challenge = self.challenge(account, id)?;
            recent.extend(challenge.map(|challenge| RecentApproval { challenge, at: entry.body().at }));
        }
        recent.retain(RecentApproval::counts);
        Ok(recent)
    }
}

impl Database {
    fn accounts(&self) -> Result<Vec<Account>, VaultError> {
        self.records("account", "SELECT record FROM accounts WHERE ?1 = '' ORDER BY position", "")
    }

    fn load(&self, account: &AccountId) -> Result<AccountSnapshot, VaultError> {
        let id = account.as_str();
        // Each locks the connection for itself: within one expression with the calls below, the lock would be held
        // until its end.
        let known = known(&self.connection(), id)?;
        let head = head(&self.connection(), id)?;
        let approved = approved(&self.connection(), id)?;
        let recent = self.recent(account)?;
        Ok(AccountSnapshot {
            open: self.records(
                "challenge",
                "SELECT record FROM challenges WHERE account = ?1 AND ended = 0 ORDER BY position",
                id,
            )?,
            known,
            outbox: self.records("outbox", "SELECT record FROM outbox WHERE account = ?1 ORDER BY id", id)?,
            head,
            unnumbered: self.records("history", "SELECT record FROM unnumbered WHERE account = ?1 ORDER BY id", id)?,
            approved,
            recent,
        })
    }

    fn apply(&self, account: &AccountId, changes: &[Change]) -> Result<(), VaultError> {
        let mut connection = self.connection();
        let write = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in changes {
            make(&write, account.as_str(), change)?;
        }
        Ok(write.commit()?)
    }

    fn challenge(&self, account: &AccountId, id: &ChallengeId) -> Result<Option<StoredChallenge>, VaultError> {
        let query = "SELECT record FROM challenges WHERE account = ?1 AND id = ?2";
        let record: Option<String> =
            self.connection().query_row(query, [account.as_str(), id.as_str()], |row| row.get(0)).optional()?;
        record.map(|text| read("challenge", &text)).transpose()
    }

    fn challenges(&self, account: &AccountId) -> Result<Vec<StoredChallenge>, VaultError> {
        self.records(
            "challenge",
            "SELECT record FROM challenges WHERE account = ?1 ORDER BY position",
            account.as_str(),
        )
    }

    fn history(&self, account: &AccountId) -> Result<Vec<Entry>, VaultError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT seq, entry FROM history WHERE account = ?1 ORDER BY seq")?;
        let rows = statement
            .query_map([account.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter()
            .map(|(seq, text)| {
                Entry::read(seq.unsigned_abs(), text).map_err(|_| VaultError::Damaged { what: "history" })
            })
            .collect()
    }

    fn pin_guard(&self, account: &AccountId) -> Result<PinGuard, VaultError> {
        let guards =
            self.records("PIN counter", "SELECT record FROM pin_guards WHERE account = ?1", account.as_str())?;
        Ok(guards.into_iter().next().unwrap_or_default())
    }

    fn put_pin_guard(&self, account: &AccountId, guard: &PinGuard) -> Result<(), VaultError> {
        self.connection().execute(
            "INSERT INTO pin_guards (account, record) VALUES (?1, ?2) ON CONFLICT (account) DO UPDATE SET record = ?2",
            params![account.as_str(), write(guard)],
        )?;
        Ok(())
    }

    fn enrollment(&self, token: &Hash) -> Result<Option<PendingEnrollment>, VaultError> {
        let begun =
            self.records("enrollment", "SELECT record FROM enrollments WHERE token = ?1", &token.to_string())?;
        Ok(begun.into_iter().next())
    }

    fn put_enrollment(&self, begun: &PendingEnrollment) -> Result<(), VaultError> {
        self.connection().execute(
            "INSERT OR REPLACE INTO enrollments (token, record) VALUES (?1, ?2)",
            params![begun.token.to_string(), write(begun)],
        )?;
        Ok(())
    }
}

fn make(transaction: &Transaction<'_>, account: &str, change: &Change) -> Result<(), VaultError> {
    match change {
        Change::PutAccount(record) => transaction.execute(
            "INSERT INTO accounts (id, record) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET record = ?2",
            params![record.id.as_str(), write(record)],
        ),
        Change::PutChallenge(kept) => transaction.execute(
            "INSERT INTO challenges (account, id, hash, issued_at, ended, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (account, id) DO UPDATE SET ended = ?5, record = ?6",
            params![
                account,
                kept.id.as_str(),
                kept.hash().to_string(),
                number(kept.issued_at),
                kept.stage == Stage::Ended,
                write(kept)
            ],
        ),
        Change::ForgetChallenge(id) => {
            transaction.execute("DELETE FROM challenges WHERE account = ?1 AND id = ?2", params![account, id.as_str()])
        }
        Change::Enqueue(entry) => transaction.execute(
            "INSERT INTO outbox (account, id, record) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, id) DO UPDATE SET record = ?3",
            params![account, number(entry.id), write::<OutboxEntry>(entry)],
        ),
        Change::Dequeue(id) => {
            transaction.execute("DELETE FROM outbox WHERE account = ?1 AND id = ?2", params![account, number(*id)])
        }
        Change::Append(entry) => transaction.execute(
            "INSERT INTO history (account, seq, entry) VALUES (?1, ?2, ?3)",
            params![account, number(entry.body().seq), entry.text()],
        ),
        Change::AddUnnumbered(event) => transaction.execute(
            "INSERT INTO unnumbered (account, id, record) VALUES (?1, ?2, ?3)",
            params![account, number(event.id), write(event)],
        ),
        Change::DeleteUnnumbered(id) => {
            transaction.execute("DELETE FROM unnumbered WHERE account = ?1 AND id = ?2", params![account, number(*id)])
        }
        Change::AddApprovedClient(client) => schema::insert_approved_client(transaction, account, client),
        Change::DeleteEnrollment(token) => {
            transaction.execute("DELETE FROM enrollments WHERE token = ?1", [token.to_string()])
        }
    }?;
    Ok(())
}

fn known(connection: &Connection, account: &str) -> Result<Vec<(ChallengeId, Hash)>, VaultError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, hash FROM challenges WHERE account = ?1
         AND issued_at >= (SELECT coalesce(max(issued_at), 0) FROM challenges WHERE account = ?1) - ?2",
    )?;
    let rows = statement.query_map(params![account, number(REMEMBERED_SECONDS)], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    rows.map(|row| {
        let (id, hash) = row?;
        let damaged = VaultError::Damaged { what: "challenge" };
        match (id.parse(), hash.parse()) {
            (Ok(id), Ok(hash)) => Ok((id, hash)),
            _ => Err(damaged),
        }
    })
    .collect()
}

fn approved(connection: &Connection, account: &str) -> Result<BTreeSet<ApprovedClient>, VaultError> {
    let mut statement =
        connection.prepare_cached("SELECT provider, client FROM approved_clients WHERE account = ?1")?;
    let rows = statement.query_map([account], |row| Ok(ApprovedClient { provider: row.get(0)?, id: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The entries within [`RECENT_MS`] before the newest, that one first. One that can't be read ends the list; the history says so
/// itself.
fn newest_entries(connection: &Connection, account: &str) -> Result<Vec<Entry>, VaultError> {
    let mut statement =
        connection.prepare_cached("SELECT seq, entry FROM history WHERE account = ?1 ORDER BY seq DESC")?;
    let mut rows = statement.query([account])?;
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(entry) = Entry::read(row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?) else { break };
        let newest = entries.first().unwrap_or(&entry).body().at;
        if entry.body().at.saturating_add(RECENT_MS) < newest {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn head(connection: &Connection, account: &str) -> Result<Option<Head>, VaultError> {
    let query = "SELECT seq, entry FROM history WHERE account = ?1 ORDER BY seq DESC LIMIT 1";
    let newest = connection
        .query_row(query, [account], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    Ok(newest.map(|(seq, text)| Head { seq: seq.unsigned_abs(), hash: Hash::of(text) }))
}

/// A number as SQLite stores it. Nothing counted or timed here comes near 2^63.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn read<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, VaultError> {
    serde_json::from_str(text).map_err(|_| VaultError::Damaged { what })
}

fn write<T: Serialize>(record: &T) -> String {
    serde_json::to_string(record).expect("vault records have string keys and no floating-point numbers")
}

impl From<rusqlite::Error> for VaultError {
    fn from(error: rusqlite::Error) -> VaultError {
        VaultError::Storage(error.to_string())
    }
}

#[cfg(test)]
mod tests;
