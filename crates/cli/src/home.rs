//! Where state is kept unless `--home` says otherwise.

use std::path::PathBuf;

use crate::failure::Failure;

/// What lives in a home. One process holds one home, so provider and device never share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resident {
    /// Accounts, keys, history.
    Device,
    /// The provider's keys and database.
    Provider,
}

/// The folder for a device or a provider: `--home`, else `COUNTERSIGN_HOME`, else below the platform's data directory.
///
/// # Errors
/// The system names no data directory.
pub fn folder(given: Option<PathBuf>, resident: Resident) -> Result<PathBuf, Failure> {
    let named = given.or_else(|| variable("COUNTERSIGN_HOME"));
    if let Some(named) = named {
        return Ok(named);
    }
    let below = match resident {
        Resident::Device => "device",
        Resident::Provider => "provider",
    };
    match data_directory() {
        Some(data) => Ok(data.join("countersign").join(below)),
        None => Err(Failure::usage("no_home", "the system names no data directory; say --home DIR")),
    }
}

/// Per user: `$XDG_DATA_HOME` or `~/.local/share`, on macOS `~/Library/Application Support`, on Windows `%APPDATA%`.
fn data_directory() -> Option<PathBuf> {
    if cfg!(windows) {
        return variable("APPDATA");
    }
    if cfg!(target_os = "macos") {
        return variable("HOME").map(|home| home.join("Library/Application Support"));
    }
    // A relative path there is to be ignored (XDG Base Directory Specification).
    let named = variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
    named.or_else(|| variable("HOME").map(|home| home.join(".local/share")))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
