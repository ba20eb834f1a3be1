//! Options of `countersign request`, the client, and `countersign verify`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use countersign_protocol::issuer::Issuer;

/// `countersign request`
#[derive(Args, Debug)]
pub struct Request {
    /// The provider's issuer URL
    #[arg(long, value_name = "URL")]
    pub issuer: Issuer,
    /// The client's id at the provider
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub client_id: String,
    /// Read the client's secret from this file [default: COUNTERSIGN_CLIENT_SECRET]
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<PathBuf>,
    /// The user to ask: a `sub` or one of the user's hints
    #[arg(long, value_name = "HINT", value_parser = NonEmptyStringValueParser::new())]
    pub login_hint: String,
    /// The scopes to request: a space-delimited list with openid
    #[arg(long, default_value = "openid", value_parser = NonEmptyStringValueParser::new())]
    pub scope: String,
    /// Message shown on the client's screen and on the device
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub binding_message: Option<String>,
    /// The till or counter that it comes from: 1 to 24 characters, shown on the device [default: the client's, if it has one]
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub terminal: Option<String>,
    /// Authorization details: a JSON array, or @FILE
    #[arg(long, value_name = "JSON|@FILE", value_parser = NonEmptyStringValueParser::new())]
    pub authorization_details: Option<String>,
    /// How the user shows that they are looking at the right request
    #[arg(long, value_enum, value_name = "TYPE")]
    pub interaction: Option<Interaction>,
    /// Lifetime of the request, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub requested_expiry: Option<u64>,
    /// Also stop when standard input closes, for a parent process
    #[arg(long)]
    pub stop_with_stdin: bool,
}

/// `interaction_type` of the request.
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
    /// The evidence file, or - for standard input
    pub file: PathBuf,
    /// Trusted evidence root: ISSUER=THUMBPRINT, or a file {"issuer":…,"root":…,"manifest":…}, where manifest (optional) is the hash
    /// of the newest key manifest that you know; may be repeated
    #[arg(long, value_name = "ISSUER=THUMBPRINT|FILE")]
    pub trust: Vec<String>,
    /// Exit with 1 unless it ended approved and was not disputed
    #[arg(long)]
    pub approved: bool,
}
