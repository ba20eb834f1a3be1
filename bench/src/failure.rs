//! Why a measurement did not happen, in words.

use std::fmt::Display;
use std::io;

/// What failed, and what was said about it.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Failure {
    what: String,
    why: String,
}

impl Failure {
    /// A failure of this part.
    pub fn of(what: impl Into<String>, why: impl Display) -> Failure {
        Failure { what: what.into(), why: why.to_string() }
    }

    /// Names the part for what the system says about it.
    pub fn io(what: &'static str) -> impl FnOnce(io::Error) -> Failure {
        move |error| Failure::of(what, error)
    }
}
