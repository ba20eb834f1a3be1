//! State port on a file beside the device's vault.

use std::fs;
use std::future::ready;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use countersign_device::ports::maybe_send::BoxFuture;

use crate::ports::StateStore;

const FILE: &str = "app.json";

/// The file `app.json` in a home.
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The file of this home.
    pub fn at(home: &Path) -> StateFile {
        StateFile { path: home.join(FILE) }
    }

    fn replace(&self, state: &[u8]) -> io::Result<()> {
        let new = self.path.with_extension("json.new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&new)?.write_all(state)?;
        fs::rename(&new, &self.path)
    }
}

impl StateStore for StateFile {
    fn read(&self) -> BoxFuture<'_, Option<Vec<u8>>> {
        Box::pin(ready(fs::read(&self.path).ok()))
    }

    fn write(&self, state: Vec<u8>) {
        if let Err(error) = self.replace(&state) {
            tracing::warn!(path = %self.path.display(), %error, "the app's state could not be written");
        }
    }
}
