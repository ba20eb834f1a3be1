#![doc = include_str!("../README.md")]
#![cfg_attr(target_arch = "wasm32", allow(clippy::arc_with_non_send_sync, reason = "one thread there, many natively"))]

#[cfg(all(feature = "wasm-tests", not(test)))]
#[macro_use]
extern crate countersign_wasm_test;

pub mod account;
mod account_task;
mod answering;
pub mod core;
mod device;
pub mod device_event;
pub mod domain;
mod driver;
#[cfg(feature = "edge")]
pub mod edge;
mod enroll;
pub mod error;
#[cfg(all(fuzzing, feature = "edge"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod history;
mod history_view;
#[cfg(feature = "edge")]
pub mod home;
mod leaving;
mod link_preview;
mod listeners;
mod new_account;
pub mod pin;
pub mod ports;
mod public_suffix;
mod resume;
pub mod seal;
mod shared;
mod signing;
pub mod sse;
mod subscription;
#[cfg(any(test, feature = "wasm-tests"))]
mod testing;
#[cfg(all(test, feature = "edge"))]
mod tests;
mod tick;
pub mod transcript;
mod unlock;
pub mod view;
mod waking;

pub use answering::{AnswerResult, Decision};
pub use device::{Device, Ports, PullResult};
pub use device_event::DeviceEvent;
pub use enroll::EnrollmentResult;
pub use history_view::{AccountEnd, HistoryItem};
pub use leaving::Unenrolled;
pub use link_preview::LinkPreview;
pub use listeners::Events;
pub use subscription::PushWatch;
