//! Stand-ins for the machine and for a provider, in this crate's own tests.

mod core_harness;
mod fake_provider;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_protocol::clock::{Clock, Timestamp};
use countersign_protocol::random::Random;

pub(crate) use core_harness::{CoreHarness, account};
pub(crate) use fake_provider::{FakeProvider, FakeTransport, problem};

/// Random bytes that are the same in every run.
#[derive(Default)]
pub(crate) struct CountingRandom(AtomicU64);

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // SplitMix64: distinct, well-spread values from a counter.
            let mut word = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A clock that a test moves.
pub(crate) struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub(crate) fn at(now: Timestamp) -> ManualClock {
        ManualClock(Mutex::new(now))
    }

    pub(crate) fn advance_millis(&self, millis: u64) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus_millis(millis);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
