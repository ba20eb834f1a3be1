//! The provider's home folder: mode 0700, served by one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::server::OpenError;

/// Creates the folder with mode 0700, unless it exists.
pub(crate) fn make(home: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(home)
}

/// Path of its database.
pub(crate) fn database(home: &Path) -> PathBuf {
    home.join("provider.db")
}

/// Exclusive lock of the process that serves a home. The operating system releases it when the process ends, however it ends.
pub(crate) struct HomeLock {
    _file: File,
}

impl HomeLock {
    /// Locks `serving.lock` and writes this process's id into it.
    ///
    /// # Errors
    /// [`OpenError::InUse`] with the id of the process that holds it, or [`OpenError::Home`].
    pub(crate) fn take(home: &Path) -> Result<HomeLock, OpenError> {
        let failed = |source| OpenError::Home { path: home.to_owned(), source };
        let path = home.join("serving.lock");
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                return Err(OpenError::InUse { path: home.to_owned(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let named =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        named.map_err(failed)?;
        Ok(HomeLock { _file: file })
    }
}

/// Id of the process that serves this home; `None` if none does.
pub(crate) fn holder(home: &Path) -> Option<String> {
    let mut file = File::open(home.join("serving.lock")).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            Some(pid.trim().to_owned())
        }
        _ => None,
    }
}
