//! `countersign evidence`: the signed evidence of one request, as a file for `countersign verify`.

use std::path::PathBuf;

use countersign_device::error::ExportError;

use crate::device_failure;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::named_request;
use crate::open_device;
use crate::output::Output;

/// Runs the command. Prints the file unchanged: JSON on one line, with and without `--json`.
pub async fn run(which: &str, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let opened = open_device::open_and_pull(home, output).await?;
    let (device, _) = opened.ok_or_else(|| device_failure::export_failed(&ExportError::Unknown))?;
    let id = named_request::resolve(&device, which).await?;
    let file = device.evidence(&id).await.map_err(|error| device_failure::export_failed(&error))?;
    let line = file.strip_suffix('\n').unwrap_or(&file);
    output.result_json(line, |_| line.to_owned())?;
    Ok(Exit::Ok)
}
