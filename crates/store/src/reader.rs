//! Reads: closures that only read. The writer's thread answers short ones between two groups, for its pages are still in memory after it has
//! committed. Where the disk is slow, and for reads that may take long, there is a thread with a connection of its own, whose pages
//! SQLite drops whenever the writer commits.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::{Connection, ffi};
use tokio::sync::mpsc;

use crate::error::Error;
use crate::transaction::Snapshot;

/// What shares one commit or snapshot at most, so that the first does not wait for hundreds of others.
pub(crate) const GROUP: usize = 128;

/// A caller's closure: reads, and sends off what it saw.
pub(crate) type Read = Box<dyn FnOnce(&Snapshot<'_>) + Send>;

/// Starts the reader; it ends when the last sender is gone.
pub(crate) fn start(connection: Connection, queue: usize) -> std::io::Result<mpsc::Sender<Read>> {
    let (reads, queued) = mpsc::channel(queue);
    std::thread::Builder::new().name("store-reader".into()).spawn(move || run(&connection, queued))?;
    Ok(reads)
}

fn run(connection: &Connection, mut reads: mpsc::Receiver<Read>) {
    let mut group = Vec::with_capacity(GROUP);
    while reads.blocking_recv_many(&mut group, GROUP) > 0 {
        answer(connection, group.drain(..));
    }
}

/// Answers all of them from one snapshot. It is taken at the first read, later than everything that was committed when these reads
/// were queued. Without one each statement has a snapshot of its own, which is as true.
pub(crate) fn answer(connection: &Connection, reads: impl IntoIterator<Item = Read>) {
    let begin = || run_statement(connection, "BEGIN");
    let mut shared = begin();
    for read in reads {
        let changes = connection.total_changes();
        if catch_unwind(AssertUnwindSafe(|| read(&Snapshot::new(connection)))).is_err() {
            tracing::error!("a read of the database panicked");
        }
        if shared && connection.total_changes() != changes {
            tracing::error!("a read of the database wrote, which was undone");
            shared = run_statement(connection, "ROLLBACK") && begin();
        }
    }
    if shared && !run_statement(connection, "COMMIT") {
        let _ = connection.execute_batch("ROLLBACK");
    }
}

/// What a read saw; an error for one that wrote, whose changes are undone.
///
/// # Errors
/// The read's own, or `SQLITE_READONLY`.
pub(crate) fn read_only<T>(
    snapshot: &Snapshot<'_>,
    read: impl FnOnce(&Snapshot<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let changes = snapshot.connection().total_changes();
    let seen = read(snapshot)?;
    if snapshot.connection().total_changes() == changes {
        return Ok(seen);
    }
    let error = ffi::Error::new(ffi::SQLITE_READONLY);
    Err(rusqlite::Error::SqliteFailure(error, Some("a read may not write".to_owned())).into())
}

fn run_statement(connection: &Connection, sql: &str) -> bool {
    let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    done.inspect_err(|error| tracing::error!(%error, "the database refused a snapshot")).is_ok()
}
