#![doc = include_str!("../README.md")]

mod activity;
mod answer;
mod app;
mod app_state;
mod appearance;
mod enrollment;
mod failure;
mod link;
mod results;
mod secrets;
mod snapshot;
#[cfg(test)]
mod typescript;

pub use activity::ActivityEntry;
pub use answer::{AnswerRequest, AnswerResult, Decision};
pub use app::{App, Options};
pub use appearance::Appearance;
pub use enrollment::{EnrollmentResult, LinkPreview};
pub use failure::Failure;
pub use link::{InvalidLink, Link};
pub use results::RequestResult;
pub use secrets::{LinkText, PinText};
pub use snapshot::{AccountLine, Interaction, PendingRequest, Snapshot, Support};
