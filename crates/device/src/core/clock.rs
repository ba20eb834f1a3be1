//! The provider's time, learned from replies and continued by ticks. The device's own clock never decides about an
//! expiry.

use countersign_jose::clock::Timestamp;

use crate::core::Tick;

/// The time of a step: by the device's own clock, which may be wrong, and by monotonic ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The device's own clock.
    pub wall: Timestamp,
    /// Monotonic ticks.
    pub tick: Tick,
}

/// Wall clock and ticks apart by more than this, in milliseconds: the machine slept, or its clock was set.
const SLEPT_MS: u64 = 30_000;

/// The provider's clock, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ServerClock {
    learned: Option<(Timestamp, Tick)>,
    /// How far the provider's clock is ahead of the device's own, in milliseconds, by the last reply; of an earlier run before the
    /// first of this one.
    ahead_ms: Option<i64>,
    /// Whether a reply named the time since the start.
    is_of_this_run: bool,
    last: Option<Moment>,
}

impl ServerClock {
    /// A clock after a start, with the difference of an earlier run.
    pub(crate) fn remembering(ahead_ms: Option<i64>) -> ServerClock {
        ServerClock { ahead_ms, ..ServerClock::default() }
    }

    /// How far the provider's clock is ahead of the device's own, in milliseconds, if it is known.
    pub(crate) fn ahead_ms(&self) -> Option<i64> {
        self.ahead_ms
    }

    /// Whether a reply named the time since the start. Before that, somebody may have set the device's own clock.
    pub(crate) fn is_of_this_run(&self) -> bool {
        self.is_of_this_run
    }

    /// Learns from a reply's `Date`, which is cut to the second. Returns whether it differs by more than a minute from
    /// the earlier estimate, or before the first reply from the device's own clock.
    pub(crate) fn learn(&mut self, date: Timestamp, at: Moment) -> bool {
        let before = self.or_own(at);
        let off = before.millis_since(date).max(date.millis_since(before));
        // Within the second that `Date` leaves open, the older estimate is as good and does not jump.
        if self.learned.is_none() || before < date || off >= 1000 {
            self.learned = Some((date.plus_millis(500), at.tick));
        }
        self.ahead_ms = self.now(at).map(|now| difference_ms(now, at.wall));
        self.is_of_this_run = true;
        off > 60_000
    }

    /// The provider's time, if a reply named it since the start or the last sleep.
    pub(crate) fn now(&self, at: Moment) -> Option<Timestamp> {
        self.learned.map(|(then, tick)| then.plus_millis(at.tick.millis_since(tick)))
    }

    /// The tick at which the provider's clock will show this second, if its time is known.
    pub(crate) fn tick_at(&self, second: u64) -> Option<Tick> {
        let (then, tick) = self.learned?;
        Some(tick.plus_millis(Timestamp::from_seconds(second).millis_since(then)))
    }

    /// The provider's time for showing. Right after a sleep or a start it is continued by the device's own clock, however wrong
    /// that is, since it has run on. `None` before the first reply ever.
    pub(crate) fn estimate(&self, at: Moment) -> Option<Timestamp> {
        let by_own = || Some(Timestamp::from_millis(at.wall.millis().saturating_add_signed(self.ahead_ms?)));
        self.now(at).or_else(by_own)
    }

    /// The provider's time by the best estimate, else the device's own: for `iat` of what the device signs, which the
    /// provider checks itself.
    pub(crate) fn or_own(&self, at: Moment) -> Timestamp {
        self.estimate(at).unwrap_or(at.wall)
    }

    /// Detects a sleep: wall clock and ticks have moved apart since the last call. The provider's time is forgotten
    /// then, because ticks may have paused.
    pub(crate) fn slept(&mut self, at: Moment) -> bool {
        let slept = self.last.is_some_and(|last| {
            let expected = last.wall.plus_millis(at.tick.millis_since(last.tick));
            at.wall.millis_since(expected).max(expected.millis_since(at.wall)) > SLEPT_MS
        });
        if slept {
            self.clock_was_set_back(at);
            self.learned = None;
        }
        self.last = Some(at);
        slept
    }

