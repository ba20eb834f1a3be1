//! Exponential backoff, bounded, with jitter so that devices don't return all at once.

use countersign_jose::random::{self, Random};

use crate::core::Tick;

/// Failures in a row, and when to try next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    next: Tick,
}

const FIRST_MS: u64 = 500;
const LONGEST_MS: u64 = 30_000;
/// Failures that count at most after a try that had begun well: the next wait is one to two seconds.
const BRIEF_FAILURES: u32 = 2;

impl Backoff {
    /// Whether the next try is due.
    pub(crate) fn is_due(&self, now: Tick) -> bool {
        self.next <= now
    }

    /// When the next try is due.
    pub(crate) fn next(&self) -> Tick {
        self.next
    }

    /// Failures since the last success.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure. `at_least_ms` is what the provider asked for (`Retry-After`).
    pub(crate) fn failed(&mut self, now: Tick, at_least_ms: u64, random: &dyn Random) {
        let longest = (FIRST_MS << self.failures.min(16)).min(LONGEST_MS);
        let jittered = longest / 2 + u64::from(random::below(random, (longest / 2) as u32 + 1));
        self.failures += 1;
        self.next = now.plus_millis(jittered.max(at_least_ms));
    }

    /// Forgets all failures: the next try is due.
    pub(crate) fn succeeded(&mut self) {
        *self = Backoff::default();
    }

    /// The last try began well and ended soon: earlier failures count little, so that the next wait is short, but not so
    /// little that a provider which accepts and drops is called without pause.
    pub(crate) fn began_well(&mut self) {
        self.failures = self.failures.min(BRIEF_FAILURES);
    }

    /// Delays the next try without counting a failure.
    pub(crate) fn pause_until(&mut self, then: Tick) {
        self.next = then;
    }

    /// Makes the next try due at once; the failures stay counted.
    pub(crate) fn hurry(&mut self) {
        self.next = Tick(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CountingRandom;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let random = CountingRandom::default();
        let mut backoff = Backoff::default();
        assert!(backoff.is_due(Tick(0)));
        for failure in 0..20 {
            backoff.failed(Tick(1_000), 0, &random);
            let wait = backoff.next().millis_since(Tick(1_000));
            let longest = (FIRST_MS << failure.min(16)).min(LONGEST_MS);
            assert!((longest / 2..=longest).contains(&wait), "{wait} after {failure}");
        }
        backoff.failed(Tick(0), 90_000, &random);
        assert_eq!(backoff.next(), Tick(90_000), "Retry-After is obeyed");
    }
}
