//! Exponential backoff, bounded, with jitter so that devices don't return all at once.

use countersign_jose::random::{self, Random};

use crate::core::Tick;

/// Failures in a row, and when to try next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    /// When the first of them happened.
    since: Option<Tick>,
    next: Tick,
}

const FIRST_MS: u64 = 500;

/// No wait is longer than this or half of the time since the first failure, in milliseconds: something that comes back
/// after a short while is noticed after a short while, however many tries fell into it.
const SOON_MS: u64 = 1_000;

/// After something that worked for a while ends, the next try waits at most so long, in milliseconds: short enough for a
/// person at a till, long enough that ten thousand devices whose provider restarts don't come back in one instant.
const SPREAD_MS: u32 = 1_500;

const LONGEST_MS: u64 = 30_000;

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
        let away_ms = now.millis_since(*self.since.get_or_insert(now));
        let longest = (FIRST_MS << self.failures.min(16)).min(LONGEST_MS).min(SOON_MS.max(away_ms / 2));
        let jittered = longest / 2 + u64::from(random::below(random, (longest / 2) as u32 + 1));
        self.failures += 1;
        self.next = now.plus_millis(jittered.max(at_least_ms));
    }

    /// Something that worked has ended. Forgets all failures; the next try is due within [`SPREAD_MS`] at random.
    pub(crate) fn worked_until(&mut self, now: Tick, random: &dyn Random) {
        let spread = u64::from(random::below(random, SPREAD_MS + 1));
        // As after one failure: those whose first try comes too early don't bunch up with the others.
        *self = Backoff { failures: 1, since: None, next: now.plus_millis(spread) };
    }

    /// Forgets all failures: the next try is due.
    pub(crate) fn succeeded(&mut self) {
        *self = Backoff::default();
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

#[cfg(any(test, feature = "wasm-tests"))]
mod tests {
    use super::*;
    use crate::testing::CountingRandom;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let random = CountingRandom::default();
        let mut backoff = Backoff::default();
        assert!(backoff.is_due(Tick(0)));
        let mut now = Tick(1_000);
        for failure in 0..20 {
            backoff.failed(now, 0, &random);
            let wait = backoff.next().millis_since(now);
            let longest = LONGEST_MS.min(SOON_MS.max(now.millis_since(Tick(1_000)) / 2));
            let range = (FIRST_MS << failure.min(16)).min(longest);
            assert!((range / 2..=range).contains(&wait), "{wait} after {failure}");
            now = backoff.next();
        }
        backoff.failed(now, 0, &random);
        assert!(backoff.next().millis_since(now) >= LONGEST_MS / 2, "in the end half a minute");
        backoff.failed(now, 90_000, &random);
        assert_eq!(backoff.next(), now.plus_millis(90_000), "Retry-After is obeyed");
    }

    #[test]
    fn ten_thousand_devices_come_back_within_thirty_seconds_and_not_in_one_instant() {
        const DEVICES: usize = 10_000;
        for down_ms in [0, 200, 1_000, 5_000, 20_000, 60_000] {
            let random = CountingRandom::seeded(down_ms);
            let mut by_tenth = vec![0_usize; 301];
            for _ in 0..DEVICES {
                let mut backoff = Backoff::default();
                backoff.worked_until(Tick(0), &random);
                while backoff.next() < Tick(down_ms) {
                    backoff.failed(backoff.next(), 0, &random);
                }
                by_tenth[(backoff.next().millis_since(Tick(down_ms)) / 100) as usize] += 1;
            }
            assert_eq!(by_tenth.iter().sum::<usize>(), DEVICES, "later than thirty seconds after {down_ms} ms");
            let most = by_tenth.into_iter().max().unwrap_or_default();
            assert!(most <= DEVICES / 5, "{most} at once after {down_ms} ms");
        }
    }
}
