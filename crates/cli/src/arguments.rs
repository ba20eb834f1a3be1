//! The command line: every command, its options and what they mean.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use countersign_protocol::id::{ChallengeId, DeviceId};
use countersign_protocol::issuer::Issuer;

/// An authentication device for OpenID CIBA, a provider to try it with, a client, and a verifier.
#[derive(Parser, Debug)]
#[command(name = "countersign", version, arg_required_else_help = true, after_help = AFTER)]
pub struct Arguments {
    /// Print one JSON object a line on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// Keep state in this folder [default: COUNTERSIGN_HOME, or below the platform's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "Exit codes: 0 approved or done, 1 denied, 2 usage or configuration, 3 expired, 4 provider or network,\n\
                     5 verification failed, 6 verified only against keys that came with the file.\n\
                     Environment: COUNTERSIGN_HOME, COUNTERSIGN_PIN, COUNTERSIGN_CLIENT_SECRET, COUNTERSIGN_LOG, NO_COLOR.";

/// What the command can do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Play with it: a provider, a till and Alice's device, in this terminal
    Demo(Demo),
    /// Be the provider
    #[command(subcommand)]
    Op(Op),
    /// Make this device one of a user's, with the link from their provider
    Enroll(Enroll),
    /// List this device's accounts
    Accounts,
    /// List the requests that wait for an answer
    Pending,
    /// List what was asked and how it ended
    History,
    /// Approve or deny a request
    Answer(Answer),
    /// Wait for requests, print them, and answer those that a rule matches
    Watch(Watch),
    /// Be a client: ask, wait, print the tokens
    Request(Request),
    /// Print everything signed about one request, for `countersign verify`
    Evidence {
        /// The request (ch_…)
        id: ChallengeId,
    },
    /// Check evidence, anywhere and offline
    Verify(Verify),
}

/// `countersign demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// Where the provider listens: a loopback address; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,
    /// The https address by which a proxy or tunnel makes the provider reachable for other devices [default: http at --listen]
    #[arg(long, value_name = "URL")]
    pub issuer: Option<Issuer>,
    /// Leave the app's window closed
    #[arg(long)]
    pub no_app: bool,
    /// Throw away the state of an earlier demo on this port
    #[arg(long)]
    pub fresh: bool,
}

