//! The provider's file: one SQLite database, written and read by one thread in groups. Another reads where the disk is slow or a look
//! takes long; a third keeps the log short.

pub(crate) mod approvals;
mod backup;
pub(crate) mod challenges;
mod checkpoint;
mod columns;
pub(crate) mod credentials;
pub(crate) mod devices;
pub(crate) mod feed;
pub(crate) mod links;
pub(crate) mod manifests;
pub(crate) mod prompt_history;
mod reader;
mod schema;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

pub use backup::{Backup, BackupError, back_up};
pub use devices::DeviceState;
pub use schema::Schema;
pub use writer::Transaction;

use crate::notifier::Notifier;
use reader::{CommitLatency, Look};
use writer::{Job, Work};

/// How long a writer waits for another process (`op link`) to finish its own write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Closures that may queue before callers wait for room.
const QUEUE: usize = 4096;
/// What shares one commit or snapshot at most, so that the first does not wait for hundreds of others.
const GROUP: usize = 128;
/// Connections of [`Store::read_blocking`] kept open; more are opened when several threads read at once, and closed afterwards.
const KEPT_READERS: usize = 2;
/// Pages that the writer and the reader keep in memory, in KiB: what is asked and answered just now, and the tops of the trees. More is slower:
/// SQLite walks through all of them at a commit that reordered a tree's pages.
const CACHE_KIB: i64 = 8 * 1024;
const STATEMENT_CACHE: usize = 256;

/// A handle on the provider's file. Cheap to clone; the file closes with the last clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: std::path::PathBuf,
    jobs: mpsc::Sender<Job>,
    looks: mpsc::Sender<Look>,
    latency: CommitLatency,
    readers: Mutex<Vec<Connection>>,
    history_id: String,
    notifier: Notifier,
}

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite said no: disk full, file damaged, or busy for longer than five seconds.
    #[error("the provider's database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file could not be created or protected.
    #[error("the provider's database at {path} can't be opened: {source}")]
    File {
        /// Where it should be.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file was written by a newer version of the program.
    #[error(
        "the provider's database has the {part} tables of version {found}, this program knows up to {known}: start the newer program that wrote it, or restore a backup from before"
    )]
    Newer {
        /// Whose tables: `gateway`, or a room that joined by [`Store::add_schema`].
        part: String,
        /// The version in the file.
        found: i64,
        /// The newest version this program can read.
        known: i64,
    },
    /// The file is of an older version, and could not be copied before its tables are changed. They were not changed.
    #[error("the {part} tables can't be brought to version {next} without a copy of the file as it is: {source}")]
    NoBackup {
        /// Whose tables.
        part: String,
        /// The version they were to get.
        next: i64,
        /// What went wrong.
        source: Box<BackupError>,
    },
    /// The group this write belonged to could not be committed; nothing of it was kept.
    #[error("the provider's database did not take the write: {message}")]
    NotCommitted {
        /// What SQLite said.
        message: String,
        /// Whether it is a state that passes.
        is_transient: bool,
    },
    /// The closure panicked; nothing of it was kept. The log says so.
    #[error("a piece of work on the provider's database was undone; the provider's log says why")]
    Panicked,
    /// The writer has stopped: the store is being closed.
    #[error("the provider's database is closed")]
    Closed,
}

impl StoreError {
    /// Whether this is a state that passes, and not a fault: the disk is full or failing, or somebody holds the file. Nothing was
    /// kept, and the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            StoreError::Sqlite(error) => is_transient(error),
            StoreError::NotCommitted { is_transient, .. } => *is_transient,
            StoreError::Closed => true,
            StoreError::File { .. } | StoreError::Newer { .. } | StoreError::NoBackup { .. } | StoreError::Panicked => {
                false
            }
        }
    }
}

/// [`StoreError::is_transient`], of what SQLite said.
pub fn is_transient(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure};
    let code = error.sqlite_error_code();
    matches!(code, Some(CannotOpen | DatabaseBusy | DatabaseLocked | DiskFull | ReadOnly | SystemIoFailure))
}

