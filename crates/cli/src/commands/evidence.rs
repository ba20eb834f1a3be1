//! `countersign evidence`: everything signed about one request, as a file for `countersign verify`.

use std::path::PathBuf;

use countersign_protocol::id::ChallengeId;

use crate::device;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command. The file is JSON on one line whatever `--json` says; its bytes are the file's.
pub async fn run(id: &ChallengeId, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let (device, _) = device::open_and_pull(home, output).await?;
    let file = device.evidence(id).map_err(|error| device::exporting(&error))?;
    let line = file.strip_suffix('\n').unwrap_or(&file);
    output.result_json(line, |_| line.to_owned())?;
    Ok(Exit::Ok)
}
