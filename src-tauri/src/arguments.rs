//! Command line of the app.

use std::path::PathBuf;

use clap::Parser;

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
    /// End when standard input is closed; until then each line is a link
    #[arg(long)]
    pub stop_with_stdin: bool,
}
