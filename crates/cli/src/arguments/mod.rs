//! The command line: every command and its options. The doc comments are the help texts that `--help` prints.

mod client_arguments;
mod device_arguments;
mod op_arguments;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use countersign_protocol::issuer::Issuer;

pub use client_arguments::{Interaction, Request, Verify};
pub use device_arguments::{Answer, Choice, Enroll, Key, Pin, PushTest, Reason, Unenroll, Watch};
pub use op_arguments::{AddClient, AddUser, Confirmation, Op, OpClient, OpDevice, OpKeys, OpUser, ProviderConfig};

/// An authentication device for OpenID CIBA, a provider to try it with, a client, and a verifier.
#[derive(Parser, Debug)]
#[command(name = "countersign", version, arg_required_else_help = true, after_help = AFTER)]
pub struct Arguments {
    /// Print results as JSON, one object per line; nothing else goes to standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Folder for state [default: COUNTERSIGN_HOME, or below the platform's data directory; for the demo: .demo]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// The command
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "Exit codes: 0 approved or done, 1 denied, 2 usage or configuration, 3 expired, 4 provider or network,\n\
                     5 verification failed, 6 verified only against keys that came with the file, 7 no outcome, or a key manifest is missing,\n\
                     141 standard output was closed.\n\
                     Environment: COUNTERSIGN_HOME, COUNTERSIGN_PIN, COUNTERSIGN_KEY, COUNTERSIGN_CLIENT_SECRET, COUNTERSIGN_LOG,\n\
                     COUNTERSIGN_LOG_FORMAT, NO_COLOR; COUNTERSIGN_OP_… for a provider's settings.";

/// The commands of `countersign`.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Try it out: a provider, a till and Alice's device, in this terminal
    Demo(Demo),
    /// Run and administer a provider
    #[command(subcommand)]
    Op(Op),
    /// Enroll this device for a user, with an enrollment link from their provider
    Enroll(Enroll),
    /// List this device's accounts
    Accounts,
    /// List what can protect keys on this machine, and why not more
    Keys,
    /// Take an account off this device: destroy its keys. Its history and its evidence stay
    Unenroll(Unenroll),
    /// List pending requests
    Pending,
    /// List past requests and how each ended
    History {
        /// Only this one: a request's id (ch_…), or the reference that people say (K7Q2-9FDM)
        #[arg(value_name = "ID|REF")]
        which: Option<String>,
    },
    /// Approve or deny a request
    Answer(Answer),
    /// Wait for requests, print them, and answer those that a rule matches
    Watch(Watch),
    /// Have the provider push to this device now, and print how long each step took
    PushTest(PushTest),
    /// Act as a CIBA client: send a request, wait, print the tokens
    Request(Request),
    /// Print the signed evidence of one request, for `countersign verify`
    Evidence {
        /// The request's id (ch_…), or the reference that people say (K7Q2-9FDM)
        #[arg(value_name = "ID|REF")]
        which: String,
    },
    /// Verify evidence offline
    Verify(Verify),
}

/// `countersign demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// Address the provider listens on: a loopback address; if its port is taken, the next free one; port 0 picks a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,
    /// Public https URL of the provider behind a proxy or tunnel, for devices on other machines [default: http at --listen]
    #[arg(long, value_name = "URL")]
    pub issuer: Option<Issuer>,
    /// Do not open the app
    #[arg(long)]
    pub no_app: bool,
    /// Delete the state of an earlier demo on this port
    #[arg(long)]
    pub fresh: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn json_and_home_may_come_before_or_after_the_command() {
        for line in ["countersign --json --home d pending", "countersign pending --json --home d"] {
            let read = Arguments::try_parse_from(line.split(' ')).expect(line);
            assert!(read.json && read.home.as_deref() == Some("d".as_ref()), "{line}");
        }
    }

    #[test]
    fn reasons_and_interactions_use_their_wire_names() {
        let line = "countersign answer ch_x deny --reason not_me";
        let read = Arguments::try_parse_from(line.split(' ')).expect(line);
        assert!(matches!(read.command, Command::Answer(Answer { reason: Some(Reason::NotMe), .. })));
        let line =
            "countersign request --issuer https://a.example --client-id c --login-hint h --interaction input_manual";
        let read = Arguments::try_parse_from(line.split(' ')).expect(line);
        assert!(matches!(read.command, Command::Request(Request { interaction: Some(Interaction::InputManual), .. })));
    }
}
