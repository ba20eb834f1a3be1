#![doc = include_str!("../README.md")]

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Why a file or folder is not trusted. Each text ends with the command that mends it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PermissionError {
    /// Others may change it.
    #[error("{path} may be written by other users (mode {mode:03o}); run: chmod go-w {path}")]
    Writable {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Everybody may read a secret.
    #[error("{path} may be read by everybody (mode {mode:03o}); run: chmod 600 {path}")]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error(
        "{path} belongs to another user (uid {owner}, this process runs as {user}); run this as that user, or: chown -R {user} {path}"
    )]
    Foreign {
        /// The file or folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The process's effective user.
        user: u32,
    },
    /// It and all in it belong to another user, and this process is root: what root makes there the owner could not read.
    #[error(
        "{path} belongs to another user (uid {owner}), and this process runs as root; run this as that user: sudo -u '#{owner}' …"
    )]
    OfAnotherUser {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// A symbolic link is at the place of a file.
    #[error(
        "{path} is a symbolic link, which others may point elsewhere; put the file itself there: mv {target} {path}"
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// What it points at.
        target: PathBuf,
    },
    /// The system refused to say.
    #[error("{path} can't be looked at: {source}; check that this user may enter its folder")]
    Unknown {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Why a file that is to be trusted was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Others may change it, or read a secret in it.
    #[error(transparent)]
    Permissions(#[from] PermissionError),
    /// It can't be read, or is no text.
    #[error(transparent)]
    Unreadable(io::Error),
}

/// Accepts a file that decides whom a program trusts, if it is there: owned by this user or root, and written by nobody else.
///
/// # Errors
/// [`PermissionError`].
pub fn check_settings(path: &Path) -> Result<(), PermissionError> {
    check_folder(path)
}

/// Reads a file that [`check_settings`] accepts.
///
/// # Errors
/// [`SecretError`].
pub fn read_settings(path: &Path) -> Result<Vec<u8>, SecretError> {
    check_settings(path)?;
    fs::read(path).map_err(SecretError::Unreadable)
}

/// Accepts a folder, if it is there: owned by this user or root, and written by nobody else.
///
/// # Errors
/// [`PermissionError`].
pub fn check_folder(path: &Path) -> Result<(), PermissionError> {
    as_root_sees(check_changes(path), holds_only_files_of)
}

/// Root is not told to take a folder that is wholly another user's: its owner could not read it any more.
fn as_root_sees(
    checked: Result<(), PermissionError>,
    is_wholly_of: impl Fn(&Path, u32) -> bool,
) -> Result<(), PermissionError> {
    checked.map_err(|error| match error {
        PermissionError::Foreign { path, owner, user: 0 } if is_wholly_of(&path, owner) => {
            PermissionError::OfAnotherUser { path, owner }
        }
        other => other,
    })
}

/// Accepts a file or folder, if it is there, that nobody else may change.
fn check_changes(path: &Path) -> Result<(), PermissionError> {
    match found(path, fs::metadata(path))? {
        Some(metadata) => check_writers(path, &metadata),
        None => Ok(()),
    }
}

/// Accepts a file with a secret, if it is there: as [`check_folder`], and not readable by everybody.
///
/// # Errors
/// [`PermissionError`].
pub fn check_secret(path: &Path) -> Result<(), PermissionError> {
    let Some(metadata) = found(path, fs::metadata(path))? else { return Ok(()) };
    check_writers(path, &metadata).map_err(|error| match error {
        PermissionError::Writable { path, mode } if mode & 0o004 != 0 => PermissionError::Readable { path, mode },
        other => other,
    })?;
    match mode(&metadata) {
        mode if mode & 0o004 != 0 => Err(PermissionError::Readable { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

/// Accepts a database file, if it is there: as [`check_folder`], and not a symbolic link. Who may read it is the folder's matter, for
/// SQLite makes and removes files beside it.
///
/// # Errors
/// [`PermissionError`].
pub fn check_database(path: &Path) -> Result<(), PermissionError> {
    let is_link = found(path, fs::symlink_metadata(path))?.is_some_and(|metadata| metadata.is_symlink());
    match is_link {
        true => {
            let target = fs::read_link(path).unwrap_or_default();
            Err(PermissionError::Link { path: path.to_owned(), target })
        }
        false => check_changes(path),
    }
}

/// Reads a file with a secret that [`check_secret`] accepts.
///
/// # Errors
/// [`SecretError`].
pub fn read_secret(path: &Path) -> Result<String, SecretError> {
    check_secret(path)?;
    fs::read_to_string(path).map_err(SecretError::Unreadable)
}

/// Whether everybody may read the file; its permission bits.
///
/// # Errors
/// The system's error.
pub fn is_readable_by_everybody(path: &Path) -> io::Result<Option<u32>> {
    let mode = mode(&fs::metadata(path)?);
    Ok((mode & 0o004 != 0).then_some(mode))
}

/// What is there; `None` if nothing is.
fn found(path: &Path, metadata: io::Result<Metadata>) -> Result<Option<Metadata>, PermissionError> {
    match metadata {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PermissionError::Unknown { path: path.to_owned(), source }),
    }
}

/// Whether everything in the folder is this user's.
#[cfg(unix)]
fn holds_only_files_of(folder: &Path, owner: u32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let is_owners = |entry: io::Result<fs::DirEntry>| entry?.metadata().map(|metadata| metadata.uid() == owner);
    fs::read_dir(folder).is_ok_and(|mut entries| entries.all(|entry| is_owners(entry).unwrap_or(false)))
}

#[cfg(not(unix))]
fn holds_only_files_of(_: &Path, _: u32) -> bool {
    false
}

#[cfg(unix)]
fn check_writers(path: &Path, metadata: &Metadata) -> Result<(), PermissionError> {
    use std::os::unix::fs::MetadataExt as _;
    check_bits(path, metadata.uid(), mode(metadata), rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn check_writers(_: &Path, _: &Metadata) -> Result<(), PermissionError> {
    Ok(())
}

#[cfg_attr(not(unix), expect(dead_code, reason = "there are no such bits"))]
fn check_bits(path: &Path, owner: u32, mode: u32, user: u32) -> Result<(), PermissionError> {
    if owner != user && owner != 0 {
        return Err(PermissionError::Foreign { path: path.to_owned(), owner, user });
    }
    if mode & 0o022 != 0 {
        return Err(PermissionError::Writable { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o777
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
    }

    fn refusal(result: Result<(), PermissionError>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_folder_that_group_or_others_may_write_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for mode in [0o777, 0o770, 0o702, 0o720, 0o775] {
            set(folder.path(), mode);
            let shown = folder.path().display();
            let expected = format!("{shown} may be written by other users (mode {mode:03o}); run: chmod go-w {shown}");
            assert_eq!(refusal(check_folder(folder.path())), expected);
        }
        for mode in [0o700, 0o750, 0o755] {
            set(folder.path(), mode);
            assert_eq!(refusal(check_folder(folder.path())), "", "{mode:o}");
        }
    }

    #[test]
    fn a_secret_that_everybody_may_read_or_others_may_write_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("token.p8");
        assert_eq!(refusal(check_secret(&key)), "", "nothing is there yet");
        fs::write(&key, "").expect("written");
        for (mode, command) in [(0o666, "chmod 600"), (0o644, "chmod 600"), (0o604, "chmod 600"), (0o620, "chmod go-w")]
        {
            set(&key, mode);
            let refused = refusal(check_secret(&key));
            assert!(refused.ends_with(&format!("run: {command} {}", key.display())), "{mode:o}: {refused}");
        }
        for mode in [0o600, 0o640, 0o400] {
            set(&key, mode);
            assert_eq!(refusal(check_secret(&key)), "", "{mode:o}: of a group that the operator chose");
        }
    }

    #[test]
    fn a_foreign_owner_is_refused_and_root_is_not() {
        let path = Path::new("/home/example");
        assert_eq!(refusal(check_bits(path, 1000, 0o700, 1000)), "");
        assert_eq!(refusal(check_bits(path, 0, 0o700, 1000)), "");
        let refused = refusal(check_bits(path, 1001, 0o700, 1000));
        assert!(refused.contains("uid 1001") && refused.ends_with("chown -R 1000 /home/example"), "{refused}");
        assert_ne!(refusal(check_bits(path, 1001, 0o700, 0)), "", "root would leave files that the owner can't read");
    }

    #[test]
    fn a_home_that_is_wholly_another_users_is_not_to_be_given_to_root() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("provider.db"), "").expect("written");
        let owner = fs::metadata(folder.path()).expect("there").uid();
        assert!(holds_only_files_of(folder.path(), owner));
        assert!(!holds_only_files_of(folder.path(), owner + 1));
        let refused = refusal(as_root_sees(check_bits(folder.path(), 4711, 0o700, 0), |_, owner| owner == 4711));
        assert!(refused.ends_with("run this as that user: sudo -u '#4711' …"), "{refused}");
        assert!(!refused.contains("chown"), "its owner could not read it any more: {refused}");
        let mixed = refusal(as_root_sees(check_bits(folder.path(), 4711, 0o700, 0), |_, _| false));
        assert!(mixed.ends_with(&format!("chown -R 0 {}", folder.path().display())), "{mixed}");
        let user = refusal(as_root_sees(check_bits(folder.path(), 4711, 0o700, 1000), |_, _| true));
        assert!(user.ends_with(&format!("chown -R 1000 {}", folder.path().display())), "{user}");
    }

    #[test]
    fn a_database_that_is_a_symbolic_link_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (target, path) = (folder.path().join("elsewhere.db"), folder.path().join("provider.db"));
        std::os::unix::fs::symlink(&target, &path).expect("linked");
        let refused = refusal(check_database(&path));
        assert!(refused.ends_with(&format!("mv {} {}", target.display(), path.display())), "{refused}");
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "").expect("written");
        set(&path, 0o600);
        assert_eq!(refusal(check_database(&path)), "");
    }
}
