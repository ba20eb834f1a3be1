//! `countersign op evidence`: the signed evidence of one approval from the provider's record, as a file for `countersign verify`.

use std::path::PathBuf;

use countersign_gateway::ChallengeRecord;

use super::open_provider::open_to_look;
use super::reference;
use crate::arguments::ProviderConfig;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command. Prints the file unchanged: JSON on one line, with and without `--json`. Of several devices that were asked, the
/// one whose answer decided, or the one whose challenge was named.
pub fn run(id: &str, config: &ProviderConfig, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let provider = open_to_look(config, home)?;
    let id = reference::resolve(&provider, id)?;
    let found = provider.trace(&id).map_err(|error| Failure::usage(error.code(), error))?;
    let approval = found.and_then(|trace| trace.approval).ok_or_else(reference::unknown)?;
    let records = provider.gateway().challenge_records(&approval.id);
    let mut records = records.map_err(|error| Failure::usage(error.code(), error))?;
    let is_named = |record: &ChallengeRecord| record.challenge.peek().is_ok_and(|claims| claims.jti.as_str() == id);
    let at = records.iter().position(is_named).or_else(|| records.iter().position(|record| record.decided));
    let record = match at.or(if records.is_empty() { None } else { Some(0) }) {
        Some(at) => records.swap_remove(at),
        None => return Err(reference::unknown()),
    };
    if record.answer.is_none() && record.outcome.is_none() {
        let what = "nothing is signed about it yet: it was neither answered nor has it ended";
        return Err(Failure::usage(ErrorCode::Incomplete, what));
    }
    let file = record.evidence.to_file();
    let line = file.strip_suffix('\n').unwrap_or(&file);
    output.result_json(line, |_| line.to_owned())?;
    Ok(Exit::Ok)
}
