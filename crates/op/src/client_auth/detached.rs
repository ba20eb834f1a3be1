//! Work that goes on to its end also if the request that began it breaks off: what counts or records it then happens all the same.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// Runs a future on a task of its own, in the request's span.
pub(crate) async fn run<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    joined(tokio::spawn(work.in_current_span())).await
}

/// The result of a task. A panic goes on here.
pub(crate) async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime is shutting down, and this request with it.
        Err(_) => std::future::pending().await,
    }
}
