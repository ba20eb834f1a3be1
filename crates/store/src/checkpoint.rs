//! Copies SQLite's write-ahead log into the file while the writer goes on, so that no commit waits for it.
//!
//! The log begins anew only once all of it was copied, which never happens behind a writer that does not pause. So a thread
//! copies nearly all, and the writer the little that came meanwhile, between two groups.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use rusqlite::Connection;

/// The log is copied once it has this many pages of 4 KiB. Pages that many requests write in turn are copied once, so a longer log
/// is less work; 64 MiB are read again in a moment after a crash.
pub(crate) const PAGES: usize = 16_384;

/// Without a commit for this long the log is emptied and cut off: a burst's log would stay as long as it grew.
const IDLE: Duration = Duration::from_secs(10);

/// How often the thread copies before the writer does the rest. Each time there is less: what came during the copy before.
const PASSES: usize = 2;

/// The writer's side.
pub(crate) struct Checkpointer {
    /// The thread has done its part.
    ready: Arc<AtomicBool>,
}

impl Checkpointer {
    /// Copies what is left, if the thread has done its part. For the writer, between two groups.
    pub(crate) fn finish(&self, connection: &Connection) {
        if self.ready.swap(false, Ordering::AcqRel) {
            copy(connection);
        }
    }
}

/// Has the log of `writing` copied by a thread with the connection `copying`, whenever a commit leaves `pages` or more in it. The
/// thread ends with the writer's connection.
///
/// # Errors
/// The system's or SQLite's.
pub(crate) fn start(writing: &mut Connection, copying: Connection, pages: usize) -> std::io::Result<Checkpointer> {
    let (request, requests) = sync_channel(1);
    let checkpointer = Checkpointer { ready: Arc::default() };
    let (ready, commits) = (checkpointer.ready.clone(), Arc::new(AtomicUsize::new(0)));
    watch(writing, request, pages, commits.clone()).map_err(std::io::Error::other)?;
    let thread = std::thread::Builder::new().name("store-checkpoint".into());
    thread.spawn(move || run(&copying, &requests, &ready, &commits, IDLE))?;
    Ok(checkpointer)
}

fn watch(
    writing: &mut Connection,
    request: SyncSender<()>,
    pages: usize,
    commits: Arc<AtomicUsize>,
) -> rusqlite::Result<()> {
    // This takes the place of SQLite's own checkpoints, which run inside a commit.
    writing.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, there: std::ffi::c_int| {
        commits.fetch_add(1, Ordering::Relaxed);
        if usize::try_from(there).is_ok_and(|there| there >= pages) {
            // A request that waits already is as good.
            let _ = request.try_send(());
        }
        Ok(())
    }))
}

fn run(connection: &Connection, requests: &Receiver<()>, ready: &AtomicBool, commits: &AtomicUsize, idle: Duration) {
    // A writer that begins meanwhile waits for nobody: the log is cut off at once or left for the next time.
    let _ = connection.busy_timeout(Duration::ZERO);
    let (mut seen, mut cut_off) = (0, 0);
    loop {
        match requests.recv_timeout(idle) {
            Ok(()) => {
                (0..PASSES).for_each(|_| copy(connection));
                // A request that came meanwhile is served by what the writer does now.
                let _ = requests.try_recv();
                ready.store(true, Ordering::Release);
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = commits.load(Ordering::Relaxed);
                if now == seen && now != cut_off && is_cut_off(connection) {
                    cut_off = now;
                }
                seen = now;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Copies the log and makes its file empty, unless somebody reads or writes just now.
fn is_cut_off(connection: &Connection) -> bool {
    copy(connection);
    let is_busy = connection
        .prepare_cached("PRAGMA wal_checkpoint(TRUNCATE)")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)));
    matches!(is_busy, Ok(0))
}

/// Copies what no reader needs any more from the log; one that is being read is copied the next time.
fn copy(connection: &Connection) {
    let done = connection
        .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")
        .and_then(|mut statement| statement.query_row([], |_| Ok(())));
    if let Err(error) = done {
        tracing::warn!(%error, "the database's log could not be copied into its file; it is tried again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: u32 = 64;

    #[test]
    fn a_log_that_is_written_without_a_pause_stays_short() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("some.db");
        let open = || {
            let connection = Connection::open(&path).expect("opens");
            connection.pragma_update(None, "journal_mode", "WAL").expect("set");
            connection
        };
        let mut writing = open();
        writing.execute_batch("CREATE TABLE text (words TEXT NOT NULL)").expect("a table");
        let checkpointer = start(&mut writing, open(), PAGES as usize).expect("starts");
        let words = "x".repeat(3000);
        let mut longest = 0;
        for _ in 0..40 * PAGES {
            writing.execute("INSERT INTO text (words) VALUES (?1)", [&words]).expect("written");
            // Where the thread is starved for long, its turn is waited for.
            while log_of(&writing) > 8 * PAGES && !checkpointer.ready.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            checkpointer.finish(&writing);
            longest = longest.max(log_of(&writing));
        }
        assert!(longest >= PAGES, "it was left to grow to where copying pays");
        assert!(longest < 9 * PAGES, "{longest} pages");
        let count: u32 = open().query_row("SELECT count(*) FROM text", [], |row| row.get(0)).expect("counted");
        assert_eq!(count, 40 * PAGES);
    }

    #[test]
    fn the_log_of_a_burst_is_cut_off_once_nobody_writes() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("some.db");
        let mut writing = Connection::open(&path).expect("opens");
        writing.pragma_update(None, "journal_mode", "WAL").expect("set");
        let (request, requests) = sync_channel(1);
        let commits = Arc::new(AtomicUsize::new(0));
        watch(&mut writing, request, usize::MAX, commits.clone()).expect("watched");
        writing.execute_batch("CREATE TABLE text (words TEXT NOT NULL)").expect("a table");
        for _ in 0..500 {
            writing.execute("INSERT INTO text (words) VALUES (?1)", ["x".repeat(3000)]).expect("written");
        }
        let log = home.path().join("some.db-wal");
        let length = || std::fs::metadata(&log).map_or(0, |found| found.len());
        assert!(length() > 1024 * 1024, "{}", length());
        let copying = Connection::open(&path).expect("opens");
        let thread = std::thread::spawn(move || {
            run(&copying, &requests, &AtomicBool::new(false), &commits, Duration::from_millis(1));
        });
        while length() > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let count: u32 = writing.query_row("SELECT count(*) FROM text", [], |row| row.get(0)).expect("counted");
        assert_eq!(count, 500);
        drop(writing);
        thread.join().expect("it ends with the writer");
    }

    /// The pages in the log, however many of them are copied.
    fn log_of(connection: &Connection) -> u32 {
        connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1)).expect("answered")
    }
}
