use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::store::{Schema, Store, WriteError};
use countersign_testing::CountingRandom;

const FIRST: &str = "CREATE TABLE note (text TEXT PRIMARY KEY) STRICT";
const OLD: Schema = Schema { part: "notes", steps: &[FIRST] };
const NEW: Schema = Schema { part: "notes", steps: &[FIRST, "ALTER TABLE note ADD COLUMN colour TEXT"] };

fn open(path: &Path) -> Store {
    Store::open(path, &CountingRandom::seeded(1)).expect("the store opens")
}

fn with_notes(path: &Path) -> Store {
    let store = open(path);
    store.add_schema(&OLD).expect("added");
    store
}

fn note(store: &Store, text: String) {
    let written =
        store.write_blocking(move |tx| tx.execute("INSERT INTO note (text) VALUES (?1)", [text.as_str()]).map(drop));
    written.unwrap_or_else(|error: WriteError<rusqlite::Error>| panic!("{error}"));
}

fn notes(path: &Path) -> Vec<String> {
    let store = open(path);
    let read = store
        .read_blocking(|c| c.prepare("SELECT text FROM note ORDER BY text")?.query_map([], |r| r.get(0))?.collect());
    read.expect("readable")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    names.sort();
    names
}

#[test]
fn a_copy_made_while_others_write_has_everything_acknowledged_before_and_is_private() {
    let home = tempfile::tempdir().expect("a folder");
    let (from, to) = (home.path().join("provider.db"), home.path().join("copy.db"));
    let store = with_notes(&from);
    for n in 0..200 {
        note(&store, format!("{n:04}"));
    }
    let stop = AtomicBool::new(false);
    let backup = std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in (1000..9000).take_while(|_| !stop.load(Ordering::Relaxed)) {
                note(&store, n.to_string());
            }
        });
        let backup = back_up(&from, &to);
        stop.store(true, Ordering::Relaxed);
        backup
    });
    let backup = backup.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(backup.bytes, fs::metadata(&to).expect("there").len());
    let copied = notes(&to);
    assert!(copied.iter().take(200).map(String::as_str).eq((0..200).map(|n| format!("{n:04}")).collect::<Vec<_>>()));
    assert_eq!(open(&to).history_id(), store.history_id(), "it is the same file's history");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&to).expect("there").permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(names(home.path()), ["copy.db", "provider.db"], "nothing unfinished is left");
}

#[test]
fn a_file_that_is_there_is_left_as_it_is() {
    let home = tempfile::tempdir().expect("a folder");
    let (from, to) = (home.path().join("provider.db"), home.path().join("copy.db"));
    drop(with_notes(&from));
    fs::write(&to, "something else").expect("written");
    assert!(matches!(back_up(&from, &to), Err(BackupError::Exists(path)) if path == to));
    assert_eq!(fs::read_to_string(&to).expect("there"), "something else");
    let error = back_up(&home.path().join("nothing.db"), &home.path().join("other.db")).expect_err("refused");
    assert!(error.to_string().contains("there is no database at"), "{error}");
    assert_eq!(names(home.path()), ["copy.db", "provider.db"], "and nothing was made");
}

#[test]
fn a_damaged_database_leaves_no_copy() {
    let home = tempfile::tempdir().expect("a folder");
    let (from, to) = (home.path().join("provider.db"), home.path().join("copy.db"));
    fs::write(&from, vec![b'x'; 8192]).expect("written");
    let error = back_up(&from, &to).expect_err("refused");
    assert!(matches!(error, BackupError::Damaged(_)), "{error}");
    assert_eq!(names(home.path()), ["provider.db"]);
}

#[test]
fn before_tables_change_the_file_is_copied_and_the_copy_serves_the_older_program() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("provider.db");
    let store = with_notes(&path);
    note(&store, "kept".into());
    assert_eq!(names(home.path()), ["provider.db"], "tables that are new change nothing, and need no copy");
    drop(store);

    open(&path).add_schema(&NEW).expect("brought up to date");
    assert_eq!(names(home.path()), ["provider.db", "provider.db.before-notes-2"]);
    let refused = open(&path).add_schema(&OLD).expect_err("the older program refuses the newer file");
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
    open(&path).add_schema(&NEW).expect("again");
    assert_eq!(
        names(home.path()),
        ["provider.db", "provider.db.before-notes-2"],
        "nothing changed, nothing was copied"
    );

    let copy = home.path().join("provider.db.before-notes-2");
    open(&copy).add_schema(&OLD).expect("the older program takes the copy");
    assert_eq!(notes(&copy), ["kept"]);
}

#[test]
fn an_earlier_copy_of_the_same_version_is_kept() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("provider.db");
    drop(with_notes(&path));
    let earlier = home.path().join("provider.db.before-notes-2");
    fs::write(&earlier, "of another day").expect("written");
    open(&path).add_schema(&NEW).expect("brought up to date");
    assert_eq!(fs::read_to_string(&earlier).expect("there"), "of another day");
    let expected = ["provider.db", "provider.db.before-notes-2", "provider.db.before-notes-2.2"];
    assert_eq!(names(home.path()), expected);
}

#[test]
fn without_a_copy_nothing_is_changed() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("provider.db");
    drop(with_notes(&path));
    for number in 1..=COPIES_MAX {
        let number = if number == 1 { String::new() } else { format!(".{number}") };
        fs::write(home.path().join(format!("provider.db.before-notes-2{number}")), "").expect("written");
    }
    let refused = open(&path).add_schema(&NEW).expect_err("there is no place for a copy");
    assert!(matches!(refused, StoreError::NoBackup { .. }), "{refused}");
    open(&path).add_schema(&OLD).expect("the tables are as they were");
}
