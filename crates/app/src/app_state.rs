//! The app's own small file beside the device's store: how it looks, and codes that are still to be typed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use countersign_device::account::AccountId;
use serde::{Deserialize, Serialize};

use crate::appearance::Appearance;

const FILE: &str = "app.json";

/// What the app remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AppState {
    pub(crate) appearance: Appearance,
    /// Confirmation codes of accounts that are not confirmed yet. They are for showing: who has one, but not the page that
    /// the link came from, can do nothing with it.
    pub(crate) codes: BTreeMap<AccountId, String>,
}

/// The file.
pub(crate) struct AppStateFile {
    path: PathBuf,
    pub(crate) state: AppState,
}

impl AppStateFile {
    /// Reads the file in this home. What can't be read is as if it had never been written: nothing here is worth a failure.
    pub(crate) fn open(home: &Path) -> AppStateFile {
        let path = home.join(FILE);
        let text = fs::read(&path).ok();
        let state = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        AppStateFile { path, state }
    }

    /// Changes the state; the file is replaced as a whole.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut AppState)) {
        change(&mut self.state);
        if let Err(error) = self.write() {
            tracing::warn!(path = %self.path.display(), %error, "what the app remembers could not be written");
        }
    }

    fn write(&self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.state).expect("it is texts in maps with text keys");
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
    fn what_was_chosen_is_there_after_a_restart_and_rubbish_is_as_good_as_nothing() {
        let home = tempfile::tempdir().expect("a folder");
        AppStateFile::open(home.path()).change(|state| state.appearance = Appearance::Dark);
        assert_eq!(AppStateFile::open(home.path()).state.appearance, Appearance::Dark);
        fs::write(home.path().join(FILE), "{\"appearance\":7").expect("written");
        assert_eq!(AppStateFile::open(home.path()).state.appearance, Appearance::System);
    }
}
