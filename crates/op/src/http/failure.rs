//! Failures of this provider: 503 for transient ones, else 500.

use countersign_store::Error as StoreError;

use super::{ErrorCode, OAuthError};

/// `Retry-After` of a transient failure, in seconds.
const RETRY_AFTER_SECONDS: u64 = 5;

/// Logs a failure and returns the client's error: 503 if it is transient (the disk is full, the database is locked),
/// else 500.
pub(crate) fn server_error(error: &(dyn std::error::Error + 'static)) -> OAuthError {
    tracing::error!(%error, "a request failed");
    if is_transient(error) {
        let description = "this provider can't store anything at the moment: try again later";
        return OAuthError::new(ErrorCode::TemporarilyUnavailable, description).with_retry_after(RETRY_AFTER_SECONDS);
    }
    OAuthError::new(ErrorCode::ServerError, "internal error; see the provider's log")
}

fn is_transient(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient) {
            return true;
        }
        cause = error.source();
    }
    false
}
