//! Exit codes for the errors of the device; code and message are the error's own.

use countersign_device::device_event::OfflineReason;
use countersign_device::error::{AnswerError, EnrollError, ExportError, OpenError, UnenrollError};
use countersign_protocol::registration;

use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;

/// The device did not open.
pub fn open_failed(error: &OpenError) -> Failure {
    Failure::usage(error.code(), error)
}

/// Enrolling failed.
pub fn enroll_failed(error: &EnrollError) -> Failure {
    let exit = match error {
        EnrollError::Token(registration::TokenError::Expired) => Exit::Expired,
        EnrollError::Token(_) | EnrollError::Manifest(_) => Exit::Unverified,
        EnrollError::Discovery(_)
        | EnrollError::Transport(_)
        | EnrollError::NotAProvider { .. }
        | EnrollError::Refused { .. } => Exit::Provider,
        _ => Exit::Usage,
    };
    let code = match error {
        // As every command calls it that finds a provider away.
        EnrollError::Transport(why) => OfflineReason::from(*why).code(),
        _ => error.code(),
    };
    Failure { exit, code, message: error.to_string() }
}

/// The answer was not given.
pub fn answer_failed(error: &AnswerError) -> Failure {
    let exit = match error {
        AnswerError::Expired => Exit::Expired,
        AnswerError::NoPart { .. } | AnswerError::NotTaken { .. } | AnswerError::Unusable { .. } => Exit::Provider,
        _ => Exit::Usage,
    };
    let code = match error {
        // `not_verified` is what evidence is.
        AnswerError::NotVerified => ErrorCode::NoPin.code(),
        _ => error.code(),
    };
    Failure { exit, code, message: error.to_string() }
}

/// History or evidence can't be read.
pub fn export_failed(error: &ExportError) -> Failure {
    let exit = if matches!(error, ExportError::Broken(_)) { Exit::Unverified } else { Exit::Usage };
    Failure { exit, code: error.code(), message: error.to_string() }
}

/// An account could not be taken off this device.
pub fn unenroll_failed(error: &UnenrollError) -> Failure {
    Failure::usage(error.code(), error)
}
