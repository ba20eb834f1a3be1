//! A manual clock.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_jose::clock::{Clock, Timestamp};

/// A clock that only the test advances.
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock at this time.
    pub fn at(now: Timestamp) -> ManualClock {
        ManualClock(AtomicU64::new(now.millis()))
    }

    /// A clock at this many seconds since 1970.
    pub fn at_seconds(seconds: u64) -> ManualClock {
        ManualClock::at(Timestamp::from_seconds(seconds))
    }

    /// Moves the clock on by seconds.
    pub fn advance_seconds(&self, seconds: u64) {
        self.advance_millis(seconds * 1000);
    }

    /// Moves the clock on by milliseconds.
    pub fn advance_millis(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