    /// A sleep moves the own clock forward only. One that went back was set: the difference to the provider's grows.
    fn clock_was_set_back(&mut self, at: Moment) {
        if let (Some(last), Some(ahead_ms)) = (self.last, &mut self.ahead_ms) {
            let expected = last.wall.plus_millis(at.tick.millis_since(last.tick));
            *ahead_ms = ahead_ms.saturating_add(difference_ms(expected, at.wall).max(0));
        }
    }
}

/// How much later `one` is than `other`, in milliseconds; negative if it is earlier.
fn difference_ms(one: Timestamp, other: Timestamp) -> i64 {
    let millis = |difference: u64| i64::try_from(difference).unwrap_or(i64::MAX);
    if one >= other { millis(one.millis_since(other)) } else { -millis(other.millis_since(one)) }
}

#[cfg(any(test, feature = "wasm-tests"))]
mod tests {
    use super::*;

    fn at(wall: u64, tick: u64) -> Moment {
        Moment { wall: Timestamp::from_millis(wall), tick: Tick(tick) }
    }

    #[test]
    fn the_providers_time_runs_on_with_ticks_wherever_the_own_clock_stands() {
        let mut clock = ServerClock::default();
        assert_eq!(clock.now(at(5, 5)), None);
        clock.learn(Timestamp::from_seconds(1_000_000), at(5, 100));
        assert_eq!(clock.now(at(999, 10_100)), Some(Timestamp::from_millis(1_000_010_500)));
    }

    #[test]
    fn a_wrong_own_clock_is_noticed_at_the_first_reply() {
        let day = 86_400_000;
        let server = Timestamp::from_millis(100 * day);
        for own in [99 * day, 101 * day] {
            assert!(ServerClock::default().learn(server, at(own, 0)));
        }
        assert!(!ServerClock::default().learn(server, at(100 * day + 900, 0)));
    }

    #[test]
    fn a_clock_put_right_by_seconds_is_no_sleep_in_either_direction() {
        let mut clock = ServerClock::default();
        assert!(!clock.slept(at(100_000, 1_000)));
        assert!(!clock.slept(at(99_000, 1_000)), "a second back");
        assert!(!clock.slept(at(80_000, 2_000)), "twenty seconds back");
        assert!(clock.slept(at(49_000, 2_000)), "half a minute and more: somebody set it");
    }

    #[test]
    fn a_sleep_makes_it_forget() {
        let mut clock = ServerClock::default();
        assert!(!clock.slept(at(1_000, 1_000)));
        clock.learn(Timestamp::from_seconds(7), at(1_000, 1_000));
        assert!(!clock.slept(at(21_000, 20_000)));
        assert!(clock.slept(at(600_000, 21_000)));
        assert_eq!(clock.now(at(600_000, 21_000)), None);
    }

    #[test]
    fn after_a_sleep_the_time_is_estimated_by_a_wrong_clock_that_ran_on() {
        let mut clock = ServerClock::default();
        assert_eq!(clock.estimate(at(5, 5)), None, "before the first reply");
        for own in [1_000, 10_000_000] {
            clock.slept(at(own, 0));
            clock.learn(Timestamp::from_millis(5_000_000), at(own, 0));
            assert!(clock.slept(at(own + 90_000, 10)), "ninety seconds of sleep");
            assert_eq!(clock.estimate(at(own + 90_000, 10)), Some(Timestamp::from_millis(5_090_500)));
            clock = ServerClock::default();
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_set_the_estimate_back() {
        let mut clock = ServerClock::default();
        clock.slept(at(900_000_000, 0));
        clock.learn(Timestamp::from_millis(900_000_000), at(900_000_000, 0));
        assert!(clock.slept(at(5_000, 7_000)), "thirty years back");
        assert_eq!(clock.estimate(at(5_000, 7_000)), Some(Timestamp::from_millis(900_007_500)));
    }
}
