//! Stand-ins for the machine and for a provider, in this crate's own tests.

mod core_harness;
mod fake_provider;

pub(crate) use core_harness::{CoreHarness, account};
pub(crate) use countersign_testing::{CountingRandom, ManualClock};
pub(crate) use fake_provider::{FakeProvider, FakeTransport, problem};
