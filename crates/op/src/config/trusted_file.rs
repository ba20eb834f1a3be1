//! Files that decide who may sign in and what is accepted: the configuration, and the keys, authorities and schemas that it names. Who
//! can write one could enter a client of their own, so they are read only if nobody else can.

use std::path::Path;

use countersign_private_files::{SecretError, read_settings};

/// Reads a file that the configuration names. `what` begins the sentence of an error, before the file's name.
///
/// # Errors
/// In words: it can't be read, or others may write it or own it.
pub(super) fn read(path: &Path, what: &str) -> Result<Vec<u8>, String> {
    read_settings(path).map_err(|error| match error {
        SecretError::Permissions(error) => format!("{what} {error}"),
        error => format!(
            "{what} {} can't be read: {error}; check the path (relative paths begin at the configuration's folder)",
            path.display()
        ),
    })
}
