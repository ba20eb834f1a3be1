//! Options of `countersign op …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use countersign_protocol::id::DeviceId;
use countersign_protocol::issuer::Issuer;

use crate::server_name::ServerName;

/// `countersign op …`
#[derive(Subcommand, Debug)]
pub enum Op {
    /// Write a first configuration with every setting, make its secrets, and print the next commands
    Init {
        /// The configuration file to write; existing files are never replaced
        #[arg(long, value_name = "FILE", default_value = "provider.toml")]
        config: PathBuf,
        /// The provider's issuer URL; never changes. The default is for trying it on this machine
        #[arg(long, value_name = "URL", default_value = "http://localhost:8787")]
        issuer: Issuer,
    },
    /// Serve the provider until stopped
    Serve {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
        /// Also stop when standard input closes, for a parent process
        #[arg(long)]
        stop_with_stdin: bool,
    },
    /// Make an enrollment link for a user, then read the confirmation code that the device shows
    Link {
        /// The user's `sub`, or one of the user's hints
        user: String,
        /// How the device is confirmed; `none` is for test mode only
        #[arg(long, value_enum, default_value_t = Confirmation::Code)]
        confirm: Confirmation,
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
    },
    /// Check a configuration and list every mistake; opens neither database nor port
    Check {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
    },
    /// Copy the database to a new file; works while the provider runs
    Backup {
        /// Path of the copy; an existing file is never replaced
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Add, list and remove clients; works while the provider runs
    Client {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
        /// The command
        #[command(subcommand)]
        command: OpClient,
    },
    /// Add, list, lock and remove users; works while the provider runs
    User {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
        /// The command
        #[command(subcommand)]
        command: OpUser,
    },
    /// List and revoke devices; works while the provider runs
    Device {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
        /// The command
        #[command(subcommand)]
        command: OpDevice,
    },
    /// Check what works and what does not, and name the next step
    Status {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
    },
    /// Print the history of one approval: the request, the devices asked, their answers, the outcome, the tokens
    Trace {
        /// An approval (ap_…) or its reference (K7Q2-9FDM), a challenge (ch_…), or an auth_req_id
        id: String,
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
    },
    /// Print the evidence of one approval from the provider's record, for `countersign verify`
    Evidence {
        /// An approval (ap_…) or its reference (K7Q2-9FDM), a challenge (ch_…), or an auth_req_id
        id: String,
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
    },
    /// Make a certificate for trying the provider from other machines, and print how to trust it there
    DevCertificate {
        /// Host names and IP addresses that the provider is called by; one must be a host name
        #[arg(required = true, value_name = "NAME")]
        names: Vec<ServerName>,
        /// Folder for dev-ca.crt, dev-cert.pem and dev-key.pem; existing files are never replaced
        #[arg(long, value_name = "DIR", default_value = ".")]
        to: PathBuf,
    },
    /// List and rotate the provider's keys; works while the provider runs
    Keys {
        /// The provider
        #[command(flatten)]
        provider: ProviderConfig,
        /// The command
        #[command(subcommand)]
        command: OpKeys,
    },
}

/// `countersign op client …`
#[derive(Subcommand, Debug)]
pub enum OpClient {
    /// Add a client; its secret is printed only this once
    Add(Box<AddClient>),
    /// List every client
    List,
    /// Show one client
    Show {
        /// The client
        client_id: String,
    },
    /// Replace a client's secret; the old one is refused at once
    RotateSecret {
        /// The client
        client_id: String,
    },
    /// Remove a client; its pending requests are withdrawn
    Remove {
        /// The client
        client_id: String,
    },
}

/// `countersign op client add`: options are named as in the configuration, which uses the names of OpenID Connect Dynamic Client
/// Registration 1.0.
#[derive(Args, Debug)]
pub struct AddClient {
    /// The client's id
    pub client_id: String,
    /// The client's name as users see it
    #[arg(long)]
    pub name: Option<String>,
    /// A client of your own: it may learn whether a user exists
    #[arg(long)]
    pub first_party: bool,
    /// You have verified the client's name
    #[arg(long)]
    pub verified: bool,
    /// A grant type it may use; may be repeated [default: urn:openid:params:grant-type:ciba]
    #[arg(long = "grant-type", value_name = "GRANT")]
    pub grant_types: Vec<String>,
    /// An interaction it supports: boolean, number_choose, input_manual; may be repeated
    #[arg(long = "interaction-type", value_name = "TYPE")]
    pub interaction_types: Vec<String>,
    /// How it authenticates at the token endpoint
    #[arg(long, value_name = "METHOD")]
    pub token_endpoint_auth_method: Option<String>,
    /// File with its public keys (JWKS)
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    pub jwks_file: Option<PathBuf>,
    /// URL of its public keys (JWKS)
    #[arg(long, value_name = "URL")]
    pub jwks_uri: Option<String>,
    /// Token delivery mode: poll, ping or push
    #[arg(long, value_name = "MODE")]
    pub backchannel_token_delivery_mode: Option<String>,
    /// Its notification endpoint, for ping and push
    #[arg(long, value_name = "URL")]
    pub backchannel_client_notification_endpoint: Option<String>,
    /// Algorithm of its ID tokens: ES256, PS256 or RS256
    #[arg(long, value_name = "ALG")]
    pub id_token_signed_response_alg: Option<String>,
    /// The scopes it may request: a space-delimited list
    #[arg(long)]
    pub scope: Option<String>,
    /// Profile: auth0 or fapi-ciba
    #[arg(long)]
    pub profile: Option<String>,
    /// Any other setting of a client, for example policy.ttl=2m; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

/// `countersign op user …`
#[derive(Subcommand, Debug)]
pub enum OpUser {
    /// Add a user
    Add(Box<AddUser>),
    /// List every user
    List,
    /// Add or remove hints: what a login_hint may say for a user
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
    /// Lock a user: pending requests are withdrawn, and no approval yields tokens any more
    Lock {
        /// The user's `sub`, or one of the user's hints
        user: String,
    },
    /// Unlock a user
    Unlock {
        /// The user's `sub`, or one of the user's hints
        user: String,
    },
    /// Remove a user and revoke their devices
    Remove {
        /// The user's `sub`, or one of the user's hints
        user: String,
    },
}

/// `countersign op user add`
#[derive(Args, Debug)]
pub struct AddUser {
    /// The user's `sub` in tokens; never changes
    pub sub: String,
    /// The user's name, shown while a device enrolls
    #[arg(long)]
    pub name: Option<String>,
    /// A hint for the user, such as an e-mail address, phone or card number; may be repeated
    #[arg(long = "hint", value_name = "HINT")]
    pub hints: Vec<String>,
    /// Accept automated devices
    #[arg(long)]
    pub allow_automated: bool,
    /// Any other setting of a user; may be repeated
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
    /// Push to a device now, and print how many milliseconds each step took
    PushTest {
        /// The device's id (dv_…)
        device: DeviceId,
    },
    /// Revoke a device; requests that only it could answer are withdrawn
    Revoke {
        /// The device's id (dv_…)
        device: DeviceId,
    },
}

/// `countersign op keys …`
#[derive(Subcommand, Debug)]
pub enum OpKeys {
    /// List current, former and next signing keys
    List,
    /// Make new keys; existing signatures stay valid
    Rotate {
        /// The former keys are compromised: their signatures are void from now on
        #[arg(long)]
        compromised: bool,
        /// Only the key that push services know this provider by; every device subscribes anew. Without this it is kept, unless compromised
        #[arg(long)]
        push: bool,
    },
}

/// The provider's configuration.
#[derive(Args, Debug)]
pub struct ProviderConfig {
    /// Configuration file of the provider (TOML)
    #[arg(long, value_name = "FILE", global = true, default_value = "provider.toml")]
    pub config: PathBuf,
    /// Override a setting of the environment and the file, for example policy.ttl=2m; may be repeated
    #[arg(long, value_name = "NAME=VALUE", global = true)]
    pub configure: Vec<String>,
}

impl ProviderConfig {
    /// This file, without overrides.
    pub fn of(config: PathBuf) -> ProviderConfig {
        ProviderConfig { config, configure: Vec::new() }
    }
}

/// How a new device is confirmed; `None` only in test mode.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Six digits that the device shows, typed where the link came from.
    Code,
    /// No confirmation.
    None,
}
