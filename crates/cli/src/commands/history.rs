//! `countersign history`: past requests and how each ended, newest first.

use std::path::PathBuf;

use countersign_device::HistoryItem;
use countersign_device::ports::vault::Stage;
use countersign_jose::clock::Timestamp;
use countersign_protocol::answer::Decision;
use countersign_protocol::text;
use serde::Serialize;

use crate::device_failure;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_device;
use crate::output::{Output, Paint};
use crate::{request_text, time_format};

#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    #[serde(flatten)]
    past: &'a HistoryItem,
}

/// Runs the command.
pub async fn run(home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let Some((device, _)) = open_device::open_and_pull(home, output).await? else {
        output.message("No requests yet.")?;
        return Ok(Exit::Ok);
    };
    let history = device.history().map_err(|error| device_failure::export_failed(&error))?;
    if history.is_empty() {
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
    parts.push(past.kind.map_or("Unreadable request", request_text::kind).to_owned());
    parts.extend(past.client.as_ref().map(|client| text::escape(&client.name)));
    parts.push(request_text::for_whom(&past.subject_label));
    parts.extend(past.binding_message.as_deref().map(text::escape));
    let said = past.decision.map(|decision| match decision {
        Decision::Approved => "you approved",
        Decision::Denied => "you denied",
    });
    let ended = match (past.outcome, past.stage) {
        (Some(ending), _) => request_text::ending(ending),
        (None, Stage::Answering) => "the answer is stored until the provider confirms it",
        (None, Stage::Refused) => "this device could not display it and refused it",
        (None, Stage::Ended) => "ended; unknown to the provider",
        (None, _) => "pending",
    };
    let mut how = said.map_or_else(String::new, |said| format!("{said}; "));
    how += ended;
    if let Some(by) = &past.by {
        how += &format!(" ({})", text::escape(by));
    }
    format!("{}\n  {how}\n  {}", parts.join(" · "), paint.dim(past.id.as_str()))
}
