//! Online backup of the provider's database.

use std::path::Path;

use countersign_store::{Backup, BackupError};

use crate::server::home;

/// Copies the database of this home to a new file, as a consistent, checked snapshot, while the provider keeps serving. Does not
/// copy the keys. Reads nothing else: works without a configuration, and with a database of another version's schema.
///
/// # Errors
/// [`BackupError`].
pub fn back_up(home: &Path, to: &Path) -> Result<Backup, BackupError> {
    countersign_store::back_up(&home::database(home), to)
}
