//! The error of a measurement.

use std::fmt::Display;
use std::io;

/// What failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Failure {
    what: String,
    why: String,
}

impl Failure {
    /// A failure of `what`.
    pub fn new(what: impl Into<String>, why: impl Display) -> Failure {
        Failure { what: what.into(), why: why.to_string() }
    }

    /// Wraps an I/O error of `what`.
    pub fn io(what: &'static str) -> impl FnOnce(io::Error) -> Failure {
        move |error| Failure::new(what, error)
    }
}
