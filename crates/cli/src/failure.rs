//! Why a command could not do its work: a stable code, words for a person, and the exit code.

use std::fmt;

use crate::exit::Exit;

/// A command that ended early.
#[derive(Debug)]
pub struct Failure {
    /// What the process exits with.
    pub exit: Exit,
    /// Stable; scripts may compare it.
    pub code: &'static str,
    /// What happened and what to do.
    pub message: String,
}

impl Failure {
    /// The command line, a file named on it or the configuration is wrong.
    pub fn usage(code: &'static str, message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Usage, code, message: message.to_string() }
    }

    /// The provider, or the way to it.
    pub fn provider(code: &'static str, message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Provider, code, message: message.to_string() }
    }

    /// A signature or what it is about does not hold.
    pub fn unverified(code: &'static str, message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Unverified, code, message: message.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
