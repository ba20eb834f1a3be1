//! Shutdown signal, for long polls and background tasks.

use tokio::sync::watch;

/// Signalled once, never reset. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shutdown(watch::Sender<bool>);

impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown(watch::Sender::new(false))
    }
}

impl Shutdown {
    /// Signals shutdown.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether shutdown was signalled.
    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the signal; returns at once after it.
    pub(crate) async fn wait(&self) {
        // The sender lives in `self`: waiting can't fail.
        let _ = self.0.subscribe().wait_for(|stopping| *stopping).await;
    }
}
