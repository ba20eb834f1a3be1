#![doc = include_str!("../README.md")]
#![expect(clippy::missing_panics_doc, reason = "a fixture panics where a test would fail")]

#[cfg(not(target_arch = "wasm32"))]
pub mod certificates;
pub mod clock;
pub mod device;
pub mod fixture;
#[cfg(not(target_arch = "wasm32"))]
pub mod https_server;
pub mod passkey;
#[cfg(not(target_arch = "wasm32"))]
pub mod push_service;
pub mod random;

pub use clock::ManualClock;
pub use device::TestDevice;
pub use http;
pub use passkey::TestPasskey;
pub use random::CountingRandom;
#[cfg(not(target_arch = "wasm32"))]
pub use rcgen;
