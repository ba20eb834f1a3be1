//! The app's own state beside the device's: appearance, and confirmation codes still to be typed.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_device::account::AccountId;
use serde::{Deserialize, Serialize};

use crate::appearance::Appearance;
use crate::ports::StateStore;

/// The state that survives a restart.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AppState {
    pub(crate) appearance: Appearance,
    /// Confirmation codes of accounts that are not confirmed yet, for showing. A code is useless without the page that
    /// the link came from.
    pub(crate) codes: BTreeMap<AccountId, String>,
}

/// The state, and where it is kept.
pub(crate) struct KeptState {
    store: Arc<dyn StateStore>,
    pub(crate) state: AppState,
}

impl KeptState {
    /// Reads the state. One that can't be read counts as empty: nothing in it is worth a failure.
    pub(crate) async fn read(store: Arc<dyn StateStore>) -> KeptState {
        let state = store.read().await.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        KeptState { store, state }
    }

    /// Changes the state and writes it.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut AppState)) {
        change(&mut self.state);
        self.store.write(serde_json::to_vec(&self.state).expect("the state is strings in maps with string keys"));
    }
}

#[cfg(all(test, feature = "edge"))]
mod tests {
    use super::*;
    use crate::edge::StateFile;

    #[tokio::test]
    async fn state_survives_a_restart_and_an_unreadable_file_counts_as_empty() {
        let home = tempfile::tempdir().expect("a folder");
        let read = || KeptState::read(Arc::new(StateFile::at(home.path())));
        read().await.change(|state| state.appearance = Appearance::Dark);
        assert_eq!(read().await.state.appearance, Appearance::Dark);
        std::fs::write(home.path().join("app.json"), "{\"appearance\":7").expect("written");
        assert_eq!(read().await.state.appearance, Appearance::System);
    }
}
