//! A past request by its id or by the reference that people say (`ref`).

use countersign_device::{Device, HistoryItem};
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::id::ChallengeId;

use crate::error_code::ErrorCode;
use crate::failure::Failure;
use crate::request_text::one_line;
use crate::{device_failure, time_format};

/// Whether an id or a reference is this request's. Several requests may share a reference.
pub fn is_named(past: &HistoryItem, which: &str) -> bool {
    let reference = which.parse::<ApprovalRef>().ok();
    past.id.as_str() == which || (reference.is_some() && past.approval_ref == reference)
}

/// The id of the request that an id or a reference names.
///
/// # Errors
/// None or several are named so; several are listed with their dates.
pub async fn resolve(device: &Device, which: &str) -> Result<ChallengeId, Failure> {
    if let Ok(id) = which.parse() {
        return Ok(id);
    }
    let mut history = device.history().await.map_err(|error| device_failure::export_failed(&error))?;
    history.retain(|past| is_named(past, which));
    match history.len() {
        0 => Err(not_found(which)),
        1 => Ok(history.remove(0).id),
        _ => {
            let lines = history.iter().map(|past| format!("\n  {} {}", time_format::full(past.issued_at), past.id));
            let what = format!("{which} is the reference of several requests:{}", lines.collect::<String>());
            Err(Failure::usage(ErrorCode::SeveralMatches, what))
        }
    }
}

/// No request is named so.
pub fn not_found(which: &str) -> Failure {
    let what = format!("no request on this device has the id or reference {}", one_line(which));
    Failure::usage(ErrorCode::UnknownRequest, what)
}
