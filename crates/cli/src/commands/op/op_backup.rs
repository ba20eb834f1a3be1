//! `countersign op backup`: copies the provider's database while it serves.

use std::path::{Path, PathBuf};

use countersign_op::back_up;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{self, HomeKind};
use crate::output::Output;

/// Runs the command. Blocks the thread: nothing else runs in this process.
pub fn run(to: &Path, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let home = home::folder(home, HomeKind::Provider)?;
    let backup = back_up(&home, to).map_err(|error| Failure::usage(error.code(), error))?;
    let event = json!({ "event": "backup", "path": backup.path.display().to_string(), "bytes": backup.bytes });
    output.result(&event, |_| {
        let (path, keys) = (backup.path.display(), home.join("keys"));
        format!("{path}: {} bytes, checked. The keys are not included: back up {} too.", backup.bytes, keys.display())
    })?;
    Ok(Exit::Ok)
}
