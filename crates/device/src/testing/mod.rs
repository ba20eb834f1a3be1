//! Test doubles for this crate's unit tests: a provider, and a harness that drives the core by hand.

#![cfg_attr(
    not(test),
    allow(dead_code, unused_imports, reason = "as WebAssembly, the tests of files and whole devices are absent")
)]

mod core_harness;
#[cfg(test)]
mod fake_keyring;
mod fake_provider;
#[cfg(test)]
mod handed_out_keys;
#[cfg(test)]
mod passkey_keys;
#[cfg(test)]
mod slow_keys;

pub(crate) use core_harness::{CoreHarness, Prompt, account};
pub(crate) use countersign_testing::{CountingRandom, ManualClock};
#[cfg(test)]
pub(crate) use fake_keyring::FakeKeyring;
#[cfg(test)]
pub(crate) use fake_provider::FakeTransport;
pub(crate) use fake_provider::{FakeProvider, problem};
#[cfg(test)]
pub(crate) use handed_out_keys::{HandOut, HandedOutKeys};
#[cfg(test)]
pub(crate) use passkey_keys::{AuthenticatorState, PasskeyKeys};
#[cfg(test)]
pub(crate) use slow_keys::SlowKeys;
