#![doc = include_str!("../README.md")]
#![cfg_attr(target_arch = "wasm32", allow(clippy::arc_with_non_send_sync, reason = "one thread there, many natively"))]

mod activity;
mod answer;
mod app;
mod app_state;
mod appearance;
#[cfg(feature = "edge")]
pub mod edge;
mod enrollment;
mod failure;
mod link;
mod look;
pub mod ports;
mod results;
mod secrets;
mod snapshot;
#[cfg(test)]
mod typescript;
mod waking;
mod waking_state;

pub use activity::ActivityEntry;
pub use answer::{AnswerRequest, AnswerResult, Decision};
pub use app::{App, Options};
pub use appearance::Appearance;
pub use enrollment::{EnrollmentResult, LinkPreview};
pub use failure::Failure;
pub use link::{InvalidLink, Link};
pub use look::{AccountLook, Look, WaitingRequest};
pub use results::RequestResult;
pub use secrets::{LinkText, PinText};
pub use snapshot::{AccountLine, Interaction, PendingRequest, Snapshot, Support};
pub use waking::{PushTrial, WakeResult};
pub use waking_state::Waking;
