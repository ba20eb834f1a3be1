use futures_util::FutureExt as _;

use super::*;

const NOTES: Schema = Schema { part: "notes", version: 1, sql: "CREATE TABLE note (text TEXT PRIMARY KEY) STRICT;" };

/// Why a test's closure ends without a result.
#[derive(Debug)]
enum Refusal {
    ChangedMind,
    Store(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Store(error)
    }
}

fn open(directory: &Path) -> Store {
    let fresh = HistoryId::from_bytes([1; 16]);
    Store::open(&directory.join("provider.db"), &[NOTES], &fresh).expect("the store opens")
}

fn insert(tx: &Transaction<'_>, text: &str) -> Result<(), Error> {
    tx.connection().execute("INSERT INTO note VALUES (?1)", [text])?;
    Ok(())
}

async fn note(store: &Store, text: &'static str) -> Result<(), Error> {
    store.write(move |tx| insert(tx, text)).await
}

fn notes(store: &Store) -> Vec<String> {
    let read = store.read_blocking(|snapshot| {
        let mut statement = snapshot.connection().prepare("SELECT text FROM note ORDER BY text")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    });
    read.expect("readable")
}

fn count(snapshot: &Snapshot<'_>) -> Result<i64, Error> {
    Ok(snapshot.connection().query_row("SELECT count(*) FROM note", [], |row| row.get(0))?)
}

#[tokio::test]
async fn trying_to_write_writes() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    let log = home.path().join("provider.db-wal");
    let logged = || std::fs::metadata(&log).expect("the log").len();
    let mut lengths = vec![logged()];
    for _ in 0..2 {
        store.try_write().await.expect("written");
        lengths.push(logged());
    }
    assert!(lengths.is_sorted_by(|one, next| one < next), "each try adds a page to the log: {lengths:?}");
}

#[tokio::test]
async fn a_closure_that_fails_undoes_only_itself() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    let (first, failing, panicking, last) = tokio::join!(
        note(&store, "first"),
        store.write(|tx| -> Result<(), Refusal> {
            insert(tx, "half").expect("inserted");
            Err(Refusal::ChangedMind)
        }),
        store.write(|tx| -> Result<(), Refusal> {
            insert(tx, "broken").expect("inserted");
            panic!("a defect")
        }),
        note(&store, "last"),
    );
    first.expect("kept");
    last.expect("kept");
    assert!(matches!(failing, Err(Refusal::ChangedMind)));
    assert!(matches!(panicking, Err(Refusal::Store(Error::Panicked))));
    assert_eq!(notes(&store), ["first", "last"]);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    let history_id = store.history_id().clone();
    let many = (0..500).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.write(move |tx| insert(tx, &format!("{n:03}"))).await })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.expect("no panic").expect("acknowledged");
    }
    // Copied as a crash would leave it: no orderly close, no checkpoint.
    let after = tempfile::tempdir().expect("a directory");
    for name in ["provider.db", "provider.db-wal"] {
        std::fs::copy(home.path().join(name), after.path().join(name)).expect("copied");
    }
    let again = open(after.path());
    assert_eq!(notes(&again).len(), 500);
    assert_eq!(*again.history_id(), history_id);
}

#[tokio::test]
async fn listeners_wake_after_the_commit_and_not_after_a_refusal() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    let listener = store.notifier().listen("ap_1");
    let changed = listener.changed();
    let refused = store
        .write(|tx| -> Result<(), Refusal> {
            tx.notify_after_commit("ap_1");
            Err(Refusal::ChangedMind)
        })
        .await;
    assert!(refused.is_err());
    tokio::pin!(changed);
    assert!(changed.as_mut().now_or_never().is_none(), "nothing was committed");
    store
        .write(|tx| -> Result<(), Refusal> {
            tx.notify_after_commit("ap_1");
            Ok(())
        })
        .await
        .expect("committed");
    changed.await;
}

#[tokio::test]
async fn who_has_the_result_of_a_write_finds_it_counted() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    let counted = Arc::new(AtomicUsize::new(0));
    for expected in 1..=100 {
        let counter = counted.clone();
        let written = store.write(move |tx| -> Result<(), Refusal> {
            let counter = counter.clone();
            tx.after_commit(move || {
                // Gives the caller every chance to be first.
                std::thread::yield_now();
                counter.fetch_add(1, Ordering::Relaxed);
            });
            Ok(())
        });
        written.await.expect("committed");
        assert_eq!(counted.load(Ordering::Relaxed), expected);
    }
}

#[tokio::test]
async fn another_process_writing_the_file_wakes_the_listeners() {
    let home = tempfile::tempdir().expect("a directory");
    let ours = open(home.path());
    ours.detect_external_writes().await.expect("looked");
    note(&ours, "mine").await.expect("written");
    assert!(!ours.detect_external_writes().await.expect("looked"), "our own commits are no news");
    let listener = ours.notifier().listen("anything");
    let changed = listener.changed();
    let theirs = open(home.path());
    note(&theirs, "theirs").await.expect("written");
    assert!(ours.detect_external_writes().await.expect("looked"));
    changed.await;
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_file_or_its_journal() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    note(&store, "private").await.expect("written");
    for name in ["provider.db", "provider.db-wal"] {
        let mode = std::fs::metadata(home.path().join(name)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn work_that_is_alone_and_fails_leaves_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    let failing = store.write(|tx| -> Result<(), Refusal> {
        insert(tx, "half").expect("inserted");
        Err(Refusal::ChangedMind)
    });
    assert!(matches!(failing.await, Err(Refusal::ChangedMind)));
    let panicking = store.write(|tx| -> Result<(), Refusal> {
        insert(tx, "broken").expect("inserted");
        panic!("a defect")
    });
    assert!(matches!(panicking.await, Err(Refusal::Store(Error::Panicked))));
    note(&store, "next").await.expect("the writer goes on");
    assert_eq!(notes(&store), ["next"]);
}

#[tokio::test]
async fn a_read_sees_what_was_committed_before_it_and_a_broken_one_disturbs_no_other() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    for (known, text) in ["a", "b", "c"].into_iter().enumerate() {
        note(&store, text).await.expect("kept");
        let broken = store.read(|_| -> Result<(), Error> { panic!("a defect") });
        let writing = store.read(|snapshot| Ok(snapshot.connection().execute("INSERT INTO note VALUES ('x')", [])?));
        let (broken, writing, one, other) = tokio::join!(broken, writing, store.read(count), store.read(count));
        let slow = store.read_slow(count);
        assert_eq!(slow.await.expect("read"), known as i64 + 1, "nothing of the writing read was kept");
        assert!(matches!(broken, Err(Error::Panicked)));
        assert!(matches!(writing, Err(Error::Sql(_))), "a read can't write");
        assert_eq!((one.expect("read"), other.expect("read")), (known as i64 + 1, known as i64 + 1));
    }
}
