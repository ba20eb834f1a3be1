//! `countersign history`: past requests and how each ended, newest first.

use std::path::PathBuf;

use countersign_device::HistoryItem;
use countersign_device::ports::vault::Stage;
use countersign_jose::clock::Clock as _;
use countersign_protocol::answer::Decision;
use countersign_protocol::text;
use serde::Serialize;

use crate::device_failure;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_device;
use crate::output::{Output, Paint};
use crate::{request_text, time_format};
use countersign_device::edge::system::SystemClock;

#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    #[serde(flatten)]
    past: &'a HistoryItem,
}

/// Runs the command.
pub async fn run(home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let (device, _) = open_device::open_and_pull(home, output).await?;
    let history = device.history().map_err(|error| device_failure::export_failed(&error))?;
    if history.is_empty() {
        output.message("No requests yet.")?;
    }
    let now = SystemClock.now().seconds();
    for past in &history {
        output.result(&Event { event: "history", past }, |paint| describe(past, now, paint))?;
    }
    Ok(Exit::Ok)
}

fn describe(past: &HistoryItem, now: u64, paint: Paint) -> String {
    let mut parts = vec![time_format::short(past.issued_at, now)];
    parts.push(past.kind.map_or("Unreadable request", request_text::kind).to_owned());
    parts.extend(past.client.as_ref().map(|client| text::escape(&client.name)));
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
