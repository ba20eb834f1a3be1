//! The tables of the parts that share the file. A file of another build is refused and left as it is.
//!
//! A part's tables are one script and one version. Until the release 0.1.0 the script changes in place under version 1, so the file keeps the
//! script beside the version, and both have to be this program's. From then on the version grows; the steps from one version to the next run in
//! [`prepare`], after a copy of the file.

use std::fmt;
use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use crate::connection::connect;
use crate::error::Error;

/// The tables of one part: a crate that keeps its own in the file, so that its writes can join the others' transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// The part's name, for its record and for messages: `gateway`, `op`.
    pub part: &'static str,
    /// Counts from 1.
    pub version: u32,
    /// The statements that create its tables.
    pub sql: &'static str,
}

/// The id of a file's history, drawn when the file is created. A copy of the file keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryId(String);

/// `PRAGMA application_id` of our files: `CSGN` in ASCII.
const APPLICATION_ID: i32 = 0x4353_474e;

/// The store's own tables.
const OWN: &str = "
    CREATE TABLE store_history (
        id TEXT NOT NULL, is_copy INTEGER NOT NULL DEFAULT 0, mark INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE store_part (name TEXT PRIMARY KEY, version INTEGER NOT NULL, sql TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// What a file turned out to be.
enum Contents {
    Empty,
    /// With the indexes of those parts that have no tables in it yet.
    Ours(Vec<usize>),
}

impl HistoryId {
    /// An id of 128 random bits, for a file that may be new.
    pub fn from_bytes(bytes: [u8; 16]) -> HistoryId {
        HistoryId(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HistoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses a file of another build before anything opens it for writing. One that is missing or empty is fine.
pub(crate) fn refuse_other_builds(path: &Path, parts: &[Schema]) -> Result<(), Error> {
    if fs::metadata(path).map_or(0, |file| file.len()) == 0 {
        return Ok(());
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    examine(&connection, path, parts).map(drop)
}

/// Creates the tables that are missing, all or none, and returns the id of the file's history; `fresh` becomes that of a new file.
pub(crate) fn prepare(
    connection: &mut Connection,
    path: &Path,
    parts: &[Schema],
    fresh: &HistoryId,
) -> Result<HistoryId, Error> {
    // Another process may be creating the same file: the first transaction does it.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let missing = match examine(&transaction, path, parts)? {
        Contents::Ours(missing) => missing,
        Contents::Empty => {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.execute_batch(OWN)?;
            transaction.execute("INSERT INTO store_history (id) VALUES (?1)", [fresh.as_str()])?;
            (0..parts.len()).collect()
        }
    };
    for schema in missing.into_iter().map(|index| &parts[index]) {
        transaction.execute_batch(schema.sql)?;
        transaction.execute(
            "INSERT INTO store_part (name, version, sql) VALUES (?1, ?2, ?3)",
            params![schema.part, schema.version, schema.sql],
        )?;
    }
    let id = transaction.query_row("SELECT id FROM store_history", [], |row| row.get(0))?;
    transaction.commit()?;
    Ok(HistoryId(id))
}

fn examine(connection: &Connection, path: &Path, parts: &[Schema]) -> Result<Contents, Error> {
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let is_empty = !connection.prepare("SELECT 1 FROM sqlite_schema")?.exists([])?;
    match application {
        APPLICATION_ID => {}
        0 if is_empty => return Ok(Contents::Empty),
        _ => return Err(Error::OtherBuild { path: path.to_owned(), part: "store".to_owned() }),
    }
    let mut missing = Vec::new();
    for (index, schema) in parts.iter().enumerate() {
        let found = connection
            .query_row("SELECT version, sql FROM store_part WHERE name = ?1", [schema.part], |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?))
            })
            .optional()?;
        let (path, part) = (path.to_owned(), schema.part.to_owned());
        match found {
            None => missing.push(index),
            Some((version, sql)) if version == schema.version && have_same_statements(&sql, schema.sql) => {}
            Some((found, _)) if found > schema.version => {
                return Err(Error::Newer { path, part, found, known: schema.version });
            }
            Some(_) => return Err(Error::OtherBuild { path, part }),
        }
    }
    Ok(Contents::Ours(missing))
}

/// Compares scripts without their comments and line breaks.
fn have_same_statements(one: &str, other: &str) -> bool {
    fn words(sql: &str) -> impl Iterator<Item = &str> {
        sql.lines().flat_map(|line| line.split("--").next().unwrap_or_default().split_whitespace())
    }
    words(one).eq(words(other))
}

#[cfg(test)]
mod tests;
