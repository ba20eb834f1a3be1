//! No busy loops: the deadline is never in the past, so that a driver waiting for it sleeps.

use crate::core::Event;
use crate::testing::CoreHarness;

fn assert_asleep(harness: &CoreHarness, when: &str) {
    assert!(harness.core.deadline().is_none_or(|tick| tick > harness.at.tick), "would spin {when}");
}

#[test]
fn nothing_makes_the_driver_spin() {
    let mut harness = CoreHarness::new();
    assert_asleep(&harness, "before the first event");
    harness.event(Event::Wake);
    assert_asleep(&harness, "while a pull is under way");
    harness.lose_call();
    assert_asleep(&harness, "after a lost pull");
    harness.event(Event::Wake);
    harness.deliver_all();
    harness.event(Event::Watch(true));
    for round in 0..6 {
        assert_asleep(&harness, "while a stream is being opened");
        let stream = *harness.streams.last().unwrap();
        harness.event(Event::Failed { id: stream, why: None });
        assert_asleep(&harness, "after a failed stream");
        harness.pass_ms(if round % 2 == 0 { 10_000 } else { 700_000 });
        assert_asleep(&harness, "with a long poll under way");
        harness.lose_call();
        assert_asleep(&harness, "after a lost long poll");
        harness.pass_ms(700_000);
    }
    let id = harness.provider.ask_login();
    harness.event(Event::Wake);
    harness.deliver_pending();
    harness.approve(&id, None).unwrap();
    assert_asleep(&harness, "with an answer under way");
    harness.lose_call();
    assert_asleep(&harness, "with an answer that waits");
    harness.provider.credential = "another".into();
    harness.event(Event::Wake);
    harness.deliver_pending();
    assert_asleep(&harness, "after a 401");
    harness.pass_ms(3_600_000);
    assert_asleep(&harness, "while an unknown account is asked about");
}

#[test]
fn a_provider_that_does_not_hold_long_polls_is_not_called_in_a_loop() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    for _ in 0..2 {
        let stream = *harness.streams.last().unwrap();
        harness.event(Event::Failed { id: stream, why: None });
        harness.deliver_pending();
        harness.pass_ms(10_000);
    }
    // The first poll took ten seconds; the stand-in replies to the next at once.
    harness.deliver_all();
    let calls = harness.provider.calls.len();
    harness.pass_ms(500);
    harness.deliver_all();
    assert_eq!(harness.provider.calls.len(), calls, "the next poll waits a second");
    assert_asleep(&harness, "between long polls");
    harness.provider.ask_login();
    harness.pass_ms(1_000);
    harness.deliver();
    assert_eq!(harness.core.pending(harness.at).len(), 1);
}
