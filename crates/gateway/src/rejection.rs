//! Rejection of a device's call: a problem document (RFC 9457) and the headers that go with it.

use countersign_protocol::jws::Compact;
use countersign_protocol::problem::{Problem, ProblemCode};
use countersign_store::Error as StoreError;

use crate::outcome::EndError;

/// When a device may try again after the store did not take its call.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The response to a call that was refused.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) problem: Box<Problem>,
    /// A fresh nonce for the caller's key.
    pub(crate) nonce: Option<String>,
    /// When to try again, in seconds.
    pub(crate) retry_after: Option<u64>,
}

/// Rejects with a code and words for a person.
pub(crate) fn reject(code: ProblemCode, detail: impl Into<String>) -> Rejection {
    Rejection { problem: Box::new(Problem::new(code, detail)), nonce: None, retry_after: None }
}

impl Rejection {
    /// Adds how the approval ended.
    pub(crate) fn with_outcome(mut self, outcome: Option<String>) -> Self {
        self.problem.outcome = outcome.map(Compact::from_text);
        self
    }

    /// Adds the device's revocation.
    pub(crate) fn with_revocation(mut self, revocation: Option<String>) -> Self {
        self.problem.revocation = revocation.map(Compact::from_text);
        self
    }

    /// Adds a nonce.
    pub(crate) fn with_nonce(mut self, nonce: String) -> Self {
        self.nonce = Some(nonce);
        self
    }
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a device's call failed");
        let mut refused = reject(ProblemCode::Internal, "Something went wrong at the provider. Try again in a moment.");
        if error.is_transient() {
            refused.problem.status = 503;
            refused.retry_after = Some(RETRY_AFTER_SECONDS);
        }
        refused
    }
}

impl From<EndError> for Rejection {
    fn from(error: EndError) -> Self {
        if let EndError::Store(error) = error {
            return error.into();
        }
        tracing::error!(%error, "a device's call failed");
        reject(ProblemCode::Internal, "Something went wrong at the provider. Try again in a moment.")
    }
}
