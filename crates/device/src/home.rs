//! Home: the folder of a device's files, locked by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use countersign_private_files::{PermissionError, check_database, check_folder, check_secret};
use thiserror::Error;

/// An open home. While this value lives, no other process can open the same folder.
///
/// The folder holds `device.db` (the vault), `keys/` (key files) and `lock` (the pid of the holder).
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    _lock: File,
}

/// The name of the vault's file.
pub(crate) const VAULT: &str = "device.db";

/// Why a home could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HomeError {
    /// Another process holds the home.
    #[error("{path} is in use by {}; stop it or use another --home", holder(*pid))]
    InUse {
        /// The home.
        path: PathBuf,
        /// The process that holds it, where the lock file could be read.
        pid: Option<u32>,
    },
    /// The folder or its lock file could not be created or read.
    #[error("cannot use {path} as a home: {source}")]
    Unusable {
        /// The home.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Others may change the folder or a file in it, or read a key.
    #[error(transparent)]
    Permissions(#[from] PermissionError),
}

impl HomeError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            HomeError::InUse { .. } => "home_in_use",
            HomeError::Unusable { .. } | HomeError::Permissions(_) => "home_unusable",
        }
    }
}

impl Home {
    /// Opens `path` as a home and takes its lock. Creates the folder (mode 0700) where it does not exist.
    ///
    /// # Errors
    /// [`HomeError::InUse`] where another process, or another [`Home`] of this one, holds the folder;
    /// [`HomeError::Permissions`] where others may write into it.
    pub fn open(path: &Path) -> Result<Home, HomeError> {
        let unusable = |source| HomeError::Unusable { path: path.to_owned(), source };
        make_private_dir(path).map_err(unusable)?;
        make_private_dir(&path.join("keys")).map_err(unusable)?;
        check_permissions(path)?;
        let mut lock = private_file(&path.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(HomeError::InUse { path: path.to_owned(), pid: read_pid(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        write_pid(&mut lock).map_err(unusable)?;
        Ok(Home { path: path.to_owned(), _lock: lock })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the vault's file.
    pub fn vault(&self) -> PathBuf {
        self.path.join(VAULT)
    }

    /// The folder of the key files.
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }
}

/// Refuses a home into which others could put keys or a vault of their own.
fn check_permissions(home: &Path) -> Result<(), HomeError> {
    let keys = home.join("keys");
    check_folder(home)?;
    check_folder(&keys)?;
    for name in ["device.db", "device.db-wal", "device.db-shm"] {
        check_database(&home.join(name))?;
    }
    let unusable = |source| HomeError::Unusable { path: keys.clone(), source };
    for key in std::fs::read_dir(&keys).map_err(unusable)? {
        check_secret(&key.map_err(unusable)?.path())?;
    }
    Ok(())
}

/// Creates `path` and missing folders above it, readable by their owner alone.
fn make_private_dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens a file, or creates it readable by its owner alone.
pub(crate) fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(lock: &mut File) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.seek(SeekFrom::Start(0))?;
    writeln!(lock, "{}", std::process::id())?;
    lock.sync_all()
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_opening_names_the_process_that_holds_the_home() {
        let dir = tempfile::tempdir().unwrap();
        let held = Home::open(dir.path()).unwrap();
        let refused = Home::open(dir.path()).unwrap_err();
        assert!(matches!(refused, HomeError::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{refused}");
        assert!(refused.to_string().contains(&format!("in use by process {}", std::process::id())));
        drop(held);
        Home::open(dir.path()).expect("a home is free again when its holder is gone");
    }

    #[cfg(unix)]
    #[test]
    fn files_of_a_home_are_readable_by_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("a/b")).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(home.path()), 0o700);
        assert_eq!(mode(&home.keys()), 0o700);
        assert_eq!(mode(&home.path().join("lock")), 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_home_that_others_may_write_is_refused_with_the_command_that_mends_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        let home = Home::open(dir.path()).unwrap();
        let key = home.keys().join("ac_1.key");
        drop(home);
        std::fs::write(&key, "").unwrap();
        set(&key, 0o600);
        Home::open(dir.path()).expect("as it was made");
        for (path, mode, command) in [(dir.path(), 0o777, "chmod go-w"), (&key, 0o666, "chmod 600")] {
            let before = std::fs::metadata(path).unwrap().permissions().mode();
            set(path, mode);
            let refused = Home::open(path.ancestors().find(|one| one.join("lock").exists()).unwrap()).unwrap_err();
            assert!(refused.to_string().ends_with(&format!("{command} {}", path.display())), "{refused}");
            assert_eq!(refused.code(), "home_unusable");
            set(path, before);
        }
        Home::open(dir.path()).expect("mended");
    }
}
