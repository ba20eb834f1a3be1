use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::{Error, HistoryId, Schema, Store};

const NOTES: Schema = Schema { part: "notes", version: 1, sql: "CREATE TABLE note (text TEXT PRIMARY KEY) STRICT;" };

fn open(path: &Path) -> Store {
    Store::open(path, &[NOTES], &HistoryId::from_bytes([1; 16])).expect("the store opens")
}

fn note(store: &Store, text: String) {
    let written: Result<(), Error> = store.write_blocking(move |tx| {
        tx.connection().execute("INSERT INTO note (text) VALUES (?1)", [text.as_str()])?;
        Ok(())
    });
    written.unwrap_or_else(|error| panic!("{error}"));
}

fn notes(path: &Path) -> Vec<String> {
    let read = open(path).read_blocking(|snapshot| {
        let mut statement = snapshot.connection().prepare("SELECT text FROM note ORDER BY text")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    });
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
    let store = open(&from);
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
    drop(open(&from));
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

#[cfg(unix)]
#[test]
fn a_link_at_the_place_of_the_copy_or_of_its_beginning_is_never_followed() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().expect("a folder");
    let (from, to, victim) = (home.path().join("provider.db"), home.path().join("copy.db"), home.path().join("victim"));
    drop(open(&from));
    fs::write(&victim, "untouched").expect("written");
    let beginning = home.path().join(format!("copy.db.unfinished-{}", std::process::id()));
    symlink(&victim, &beginning).expect("linked");
    back_up(&from, &to).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(notes(&to), Vec::<String>::new(), "a copy");
    fs::remove_file(&to).expect("removed");
    symlink(&victim, &to).expect("linked");
    assert!(matches!(back_up(&from, &to), Err(BackupError::Exists(path)) if path == to));
    symlink(&victim, home.path().join("planted")).expect("linked");
    assert!(super::make(&from, &home.path().join("planted"), &to).is_err(), "SQLite follows none either");
    assert_eq!(fs::read_to_string(&victim).expect("there"), "untouched");
}
