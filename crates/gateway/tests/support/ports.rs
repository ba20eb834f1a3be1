//! Time and randomness in the hand of a test.
#![allow(unreachable_pub, dead_code)] // each test file uses its part

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_protocol::clock::{Clock, Timestamp};
use countersign_protocol::hash::Hash;
use countersign_protocol::random::Random;

/// Reproducible bytes: SHA-256 over a seed and a counter.
pub struct Seeded(Mutex<(u64, u64)>);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new((seed, 0)))
    }
}

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().expect("no test panics in here");
        for chunk in bytes.chunks_mut(32) {
            state.1 += 1;
            let block = Hash::of_parts(&[&state.0.to_be_bytes(), &state.1.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

/// A clock that moves only when told.
pub struct HandClock(AtomicU64);

impl HandClock {
    pub fn at(seconds: u64) -> Self {
        Self(AtomicU64::new(seconds * 1000))
    }

    pub fn forward(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A number that no other caller in this process gets.
pub fn counter() -> u32 {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    COUNT.fetch_add(1, Ordering::SeqCst)
}
