//! Ports: what the app asks of the place it runs in, beside what its device asks.

use countersign_device::ports::maybe_send::{BoxFuture, MaybeSend, MaybeSync};
use thiserror::Error;

/// Saves files where the person finds them: a folder, a browser's downloads.
pub trait Downloads: MaybeSend + MaybeSync {
    /// Saves a text under this name, or under a similar one where the name is taken: nothing is ever replaced. Returns where
    /// it is, to be shown.
    ///
    /// # Errors
    /// [`NotSaved`]
    fn save<'a>(&'a self, name: &'a str, text: &'a str) -> BoxFuture<'a, Result<String, NotSaved>>;
}

/// A file could not be saved; the reason, in English.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct NotSaved(pub String);

/// Keeps the app's own state across restarts: the window's appearance, and codes still to be typed. Nothing in it is worth a
/// failure.
pub trait StateStore: MaybeSend + MaybeSync {
    /// The state that was written last; `None` where there is none, or it can't be read.
    fn read(&self) -> BoxFuture<'_, Option<Vec<u8>>>;

    /// Replaces the state, at once or soon. A failure is logged.
    fn write(&self, state: Vec<u8>);
}
