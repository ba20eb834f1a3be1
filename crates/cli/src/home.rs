//! The folder for state: `--home`, `COUNTERSIGN_HOME`, or the platform's data directory.

use std::path::{Path, PathBuf};

use countersign_device::edge::system;

use crate::error_code::ErrorCode;
use crate::failure::Failure;

/// What a home holds. Provider and device never share a home: one process locks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeKind {
    /// Accounts, keys, history.
    Device,
    /// The provider's keys and database.
    Provider,
}

/// The folder for a device or a provider: `--home`, else `COUNTERSIGN_HOME`, else below the platform's data directory.
///
/// # Errors
/// The system names no data directory.
pub fn folder(given: Option<PathBuf>, resident: HomeKind) -> Result<PathBuf, Failure> {
    let named = given.or_else(|| variable("COUNTERSIGN_HOME"));
    if let Some(named) = named {
        return Ok(named);
    }
    let below = match resident {
        HomeKind::Device => "device",
        HomeKind::Provider => "provider",
    };
    match system::data_directory() {
        Some(data) => Ok(data.join("countersign").join(below)),
        None => Err(Failure::usage(ErrorCode::NoHome, "the system has no data directory; set --home DIR")),
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The path made absolute from the current directory.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