/// Why a write did not happen: the closure's own refusal, or the store's failure. Nothing was changed in either case.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// The closure returned this; its changes were rolled back, its neighbours' in the group were not.
    #[error("{0}")]
    Refused(E),
    /// The store failed.
    #[error("{0}")]
    Store(#[source] StoreError),
}

impl From<WriteError<rusqlite::Error>> for StoreError {
    fn from(error: WriteError<rusqlite::Error>) -> StoreError {
        match error {
            WriteError::Refused(error) => StoreError::Sqlite(error),
            WriteError::Store(error) => error,
        }
    }
}

impl Store {
    /// Opens the file, creates it with mode 0600 when it is missing, and brings the gateway's tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Newer`] when a newer program wrote the file; otherwise what the system or SQLite said.
    pub fn open(path: &Path, random: &dyn countersign_jose::random::Random) -> Result<Store, StoreError> {
        create_private(path).map_err(|source| StoreError::File { path: path.display().to_string(), source })?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        schema::bring_up_to_date(&mut connection)?;
        // Afterwards, for new indexes of a large file are sorted on disk: the pages that a savepoint would bring back are kept in memory.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        let history_id = schema::history_id(&mut connection, random)?;
        let notifier = Notifier::default();
        let failed = |source| StoreError::File { path: path.display().to_string(), source };
        let copying = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let checkpointer = checkpoint::start(&mut connection, copying, checkpoint::PAGES).map_err(failed)?;
        let latency = CommitLatency::default();
        let jobs = writer::start(connection, checkpointer, QUEUE, notifier.clone(), latency.clone()).map_err(failed)?;
        let reading = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        reading.pragma_update(None, "cache_size", -CACHE_KIB)?;
        let looks = reader::start(reading, QUEUE).map_err(failed)?;
        let readers = Mutex::new(Vec::new());
        Ok(Store {
            inner: Arc::new(Inner { path: path.to_owned(), jobs, looks, latency, readers, history_id, notifier }),
        })
    }

