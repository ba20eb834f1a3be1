//! `countersign history`: past requests and how each ended, newest first; or those that an id or a reference names.

use std::path::PathBuf;

use countersign_device::ports::vault::Stage;
use countersign_device::{AccountEnd, HistoryItem};
use countersign_jose::clock::Timestamp;
use countersign_protocol::answer::{Decision, DenialReason};
use serde::Serialize;

use crate::device_failure;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_device;
use crate::output::{Output, Paint};
use crate::request_text::one_line;
use crate::{named_request, request_text, time_format};

#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    #[serde(flatten)]
    past: &'a HistoryItem,
}

/// Runs the command.
pub async fn run(which: Option<&str>, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let Some((device, _)) = open_device::open_and_pull(home, output).await? else {
        return match which {
            Some(which) => Err(named_request::not_found(which)),
            None => {
                output.message("No requests yet.")?;
                Ok(Exit::Ok)
            }
        };
    };
    let mut history = device.history().await.map_err(|error| device_failure::export_failed(&error))?;
    if let Some(which) = which {
        history.retain(|past| named_request::is_named(past, which));
        if history.is_empty() {
            return Err(named_request::not_found(which));
        }
    } else if history.is_empty() {
        output.message("No requests yet.")?;
    }
    let accounts = device.accounts().await.map_err(|error| device_failure::open_failed(&error))?;
    for past in &history {
        // Whether it was today, by the provider's clock: this device's may be wrong.
        let known = accounts.iter().find(|account| account.account == past.account);
        let now = known.and_then(|account| account.provider_time).map(Timestamp::seconds);
        output.result(&Event { event: "history", past }, |paint| describe(past, now, paint))?;
    }
    Ok(Exit::Ok)
}

fn describe(past: &HistoryItem, now: Option<u64>, paint: Paint) -> String {
    let mut parts = vec![time_format::short(past.issued_at, now)];
    if past.practice {
        parts.push("PRACTICE".to_owned());
    }
    parts.push(past.kind.map_or("Unreadable request", request_text::kind).to_owned());
    parts.extend(past.client.as_ref().map(|client| request_text::client_name(&client.name, client.verified)));
    parts.push(request_text::for_whom(&past.subject_label));
    parts.extend(past.binding_message.as_deref().map(one_line));
    let said = past.decision.map(|decision| match (decision, past.reason) {
        (Decision::Approved, _) => "you approved",
        (Decision::Denied, Some(DenialReason::NotMe)) => "you denied: this wasn't you",
        (Decision::Denied, Some(DenialReason::Mistake)) => "you denied: it was started by mistake",
        (Decision::Denied, _) => "you denied",
    });
    let is_over = now.is_some_and(|now| now >= past.expires_at);
    let ended = match (past.outcome, past.stage) {
        (Some(ending), _) => request_text::ending(ending),
        (None, Stage::Answering) if past.ended_with.is_some() => {
            "the answer was stored, and the account ended before the provider confirmed it"
        }
        (None, Stage::Ended) if past.ended_with == Some(AccountEnd::Revocation) => {
            "ended when the provider revoked this device"
        }
        (None, Stage::Ended) if past.ended_with == Some(AccountEnd::Unenrollment) => {
            "ended when the account was taken off this device"
        }
        (None, Stage::Answering) => "the answer is stored until the provider confirms it",
        (None, Stage::Refused) => "this device could not display it and refused it",
        (None, Stage::Ended) => "ended; unknown to the provider",
        (None, _) if is_over => "its time is over; this device has not heard how it ended",
        (None, _) => "pending",
    };
    let mut how = said.map_or_else(String::new, |said| format!("{said}; "));
    how += ended;
    if let Some(by) = &past.by {
        how += &format!(" ({})", one_line(by));
    }
    let names = past.approval_ref.map(|reference| reference.to_string()).into_iter().chain([past.id.to_string()]);
    let names = names.collect::<Vec<_>>().join(" · ");
    format!("{}\n  {how}\n  {}", parts.join(" · "), paint.dim(&names))
}
