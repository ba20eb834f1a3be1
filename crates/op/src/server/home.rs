//! The provider's home folder: mode 0700, served by one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use countersign_gateway::keys::{REGISTRATION, SIGNING, VAPID, key_versions};
use countersign_private_files::{PermissionError, check_database, check_folder, check_secret};

use crate::issuance::token_keys::EC as TOKEN;
use crate::server::OpenError;

/// Creates the folder with mode 0700, unless it exists; then it must be its owner's alone, and whole.
///
/// # Errors
/// [`OpenError::Home`], [`OpenError::Permissions`], [`OpenError::KeyMissing`].
pub(crate) fn prepare(home: &Path) -> Result<(), OpenError> {
    make(home).map_err(|source| OpenError::Home { path: home.to_owned(), source })?;
    check_permissions(home)?;
    check_keys_of_database(home)
}

fn make(home: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(home)
}

/// Refuses a home into which others could put keys or a database of their own, or whose keys they could read.
///
/// # Errors
/// [`OpenError::Permissions`] with the command that mends it.
fn check_permissions(home: &Path) -> Result<(), OpenError> {
    check_folder(home)?;
    let database = database(home);
    for suffix in ["", "-wal", "-shm"] {
        let mut path = database.clone().into_os_string();
        path.push(suffix);
        check_database(Path::new(&path))?;
    }
    let keys = home.join("keys");
    check_folder(&keys)?;
    let listed = match fs::read_dir(&keys) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        listed => listed.map_err(|source| OpenError::Home { path: keys.clone(), source })?,
    };
    for file in listed {
        match check_secret(&file.map_err(|source| OpenError::Home { path: keys.clone(), source })?.path()) {
            // A manifest is signed and published: everybody may read it, nobody may change it.
            Err(PermissionError::Readable { path, mode }) if mode & 0o022 == 0 && is_manifest(&path) => {}
            checked => checked?,
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jws")
}

/// Refuses a home that has a database but lacks a key that was made with it: a new one would pass for it without a word, and what the
/// lost one signed or derived would be void.
///
/// # Errors
/// [`OpenError::KeyMissing`], naming the file.
fn check_keys_of_database(home: &Path) -> Result<(), OpenError> {
    if !database(home).exists() {
        return Ok(());
    }
    let keys = home.join("keys");
    let missing = |name: &str| OpenError::KeyMissing { path: keys.join(name) };
    for name in ["evidence-root.p8", "gateway-secret.secret", "user-codes.secret"] {
        if !keys.join(name).exists() {
            return Err(missing(name));
        }
    }
    for name in [SIGNING, REGISTRATION, VAPID, TOKEN] {
        if key_versions(&keys, name)?.is_empty() {
            return Err(missing(&format!("{name}.p8")));
        }
    }
    Ok(())
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
