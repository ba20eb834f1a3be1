//! Test doubles for this crate's unit tests: a provider, and a harness that drives the core by hand.

mod core_harness;
mod fake_provider;
mod handed_out_keys;
mod slow_keys;

pub(crate) use core_harness::{CoreHarness, Prompt, account};
pub(crate) use countersign_testing::{CountingRandom, ManualClock};
pub(crate) use fake_provider::{FakeProvider, FakeTransport, problem};
pub(crate) use handed_out_keys::{HandOut, HandedOutKeys};
pub(crate) use slow_keys::SlowKeys;
