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

const NOBODY_ASKED: &str =
    "there is no evidence of it: no device was asked, since the user is unknown, locked or has none";
const PRACTICE: &str = "there is no evidence of it: it was a practice request, by which nothing can be approved";
const DELETED: &str = "there is no evidence of it any more: no device answered it, and the content of such a request is deleted after keep_unanswered";
const NOTHING_SIGNED: &str = "nothing is signed about it yet: it was neither answered nor has it ended";

/// Runs the command. Prints the file unchanged: JSON on one line, with and without `--json`. Of several devices that were asked, the
/// one whose answer decided, or the one whose challenge was named.
pub fn run(id: &str, config: &ProviderConfig, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let provider = open_to_look(config, home)?;
    let id = reference::resolve(&provider, id)?;
    let found = provider.trace(&id).map_err(|error| Failure::usage(error.code(), error))?;
    let approval = found.ok_or_else(reference::unknown)?.approval.ok_or_else(|| without_evidence(NOBODY_ASKED))?;
    if approval.practice {
        return Err(without_evidence(PRACTICE));
    }
    let records = provider.gateway().challenge_records(&approval.id);
    let mut records = records.map_err(|error| Failure::usage(error.code(), error))?;
    let is_named = |record: &ChallengeRecord| record.challenge.peek().is_ok_and(|claims| claims.jti.as_str() == id);
    let at = records.iter().position(is_named).or_else(|| records.iter().position(|record| record.decided));
    let record = match at.or(if records.is_empty() { None } else { Some(0) }) {
        Some(at) => records.swap_remove(at),
        None if approval.asked.is_empty() => return Err(without_evidence(NOBODY_ASKED)),
        None => return Err(without_evidence(DELETED)),
    };
    if record.answer.is_none() && record.outcome.is_none() {
        return Err(without_evidence(NOTHING_SIGNED));
    }
    let file = record.evidence.to_file();
    let line = file.strip_suffix('\n').unwrap_or(&file);
    output.result_json(line, |_| line.to_owned())?;
    Ok(Exit::Ok)
}

/// The request is known, and there is nothing that could be verified.
fn without_evidence(why: &str) -> Failure {
    Failure::usage(ErrorCode::Incomplete, why)
}
