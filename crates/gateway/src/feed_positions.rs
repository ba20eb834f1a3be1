//! How far each device is known to have read its feed, in memory: after a restart it is known again from its next call on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_protocol::id::DeviceId;

/// The last feed entry that each device is known to have.
#[derive(Default)]
pub(crate) struct FeedPositions(Mutex<HashMap<DeviceId, i64>>);

impl FeedPositions {
    /// The device has everything up to this entry.
    pub(crate) fn note(&self, device: &DeviceId, n: i64) {
        let mut positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match positions.get_mut(device) {
            Some(known) => *known = n.max(*known),
            None => {
                positions.insert(device.clone(), n);
            }
        }
    }

    /// Whether the device is known to have this entry.
    pub(crate) fn has(&self, device: &DeviceId, n: i64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(device).is_some_and(|known| *known >= n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_only_grows() {
        let positions = FeedPositions::default();
        let [one, two] = ["dv_one", "dv_two"].map(|id| id.parse().expect("an id"));
        assert!(!positions.has(&one, 1));
        positions.note(&one, 5);
        positions.note(&one, 3);
        assert_eq!([4, 5, 6].map(|n| positions.has(&one, n)), [true, true, false]);
        assert!(!positions.has(&two, 1));
    }
}
