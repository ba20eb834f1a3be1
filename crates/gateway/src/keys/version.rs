//! Versions of a key. `<name>.p8` is the first; each rotation puts `<name>.<seconds>.p8` beside it, which signs from
//! that time on (seconds since the epoch). The folder is all there is to know: no list can disagree with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{KeyError, load_or_create_file};

/// One version of a key: a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyVersion {
    /// Signs from then on, seconds since the epoch; 0: from the beginning.
    pub from: u64,
    /// The file.
    pub path: PathBuf,
}

/// Every version of a key, oldest first.
///
/// # Errors
/// [`KeyError`] when the folder can't be read; one that is missing has none.
pub fn key_versions(directory: &Path, name: &str) -> Result<Vec<KeyVersion>, KeyError> {
    let failed = |source| KeyError::File { path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let file = path.file_name().and_then(|file| file.to_str());
        if let Some(from) = file.and_then(|file| from_of(file, name)) {
            found.push(KeyVersion { from, path });
        }
    }
    found.sort();
    Ok(found)
}

/// Adds the next version. One of the same second is left as it is.
///
/// # Errors
/// [`KeyError`] when the file can't be written.
pub fn add_key_version(
    directory: &Path,
    name: &str,
    from: u64,
    make: impl FnOnce() -> Zeroizing<Vec<u8>>,
) -> Result<(), KeyError> {
    load_or_create_file(directory, &format!("{name}.{from}.p8"), make).map(drop)
}

/// Removes the versions whose successor has signed for `after` seconds: everything that they signed has expired.
///
/// # Errors
/// [`KeyError`] when a file can't be removed.
pub fn remove_expired_versions(directory: &Path, name: &str, after: u64, now: u64) -> Result<(), KeyError> {
    let all = key_versions(directory, name)?;
    for (one, next) in all.iter().zip(all.iter().skip(1)) {
        if next.from.saturating_add(after) <= now {
            remove_key_version(one)?;
        }
    }
    Ok(())
}

/// Removes a version, which another process may have removed already.
///
/// # Errors
/// [`KeyError`] when it can't be removed.
pub fn remove_key_version(one: &KeyVersion) -> Result<(), KeyError> {
    match fs::remove_file(&one.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(KeyError::File { path: one.path.clone(), source: error })
        }
        _ => Ok(()),
    }
}

fn from_of(file: &str, name: &str) -> Option<u64> {
    let rest = file.strip_prefix(name)?.strip_suffix(".p8")?;
    match rest.strip_prefix('.') {
        None => rest.is_empty().then_some(0),
        Some(digits) => digits.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make() -> Zeroizing<Vec<u8>> {
        Zeroizing::new(b"a key".to_vec())
    }

    #[test]
    fn versions_of_a_key_are_distinguished_from_other_keys_and_from_unfinished_files() {
        let home = tempfile::tempdir().expect("a directory");
        for file in ["token.p8", "token-rsa.p8", "token-rsa.5.p8", "token.7.new-12", "token.x.p8", "gateway.p8"] {
            fs::write(home.path().join(file), b"x").expect("written");
        }
        add_key_version(home.path(), "token", 1000, make).expect("added");
        add_key_version(home.path(), "token", 99, make).expect("added");
        let found = key_versions(home.path(), "token").expect("listed");
        assert_eq!(found.iter().map(|one| one.from).collect::<Vec<_>>(), [0, 99, 1000]);
        assert!(key_versions(&home.path().join("nowhere"), "token").expect("listed").is_empty());
    }

    #[test]
    fn a_version_is_removed_some_time_after_its_successor_took_over() {
        let home = tempfile::tempdir().expect("a directory");
        for from in [100, 200, 300] {
            add_key_version(home.path(), "token", from, make).expect("added");
        }
        let left = |now| {
            remove_expired_versions(home.path(), "token", 50, now).expect("forgotten");
            key_versions(home.path(), "token").expect("listed").len()
        };
        assert_eq!([left(249), left(250), left(349), left(350), left(9999)], [3, 2, 2, 1, 1]);
    }
}
