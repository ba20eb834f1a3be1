//! The provider's clock decides, not the device's.

use countersign_jose::clock::Timestamp;

use crate::core::Event;
use crate::error::AnswerError;
use crate::testing::CoreHarness;

const DAY_MS: u64 = 86_400_000;

#[test]
fn attack_23_a_clock_set_back_does_not_bring_an_expired_request_back() {
    for own_clock in [-1, 1] {
        let mut harness = CoreHarness::new();
        let real = harness.at.wall.millis();
        harness.set_wall(Timestamp::from_millis(real.checked_add_signed(own_clock * DAY_MS as i64).unwrap()));
        let id = harness.provider.ask_login();
        harness.event(Event::Wake);
        harness.deliver_all();
        assert_eq!(harness.core.pending(harness.at).len(), 1, "a wrong clock hides nothing either");
        assert_eq!(harness.core.offline(), None);
        // The same again after its end: refused on the device, whatever its own clock says.
        harness.pass_ms(301_000);
        assert_eq!(harness.core.pending(harness.at).len(), 0);
        assert!(matches!(harness.approve(&id, None), Err(AnswerError::Expired)));
        assert_eq!(harness.provider.answers.len(), 0);
    }
}

#[test]
fn the_time_left_is_the_providers_wherever_the_own_clock_stands() {
    const YEAR_MS: i64 = 365 * DAY_MS as i64;
    for own_clock in [0, 10 * 60_000, 10 * YEAR_MS, -3 * DAY_MS as i64, -30 * YEAR_MS] {
        let mut harness = CoreHarness::new();
        let real = harness.at.wall.millis();
        harness.set_wall(Timestamp::from_millis(real.checked_add_signed(own_clock).unwrap()));
        let id = harness.provider.ask_login();
        harness.event(Event::Wake);
        harness.deliver_all();
        let left_ms = |harness: &CoreHarness| harness.core.pending(harness.at)[0].left_ms;
        assert!((299_000..=300_000).contains(&left_ms(&harness).unwrap()), "{own_clock}");
        // The lid is closed for a minute: ticks pause, both clocks run on.
        harness.provider.now = harness.provider.now.plus_millis(60_000);
        harness.at.wall = harness.at.wall.plus_millis(60_000);
        harness.event(Event::Tick);
        assert!((238_000..=240_000).contains(&left_ms(&harness).unwrap()), "after a sleep, before the next reply");
        // A restart without a network goes on with the difference that was known.
        harness.crash();
        assert!((238_000..=240_000).contains(&left_ms(&harness).unwrap()), "{own_clock}");
        harness.deliver_all();
        assert!((238_000..=240_000).contains(&left_ms(&harness).unwrap()));
        harness.approve(&id, None).unwrap();
    }
}

#[test]
fn a_start_without_network_never_says_that_time_is_over() {
    // Before the next start somebody sets the clock: the difference that was known is none any more.
    for set_by in [10 * 60_000, 30 * DAY_MS as i64, -10 * 60_000] {
        let mut harness = CoreHarness::pulled();
        let id = harness.provider.ask_login();
        harness.event(Event::Wake);
        harness.deliver_all();
        harness.set_wall(Timestamp::from_millis(harness.at.wall.millis().checked_add_signed(set_by).unwrap()));
        harness.crash();
        let left_ms = harness.core.pending(harness.at)[0].left_ms;
        assert!(left_ms.is_none_or(|left_ms| (1..=300_000).contains(&left_ms)), "{left_ms:?}");
        harness.deliver_all();
        let left_ms = harness.core.pending(harness.at)[0].left_ms;
        assert!((299_000..=300_000).contains(&left_ms.unwrap()), "{left_ms:?}");
        harness.approve(&id, None).unwrap();
    }
}

#[test]
fn the_difference_to_the_providers_clock_is_written_when_it_changes() {
    let mut harness = CoreHarness::pulled();
    let kept = |harness: &CoreHarness| harness.vault.accounts().unwrap()[0].clock_ahead_ms;
    let first = kept(&harness).unwrap();
    assert!(first.abs() <= 1_000, "{first}");
    for _ in 0..3 {
        harness.pass_ms(700);
        harness.event(Event::Wake);
        harness.deliver_all();
        assert_eq!(kept(&harness), Some(first), "not at every reply");
    }
    harness.set_wall(Timestamp::from_millis(harness.at.wall.millis() - DAY_MS));
    harness.event(Event::Wake);
    harness.deliver_all();
    assert!(kept(&harness).unwrap().abs_diff(DAY_MS as i64) <= 1_000);
}

#[test]
fn attack_23_a_wrong_clock_costs_one_silent_retry() {
    let mut harness = CoreHarness::new();
    let real = harness.at.wall.millis();
    harness.set_wall(Timestamp::from_millis(real + DAY_MS));
    let id = harness.provider.ask_login();
    harness.event(Event::Wake);
    harness.deliver_all();
    let calls = harness.provider.calls.len();
    assert!(calls <= 3, "clock and nonce cost at most one retry each, not {calls} calls");
    harness.approve(&id, None).unwrap();
    harness.deliver_all();
    let answer = harness.provider.answers[0].peek().unwrap();
    assert!(answer.iat.abs_diff(harness.provider.now.seconds()) <= 1, "signed in the provider's time");
}

#[test]
fn a_clock_changed_between_two_steps_makes_the_device_ask_again() {
    let mut harness = CoreHarness::pulled();
    harness.provider.ask_login();
    harness.set_wall(Timestamp::from_millis(harness.at.wall.millis() + DAY_MS));
    harness.event(Event::Tick);
    harness.deliver_all();
    assert_eq!(harness.core.pending(harness.at).len(), 1);
}
