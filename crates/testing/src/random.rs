//! Deterministic randomness.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_jose::hash::Hash;
use countersign_jose::random::Random;

/// Bytes that are the same in every run: SHA-256 of a counter, 32 bytes a step.
#[derive(Debug)]
pub struct CountingRandom(AtomicU64);

impl CountingRandom {
    /// Bytes that no other seed gives before 2^32 steps. Seeds are below 2^32.
    pub const fn seeded(seed: u64) -> CountingRandom {
        CountingRandom::from_count(seed << 32)
    }

    /// Counts from this number.
    pub const fn from_count(count: u64) -> CountingRandom {
        CountingRandom(AtomicU64::new(count))
    }
}

impl Default for CountingRandom {
    /// Seed 0.
    fn default() -> CountingRandom {
        CountingRandom::seeded(0)
    }
}

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Hash::of(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}
