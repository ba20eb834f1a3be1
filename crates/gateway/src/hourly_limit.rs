//! A few calls an hour of each device, for what costs others something.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::DeviceId;

/// At most so many an hour of each device, in memory.
pub(crate) struct HourlyLimit {
    most: usize,
    devices: Mutex<HashMap<DeviceId, Vec<Timestamp>>>,
}

impl HourlyLimit {
    /// An hour, in seconds.
    const WINDOW: u64 = 3600;

    /// At most `most` calls in an hour.
    pub(crate) fn new(most: usize) -> HourlyLimit {
        HourlyLimit { most, devices: Mutex::default() }
    }

    /// Counts a call; the error is the seconds until the next one is accepted.
    pub(crate) fn admit(&self, device: &DeviceId, now: Timestamp) -> Result<(), u64> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.retain(|_, calls| {
            calls.retain(|at| at.plus_seconds(Self::WINDOW) > now);
            !calls.is_empty()
        });
        let calls = devices.entry(device.clone()).or_default();
        if let (Some(first), true) = (calls.first(), calls.len() >= self.most) {
            return Err(first.plus_seconds(Self::WINDOW).millis_since(now).div_ceil(1000));
        }
        calls.push(now);
        Ok(())
    }

    /// Takes back a call that came to nothing, admitted at this time.
    pub(crate) fn take_back(&self, device: &DeviceId, admitted: Timestamp) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = devices.get_mut(device);
        if let Some((calls, at)) =
            calls.and_then(|calls| calls.iter().position(|at| *at == admitted).map(|at| (calls, at)))
        {
            calls.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_three_an_hour_and_no_other_pays_for_them() {
        let limit = HourlyLimit::new(3);
        let [one, two] = ["dv_one", "dv_two"].map(|id| id.parse().expect("an id"));
        let at = Timestamp::from_seconds;
        assert_eq!([1000, 1001, 2000].map(|second| limit.admit(&one, at(second))), [Ok(()); 3]);
        assert_eq!(limit.admit(&one, at(2001)), Err(2599));
        assert_eq!(limit.admit(&two, at(2001)), Ok(()));
        assert_eq!(limit.admit(&one, at(4600)), Ok(()));
    }

    #[test]
    fn a_call_that_came_to_nothing_is_not_counted() {
        let limit = HourlyLimit::new(3);
        let one = "dv_one".parse().expect("an id");
        let at = Timestamp::from_seconds;
        for second in 1000..1010 {
            assert_eq!(limit.admit(&one, at(second)), Ok(()));
            limit.take_back(&one, at(second));
        }
        assert_eq!([2000, 2001, 2002].map(|second| limit.admit(&one, at(second))), [Ok(()); 3]);
        limit.take_back(&one, at(1999));
        assert_eq!(limit.admit(&one, at(2003)), Err(3597));
        limit.take_back(&one, at(2001));
        assert_eq!(limit.admit(&one, at(2003)), Ok(()));
    }
}
