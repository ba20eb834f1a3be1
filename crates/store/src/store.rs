//! The handle on the file: opens it, hands closures to its threads, and gives their results back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use crate::checkpoint;
use crate::commit_latency::CommitLatency;
use crate::connection::{connect, create_private};
use crate::error::Error;
use crate::notifier::Notifier;
use crate::reader::{self, Read};
use crate::schema::{self, HistoryId, Schema};
use crate::transaction::{Snapshot, Transaction};
use crate::work_counter::WorkCounter;
use crate::writer::{self, Job, Work};

/// Closures that may queue before callers wait for room.
const QUEUE: usize = 4096;
/// Connections of [`Store::read_blocking`] kept open; more are opened when several threads read at once, and closed afterwards.
const IDLE_CONNECTIONS: usize = 2;
/// Pages that the writer and the reader keep in memory, in KiB: what is asked and answered just now, and the tops of the trees. More is slower:
/// SQLite walks through all of them at a commit that reordered a tree's pages.
const CACHE_KIB: i64 = 8 * 1024;

/// A handle on the file. Cheap to clone; the file closes with the last clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    jobs: mpsc::Sender<Job>,
    slow_reads: mpsc::Sender<Read>,
    latency: CommitLatency,
    idle: Mutex<Vec<Connection>>,
    history_id: HistoryId,
    notifier: Notifier,
}

impl Store {
    /// Opens the file, creates it with mode 0600 if it is missing, and creates the tables of those parts that have none in it yet. A new file
    /// gets `fresh` as the id of its history.
    ///
    /// # Errors
    /// [`Error::Newer`] and [`Error::OtherBuild`] for a file that another build made, which is left as it is; otherwise the system's or SQLite's
    /// error.
    pub fn open(path: &Path, parts: &[Schema], fresh: &HistoryId) -> Result<Store, Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        schema::refuse_other_builds(path, parts)?;
        create_private(path).map_err(failed)?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        // The pages that a savepoint would bring back.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        let history_id = schema::prepare(&mut connection, path, parts, fresh)?;
        let notifier = Notifier::default();
        let copying = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let checkpointer = checkpoint::start(&mut connection, copying, checkpoint::PAGES).map_err(failed)?;
        let latency = CommitLatency::default();
        let jobs = writer::start(connection, checkpointer, QUEUE, notifier.clone(), latency.clone()).map_err(failed)?;
        let reading = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        reading.pragma_update(None, "cache_size", -CACHE_KIB)?;
        let slow_reads = reader::start(reading, QUEUE).map_err(failed)?;
        let idle = Mutex::default();
        let inner = Inner { path: path.to_owned(), jobs, slow_reads, latency, idle, history_id, notifier };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// Runs a closure in a transaction and returns after it is on disk.
    ///
    /// An error of the closure rolls back its own changes alone, not its neighbours' in the group. Closures run one after another on the
    /// writer's thread: verify signatures before, not inside. When a neighbour has to be undone, a closure's changes are undone too and it
    /// runs again, so what it does beside the database must bear that.
    ///
    /// # Errors
    /// The closure's own, or the store's as the closure's type; nothing was kept in either case.
    pub async fn write<T, E>(&self, work: impl FnMut(&Transaction<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, replied) = oneshot::channel();
        // A caller that no longer waits is fine: the work is done or undone either way.
        let work = Box::new(Call { work, reply: move |result| drop(reply.send(result)), result: None });
        if self.inner.jobs.send(Job::Write(work)).await.is_err() {
            return Err(Error::Closed.into());
        }
        replied.await.unwrap_or_else(|_| Err(Error::never_ran().into()))
    }

