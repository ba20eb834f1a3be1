//! Model-based test: whatever clients, devices, time, an operator and power cuts do in whatever order, a request gets one
//! verdict at most, one token set at most, none after expiry, denial or withdrawal, and its tokens say what was signed.
//!
//! [`scenario`] generates the steps. [`runner`] runs them on a real provider over a real file. [`model`] says what must have
//! come of it: after every step the provider's file is read and compared. After a power cut it may be as before the step or
//! as after it, and nothing else; of several things at once, it must be as if they had happened in some order.
//!
//! `PROPTEST_CASES=5000 cargo test -p countersign-op --test provider model_based` runs more scenarios,
//! `PROPTEST_RNG_SEED=2` others. Each failure prints the shortest scenario that was found for it.

mod model;
mod runner;
mod scenario;
mod stored_state;

use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use proptest_state_machine::{ReferenceStateMachine as _, StateMachineTest as _};
use runner::Runner;
use scenario::Scenario;

/// Scenarios of one run, a few seconds' worth.
const SCENARIOS: u32 = 80;

fn config() -> Config {
    let told = Config::default();
    let is_set = |name| std::env::var_os(name).is_some();
    Config {
        cases: if is_set("PROPTEST_CASES") { told.cases } else { SCENARIOS },
        // The same scenarios every time, unless others are asked for: a test that fails can be run again.
        rng_seed: if is_set("PROPTEST_RNG_SEED") { told.rng_seed } else { RngSeed::Fixed(1) },
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..told
    }
}

#[test]
fn no_scenario_ends_with_two_verdicts_two_token_sets_or_tokens_for_what_was_not_signed() {
    let config = config();
    let scenarios = Scenario::sequential_strategy(20..80);
    let told = TestRunner::new(config.clone()).run(&scenarios, |(scenario, steps, seen)| {
        Runner::test_sequential(config.clone(), scenario, steps, seen);
        Ok(())
    });
    if let Err(TestError::Fail(why, (_, steps, _))) = &told {
        let lines: String = steps.iter().enumerate().map(|(n, step)| format!("{:>4}. {step:?}\n", n + 1)).collect();
        panic!("The shortest scenario that goes wrong, with three devices enrolled:\n{lines}{why}");
    }
    told.expect("scenarios can be generated");
    if config.cases < SCENARIOS {
        return;
    }
    // A run that never gets so far would prove nothing.
    let seen = runner::SEEN.lock().expect("nobody panicked");
    for end in
        ["tokens", "Approved", "Denied", "Mismatch", "Expired", "Cancelled", "DeviceRevoked", "Refused", "disputed"]
    {
        assert!(seen.get(end).is_some_and(|times| *times > 4), "{end} is in too few scenarios: {seen:?}");
    }
}
