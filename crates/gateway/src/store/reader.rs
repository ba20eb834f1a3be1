//! Looks: closures that only read. The writer's thread answers them between two groups, for its pages are still in memory after it has
//! committed. Where the disk is slow, and for looks that may take long, there is a thread with a connection of its own, whose pages
//! SQLite drops whenever the writer commits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ffi};
use tokio::sync::mpsc;

use super::GROUP;

/// A closure of a caller: looks, and sends off what it saw.
pub(super) type Look = Box<dyn FnOnce(&Connection) + Send>;

/// How long a group of writes may wait for the disk on the average before looks no longer wait for it.
const QUICK: Duration = Duration::from_millis(1);

/// What one wait counts at most, so that after a long one a dozen quick ones say that it is over.
const COUNTED: Duration = Duration::from_millis(16);

/// Starts the reader; it ends when the last sender is gone.
pub(super) fn start(connection: Connection, queue: usize) -> std::io::Result<mpsc::Sender<Look>> {
    let (looks, queued) = mpsc::channel(queue);
    std::thread::Builder::new().name("store-reader".into()).spawn(move || run(&connection, queued))?;
    Ok(looks)
}

fn run(connection: &Connection, mut looks: mpsc::Receiver<Look>) {
    let mut group = Vec::with_capacity(GROUP);
    while looks.blocking_recv_many(&mut group, GROUP) > 0 {
        answer(connection, group.drain(..));
    }
}

/// Answers all of them from one snapshot. It is taken at the first read, later than everything that was committed when these looks
/// were queued. Without one each statement has a snapshot of its own, which is as true.
pub(super) fn answer(connection: &Connection, looks: impl IntoIterator<Item = Look>) {
    let begin = || run_statement(connection, "BEGIN");
    let mut shared = begin();
    for look in looks {
        let changes = connection.total_changes();
        if catch_unwind(AssertUnwindSafe(|| look(connection))).is_err() {
            tracing::error!("a look into the provider's database panicked");
        }
        if shared && connection.total_changes() != changes {
            tracing::error!("a look into the provider's database wrote, which was undone");
            shared = run_statement(connection, "ROLLBACK") && begin();
        }
    }
    if shared && !run_statement(connection, "COMMIT") {
        let _ = connection.execute_batch("ROLLBACK");
    }
}

/// What a look saw; an error for one that wrote, whose changes are undone.
///
/// # Errors
/// What SQLite said, or `SQLITE_READONLY`.
pub(super) fn only_looked<T>(
    connection: &Connection,
    look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let changes = connection.total_changes();
    let seen = look(connection)?;
    if connection.total_changes() == changes {
        return Ok(seen);
    }
    let error = ffi::Error::new(ffi::SQLITE_READONLY);
    Err(rusqlite::Error::SqliteFailure(error, Some("a look may not write".to_owned())))
}

fn run_statement(connection: &Connection, sql: &str) -> bool {
    let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    done.inspect_err(|error| tracing::error!(%error, "the provider's database refused a snapshot")).is_ok()
}

/// How long groups of writes wait for the disk, or for somebody else who holds the file: whether a look had better not wait for one.
#[derive(Clone, Default)]
pub(super) struct CommitLatency {
    /// A moving average, in microseconds.
    waited: Arc<AtomicU32>,
}

impl CommitLatency {
    /// Notes what a group waited. Called by the writer alone.
    pub(super) fn record(&self, waited: Duration) {
        let waited = i64::try_from(waited.min(COUNTED).as_micros()).unwrap_or(i64::MAX);
        let average = i64::from(self.waited.load(Ordering::Relaxed));
        let next = average + (waited - average) / 8;
        self.waited.store(u32::try_from(next).unwrap_or_default(), Ordering::Relaxed);
    }

    pub(super) fn is_short(&self) -> bool {
        u128::from(self.waited.load(Ordering::Relaxed)) <= QUICK.as_micros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_slow_once_several_commits_were_and_quick_again_after_some() {
        let latency = CommitLatency::default();
        assert!(latency.is_short(), "nothing is known yet");
        (0..50).for_each(|_| latency.record(Duration::from_micros(200)));
        latency.record(Duration::from_millis(3));
        assert!(latency.is_short(), "one in fifty");
        (0..8).for_each(|_| latency.record(Duration::from_millis(3)));
        assert!(!latency.is_short());
        (0..50).for_each(|_| latency.record(Duration::from_micros(200)));
        assert!(latency.is_short());
        latency.record(Duration::MAX);
        assert!(!latency.is_short(), "somebody held the file");
        (0..24).for_each(|_| latency.record(Duration::from_micros(200)));
        assert!(latency.is_short());
    }
}
