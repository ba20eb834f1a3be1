//! Copies of the provider's file, made while it is in use: whole as of one moment, checked, and never over another file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, connect, create_private};

/// Copies of one version that a folder holds before something else must be wrong.
const COPIES_MAX: u32 = 100;

/// A copy that was made and found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The copy.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A copy could not be made. Nothing stands at its place that was not there before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no database at {0}; name the provider's folder by --home")]
    Missing(PathBuf),
    /// The place is taken.
    #[error("{0} is there already and is left as it is; name a file that isn't")]
    Exists(PathBuf),
    /// The database could not be read, or the copy not be written.
    #[error("the copy {path} could not be made: {source}; check the space and the rights in that folder")]
    Copy {
        /// The copy's place.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The copy was made, and SQLite finds it damaged, which means that the database is.
    #[error("the database is damaged, and so its copy was thrown away: {0}")]
    Damaged(String),
    /// The system.
    #[error("the copy {path} can't be kept: {source}")]
    File {
        /// The copy's place.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Copies the database at `from` to the new file `to` (mode 0600), whole as of this moment, while other processes go on writing.
/// The copy is checked from its first page to its last, and is on disk when this returns. Blocks for as long as that takes.
///
/// # Errors
/// [`BackupError`]; an existing file is never touched, and no half a copy is left.
pub fn back_up(from: &Path, to: &Path) -> Result<Backup, BackupError> {
    let file = |source| BackupError::File { path: to.to_owned(), source };
    if !from.is_file() {
        return Err(BackupError::Missing(from.to_owned()));
    }
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let mut name = to.as_os_str().to_owned();
    name.push(format!(".unfinished-{}", std::process::id()));
    let unfinished = PathBuf::from(name);
    // What a killed process of this number left.
    let _ = fs::remove_file(&unfinished);
    let made = make(from, &unfinished, to).and_then(|bytes| {
        // A link is refused where somebody else was faster; a rename would replace that file.
        match fs::hard_link(&unfinished, to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists(to.to_owned()));
            }
            Err(error) => return Err(file(error)),
        }
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(file)?;
        Ok(bytes)
    });
    let _ = fs::remove_file(&unfinished);
    Ok(Backup { path: to.to_owned(), bytes: made? })
}

/// Copies the database of this connection beside it, before a room's tables become version `next`. The connection holds the
/// right to write, so that nothing comes between copy and change. An earlier copy of that name is kept: this one gets a number.
pub(super) fn before_migration(connection: &Connection, part: &str, next: i64) -> Result<(), StoreError> {
    let Some(path) = connection.path().filter(|path| !path.is_empty()).map(PathBuf::from) else { return Ok(()) };
    for number in 1..=COPIES_MAX {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".before-{part}-{next}"));
        if number > 1 {
            name.push(format!(".{number}"));
        }
        match back_up(&path, Path::new(&name)) {
            Ok(backup) => {
                tracing::warn!(part, version = next, copy = %backup.path.display(), "the database was copied; now its tables are changed");
                return Ok(());
            }
            Err(BackupError::Exists(_)) => {}
            Err(source) => return Err(StoreError::NoBackup { part: part.to_owned(), next, source: Box::new(source) }),
        }
    }
    let source = BackupError::Exists(path);
    Err(StoreError::NoBackup { part: part.to_owned(), next, source: Box::new(source) })
}

fn make(from: &Path, unfinished: &Path, to: &Path) -> Result<u64, BackupError> {
    let failed = |source| BackupError::Copy { path: to.to_owned(), source };
    let file = |source| BackupError::File { path: to.to_owned(), source };
    create_private(unfinished).map_err(file)?;
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    source.busy_timeout(super::BUSY_TIMEOUT).map_err(failed)?;
    // One read transaction: writers go on, and the copy never begins anew as that of the backup API does under load.
    let name = unfinished.to_str().ok_or_else(|| file(io::ErrorKind::InvalidFilename.into()))?;
    source.execute("VACUUM INTO ?1", [name]).map_err(|error| explained(error, failed))?;
    drop(source);
    let copy = connect(unfinished, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| match error {
        StoreError::Sqlite(error) => failed(error),
        other => BackupError::Damaged(other.to_string()),
    })?;
    let found: String =
        copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(|error| explained(error, failed))?;
    if found != "ok" {
        return Err(BackupError::Damaged(found));
    }
    drop(copy);
    // VACUUM INTO writes without flushing.
    let copy = File::open(unfinished).map_err(file)?;
    copy.sync_all().map_err(file)?;
    Ok(copy.metadata().map_err(file)?.len())
}

fn explained(error: rusqlite::Error, failed: impl FnOnce(rusqlite::Error) -> BackupError) -> BackupError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => BackupError::Damaged(error.to_string()),
        _ => failed(error),
    }
}

#[cfg(test)]
mod tests;
