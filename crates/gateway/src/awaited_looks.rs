//! Pushes whose devices have not called yet: the first call after a push is its receipt, since every call is authenticated.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::DeviceId;

/// Entries from which on those are dropped whose time is over.
const CROWDED: usize = 65_536;

/// Pushes whose devices have not called yet, in memory: after a restart nothing is awaited.
#[derive(Default)]
pub(crate) struct AwaitedLooks {
    devices: Mutex<HashMap<DeviceId, Awaited>>,
    /// How many there are, so that a call costs no lock where nothing is awaited.
    count: AtomicUsize,
}

struct Awaited {
    sent_at: Timestamp,
    /// What the push was about has ended: a later call does not come from it.
    until: Timestamp,
    accepted: bool,
    /// The call came before the push service's own reply.
    looked_at: Option<Timestamp>,
}

impl AwaitedLooks {
    /// A push is being sent.
    pub(crate) fn sending(&self, device: &DeviceId, sent_at: Timestamp, until: Timestamp) {
        self.change(|devices| {
            if devices.len() >= CROWDED {
                devices.retain(|_, awaited| awaited.until > sent_at);
            }
            devices.insert(device.clone(), Awaited { sent_at, until, accepted: false, looked_at: None });
        });
    }

    /// The push service accepted it. Returns the device's call, if it came already.
    pub(crate) fn accepted(&self, device: &DeviceId) -> Option<(Timestamp, Duration)> {
        self.change(|devices| {
            let awaited = devices.get_mut(device)?;
            awaited.accepted = true;
            let at = awaited.looked_at?;
            let after = Duration::from_millis(at.millis_since(awaited.sent_at));
            devices.remove(device);
            Some((at, after))
        })
    }

    /// It was not accepted.
    pub(crate) fn failed(&self, device: &DeviceId) {
        self.change(|devices| devices.remove(device));
    }

    /// The device calls. Returns how long after the push, the first time.
    pub(crate) fn called(&self, device: &DeviceId, now: Timestamp) -> Option<Duration> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.change(|devices| {
            let awaited = devices.get_mut(device)?;
            if now >= awaited.until {
                devices.remove(device);
                return None;
            }
            if !awaited.accepted {
                awaited.looked_at.get_or_insert(now);
                return None;
            }
            let after = Duration::from_millis(now.millis_since(awaited.sent_at));
            devices.remove(device);
            Some(after)
        })
    }

    fn change<T>(&self, work: impl FnOnce(&mut HashMap<DeviceId, Awaited>) -> T) -> T {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut devices);
        self.count.store(devices.len(), Ordering::Relaxed);
        result
    }
}
