//! Reading a built page from its folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use countersign_private_files::{PermissionError, SecretError, check_folder, read_settings};

use super::INDEX;

/// Largest page, in bytes: a folder that is something else is not read into memory.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Why a folder is no page that can be served. Each text ends with what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevicePageError {
    /// There is no `index.html`.
    #[error("{0} holds no index.html; build the page (make web), or name the folder that it was built into")]
    NotBuilt(PathBuf),
    /// A file of a kind that no page has, a symbolic link, or a name that is not Unicode.
    #[error("{0} is no file of a device page; build the page into a folder of its own: make web")]
    Foreign(PathBuf),
    /// More than 32 MiB.
    #[error("{0} holds more than 32 MiB; name the folder that the page was built into")]
    TooLarge(PathBuf),
    /// Others may change a file: they could approve in the name of everybody who opens the page.
    #[error(transparent)]
    Permissions(#[from] PermissionError),
    /// The system refused to read it.
    #[error("{path} can't be read: {source}; check that this user may read it")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl DevicePageError {
    /// The code in snake_case.
    pub const fn code(&self) -> &'static str {
        "device_page"
    }
}

/// The files in a folder and its folders, by their names below it.
pub(super) fn read(folder: &Path) -> Result<BTreeMap<String, Bytes>, DevicePageError> {
    check_folder(folder)?;
    if !folder.join(INDEX).is_file() {
        return Err(DevicePageError::NotBuilt(folder.to_owned()));
    }
    let mut contents = BTreeMap::new();
    let mut left = MAX_BYTES;
    read_below(folder, "", &mut left, &mut contents)?;
    Ok(contents)
}

/// Adds every file below `folder` to `contents`, by its name with `prefix`. `left` is how many bytes may still come.
fn read_below(
    folder: &Path,
    prefix: &str,
    left: &mut u64,
    contents: &mut BTreeMap<String, Bytes>,
) -> Result<(), DevicePageError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| DevicePageError::Unreadable { path, source }
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        let path = entry.path();
        // Not that of a link's target.
        let metadata = entry.metadata().map_err(unreadable(&path))?;
        let name = match entry.file_name().to_str() {
            Some(name) if !metadata.is_symlink() => format!("{prefix}{name}"),
            _ => return Err(DevicePageError::Foreign(path)),
        };
        if metadata.is_dir() {
            check_folder(&path)?;
            read_below(&path, &format!("{name}/"), left, contents)?;
            continue;
        }
        *left = left.checked_sub(metadata.len()).ok_or_else(|| DevicePageError::TooLarge(folder.to_owned()))?;
        let content = read_settings(&path).map_err(|error| match error {
            SecretError::Permissions(error) => DevicePageError::Permissions(error),
            SecretError::Unreadable(source) => DevicePageError::Unreadable { path, source },
            other => DevicePageError::Unreadable { path, source: io::Error::other(other) },
        })?;
        contents.insert(name, Bytes::from(content));
    }
    Ok(())
}
