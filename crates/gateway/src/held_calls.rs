//! Held calls per device, streams and long polls: a few of each, of which the oldest ends when one more comes. A device that
//! reconnects leaves calls behind that nobody reads; one that was never confirmed has no use for several.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_protocol::id::DeviceId;
use tokio::sync::Notify;

/// The held calls of one kind of all devices, in memory: they end with the process.
#[derive(Clone, Default)]
pub(crate) struct HeldCalls {
    devices: Arc<Mutex<Devices>>,
    ended: Arc<Notify>,
}

#[derive(Default)]
struct Devices {
    next: u64,
    /// Numbers of each device's calls, oldest first.
    calls: HashMap<DeviceId, Vec<u64>>,
}

/// A call's place; dropping it gives the place back.
pub(crate) struct HeldCall {
    device: DeviceId,
    number: u64,
    devices: Arc<Mutex<Devices>>,
    ended: Arc<Notify>,
}

impl HeldCalls {
    /// Begins to hold a call of this device, which may have `most`; the oldest lose their places. They notice when they next wake up:
    /// the second value is whether there are any.
    pub(crate) fn hold(&self, device: &DeviceId, most: usize) -> (HeldCall, bool) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let number = devices.next;
        devices.next += 1;
        let own = devices.calls.entry(device.clone()).or_insert_with(|| Vec::with_capacity(1));
        let surplus = (own.len() + 1).saturating_sub(most);
        own.drain(..surplus);
        own.push(number);
        let call =
            HeldCall { device: device.clone(), number, devices: self.devices.clone(), ended: self.ended.clone() };
        (call, surplus > 0)
    }

    /// Whether the device has a call held.
    pub(crate) fn has(&self, device: &DeviceId) -> bool {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).calls.contains_key(device)
    }

    /// Resolves when a call has ended, also one that ended since the last time. For one waiter.
    pub(crate) async fn ended(&self) {
        self.ended.notified().await;
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.devices.lock().expect("unpoisoned").calls.values().map(Vec::len).sum()
    }
}

impl HeldCall {
    /// Whether it still has its place.
    pub(crate) fn has_place(&self) -> bool {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.calls.get(&self.device).is_some_and(|own| own.contains(&self.number))
    }
}

impl Drop for HeldCall {
    fn drop(&mut self) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = devices.calls.get_mut(&self.device) {
            own.retain(|number| *number != self.number);
            if own.is_empty() {
                devices.calls.remove(&self.device);
            }
        }
        drop(devices);
        self.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_loses_its_place_and_what_was_closed_is_forgotten() {
        let calls = HeldCalls::default();
        let (one, two) = ("dv_one".parse().expect("an id"), "dv_two".parse().expect("an id"));
        let (oldest, displaced) = calls.hold(&one, 2);
        assert!(!displaced);
        let (middle, _) = calls.hold(&one, 2);
        let (other, _) = calls.hold(&two, 2);
        let (newest, displaced) = calls.hold(&one, 2);
        assert!(displaced);
        assert_eq!([&oldest, &middle, &newest, &other].map(HeldCall::has_place), [false, true, true, true]);
        drop((oldest, middle));
        let (again, displaced) = calls.hold(&one, 2);
        assert!(!displaced && newest.has_place() && again.has_place());
        let (only, displaced) = calls.hold(&one, 1);
        assert!(displaced, "a smaller limit ends all before");
        assert_eq!([&newest, &again, &only].map(HeldCall::has_place), [false, false, true]);
        drop((newest, again, only, other));
        assert_eq!(calls.count(), 0);
    }
}
