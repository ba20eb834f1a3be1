//! Copies of the file, made while it is in use: whole as of one moment, checked, and never over another file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::connection::{BUSY_TIMEOUT, connect, create_new_private};
use crate::error::SqlError;

/// A copy that was made and found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The copy.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A copy could not be made. Nothing is at its place that was not there before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no database at {0}; name the provider's folder by --home")]
    Missing(PathBuf),
    /// Another file is at the copy's place.
    #[error("{0} is there already and is left as it is; name a file that isn't")]
    Exists(PathBuf),
    /// The database could not be read, or the copy not be written.
    #[error("the copy {path} could not be made: {source}; check the space and the rights in that folder")]
    Copy {
        /// The copy's place.
        path: PathBuf,
        /// SQLite's error.
        source: SqlError,
    },
    /// The copy was made, and SQLite finds it damaged, which means that the database is.
    #[error("the database is damaged, and so its copy was thrown away: {0}")]
    Damaged(String),
    /// The copy's file or folder could not be written.
    #[error("the copy {path} can't be kept: {source}")]
    File {
        /// The copy's place.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl BackupError {
    /// The stable code, one for all of them, as the command line prints it.
    pub const fn code(&self) -> &'static str {
        "backup"
    }
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
    let folder = folder_of(to).map_err(file)?;
    let name = to.file_name().ok_or_else(|| file(io::ErrorKind::InvalidFilename.into()))?;
    let mut unfinished = folder.join(name).into_os_string();
    unfinished.push(format!(".unfinished-{}", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    // What a killed process of this number left.
    let _ = fs::remove_file(&unfinished);
    // Not over anything, and not through a link: the folder may be one that others write into.
    create_new_private(&unfinished).map_err(file)?;
    let made = make(from, &unfinished, to).and_then(|bytes| {
        // A link is refused where another process was faster; a rename would replace that file.
        match fs::hard_link(&unfinished, to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists(to.to_owned()));
            }
            Err(error) => return Err(file(error)),
        }
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(file)?;
        Ok(bytes)
    });
    let _ = fs::remove_file(&unfinished);
    Ok(Backup { path: to.to_owned(), bytes: made? })
}

/// The folder of a path, without links.
fn folder_of(path: &Path) -> io::Result<PathBuf> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).canonicalize()
}

/// Opens the database, and after it the copy, by names that lead through no link: not even one that was put there a moment ago.
const WITHOUT_LINKS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NOFOLLOW);

fn make(from: &Path, unfinished: &Path, to: &Path) -> Result<u64, BackupError> {
    let failed = |error: rusqlite::Error| explain(error, to);
    let file = |source| BackupError::File { path: to.to_owned(), source };
    let from = folder_of(from).map_err(file)?.join(from.file_name().unwrap_or_default());
    let source = Connection::open_with_flags(from, WITHOUT_LINKS).map_err(failed)?;
    source.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    // One read transaction: writers go on, and the copy never begins anew as that of the backup API does under load.
    let name = unfinished.to_str().ok_or_else(|| file(io::ErrorKind::InvalidFilename.into()))?;
    source.execute("VACUUM INTO ?1", [name]).map_err(failed)?;
    drop(source);
    let copy = connect(unfinished, WITHOUT_LINKS).map_err(failed)?;
    let found: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if found != "ok" {
        return Err(BackupError::Damaged(found));
    }
    drop(copy);
    let writable = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NOFOLLOW);
    let copy = connect(unfinished, writable).map_err(failed)?;
    say_that_it_is_a_copy(&copy).map_err(failed)?;
    copy.close().map_err(|(_, error)| failed(error))?;
    // VACUUM INTO writes without flushing.
    let copy = File::open(unfinished).map_err(file)?;
    copy.sync_all().map_err(file)?;
    Ok(copy.metadata().map_err(file)?.len())
}

/// Whoever opens it as its own ends what the original may have redeemed since. A file of a build without this mark is copied
/// as it is; this build refuses to open it anyway.
fn say_that_it_is_a_copy(copy: &Connection) -> rusqlite::Result<()> {
    let known = copy.prepare("SELECT 1 FROM pragma_table_info('store_history') WHERE name = 'is_copy'")?.exists([])?;
    if known {
        copy.execute("UPDATE store_history SET is_copy = 1", [])?;
    }
    Ok(())
}

fn explain(error: rusqlite::Error, to: &Path) -> BackupError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => BackupError::Damaged(error.to_string()),
        _ => BackupError::Copy { path: to.to_owned(), source: SqlError(error) },
    }
}

#[cfg(test)]
mod tests;
