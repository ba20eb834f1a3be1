use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::Store;

const NOTES: Schema = Schema { part: "notes", version: 1, sql: "CREATE TABLE note (text TEXT PRIMARY KEY) STRICT;" };
const FRESH: [u8; 16] = [1; 16];

fn open(path: &Path, parts: &[Schema]) -> Result<Store, Error> {
    Store::open(path, parts, &HistoryId::from_bytes(FRESH))
}

fn refusal(path: &Path, parts: &[Schema]) -> Error {
    match open(path, parts) {
        Err(error) => error,
        Ok(_) => panic!("the file must be refused"),
    }
}

fn with_note(folder: &Path) -> PathBuf {
    let path = folder.join("some.db");
    let store = open(&path, &[NOTES]).expect("created");
    let written: Result<(), Error> = store.write_blocking(|tx| {
        tx.connection().execute("INSERT INTO note VALUES ('kept')", [])?;
        Ok(())
    });
    written.expect("written");
    drop(store);
    // Its threads end a moment later and copy the log into the file; what is copied here is not copied then.
    let connection = Connection::open(&path).expect("opened");
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_busy = || connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    while is_busy().expect("asked") {
        assert!(Instant::now() < deadline, "the store does not let go of its file");
        std::thread::sleep(Duration::from_millis(5));
    }
    path
}

fn notes(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).expect("opened");
    let mut statement = connection.prepare("SELECT text FROM note").expect("prepared");
    let rows = statement.query_map([], |row| row.get(0)).expect("asked");
    rows.collect::<Result<_, _>>().expect("read")
}

#[test]
fn a_file_of_a_newer_build_is_refused_in_words_and_untouched() {
    let home = tempfile::tempdir().expect("a directory");
    let path = with_note(home.path());
    let newer = Connection::open(&path).expect("opened");
    newer.execute("UPDATE store_part SET version = 99", []).expect("set");
    drop(newer);
    let before = fs::read(&path).expect("read");
    let error = refusal(&path, &[NOTES]);
    assert!(matches!(error, Error::Newer { found: 99, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("version 99"), "{error}");
    assert!(fs::read(&path).expect("read") == before);
    assert_eq!(notes(&path), ["kept"]);
}

#[test]
fn a_file_whose_tables_another_build_made_is_refused_in_words_and_untouched() {
    const CHANGED: Schema = Schema { sql: "CREATE TABLE note (text TEXT PRIMARY KEY, colour TEXT) STRICT;", ..NOTES };
    const NEXT: Schema = Schema { version: 2, ..NOTES };
    let home = tempfile::tempdir().expect("a directory");
    let path = with_note(home.path());
    let before = fs::read(&path).expect("read");
    for other in [CHANGED, NEXT] {
        let error = refusal(&path, &[other]);
        assert!(matches!(error, Error::OtherBuild { .. }), "{error}");
        assert!(error.to_string().contains("start anew with another folder"), "{error}");
    }
    assert!(fs::read(&path).expect("read") == before);
    assert_eq!(notes(&path), ["kept"]);
    open(&path, &[NOTES]).expect("the build that made it opens it");
}

#[test]
fn a_file_from_before_schemas_were_kept_in_it_is_refused_in_words_and_untouched() {
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("some.db");
    let old = Connection::open(&path).expect("created");
    old.execute_batch("CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('kept'); PRAGMA user_version = 4")
        .expect("filled");
    drop(old);
    let before = fs::read(&path).expect("read");
    let error = refusal(&path, &[NOTES]);
    assert!(matches!(&error, Error::OtherBuild { part, .. } if part == "store"), "{error}");
    assert!(error.to_string().contains("start the build that made it"), "{error}");
    assert!(fs::read(&path).expect("read") == before);
    assert_eq!(notes(&path), ["kept"]);
    assert_eq!(fs::read_dir(home.path()).expect("listed").count(), 1, "nothing was put beside it");
}

#[test]
fn another_part_joins_a_file_and_a_refused_one_leaves_no_tables() {
    const MORE: Schema = Schema { part: "more", version: 1, sql: "CREATE TABLE more (n INTEGER) STRICT;" };
    const BROKEN: Schema = Schema { part: "broken", version: 1, sql: "CREATE TABLE note (text TEXT) STRICT;" };
    let home = tempfile::tempdir().expect("a directory");
    let path = with_note(home.path());
    refusal(&path, &[NOTES, MORE, BROKEN]);
    let tables = |name: &str| {
        let connection = Connection::open(&path).expect("opened");
        connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [name], |row| row.get(0))
    };
    assert_eq!(tables("more"), Ok(0), "all or none");
    drop(open(&path, &[NOTES, MORE]).expect("joined"));
    assert_eq!(tables("more"), Ok(1));
    assert_eq!(notes(&path), ["kept"]);
    drop(open(&path, &[NOTES]).expect("the others' tables are no matter"));
}

#[test]
fn a_comment_in_a_script_makes_no_other_schema() {
    const TOLD: Schema = Schema {
        sql: "-- What was noted.\nCREATE TABLE note (\n    text TEXT PRIMARY KEY -- words\n) STRICT;",
        ..NOTES
    };
    const SAME: Schema = Schema { sql: "CREATE TABLE note ( text TEXT PRIMARY KEY ) STRICT;", ..NOTES };
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("some.db");
    drop(open(&path, &[TOLD]).expect("created"));
    drop(open(&path, &[SAME]).expect("opened"));
}

#[tokio::test]
async fn references_are_enforced() {
    const LINKED: Schema = Schema {
        part: "linked",
        version: 1,
        sql: "CREATE TABLE one (id INTEGER PRIMARY KEY) STRICT;
              CREATE TABLE other (id INTEGER NOT NULL REFERENCES one (id)) STRICT;",
    };
    let home = tempfile::tempdir().expect("a directory");
    let store = open(&home.path().join("some.db"), &[LINKED]).expect("created");
    let orphan = store.write(|tx| {
        tx.connection().execute("INSERT INTO other VALUES (7)", [])?;
        Ok::<_, Error>(())
    });
    let error = orphan.await.expect_err("a row that refers to nothing").to_string();
    assert!(error.contains("FOREIGN KEY"), "{error}");
}
