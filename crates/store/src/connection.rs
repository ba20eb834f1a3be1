//! Opening connections to the file.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How long a writer waits for another process (a command beside a serving provider) to finish its own write.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements that a connection keeps.
const STATEMENT_CACHE: usize = 256;

/// Opens a connection, with references enforced and statements kept prepared.
pub(crate) fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Otherwise every new parameter of a query over a table with a partial index has it prepared anew.
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

/// Creates the file with mode 0600 if it is missing.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    private(std::fs::OpenOptions::new().write(true).create(true).truncate(false)).open(path).map(drop)
}

/// Creates the file with mode 0600. Refuses where anything is at its place, a symbolic link too.
pub(crate) fn create_new_private(path: &Path) -> io::Result<()> {
    private(std::fs::OpenOptions::new().write(true).create_new(true)).open(path).map(drop)
}

fn private(options: &mut std::fs::OpenOptions) -> &mut std::fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
