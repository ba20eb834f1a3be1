//! Command line of the app.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Approve what is asked of you, with proof.
#[derive(Parser)]
#[command(name = "countersign-app", version)]
pub struct Arguments {
    /// An enrollment link: https://…, countersign://enroll?link=…, or - to read it from standard input
    #[arg(value_name = "LINK")]
    pub link: Option<String>,
    /// Where accounts and keys are kept; one process holds a home
    #[arg(long, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Where approval keys of new accounts are kept [default: in the keyring too, if one answers]
    #[arg(long, value_enum, env = "COUNTERSIGN_KEY", hide_env = true)]
    pub key: Option<Key>,
    /// End when standard input is closed; until then each line is a link
    #[arg(long)]
    pub stop_with_stdin: bool,
}

/// Where an approval key is kept.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// In a file sealed under the PIN and a secret in this session's keyring.
    Keyring,
    /// In a file sealed under the PIN alone.
    File,
}
