#![doc = include_str!("../README.md")]

pub mod account;
#[cfg(not(target_arch = "wasm32"))]
mod account_task;
#[cfg(not(target_arch = "wasm32"))]
mod answering;
pub mod core;
#[cfg(not(target_arch = "wasm32"))]
mod device;
pub mod device_event;
pub mod domain;
#[cfg(not(target_arch = "wasm32"))]
mod driver;
#[cfg(not(target_arch = "wasm32"))]
pub mod edge;
#[cfg(not(target_arch = "wasm32"))]
mod enroll;
pub mod error;
#[cfg(all(fuzzing, not(target_arch = "wasm32")))]
#[doc(hidden)]
pub mod fuzzing;
pub mod history;
#[cfg(not(target_arch = "wasm32"))]
mod history_view;
#[cfg(not(target_arch = "wasm32"))]
pub mod home;
#[cfg(not(target_arch = "wasm32"))]
mod listeners;
pub mod pin;
pub mod ports;
#[cfg(not(target_arch = "wasm32"))]
pub mod seal;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tick;
pub mod transcript;
#[cfg(not(target_arch = "wasm32"))]
mod unlock;
pub mod view;
#[cfg(not(target_arch = "wasm32"))]
mod waking;

#[cfg(not(target_arch = "wasm32"))]
pub use answering::{AnswerResult, Decision};
#[cfg(not(target_arch = "wasm32"))]
pub use device::{Device, Ports, PullResult};
pub use device_event::DeviceEvent;
#[cfg(not(target_arch = "wasm32"))]
pub use enroll::{EnrollmentResult, LinkPreview};
#[cfg(not(target_arch = "wasm32"))]
pub use history_view::HistoryItem;
#[cfg(not(target_arch = "wasm32"))]
pub use listeners::Events;
