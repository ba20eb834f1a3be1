//! Options of the commands of a device: `countersign enroll`, `answer` and `watch`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use countersign_device::account::AccountId;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::id::ChallengeId;

/// Source of the PIN where there is no terminal.
#[derive(Args, Debug, Default)]
pub struct Pin {
    /// Read the PIN from this file [default: COUNTERSIGN_PIN, else the terminal asks]; the device counts as automated
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

/// `countersign enroll`
#[derive(Args, Debug)]
pub struct Enroll {
    /// The enrollment link, or - to read it from standard input
    pub link: String,
    /// Name of this device [default: this computer's name]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,
    /// Where the approval key is kept, or nothing is enrolled [default: the first that `countersign keys` lists as available]
    #[arg(long, value_enum, env = "COUNTERSIGN_KEY", hide_env = true)]
    pub key: Option<Key>,
    /// Do not ask for confirmation of provider and user
    #[arg(long)]
    pub yes: bool,
    /// The PIN
    #[command(flatten)]
    pub pin: Pin,
}

/// `countersign unenroll`
#[derive(Args, Debug)]
pub struct Unenroll {
    /// The account (ac_…), as `countersign accounts` lists it
    pub account: AccountId,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
}

/// Where an approval key is kept.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// In a file sealed under the PIN and a secret in this session's keyring.
    Keyring,
    /// In a file sealed under the PIN alone.
    File,
}

/// `countersign answer`
#[derive(Args, Debug)]
pub struct Answer {
    /// The request's id (ch_…), as `countersign pending` lists it
    #[arg(value_parser = request_id)]
    pub id: ChallengeId,
    /// The answer
    pub decision: Choice,
    /// Why the request is denied
    #[arg(long, value_enum)]
    pub reason: Option<Reason>,
    /// The number on the client's screen, if the request asks for one
    #[arg(long, value_name = "N", value_parser = NonEmptyStringValueParser::new())]
    pub value: Option<String>,
    /// The PIN
    #[command(flatten)]
    pub pin: Pin,
}

/// A request that waits has no reference yet: what is approved is what the device shows, never what another screen is called.
fn request_id(text: &str) -> Result<ChallengeId, String> {
    text.parse().map_err(|error| match text.parse::<ApprovalRef>() {
        Ok(_) => {
            "a reference is for requests that have ended, and is never compared before approving; use the request's id \
                  (ch_…): `countersign pending` lists them"
                .to_owned()
        }
        Err(_) => format!("{error}; `countersign pending` lists them"),
    })
}

/// The person's decision.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Approve the request.
    Approve,
    /// Deny the request.
    Deny,
}

/// Why a request is denied (`denial_reason`).
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[value(rename_all = "snake_case")]
pub enum Reason {
    /// The person did not start it.
    NotMe,
    /// Started by mistake.
    Mistake,
    /// Any other reason.
    Other,
}

/// `countersign watch`
#[derive(Args, Debug)]
pub struct Watch {
    /// Approve requests that have all these members; {} matches every request; may be repeated
    #[arg(long, value_name = "JSON")]
    pub approve_if: Vec<String>,
    /// Deny requests that have all these members; takes precedence over --approve-if; may be repeated
    #[arg(long, value_name = "JSON")]
    pub deny_if: Vec<String>,
    /// Be woken by pushes to this loopback address in place of a stream (port 0: a free one); for providers in test mode
    #[arg(long, value_name = "LISTEN")]
    pub push: Option<SocketAddr>,
    /// Exit after this many requests: answered ones count when they have ended, others when printed
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// The PIN
    #[command(flatten)]
    pub pin: Pin,
}

/// `countersign push-test`
#[derive(Args, Debug)]
pub struct PushTest {
    /// The account (ac_…), if several take part, as `countersign accounts` lists them
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<AccountId>,
    /// Register this loopback address for the test (port 0: a free one), in place of the device's own; for providers in test mode
    #[arg(long, value_name = "LISTEN")]
    pub push: Option<SocketAddr>,
}
