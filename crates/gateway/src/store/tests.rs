use futures_util::FutureExt as _;

use super::*;
use countersign_testing::CountingRandom;

fn open(directory: &Path) -> Store {
    Store::open(&directory.join("provider.db"), &CountingRandom::seeded(1)).expect("the store opens")
}

const NOTES: Schema = Schema { part: "notes", steps: &["CREATE TABLE note (text TEXT PRIMARY KEY) STRICT"] };

async fn note(store: &Store, text: &'static str) -> Result<(), WriteError<rusqlite::Error>> {
    store.write(move |tx| tx.execute("INSERT INTO note VALUES (?1)", [text]).map(drop)).await
}

fn notes(store: &Store) -> Vec<String> {
    store
        .read_blocking(|c| c.prepare("SELECT text FROM note ORDER BY text")?.query_map([], |row| row.get(0))?.collect())
        .expect("readable")
}

#[tokio::test]
async fn a_closure_that_fails_undoes_only_itself() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    store.add_schema(&NOTES).expect("added");
    let (first, failing, panicking, last) = tokio::join!(
        note(&store, "first"),
        store.write(|tx| -> Result<(), &str> {
            tx.execute("INSERT INTO note VALUES ('half')", []).expect("inserted");
            Err("changed my mind")
        }),
        store.write(|tx| -> Result<(), ()> {
            tx.execute("INSERT INTO note VALUES ('broken')", []).expect("inserted");
            panic!("a defect")
        }),
        note(&store, "last"),
    );
    first.expect("kept");
    last.expect("kept");
    assert!(matches!(failing, Err(WriteError::Refused("changed my mind"))));
    assert!(matches!(panicking, Err(WriteError::Store(StoreError::Panicked))));
    assert_eq!(notes(&store), ["first", "last"]);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    store.add_schema(&NOTES).expect("added");
    let history_id = store.history_id().to_owned();
    let many = (0..500).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            store.write(move |tx| tx.execute("INSERT INTO note VALUES (?1)", [format!("{n:03}")])).await
        })
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
    assert_eq!(again.history_id(), history_id);
}

#[tokio::test]
async fn waiters_wake_after_the_commit_and_not_after_a_refusal() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    let listener = store.notifier().listen("ap_1");
    let changed = listener.changed();
    let refused = store
        .write(|tx| -> Result<(), ()> {
            tx.notify_after_commit("ap_1");
            Err(())
        })
        .await;
    assert!(refused.is_err());
    tokio::pin!(changed);
    assert!(changed.as_mut().now_or_never().is_none(), "nothing was committed");
    store
        .write(|tx| -> Result<(), ()> {
            tx.notify_after_commit("ap_1");
            Ok(())
        })
        .await
        .expect("committed");
    changed.await;
}

#[tokio::test]
async fn another_process_writing_the_file_wakes_the_waiters() {
    let home = tempfile::tempdir().expect("a directory");
    let ours = open(home.path());
    ours.add_schema(&NOTES).expect("added");
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

#[test]
fn a_file_of_a_newer_program_is_refused_in_words() {
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("provider.db");
    drop(open(home.path()));
    Connection::open(&path).expect("opened").pragma_update(None, "user_version", 99).expect("set");
    let Err(error) = Store::open(&path, &CountingRandom::seeded(1)) else { panic!("a newer file must not open") };
    assert!(error.to_string().contains("version 99"), "{error}");
    assert!(matches!(error, StoreError::Newer { .. }));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_file_or_its_journal() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    store.add_schema(&NOTES).expect("added");
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
    store.add_schema(&NOTES).expect("added");
    let failing = store.write(|tx| -> Result<(), &str> {
        tx.execute("INSERT INTO note VALUES ('half')", []).expect("inserted");
        Err("changed my mind")
    });
    assert!(matches!(failing.await, Err(WriteError::Refused("changed my mind"))));
    let panicking = store.write(|tx| -> Result<(), ()> {
        tx.execute("INSERT INTO note VALUES ('broken')", []).expect("inserted");
        panic!("a defect")
    });
    assert!(matches!(panicking.await, Err(WriteError::Store(StoreError::Panicked))));
    note(&store, "next").await.expect("the writer goes on");
    assert_eq!(notes(&store), ["next"]);
}

#[tokio::test]
async fn a_read_sees_what_was_committed_before_it_and_a_broken_one_disturbs_nobody() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path());
    store.add_schema(&NOTES).expect("added");
    let count = || store.read(|c| c.query_row("SELECT count(*) FROM note", [], |row| row.get::<_, i64>(0)));
    for (known, text) in ["a", "b", "c"].into_iter().enumerate() {
        note(&store, text).await.expect("kept");
        let broken = store.read(|_| -> rusqlite::Result<()> { panic!("a defect") });
        let writing = store.read(|c| c.execute("INSERT INTO note VALUES ('x')", []));
        let (broken, writing, one, other) = tokio::join!(broken, writing, count(), count());
        let slow = store.read_slow(|c| c.query_row("SELECT count(*) FROM note", [], |row| row.get::<_, i64>(0)));
        assert_eq!(slow.await.expect("read"), known as i64 + 1, "nothing of the writing read was kept");
        assert!(matches!(broken, Err(StoreError::Panicked)));
        assert!(matches!(writing, Err(StoreError::Sqlite(_))), "a read can't write");
        assert_eq!((one.expect("read"), other.expect("read")), (known as i64 + 1, known as i64 + 1));
    }
}
