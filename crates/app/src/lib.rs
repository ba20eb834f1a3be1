//! The app without its window: what a window may ask of the device, and what it is told.
//!
//! Every question of a page goes through [`App`], which checks it as if the page were hostile. Every answer is one of the types
//! here, whose TypeScript twins in `ui/src/backend/types.ts` are made from them. Neither a PIN nor a link is ever among what a
//! page is told.

mod answer;
mod app;
mod appearance;
mod enrolling;
mod failure;
mod keepsakes;
mod link;
mod looking_back;
mod results;
mod secrets;
mod snapshot;
#[cfg(test)]
mod typescript;

pub use answer::{AnswerResult, Decision, Said};
pub use app::{App, Options};
pub use appearance::Appearance;
pub use enrolling::{EnrollmentResult, LinkPreview};
pub use failure::Failure;
pub use link::{Link, NotALink};
pub use looking_back::ActivityEntry;
pub use results::RequestResult;
pub use secrets::{LinkText, PinText};
pub use snapshot::{AccountLine, Interaction, Line, PendingRequest, Snapshot, Support};
