//! The tables of the provider's file and their versions; a file written by a newer program is refused, never guessed at.

use countersign_jose::random::Random;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, ffi, params};

use super::{StoreError, backup};

/// Another room's tables in the same file. Step `n` brings version `n` to version `n + 1`; steps are never edited, only added.
pub struct Schema {
    /// The room's name, for error messages and the version's record.
    pub part: &'static str,
    /// SQL scripts, oldest first.
    pub steps: &'static [&'static str],
}

/// The gateway's own steps; their count is the file's `PRAGMA user_version`.
const STEPS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];

/// Brings the gateway's tables up to date.
pub(super) fn bring_up_to_date(connection: &mut Connection) -> Result<(), StoreError> {
    changing(connection, |transaction| {
        let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        run_steps(transaction, "gateway", found, STEPS)?;
        Ok(transaction.pragma_update(None, "user_version", STEPS.len() as i64)?)
    })
}

/// Brings another room's tables up to date; their version is a row of `room`.
pub(super) fn add(connection: &mut Connection, schema: &Schema) -> Result<(), StoreError> {
    changing(connection, |transaction| {
        let found: Option<i64> = transaction
            .query_row("SELECT version FROM part WHERE name = ?1", [schema.part], |row| row.get(0))
            .optional()?;
        run_steps(transaction, schema.part, found.unwrap_or(0), schema.steps)?;
        transaction.execute(
            "INSERT INTO room (name, version) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET version = excluded.version",
            params![schema.part, schema.steps.len() as i64],
        )?;
        Ok(())
    })
}

/// Changes tables in one transaction. References are not enforced meanwhile: a table that others refer to may be replaced by its like.
/// They are checked before what changed is kept.
fn changing(
    connection: &mut Connection,
    change: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    // Has no effect inside a transaction.
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    change(&transaction)?;
    transaction.commit()?;
    Ok(connection.pragma_update(None, "foreign_keys", "ON")?)
}

fn run_steps(transaction: &Connection, part: &str, found: i64, steps: &[&str]) -> Result<(), StoreError> {
    let known = steps.len() as i64;
    if found > known {
        return Err(StoreError::Newer { part: part.to_owned(), found, known });
    }
    if found > 0 && found < known {
        backup::before_migration(transaction, part, known)?;
    }
    let missing = steps.get(usize::try_from(found).unwrap_or(0)..).unwrap_or_default();
    for step in missing {
        transaction.execute_batch(step)?;
    }
    if !missing.is_empty() && transaction.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Err(StoreError::Sqlite(dangling(part)));
    }
    Ok(())
}

fn dangling(part: &str) -> rusqlite::Error {
    let what = format!("the tables of {part} would refer to rows that are not there");
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CONSTRAINT_FOREIGNKEY), Some(what))
}

/// The file's name for its own history, drawn once: 128 bits in hex.
pub(super) fn history_id(connection: &mut Connection, random: &dyn Random) -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    let drawn: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // Another process may be creating the same file: whoever inserts first names it.
    connection.execute("INSERT INTO meta (name, value) VALUES ('generation', ?1) ON CONFLICT DO NOTHING", [&drawn])?;
    Ok(connection.query_row("SELECT value FROM meta WHERE name = 'generation'", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::types::Value;

    use super::*;
    use crate::store::Store;
    use countersign_testing::CountingRandom;

    /// The tables that step 4 replaced.
    const TABLES: [&str; 6] = ["device", "approval", "challenge", "answer", "statement", "feed"];

    fn columns(connection: &Connection, table: &str) -> Vec<(String, String)> {
        let sql = format!("SELECT name, type FROM pragma_table_info('{table}')");
        let mut statement = connection.prepare(&sql).expect("prepared");
        let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("asked");
        columns.collect::<Result<_, _>>().expect("read")
    }

    fn rows(connection: &Connection, table: &str) -> Vec<Vec<Value>> {
        let names: Vec<String> = columns(connection, table).into_iter().map(|(name, _)| name).collect();
        let sql = format!("SELECT {} FROM {table} ORDER BY 1", names.join(", "));
        let mut statement = connection.prepare(&sql).expect("prepared");
        let all = statement.query_map([], |row| (0..names.len()).map(|place| row.get(place)).collect()).expect("asked");
        all.collect::<Result<_, _>>().expect("read")
    }

    fn indexes(connection: &Connection) -> Vec<String> {
        let sql = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name";
        let mut statement = connection.prepare(sql).expect("prepared");
        let all = statement.query_map([], |row| row.get(0)).expect("asked");
        all.collect::<Result<_, _>>().expect("read")
    }

    /// A row whose every column has a value of its own, and whose references are to the row of the same number elsewhere.
    fn fill(connection: &Connection, table: &str, number: i64) {
        let columns = columns(connection, table);
        let values = columns.iter().map(|(name, kind)| match (name.as_str(), kind.as_str()) {
            ("approval_id" | "device_id" | "challenge_id", _) => Value::Text(format!("id {number}")),
            (name, "INTEGER") => Value::Integer(name.len() as i64 * 100 - number),
            (name, _) => Value::Text(format!("{name} {number}")),
        });
        let marks = vec!["?"; columns.len()].join(", ");
        let sql = format!("INSERT INTO {table} VALUES ({marks})");
        connection.execute(&sql, rusqlite::params_from_iter(values)).expect("inserted");
    }

    fn of_version_3(path: &Path) -> Connection {
        let connection = Connection::open(path).expect("created");
        connection.pragma_update(None, "foreign_keys", "ON").expect("set");
        STEPS[..3].iter().for_each(|step| connection.execute_batch(step).expect("a step"));
        connection.pragma_update(None, "user_version", 3).expect("set");
        connection
    }

    #[test]
    fn a_file_of_version_3_keeps_every_row_and_index() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("provider.db");
        let old = of_version_3(&path);
        for table in TABLES {
            (1..=3).for_each(|number| fill(&old, table, number));
        }
        let (before, indexed) = (TABLES.map(|table| rows(&old, table)), indexes(&old));
        drop(old);

        let store = Store::open(&path, &CountingRandom::seeded(1)).expect("brought up to date");
        assert!(home.path().join("provider.db.before-gateway-4").is_file(), "a copy of what was");
        let new = Connection::open(&path).expect("opened");
        assert_eq!(TABLES.map(|table| rows(&new, table)), before);
        assert_eq!(indexes(&new), indexed);
        drop(store);
    }

    #[tokio::test]
    async fn references_are_enforced_again_once_the_tables_are_replaced() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("provider.db");
        drop(of_version_3(&path));
        let store = Store::open(&path, &CountingRandom::seeded(1)).expect("brought up to date");
        let orphan = store.write(|tx| {
            tx.execute("INSERT INTO challenge VALUES ('ch', 'no approval', 'no device', '', '', NULL, NULL, NULL)", [])
        });
        let error = orphan.await.expect_err("a challenge of nothing").to_string();
        assert!(error.contains("FOREIGN KEY"), "{error}");
    }

    #[test]
    fn tables_that_would_refer_to_nothing_are_left_as_they_were() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("provider.db");
        let old = of_version_3(&path);
        old.pragma_update(None, "foreign_keys", "OFF").expect("set");
        fill(&old, "answer", 1);
        drop(old);
        let Err(error) = Store::open(&path, &CountingRandom::seeded(1)) else { panic!("an answer to nothing") };
        assert!(error.to_string().contains("refer to rows that are not there"), "{error}");
        let old = Connection::open(&path).expect("opened");
        let version: i64 = old.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("read");
        assert_eq!((version, rows(&old, "answer").len()), (3, 1));
    }
}
