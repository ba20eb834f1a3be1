//! Errors as a page gets them: a stable code to switch on, and a text for a log.

use countersign_device::error::{AnswerError, EnrollError, ExportError, OpenError, OwnCallError};
use countersign_device::pin::InvalidPin;
use serde::Serialize;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Failure {
    /// The stable code, which a page turns into words.
    pub code: String,
    /// The error in English, for a log. It holds no secret.
    pub message: String,
    /// After a wrong PIN: tries until the approval key is destroyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub tries_left: Option<u32>,
    /// After wrong PINs: milliseconds until the next try.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub wait_ms: Option<u64>,
}

impl Failure {
    /// A failure of the app itself.
    pub(crate) fn new(code: &str, message: impl ToString) -> Failure {
        Failure { code: code.to_owned(), message: message.to_string(), tries_left: None, wait_ms: None }
    }

    /// An argument that no honest page sends.
    pub(crate) fn bad_argument(what: &str) -> Failure {
        Failure::new("bad_argument", format_args!("{what} is not valid"))
    }
}

impl From<&AnswerError> for Failure {
    fn from(error: &AnswerError) -> Failure {
        let plain = Failure::new(error.code(), error);
        match *error {
            AnswerError::WrongPin { tries_left, wait_ms } => {
                Failure { tries_left: Some(tries_left), wait_ms: (wait_ms > 0).then_some(wait_ms), ..plain }
            }
            AnswerError::PinWait { left_ms } => Failure { wait_ms: Some(left_ms), ..plain },
            _ => plain,
        }
    }
}

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Failure {
        Failure::from(&error)
    }
}

impl From<EnrollError> for Failure {
    fn from(error: EnrollError) -> Failure {
        Failure::new(error.code(), error)
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Failure {
        Failure::new(error.code(), error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Failure {
        Failure::new(error.code(), error)
    }
}

impl From<OwnCallError> for Failure {
    fn from(error: OwnCallError) -> Failure {
        Failure::new(error.code(), error)
    }
}

impl From<InvalidPin> for Failure {
    fn from(error: InvalidPin) -> Failure {
        Failure::new(error.code(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_pin_says_how_many_tries_are_left_and_how_long_to_wait() {
        let free = Failure::from(AnswerError::WrongPin { tries_left: 9, wait_ms: 0 });
        assert_eq!((free.code.as_str(), free.tries_left, free.wait_ms), ("wrong_pin", Some(9), None));
        let fourth = Failure::from(AnswerError::WrongPin { tries_left: 6, wait_ms: 30_000 });
        assert_eq!((fourth.tries_left, fourth.wait_ms), (Some(6), Some(30_000)));
        let early = Failure::from(AnswerError::PinWait { left_ms: 12_000 });
        assert_eq!((early.code.as_str(), early.wait_ms), ("pin_wait", Some(12_000)));
    }
}
