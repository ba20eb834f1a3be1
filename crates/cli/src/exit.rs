//! Exit codes of the command: stable, so that scripts can act on them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Approved or done.
    Ok = 0,
    /// Denied, or ended without an approval.
    Denied = 1,
    /// The command line or a configuration file is wrong.
    Usage = 2,
    /// Nobody answered in time.
    Expired = 3,
    /// The provider or the network failed.
    Provider = 4,
    /// A signature, or a claim that it covers, does not verify.
    Unverified = 5,
    /// Verified, but only against keys that came with the file.
    OwnKeysOnly = 6,
    /// The signatures hold, but the evidence is incomplete: no outcome, or a manifest is missing.
    Incomplete = 7,
    /// Nobody reads standard output any more, as after `| head`: the code of a process that SIGPIPE ended. Nothing is said, and it
    /// is never taken for approved.
    OutputClosed = 141,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
