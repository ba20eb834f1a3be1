//! An approval by the name that people say (`ref`), for commands of the operator.

use countersign_op::Provider;
use countersign_protocol::approval_ref::ApprovalRef;

use crate::error_code::ErrorCode;
use crate::failure::Failure;
use crate::time_format;

/// The id of the approval that a reference names; any other id unchanged.
///
/// # Errors
/// Several approvals have this reference: all of them with their dates.
pub fn resolve(provider: &Provider, id: &str) -> Result<String, Failure> {
    let Ok(wanted) = id.parse::<ApprovalRef>() else { return Ok(id.to_owned()) };
    let found = provider.gateway().approvals_by_ref(wanted);
    let mut found = found.map_err(|error| Failure::usage(error.code(), error))?;
    match found.len() {
        0 => Ok(id.to_owned()),
        1 => Ok(found.remove(0).0.to_string()),
        _ => {
            let lines = found.iter().map(|(id, at)| format!("\n  {} {id}", time_format::full(at.seconds())));
            let what = format!("{wanted} is the reference of several approvals:{}", lines.collect::<String>());
            Err(Failure::usage(ErrorCode::SeveralMatches, what))
        }
    }
}

/// Nothing has this id.
pub fn unknown() -> Failure {
    let what = "unknown id: use an approval's (ap_…) or its reference (K7Q2-9FDM), a challenge's (ch_…) or an auth_req_id; requests are deleted a day after their end, approvals after keep_records";
    Failure::usage(ErrorCode::Unknown, what)
}
