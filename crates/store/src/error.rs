//! Why the store did not do as asked.

use std::io;
use std::path::PathBuf;

/// Why the store did not do as asked. Nothing was kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SQLite refused: disk full, file damaged, or busy for longer than five seconds.
    #[error("the database failed: {0}")]
    Sql(#[source] SqlError),
    /// A row that has to be there is missing.
    #[error("the database lacks a row that has to be there")]
    MissingRow,
    /// The file could not be created or protected.
    #[error("the database {} can't be opened: {source}", path.display())]
    File {
        /// Where it should be.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A newer version of the program wrote the file, which is left as it is.
    #[error(
        "the database {} has the {part} tables of version {found}, and this program knows up to {known}: start the newer program that wrote it, or restore a backup from before", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// [`Schema::part`](crate::Schema::part).
        part: String,
        /// The version in the file.
        found: u32,
        /// The newest version that this program can read.
        known: u32,
    },
    /// Another build of the program, older or unreleased, made the file, which is left as it is.
    #[error(
        "the database {} was made by another build of this program, and its {part} tables are not converted: start the build that made it, or start anew with another folder", path.display()
    )]
    OtherBuild {
        /// The file.
        path: PathBuf,
        /// [`Schema::part`](crate::Schema::part), or `store` for the file as a whole.
        part: String,
    },
    /// The group this write belonged to could not be committed.
    #[error("the database did not take the write: {message}")]
    NotCommitted {
        /// SQLite's message.
        message: String,
        /// Whether the same write may succeed later.
        is_transient: bool,
    },
    /// The closure panicked; the log says where.
    #[error("a piece of work on the database was undone; the log says why")]
    Panicked,
    /// The writer has stopped: the store is being closed.
    #[error("the database is closed")]
    Closed,
}

/// An error of SQLite.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SqlError(pub(crate) rusqlite::Error);

impl Error {
    /// The stable code, one for all of them: for the command line each is a failure of the provider.
    pub const fn code(&self) -> &'static str {
        "provider"
    }

    /// Whether the same call may succeed later: the disk is full or failing, or another process holds the file.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Sql(SqlError(error)) => is_transient(error),
            Error::NotCommitted { is_transient, .. } => *is_transient,
            Error::Closed => true,
            Error::MissingRow
            | Error::File { .. }
            | Error::Newer { .. }
            | Error::OtherBuild { .. }
            | Error::Panicked => false,
        }
    }

    /// What a caller gets whose group could not begin, or ended before its turn.
    pub(crate) fn never_ran() -> Error {
        Error::NotCommitted { message: "its group could not begin".to_owned(), is_transient: true }
    }

    pub(crate) fn not_committed(error: &rusqlite::Error) -> Error {
        Error::NotCommitted { message: error.to_string(), is_transient: is_transient(error) }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        match error {
            rusqlite::Error::QueryReturnedNoRows => Error::MissingRow,
            error => Error::Sql(SqlError(error)),
        }
    }
}

fn is_transient(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure};
    let code = error.sqlite_error_code();
    matches!(code, Some(CannotOpen | DatabaseBusy | DatabaseLocked | DiskFull | ReadOnly | SystemIoFailure))
}
