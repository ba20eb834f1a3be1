//! The deadline is never in the past: a driver that waits for it sleeps, and never spins.

use crate::core::Event;
use crate::testing::Bench;

fn assert_asleep(bench: &Bench, when: &str) {
    assert!(bench.core.deadline().is_none_or(|tick| tick > bench.at.tick), "would spin {when}");
}

#[test]
fn nothing_makes_the_driver_spin() {
    let mut bench = Bench::new();
    assert_asleep(&bench, "before the first event");
    bench.event(Event::Wake);
    assert_asleep(&bench, "while a pull is under way");
    bench.lose_call();
    assert_asleep(&bench, "after a lost pull");
    bench.event(Event::Wake);
    bench.calm();
    bench.event(Event::Watch(true));
    for round in 0..6 {
        assert_asleep(&bench, "while a stream is being opened");
        let stream = *bench.streams.last().unwrap();
        bench.event(Event::Failed { id: stream, why: None });
        assert_asleep(&bench, "after a failed stream");
        bench.pass_ms(if round % 2 == 0 { 10_000 } else { 700_000 });
        assert_asleep(&bench, "with a long poll under way");
        bench.lose_call();
        assert_asleep(&bench, "after a lost long poll");
        bench.pass_ms(700_000);
    }
    let id = bench.office.ask_login();
    bench.event(Event::Wake);
    bench.calm_once();
    bench.approve(&id, None).unwrap();
    assert_asleep(&bench, "with an answer under way");
    bench.lose_call();
    assert_asleep(&bench, "with an answer that waits");
    bench.office.credential = "another".into();
    bench.event(Event::Wake);
    bench.calm_once();
    assert_asleep(&bench, "after a 401");
    bench.pass_ms(3_600_000);
    assert_asleep(&bench, "while an unknown account is asked about");
}

#[test]
fn a_provider_that_does_not_hold_long_polls_is_not_asked_in_circles() {
    let mut bench = Bench::pulled();
    bench.event(Event::Watch(true));
    for _ in 0..2 {
        let stream = *bench.streams.last().unwrap();
        bench.event(Event::Failed { id: stream, why: None });
        bench.pass_ms(10_000);
    }
    // The first poll took ten seconds; the stand-in replies to the next at once.
    bench.calm();
    let calls = bench.office.calls.len();
    bench.pass_ms(500);
    bench.calm();
    assert_eq!(bench.office.calls.len(), calls, "the next poll waits a second");
    assert_asleep(&bench, "between long polls");
    bench.office.ask_login();
    bench.pass_ms(1_000);
    bench.deliver();
    assert_eq!(bench.core.pending(bench.at).len(), 1);
}
