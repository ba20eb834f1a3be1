//! From a push to the device's first call after it: known without a receipt, since every call is authenticated.

use countersign_protocol::id::DeviceId;

use crate::Gateway;
use crate::store::{push_addresses, wakeups};

impl Gateway {
    /// Notes an authenticated call of the device: the first after a push proves its address.
    pub(crate) fn note_call(&self, device: &DeviceId) {
        let Some(push) = &self.settings().push else { return };
        let now = self.now();
        let Some(after) = self.awaited_looks().called(device, now) else { return };
        push.observer.looked(after);
        tracing::info!(%device, after_ms = after.as_millis() as u64, "a device called after a push");
        let (store, device) = (self.store().clone(), device.clone());
        // The call does not wait for it.
        tokio::spawn(async move {
            let noted = store.write(move |tx| {
                push_addresses::looked(tx, &device, now)?;
                wakeups::trace_looked(tx, &device, now)
            });
            if let Err(error) = noted.await {
                tracing::warn!(%error, "the first call after a push could not be noted");
            }
        });
    }
}
