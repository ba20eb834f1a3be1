//! Classification of this provider's own failures: 503 for those that pass, else 500.

use countersign_store::Error as StoreError;

use super::{ErrorCode, OAuthError};

/// When a client may try again after the store did not take its request, in seconds.
const RETRY_AFTER: u64 = 5;

/// What a client is told when the provider itself fails: 503 where that passes (the disk is full, somebody holds the store), else
/// 500. What happened is in the log.
pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> OAuthError {
    tracing::error!(%error, "a request failed");
    if passes(error) {
        let what = "this provider can't store anything at the moment: try again later";
        return OAuthError::new(ErrorCode::TemporarilyUnavailable, what).with_retry_after(RETRY_AFTER);
    }
    OAuthError::new(ErrorCode::ServerError, "internal error; see the provider's log")
}

fn passes(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient) {
            return true;
        }
        cause = error.source();
    }
    false
}
