//! Whose clock counts.

use countersign_protocol::clock::Timestamp;

use crate::core::Event;
use crate::error::AnswerError;
use crate::testing::Bench;

const DAY_MS: u64 = 86_400_000;

#[test]
fn attack_23_a_clock_set_back_does_not_bring_an_expired_request_back() {
    for own_clock in [-1, 1] {
        let mut bench = Bench::new();
        let real = bench.at.wall.millis();
        bench.set_wall(Timestamp::from_millis(real.checked_add_signed(own_clock * DAY_MS as i64).unwrap()));
        let id = bench.office.ask_login();
        bench.event(Event::Wake);
        bench.calm();
        assert_eq!(bench.core.pending(bench.at).len(), 1, "a wrong clock hides nothing either");
        assert_eq!(bench.core.offline(), None);
        // The same again after its end: refused on the device, whatever its own clock says.
        bench.pass_ms(301_000);
        assert_eq!(bench.core.pending(bench.at).len(), 0);
        assert!(matches!(bench.approve(&id, None), Err(AnswerError::Expired)));
        assert_eq!(bench.office.answers.len(), 0);
    }
}

#[test]
fn attack_23_a_wrong_clock_costs_one_silent_retry() {
    let mut bench = Bench::new();
    let real = bench.at.wall.millis();
    bench.set_wall(Timestamp::from_millis(real + DAY_MS));
    let id = bench.office.ask_login();
    bench.event(Event::Wake);
    bench.calm();
    let calls = bench.office.calls.len();
    assert!(calls <= 3, "clock and nonce cost at most one retry each, not {calls} calls");
    bench.approve(&id, None).unwrap();
    bench.calm();
    let answer = bench.office.answers[0].peek().unwrap();
    assert!(answer.iat.abs_diff(bench.office.now.seconds()) <= 1, "signed in the provider's time");
}

#[test]
fn a_clock_changed_between_two_steps_makes_the_device_ask_again() {
    let mut bench = Bench::pulled();
    bench.office.ask_login();
    bench.set_wall(Timestamp::from_millis(bench.at.wall.millis() + DAY_MS));
    bench.event(Event::Tick);
    bench.calm();
    assert_eq!(bench.core.pending(bench.at).len(), 1);
}