/// `countersign op …`
#[derive(Subcommand, Debug)]
pub enum Op {
    /// Serve until stopped
    Serve {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
        /// Stop when standard input closes too: for whoever starts this as a child
        #[arg(long)]
        stop_with_stdin: bool,
    },
    /// Make an enrollment link for a user, then read the code that the device shows
    Link {
        /// The user's `sub`, or one of the user's hints
        user: String,
        /// `none` (test mode only): the device needs no code
        #[arg(long, value_enum, default_value_t = Confirmation::Code)]
        confirm: Confirmation,
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
    },
    /// Read a configuration and tell all that is wrong with it; nothing is opened
    Check {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
    },
    /// Copy the database to a new file, while the provider runs
    Backup {
        /// Where the copy goes; a file that is there is never replaced
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Add, list and remove who may ask, while the provider runs
    Client {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
        /// What to do
        #[command(subcommand)]
        command: OpClient,
    },
    /// Add, list, lock and remove who can be asked, while the provider runs
    User {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
        /// What to do
        #[command(subcommand)]
        command: OpUser,
    },
    /// List and revoke devices, while the provider runs
    Device {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
        /// What to do
        #[command(subcommand)]
        command: OpDevice,
    },
    /// Say in ten lines what works, what doesn't, and the next step
    Status {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
    },
    /// Tell one approval's story: who asked whom, what devices said, what became of it
    Trace {
        /// An approval (ap_…), a challenge (ch_…), or an auth_req_id
        id: String,
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
    },
    /// List the provider's keys, and have them followed by new ones, while the provider runs
    Keys {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
        /// What to do
        #[command(subcommand)]
        command: OpKeys,
    },
}

/// `countersign op client …`
#[derive(Subcommand, Debug)]
pub enum OpClient {
    /// Add a client; its secret is told this once
    Add(Box<AddClient>),
    /// List every client
    List,
    /// Show one client
    Show {
        /// The client
        client_id: String,
    },
    /// Give a client a new secret; the old one is refused from then on
    RotateSecret {
        /// The client
        client_id: String,
    },
    /// Remove a client; what it asked for is withdrawn
    Remove {
        /// The client
        client_id: String,
    },
}

/// `countersign op client add`: options bear the names of the configuration, which has those of OpenID registration.
#[derive(Args, Debug)]
pub struct AddClient {
    /// What it calls itself to the provider
    pub client_id: String,
    /// What people read as the asker
    #[arg(long)]
    pub name: Option<String>,
    /// It belongs to you: it may learn whether a user exists
    #[arg(long)]
    pub first_party: bool,
    /// You vouch for the name
    #[arg(long)]
    pub verified: bool,
    /// Its grants; may be repeated [default: urn:openid:params:grant-type:ciba]
    #[arg(long = "grant-type", value_name = "GRANT")]
    pub grant_types: Vec<String>,
    /// An interaction it can take part in: boolean, number_choose, input_manual; may be repeated
    #[arg(long = "interaction-type", value_name = "TYPE")]
    pub interaction_types: Vec<String>,
    /// How it proves who it is
    #[arg(long, value_name = "METHOD")]
    pub token_endpoint_auth_method: Option<String>,
    /// A file with its public keys (JWKS)
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    pub jwks_file: Option<PathBuf>,
    /// Where its public keys are
    #[arg(long, value_name = "URL")]
    pub jwks_uri: Option<String>,
    /// poll, ping or push
    #[arg(long, value_name = "MODE")]
    pub backchannel_token_delivery_mode: Option<String>,
    /// Where it is told, with ping and push
    #[arg(long, value_name = "URL")]
    pub backchannel_client_notification_endpoint: Option<String>,
    /// ES256, PS256 or RS256
    #[arg(long, value_name = "ALG")]
    pub id_token_signed_response_alg: Option<String>,
    /// The scopes it may ask for, separated by blanks
    #[arg(long)]
    pub scope: Option<String>,
    /// auth0 or fapi-ciba
    #[arg(long)]
    pub profile: Option<String>,
    /// Anything else an entry may hold, for example policy.ttl=2m; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

/// `countersign op user …`
#[derive(Subcommand, Debug)]
pub enum OpUser {
    /// Add somebody who can be asked
    Add(Box<AddUser>),
    /// List everybody
    List,
    /// Change what a login_hint may say for somebody
    Hint {
        /// The user's `sub`, or one of the user's hints
        user: String,
        /// A hint to add; may be repeated
        #[arg(long, value_name = "HINT", required_unless_present = "remove")]
        add: Vec<String>,
        /// A hint to remove; may be repeated
        #[arg(long, value_name = "HINT")]
        remove: Vec<String>,
    },
    /// Lock somebody out: what is pending is withdrawn, and no approval yields tokens any more
    Lock {
        /// The user's `sub`, or one of the user's hints
        user: String,
    },
    /// Let somebody in again
    Unlock {
        /// The user's `sub`, or one of the user's hints
        user: String,
    },
    /// Remove somebody: their devices are revoked
    Remove {
        /// The user's `sub`, or one of the user's hints
        user: String,
    },
}

/// `countersign op user add`
#[derive(Args, Debug)]
pub struct AddUser {
    /// What tokens call the user, forever
    pub sub: String,
    /// What the device shows while enrolling
    #[arg(long)]
    pub name: Option<String>,
    /// Something a login_hint may say for the user: e-mail, phone, card; may be repeated
    #[arg(long = "hint", value_name = "HINT")]
    pub hints: Vec<String>,
    /// Accept devices that answer by themselves
    #[arg(long)]
    pub allow_automated: bool,
    /// Anything else an entry may hold; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

/// `countersign op device …`
#[derive(Subcommand, Debug)]
pub enum OpDevice {
    /// List a user's devices
    List {
        /// The user's `sub`, or one of the user's hints
        user: String,
    },
    /// End a device: what waits for it alone is withdrawn
    Revoke {
        /// The device (dv_…)
        device: DeviceId,
    },
}

/// `countersign op keys …`
#[derive(Subcommand, Debug)]
pub enum OpKeys {
    /// List every key that signs, signed or will sign
    List,
    /// Make new keys; what was signed before stays good
    Rotate {
        /// The former keys are in the wrong hands: what they signed is worth nothing from now on
        #[arg(long)]
        compromised: bool,
    },
}

/// The provider's configuration.
#[derive(Args, Debug)]
pub struct ProviderConfig {
    /// The provider's configuration (TOML)
    #[arg(long, value_name = "FILE", global = true, default_value = "provider.toml")]
    pub config: PathBuf,
    /// A name of the configuration and its value, which goes before the environment and the file, for example policy.ttl=2m; may be
    /// repeated
    #[arg(long, value_name = "NAME=VALUE", global = true)]
    pub configure: Vec<String>,
}

impl ProviderConfig {
    /// This file, without anything of the command line.
    pub fn of(config: PathBuf) -> ProviderConfig {
        ProviderConfig { config, configure: Vec::new() }
    }
}

/// How a new device is confirmed.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Six digits, typed where the link came from.
    Code,
    /// Not at all.
    None,
}

/// Where a PIN comes from when nobody sits at a terminal.
#[derive(Args, Debug, Default)]
pub struct Pin {
    /// Read the PIN from this file [default: COUNTERSIGN_PIN, else the terminal asks]; the device counts as automated
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

/// `countersign enroll`
#[derive(Args, Debug)]
pub struct Enroll {
    /// The link, or - to read it from standard input
    pub link: String,
    /// What the user calls this device [default: this computer's name]
    #[arg(long)]
    pub name: Option<String>,
    /// Do not ask whether provider and user are right
    #[arg(long)]
    pub yes: bool,
    /// The PIN
    #[command(flatten)]
    pub pin: Pin,
}

/// `countersign answer`
#[derive(Args, Debug)]
pub struct Answer {
    /// The request (ch_…), as `countersign pending` lists it
    pub id: ChallengeId,
    /// The answer
    pub decision: Choice,
    /// Why it is denied
    #[arg(long, value_enum)]
    pub reason: Option<Reason>,
    /// The number that the other screen shows, where the request asks for one
    #[arg(long, value_name = "N")]
    pub value: Option<String>,
    /// The PIN
    #[command(flatten)]
    pub pin: Pin,
}

/// Yes or no.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

/// Why no.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[value(rename_all = "snake_case")]
pub enum Reason {
    /// Somebody else asked.
    NotMe,
    /// Asked for by mistake.
    Mistake,
    /// Anything else.
    Other,
}

/// `countersign watch`
#[derive(Args, Debug)]
pub struct Watch {
    /// Approve what has all these members; {} matches everything
    #[arg(long, value_name = "JSON")]
    pub approve_if: Vec<String>,
    /// Deny what has all these members; goes before --approve-if
    #[arg(long, value_name = "JSON")]
    pub deny_if: Vec<String>,
    /// End after this many requests: answered ones once they have ended, others once they were printed
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// The PIN
    #[command(flatten)]
    pub pin: Pin,
}

/// `countersign request`
#[derive(Args, Debug)]
pub struct Request {
    /// The provider
    #[arg(long, value_name = "URL")]
    pub issuer: Issuer,
    /// This client at the provider
    #[arg(long, value_name = "ID")]
    pub client_id: String,
    /// Read the client's secret from this file [default: COUNTERSIGN_CLIENT_SECRET]
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<PathBuf>,
    /// Whom to ask: a subject or one of the user's hints
    #[arg(long, value_name = "HINT")]
    pub login_hint: String,
    /// What to ask for
    #[arg(long, default_value = "openid")]
    pub scope: String,
    /// A line that the user sees on both screens
    #[arg(long, value_name = "TEXT")]
    pub binding_message: Option<String>,
    /// Authorization details: a JSON array, or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    pub authorization_details: Option<String>,
    /// How the user proves that they look at the right request
    #[arg(long, value_enum, value_name = "TYPE")]
    pub interaction: Option<Interaction>,
    /// How long the user may take, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub requested_expiry: Option<u64>,
    /// Stop when standard input closes too: for whoever starts this as a child
    #[arg(long)]
    pub stop_with_stdin: bool,
}

/// The interactions by their names on the wire.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[value(rename_all = "snake_case")]
pub enum Interaction {
    /// Approve or deny.
    Boolean,
    /// Pick the number that the client shows.
    NumberChoose,
    /// Type the number that the client shows.
    InputManual,
}

/// `countersign verify`
#[derive(Args, Debug)]
pub struct Verify {
    /// The evidence, or - for standard input
    pub file: PathBuf,
    /// Whom to trust: ISSUER=THUMBPRINT of its evidence root, or a file {"issuer":…,"root":…}; may be repeated
    #[arg(long, value_name = "ISSUER=THUMBPRINT|FILE")]
    pub trust: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn json_and_home_may_stand_anywhere() {
        for line in ["countersign --json --home d pending", "countersign pending --json --home d"] {
            let read = Arguments::try_parse_from(line.split(' ')).expect(line);
            assert!(read.json && read.home.as_deref() == Some("d".as_ref()), "{line}");
        }
    }

    #[test]
    fn reasons_and_interactions_have_their_names_on_the_wire() {
        let line = "countersign answer ch_x deny --reason not_me";
        let read = Arguments::try_parse_from(line.split(' ')).expect(line);
        assert!(matches!(read.command, Command::Answer(Answer { reason: Some(Reason::NotMe), .. })));
        let line =
            "countersign request --issuer https://a.example --client-id c --login-hint h --interaction input_manual";
        let read = Arguments::try_parse_from(line.split(' ')).expect(line);
        assert!(matches!(read.command, Command::Request(Request { interaction: Some(Interaction::InputManual), .. })));
    }
}
