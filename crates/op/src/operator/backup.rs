//! A copy of the provider's database, made beside the process that serves it.

use std::path::Path;

use countersign_store::{Backup, BackupError};

use crate::server::home;

/// Copies the database of this home to a new file, whole as of one moment and checked, while the provider goes on. The keys are
/// not in it. Reads nothing else: it works without the configuration, and with a database that only another version can serve.
///
/// # Errors
/// [`BackupError`], in words that say what to do.
pub fn back_up(home: &Path, to: &Path) -> Result<Backup, BackupError> {
    countersign_store::back_up(&home::database(home), to)
}
