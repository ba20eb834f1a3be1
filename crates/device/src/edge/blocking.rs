//! Work that blocks its thread: disks, and what derives keys. It runs beside the async runtime's threads.

use std::sync::Arc;

use crate::ports::key_store::KeyError;
use crate::ports::maybe_send::BoxFuture;
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

/// What a port keeps behind its asynchronous calls: each is made on a thread that may block.
pub(super) struct Blocking<S>(Arc<S>);

impl<S: Send + Sync + 'static> Blocking<S> {
    /// Opens it on a thread that may block.
    ///
    /// # Errors
    /// As [`blocking`].
    pub(super) async fn open<E: From<Panicked> + Send + 'static>(
        open: impl FnOnce() -> Result<S, E> + Send + 'static,
    ) -> Result<Blocking<S>, E> {
        Ok(Blocking(Arc::new(blocking(open).await?)))
    }

    /// Makes a call.
    pub(super) fn call<'a, T: Send + 'static, E: From<Panicked> + Send + 'static>(
        &self,
        call: impl FnOnce(&S) -> Result<T, E> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, E>> {
        let shared = self.share();
        Box::pin(blocking(move || call(&shared)))
    }

    /// For a call on a thread of its own.
    pub(super) fn share(&self) -> Arc<S> {
        Arc::clone(&self.0)
    }
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
