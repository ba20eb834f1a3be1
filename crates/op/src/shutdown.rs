//! Tells everybody who waits that the provider is about to stop.

use tokio::sync::watch;

/// One switch, thrown once. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shutdown(watch::Sender<bool>);

impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown(watch::Sender::new(false))
    }
}

impl Shutdown {
    /// Throws the switch.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether the switch is thrown.
    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves once the switch is thrown.
    pub(crate) async fn wait(&self) {
        // The sender lives in `self`: waiting can't fail.
        let _ = self.0.subscribe().wait_for(|stopping| *stopping).await;
    }
}