    /// Adds another room's tables to the same file, so that its writes can join the gateway's transactions.
    ///
    /// # Errors
    /// [`StoreError::Newer`] when a newer program wrote them; otherwise what SQLite said.
    pub fn add_schema(&self, schema: &Schema) -> Result<(), StoreError> {
        let mut connection = connect(&self.inner.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::add(&mut connection, schema)
    }

    /// Runs a closure in a transaction of its own (a savepoint in the group's) and returns after the group is on disk.
    ///
    /// An error of the closure rolls back only its own changes. Closures run one after another on the writer's thread:
    /// verify signatures before, not inside. When a neighbour in the group has to be undone, a closure's changes are undone
    /// too and it runs again, so what it does beside the database must bear that.
    ///
    /// # Errors
    /// [`WriteError::Refused`] with the closure's error, or [`WriteError::Store`]; nothing was kept in either case.
    pub async fn write<T, E>(
        &self,
        work: impl FnMut(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (reply, replied) = oneshot::channel();
        // Nobody listening any more is fine: the work is done or undone either way.
        let work = Box::new(Call { work, reply: move |result| drop(reply.send(result)), result: None });
        if self.inner.jobs.send(Job::Write(work)).await.is_err() {
            return Err(WriteError::Store(StoreError::Closed));
        }
        replied.await.unwrap_or_else(|_| Err(WriteError::Store(never_ran())))
    }

    /// As [`Store::write`], for the start of a program: blocks the thread until the group is on disk.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, E>(
        &self,
        work: impl FnMut(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (reply, replied) = std::sync::mpsc::channel();
        let work = Box::new(Call { work, reply: move |result| drop(reply.send(result)), result: None });
        if self.inner.jobs.try_send(Job::Write(work)).is_err() {
            return Err(WriteError::Store(StoreError::Closed));
        }
        replied.recv().unwrap_or_else(|_| Err(WriteError::Store(never_ran())))
    }

    /// Commits a write that changes nothing, through the one writer: a full disk, a lock or a writer that hangs shows here.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn try_write(&self) -> Result<(), StoreError> {
        let written = self.write(|transaction| {
            transaction.prepare_cached("UPDATE meta SET value = value WHERE name = 'generation'")?.execute([]).map(drop)
        });
        written.await.map_err(|error: WriteError<rusqlite::Error>| error.into())
    }

    /// How many writes and looks wait for the writer at this moment.
    pub fn queue(&self) -> u64 {
        let jobs = &self.inner.jobs;
        u64::try_from(jobs.max_capacity() - jobs.capacity()).unwrap_or(u64::MAX)
    }

    /// Runs a closure that finds what it looks for by a key or an index on a thread of the store; it sees everything committed before
    /// this call. For servers.
    ///
    /// # Errors
    /// What SQLite said, also of a closure that wrote.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        if !self.inner.latency.is_short() {
            return self.read_slow(look).await;
        }
        let (look, replied) = looking(look);
        self.inner.jobs.send(Job::Look(look)).await.map_err(|_| StoreError::Closed)?;
        Ok(replied.await.map_err(|_| StoreError::Panicked)??)
    }

    /// As [`Store::read`], for one that may have to read many rows: it keeps no write waiting.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read_slow<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (look, replied) = looking(look);
        self.inner.looks.send(look).await.map_err(|_| StoreError::Closed)?;
        Ok(replied.await.map_err(|_| StoreError::Panicked)??)
    }

    /// Runs a closure on a read connection, here and now; it sees everything committed so far. It blocks the thread: for the
    /// start of a program, its commands and tests. A server uses [`Store::read`].
    ///
    /// # Errors
    /// What SQLite said.
    pub fn read_blocking<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let connection = match self.readers().pop() {
            Some(connection) => connection,
            None => connect(&self.inner.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let result = work(&connection);
        let mut readers = self.readers();
        if readers.len() < KEPT_READERS {
            readers.push(connection);
        }
        Ok(result?)
    }

    /// Who waits for what in this process.
    pub fn notifier(&self) -> &Notifier {
        &self.inner.notifier
    }

    /// A name of this file's history, drawn when the file was created: the first half of every cursor.
    pub fn history_id(&self) -> &str {
        &self.inner.history_id
    }

    /// Looks whether another process wrote the file since the last look, and if so wakes every waiter.
    ///
    /// # Errors
    /// What SQLite said, or [`StoreError::Closed`].
    pub async fn detect_external_writes(&self) -> Result<bool, StoreError> {
        let (reply, replied) = oneshot::channel();
        self.inner.jobs.send(Job::DetectExternalWrites(reply)).await.map_err(|_| StoreError::Closed)?;
        replied.await.unwrap_or(Err(StoreError::Closed))
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look, and the way its result goes back.
fn looking<T: Send + 'static>(
    look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> (Look, oneshot::Receiver<rusqlite::Result<T>>) {
    let (reply, replied) = oneshot::channel();
    // Nobody listening any more is fine.
    let look: Look = Box::new(move |connection| drop(reply.send(reader::only_looked(connection, look))));
    (look, replied)
}

/// What is told to whoever queued for a group that could not begin, or ended before their turn.
fn never_ran() -> StoreError {
    StoreError::NotCommitted { message: "its group could not begin".to_owned(), is_transient: true }
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
    R: FnOnce(Result<T, WriteError<E>>) + Send,
    T: Send,
    E: Send,
{
    fn run(&mut self, transaction: &Transaction<'_>) -> bool {
        self.result = None;
        let result = (self.work)(transaction);
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Call { work, reply, result } = *self;
        // First, so that whoever has the answer finds nothing of its own still held by this thread.
        drop(work);
        reply(match (result, committed) {
            // It panicked; the log says where.
            (None, _) => Err(WriteError::Store(StoreError::Panicked)),
            (Some(Err(refusal)), _) => Err(WriteError::Refused(refusal)),
            (Some(Ok(_)), Err(failure)) => Err(WriteError::Store(failure)),
            (Some(Ok(value)), Ok(())) => Ok(value),
        });
    }
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Otherwise every new parameter of a query over a table with a partial index has it prepared anew.
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests;
