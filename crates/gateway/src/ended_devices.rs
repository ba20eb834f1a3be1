//! Devices that ended while more of their approvals were pending than one write withdraws.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_protocol::id::DeviceId;

/// Ended devices whose approvals were more than one write withdraws.
#[derive(Default)]
pub(crate) struct EndedDevices {
    devices: Mutex<Vec<DeviceId>>,
    /// Whether the store was asked for those of before this process.
    pub(crate) looked: AtomicBool,
}

impl EndedDevices {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<DeviceId>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
