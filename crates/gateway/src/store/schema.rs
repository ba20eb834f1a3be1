//! The tables of the provider's file and their versions; a file written by a newer program is refused, never guessed at.

use countersign_protocol::random::Random;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{StoreError, backup};

/// Another room's tables in the same file. Step `n` brings version `n` to version `n + 1`; steps are never edited, only added.
pub struct Schema {
    /// The room's name, for error messages and the version's record.
    pub room: &'static str,
    /// SQL scripts, oldest first.
    pub steps: &'static [&'static str],
}

/// The gateway's own steps; their count is the file's `PRAGMA user_version`.
const STEPS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql")];

/// Brings the gateway's tables up to date.
pub(super) fn bring_up_to_date(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    run_steps(&transaction, "gateway", found, STEPS)?;
    transaction.pragma_update(None, "user_version", STEPS.len() as i64)?;
    Ok(transaction.commit()?)
}

/// Brings another room's tables up to date; their version is a row of `room`.
pub(super) fn add(connection: &mut Connection, schema: &Schema) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: Option<i64> = transaction
        .query_row("SELECT version FROM room WHERE name = ?1", [schema.room], |row| row.get(0))
        .optional()?;
    run_steps(&transaction, schema.room, found.unwrap_or(0), schema.steps)?;
    transaction.execute(
        "INSERT INTO room (name, version) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET version = excluded.version",
        params![schema.room, schema.steps.len() as i64],
    )?;
    Ok(transaction.commit()?)
}

fn run_steps(transaction: &Connection, room: &str, found: i64, steps: &[&str]) -> Result<(), StoreError> {
    let known = steps.len() as i64;
    if found > known {
        return Err(StoreError::Newer { room: room.to_owned(), found, known });
    }
    if found > 0 && found < known {
        backup::before_migration(transaction, room, known)?;
    }
    for step in steps.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    Ok(())
}

/// The file's name for its own history, drawn once: 128 bits in hex.
pub(super) fn generation(connection: &mut Connection, random: &dyn Random) -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    let drawn: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // Another process may be creating the same file: whoever inserts first names it.
    connection.execute("INSERT INTO meta (name, value) VALUES ('generation', ?1) ON CONFLICT DO NOTHING", [&drawn])?;
    Ok(connection.query_row("SELECT value FROM meta WHERE name = 'generation'", [], |row| row.get(0))?)
}
