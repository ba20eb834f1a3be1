//! The app without its window: what a window may ask of the device, and what it is told.
//!
//! Every question of a page goes through [`App`], which checks it as if the page were hostile. Every answer is one of the types
//! here, whose TypeScript types in `ui/src/backend/types.ts` are made from them. Neither a PIN nor a link is ever among what a
//! page is told.

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
pub use snapshot::{AccountLine, Interaction, Line, PendingRequest, Snapshot, Support};
