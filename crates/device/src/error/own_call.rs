//! Calls of a device about itself: push address, test push, practice, revocation.

use countersign_protocol::problem::ProblemCode;
use thiserror::Error;

use crate::account::AccountStatus;
use crate::device_event::OfflineReason;

/// Why such a call came to nothing. It is not repeated by itself.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OwnCallError {
    /// This device has no such account.
    #[error("this device has no such account; `countersign accounts` lists them")]
    Unknown,
    /// The gateway has no such endpoint, or had none when the account was enrolled.
    #[error("this provider does not push to devices")]
    Unsupported,
    /// The account takes no part.
    #[error("{}", .status.no_part().unwrap_or("the account takes no part"))]
    NoPart {
        /// Suspended, not known or revoked.
        status: AccountStatus,
    },
    /// The account can't be used on this device.
    #[error("this account cannot be used: {why}")]
    Unusable {
        /// Why, in English.
        why: &'static str,
    },
    /// The provider refused, with a problem document (RFC 9457).
    #[error("{}", refused(*.code, .detail.as_deref()))]
    Refused {
        /// The problem's code.
        code: ProblemCode,
        /// The provider's explanation, escaped.
        detail: Option<String>,
        /// In how many seconds to ask again.
        retry_after: Option<u64>,
    },
    /// No reply, or none of this protocol.
    #[error("the provider cannot be reached")]
    NoReply {
        /// Why, where it is known.
        why: Option<OfflineReason>,
    },
    /// The account's task has ended after a failure of vault or key store.
    #[error("it stopped after an earlier failure; start again")]
    Stopped,
}

impl OwnCallError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            OwnCallError::Unknown => "unknown_account",
            OwnCallError::Unsupported => "no_push",
            OwnCallError::NoPart { status } => status.no_part_code(),
            OwnCallError::Unusable { .. } => "account_unusable",
            OwnCallError::Refused { code, .. } => code.as_str(),
            OwnCallError::NoReply { why: Some(why) } => why.code(),
            OwnCallError::NoReply { why: None } => "unreachable",
            OwnCallError::Stopped => "stopped",
        }
    }
}

fn refused(code: ProblemCode, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("the provider refused ({}): {}", code.as_str(), detail.trim_end_matches('.')),
        None => format!("the provider refused ({})", code.as_str()),
    }
}
