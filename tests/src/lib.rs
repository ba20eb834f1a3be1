//! Shared code of the tests that span crates: the processes of `countersign`, a proxy between them, and an HTTP client.
//!
//! A test makes a [`test_env::TestEnv`] (its own loopback address, its own folder), starts a [`provider::Provider`] there, enrolls
//! a [`device::Device`] and sends requests as a [`client::Client`]. Nothing here sleeps: every wait is for a line, a response or a
//! closed pipe, and fails after thirty seconds with what it waited for.

pub mod binary;
pub mod canary;
pub mod client;
pub mod device;
pub mod http;
pub mod process;
pub mod provider;
pub mod proxy;
pub mod receiver;
pub mod session;
pub mod test_env;
pub mod tls;
pub mod tokens;
pub mod wire_device;

use std::time::Duration;

/// Longest wait before a test fails: enough for two busy cores.
pub const PATIENCE: Duration = Duration::from_secs(30);
