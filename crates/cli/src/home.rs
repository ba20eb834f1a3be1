//! Where state is kept unless `--home` says otherwise.

use std::path::{Path, PathBuf};

use countersign_device::edge::system;

use crate::failure::Failure;

/// What lives in a home. One process holds one home, so provider and device never share one.
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
        None => Err(Failure::usage("no_home", "the system names no data directory; say --home DIR")),
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A path as somebody finds it who works elsewhere: it begins where the command was given.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
