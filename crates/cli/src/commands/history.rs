//! `countersign history`: past requests and how each ended, newest first; or those that an id or a reference names.

use std::path::PathBuf;

use countersign_device::HistoryItem;
use countersign_device::ports::vault::Stage;
use countersign_jose::clock::Timestamp;
use countersign_protocol::answer::Decision;
use countersign_protocol::approval_ref::ApprovalRef;
use serde::Serialize;

use crate::device_failure;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_device;
use crate::output::{Output, Paint};
use crate::request_text::one_line;
use crate::{request_text, time_format};

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
            Some(which) => Err(not_found(which)),
            None => {
                output.message("No requests yet.")?;
                Ok(Exit::Ok)
            }
        };
    };
    let mut history = device.history().await.map_err(|error| device_failure::export_failed(&error))?;
    if let Some(which) = which {
        history.retain(|past| is_named(past, which));
        if history.is_empty() {
            return Err(not_found(which));
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

fn not_found(which: &str) -> Failure {
    let what = format!("no request on this device has the id or reference {}", one_line(which));
    Failure::usage(ErrorCode::Unknown, what)
}

/// Whether an id or a reference is this request's. Several requests may share a reference.
fn is_named(past: &HistoryItem, which: &str) -> bool {
    let reference = which.parse::<ApprovalRef>().ok();
    past.id.as_str() == which || (reference.is_some() && past.approval_ref == reference)
}

fn describe(past: &HistoryItem, now: Option<u64>, paint: Paint) -> String {
    let mut parts = vec![time_format::short(past.issued_at, now)];
    parts.push(past.kind.map_or("Unreadable request", request_text::kind).to_owned());
    parts.extend(past.client.as_ref().map(|client| request_text::client_name(&client.name, client.verified)));
    parts.push(request_text::for_whom(&past.subject_label));
    parts.extend(past.binding_message.as_deref().map(one_line));
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
        how += &format!(" ({})", one_line(by));
    }
    let names = past.approval_ref.map(|reference| reference.to_string()).into_iter().chain([past.id.to_string()]);
    let names = names.collect::<Vec<_>>().join(" · ");
    format!("{}\n  {how}\n  {}", parts.join(" · "), paint.dim(&names))
}
