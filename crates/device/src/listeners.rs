//! Handing events to whoever listens.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::events::DeviceEvent;

/// Everybody who listens.
#[derive(Clone, Default)]
pub(crate) struct Listeners {
    all: Arc<Mutex<Vec<mpsc::UnboundedSender<DeviceEvent>>>>,
}

impl Listeners {
    /// Tells everybody; those who are gone are forgotten.
    pub(crate) fn tell(&self, event: &DeviceEvent) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|listener| listener.send(event.clone()).is_ok());
    }

    /// Listens from now on.
    pub(crate) fn listen(&self) -> Events {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        Events { receiver }
    }
}

/// Events of all accounts, in the order they happened for each.
pub struct Events {
    receiver: mpsc::UnboundedReceiver<DeviceEvent>,
}

impl Events {
    /// The next event; `None` when the device is gone.
    pub async fn next(&mut self) -> Option<DeviceEvent> {
        self.receiver.recv().await
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<DeviceEvent> {
        self.receiver.try_recv().ok()
    }
}
