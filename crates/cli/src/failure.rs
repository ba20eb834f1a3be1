//! The error of a command: a stable code, a message for people, and the exit code.

use std::fmt;

use crate::exit::Exit;

/// A command that ended early.
#[derive(Debug)]
pub struct Failure {
    /// What the process exits with.
    pub exit: Exit,
    /// Stable, in snake_case; from [`ErrorCode`](crate::error_code::ErrorCode) or an error's `code()`.
    pub code: &'static str,
    /// What happened and what to do.
    pub message: String,
}

impl Failure {
    /// The command line, a file named on it or the configuration is wrong.
    pub fn usage(code: impl Into<&'static str>, message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Usage, code: code.into(), message: message.to_string() }
    }

    /// The provider or the network failed.
    pub fn provider(code: impl Into<&'static str>, message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Provider, code: code.into(), message: message.to_string() }
    }

    /// A signature, or a claim that it covers, does not verify.
    pub fn unverified(code: impl Into<&'static str>, message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Unverified, code: code.into(), message: message.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
