//! Why a device can't be woken by push.

use thiserror::Error;

use crate::error::OwnCallError;

/// Why it is not woken. Each needs other words, and something else of the person.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WakeError {
    /// The person, asked now, did not allow it.
    #[error("waking was not allowed")]
    Refused,
    /// It was not allowed earlier, and can't be asked again.
    #[error("waking was not allowed earlier; the system's settings can change that")]
    Blocked,
    /// There is no push here.
    #[error("this platform can't wake it")]
    Unsupported,
    /// The platform has no push service, or can't reach it.
    #[error("there is no push service: {0}")]
    NoService(String),
    /// The platform did not answer within ten seconds.
    #[error("the push service did not answer")]
    Silent,
    /// It can be woken, and its provider could not be told.
    #[error(transparent)]
    Provider(#[from] OwnCallError),
}

impl WakeError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            WakeError::Refused => "wake_refused",
            WakeError::Blocked => "wake_blocked",
            WakeError::Unsupported => "wake_unsupported",
            WakeError::NoService(_) => "no_push_service",
            WakeError::Silent => "wake_silent",
            WakeError::Provider(error) => error.code(),
        }
    }
}
