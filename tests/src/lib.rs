//! What the tests that span crates share: the processes of `countersign`, and what stands between and beside them.
//!
//! A test takes a [`test_env::TestEnv`] (its own loopback address, its own folder), starts a [`provider::Provider`] there, enrolls a
//! [`device::Device`] and asks as a [`client::Client`]. Nothing here sleeps: whoever waits, waits for a line, a reply or a closed
//! pipe, and says after thirty seconds what it waited for.

pub mod binary;
pub mod canary;
pub mod client;
pub mod device;
pub mod http;
pub mod process;
pub mod provider;
pub mod proxy;
pub mod receiver;
pub mod test_env;
pub mod tls;
pub mod tokens;
pub mod wire_device;

use std::time::Duration;

/// How long a test waits for anything before it fails: long enough for two busy cores.
pub const PATIENCE: Duration = Duration::from_secs(30);
