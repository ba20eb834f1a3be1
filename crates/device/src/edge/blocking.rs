//! Work that blocks its thread: disks, and what derives keys. It runs beside the async runtime's threads.

use crate::ports::key_store::KeyError;
use crate::ports::vault::VaultError;

/// Runs work on a thread that may block.
///
/// # Errors
/// The work's own; [`Panicked`] as one of its kind.
pub(super) async fn blocking<T: Send + 'static, E: From<Panicked> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Panicked.into()))
}

/// The work panicked, or the runtime is shutting down.
pub(super) struct Panicked;

const WHY: &str = "the store stopped working";

impl From<Panicked> for VaultError {
    fn from(_: Panicked) -> VaultError {
        VaultError::Storage(WHY.to_owned())
    }
}

impl From<Panicked> for KeyError {
    fn from(_: Panicked) -> KeyError {
        KeyError::Storage(std::io::Error::other(WHY))
    }
}
