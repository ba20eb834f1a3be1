#![doc = include_str!("../README.md")]
#![expect(clippy::missing_panics_doc, reason = "a fixture panics where a test would fail")]

pub mod certificates;
pub mod clock;
pub mod device;
pub mod fixture;
pub mod https_server;
pub mod passkey;
pub mod push_service;
pub mod random;

pub use clock::ManualClock;
pub use device::TestDevice;
pub use passkey::TestPasskey;
pub use random::CountingRandom;
pub use {http, rcgen};