    /// As [`Store::write`], for the start of a program: blocks the thread until the transaction is on disk.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, E>(
        &self,
        work: impl FnMut(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, replied) = std::sync::mpsc::channel();
        let work = Box::new(Call { work, reply: move |result| drop(reply.send(result)), result: None });
        if self.inner.jobs.try_send(Job::Write(work)).is_err() {
            return Err(Error::Closed.into());
        }
        replied.recv().unwrap_or_else(|_| Err(Error::never_ran().into()))
    }

    /// Commits a write that changes no table, through the one writer: a full disk, a lock or a writer that hangs shows here. SQLite
    /// writes no page whose bytes stay the same, so the number in the file's header, which nothing reads, changes each time.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn try_write(&self) -> Result<(), Error> {
        self.write(|transaction| {
            let connection = transaction.connection();
            let number: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            connection.pragma_update(None, "user_version", number ^ 1)?;
            Ok(())
        })
        .await
    }

    /// How many groups of writes this handle's writer has tried to commit.
    pub fn written_groups(&self) -> u64 {
        self.inner.latency.groups()
    }

    /// How many writes and reads wait for the writer at this moment.
    pub fn queue(&self) -> u64 {
        let jobs = &self.inner.jobs;
        u64::try_from(jobs.max_capacity() - jobs.capacity()).unwrap_or(u64::MAX)
    }

    /// Runs a short indexed read off the async runtime. Sees every write committed before the call.
    ///
    /// # Errors
    /// The closure's own; SQLite's `SQLITE_READONLY` for a closure that wrote, whose changes are undone.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if !self.inner.latency.is_short() {
            return self.read_slow(read).await;
        }
        let (read, replied) = with_reply(read);
        self.inner.jobs.send(Job::Read(read)).await.map_err(|_| Error::Closed)?;
        replied.await.map_err(|_| Error::Panicked)?
    }

    /// As [`Store::read`], for one that may have to read many rows: it keeps no write waiting.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read_slow<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (read, replied) = with_reply(read);
        self.inner.slow_reads.send(read).await.map_err(|_| Error::Closed)?;
        replied.await.map_err(|_| Error::Panicked)?
    }

    /// Runs a read on the calling thread, which it blocks: for the start of a program, its commands and tests. A server uses
    /// [`Store::read`]. Sees every write committed before the call.
    ///
    /// # Errors
    /// The closure's own.
    pub fn read_blocking<T>(&self, read: impl FnOnce(&Snapshot<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let connection = match self.idle().pop() {
            Some(connection) => connection,
            None => connect(&self.inner.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let result = read(&Snapshot::new(&connection));
        let mut idle = self.idle();
        if idle.len() < IDLE_CONNECTIONS {
            idle.push(connection);
        }
        result
    }

    /// Who listens to what in this process.
    pub fn notifier(&self) -> &Notifier {
        &self.inner.notifier
    }

    /// The id of this file's history.
    pub fn history_id(&self) -> &HistoryId {
        &self.inner.history_id
    }

    /// Whether another process wrote the file since the last call; if so, every listener is woken.
    ///
    /// # Errors
    /// SQLite's error, or [`Error::Closed`].
    pub async fn detect_external_writes(&self) -> Result<bool, Error> {
        let (reply, replied) = oneshot::channel();
        self.inner.jobs.send(Job::DetectExternalWrites(reply)).await.map_err(|_| Error::Closed)?;
        replied.await.unwrap_or(Err(Error::Closed))
    }

    /// Counts all that the writer does from now on, short reads included, which makes it slower. For tests.
    ///
    /// # Errors
    /// SQLite's error, or [`Error::Closed`].
    pub async fn count_work(&self) -> Result<WorkCounter, Error> {
        self.inner.latency.keep_short();
        let (reply, replied) = oneshot::channel();
        self.inner.jobs.send(Job::CountWork(reply)).await.map_err(|_| Error::Closed)?;
        replied.await.unwrap_or(Err(Error::Closed))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read, and the way its result goes back.
fn with_reply<T: Send + 'static>(
    read: impl FnOnce(&Snapshot<'_>) -> Result<T, Error> + Send + 'static,
) -> (Read, oneshot::Receiver<Result<T, Error>>) {
    let (reply, replied) = oneshot::channel();
    // A caller that no longer waits is fine.
    let read: Read = Box::new(move |snapshot| drop(reply.send(reader::read_only(snapshot, read))));
    (read, replied)
}

/// A caller's closure, its result, and the way this goes back.
struct Call<W, R, T, E> {
    work: W,
    reply: R,
    result: Option<Result<T, E>>,
}

impl<W, R, T, E> Work for Call<W, R, T, E>
where
    W: FnMut(&Transaction<'_>) -> Result<T, E> + Send,
    R: FnOnce(Result<T, E>) + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, transaction: &Transaction<'_>) -> bool {
        self.result = None;
        let result = (self.work)(transaction);
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        let Call { work, reply, result } = *self;
        // First, so that a caller that has the result finds nothing of its own still held by this thread.
        drop(work);
        reply(match (result, committed) {
            // It panicked; the log says where.
            (None, _) => Err(Error::Panicked.into()),
            (Some(Err(refusal)), _) => Err(refusal),
            (Some(Ok(_)), Err(failure)) => Err(failure.into()),
            (Some(Ok(value)), Ok(())) => Ok(value),
        });
    }
}

#[cfg(test)]
mod tests;
