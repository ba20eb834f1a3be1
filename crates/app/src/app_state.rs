//! The app's own file beside the device's vault: appearance, and confirmation codes still to be typed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use countersign_device::account::AccountId;
use serde::{Deserialize, Serialize};

use crate::appearance::Appearance;

const FILE: &str = "app.json";

/// The state that survives a restart.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AppState {
    pub(crate) appearance: Appearance,
    /// Confirmation codes of accounts that are not confirmed yet, for showing. A code is useless without the page that
    /// the link came from.
    pub(crate) codes: BTreeMap<AccountId, String>,
}

/// The file `app.json` in the home.
pub(crate) struct AppStateFile {
    path: PathBuf,
    pub(crate) state: AppState,
}

impl AppStateFile {
    /// Reads the file in this home. One that can't be read counts as empty: nothing in it is worth a failure.
    pub(crate) fn open(home: &Path) -> AppStateFile {
        let path = home.join(FILE);
        let text = fs::read(&path).ok();
        let state = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        AppStateFile { path, state }
    }

    /// Changes the state and replaces the file.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut AppState)) {
        change(&mut self.state);
        if let Err(error) = self.write() {
            tracing::warn!(path = %self.path.display(), %error, "the app's state could not be written");
        }
    }

    fn write(&self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.state).expect("the state is strings in maps with string keys");
        let new = self.path.with_extension("json.new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&new)?.write_all(&text)?;
        fs::rename(&new, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_survives_a_restart_and_an_unreadable_file_counts_as_empty() {
        let home = tempfile::tempdir().expect("a folder");
        AppStateFile::open(home.path()).change(|state| state.appearance = Appearance::Dark);
        assert_eq!(AppStateFile::open(home.path()).state.appearance, Appearance::Dark);
        fs::write(home.path().join(FILE), "{\"appearance\":7").expect("written");
        assert_eq!(AppStateFile::open(home.path()).state.appearance, Appearance::System);
    }
}
