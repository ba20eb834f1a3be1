//! Tests that drive provider, device and client as processes of `countersign`, over real HTTP.
//!
//! One binary, since each links the same crates; every test has an address and a folder of its own
//! ([`countersign_tests::test_env::TestEnv`]), so that they run beside each other.

mod accounts;
mod client_errors;
mod command_line;
mod concurrent_answers;
mod crash_recovery;
mod demo;
mod dev_certificate;
mod device_page;
mod enrollment;
mod evidence;
mod first_push;
#[cfg(target_os = "linux")]
mod keyring;
mod link_qr_code;
mod localhost;
mod no_approver_bypass;
mod number_interactions;
mod op_commands;
mod op_init;
mod passkeys;
mod ping_and_push;
mod practice;
mod push;
mod reconnect;
mod request_outcomes;
mod secret_leaks;
mod watch_push;
