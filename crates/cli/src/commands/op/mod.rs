//! `countersign op …`: serving the provider, and what an operator does while it runs. One file per command.

mod config_entry;
mod development_certificate;
pub mod device_page_folder;
mod op_backup;
mod op_check;
mod op_client;
mod op_dev_certificate;
mod op_device;
mod op_evidence;
mod op_init;
mod op_keys;
mod op_link;
mod op_serve;
mod op_status;
mod op_trace;
mod op_user;
mod open_provider;
mod reference;

use std::path::PathBuf;

use countersign_op::DirectoryError;

use crate::arguments::Op;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
pub use op_serve::READ_DEVICE_PAGE;
pub use open_provider::open;

/// Runs the command.
///
/// # Errors
/// Why the command ended early.
pub async fn run(command: Op, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    match command {
        Op::Init { config, issuer } => op_init::run(&config, &issuer, home.as_deref(), output),
        Op::Serve { provider, stop_with_stdin } => op_serve::run(&provider, home, stop_with_stdin, output).await,
        Op::Link { user, confirm, provider } => op_link::run(&user, confirm, &provider, home, output).await,
        Op::Check { provider } => op_check::run(&provider, output),
        Op::Backup { to } => op_backup::run(&to, home, output),
        Op::Client { provider, command } => op_client::run(command, &provider, home, output).await,
        Op::User { provider, command } => op_user::run(command, &provider, home, output).await,
        Op::Device { provider, command } => op_device::run(command, &provider, home, output).await,
        Op::Status { provider } => op_status::run(&provider, home, output).await,
        Op::Trace { id, provider } => op_trace::run(&id, &provider, home, output),
        Op::Evidence { id, provider } => op_evidence::run(&id, &provider, home, output),
        Op::DevCertificate { names, to } => op_dev_certificate::run(&names, &to, output),
        Op::Keys { provider, command } => op_keys::run(&command, &provider, home, output),
    }
}

/// What a command names can't be found or read. `list`: the command that lists what there is.
fn lookup_failure(error: &DirectoryError, list: &str) -> Failure {
    let next = match error {
        DirectoryError::Unknown { .. } => format!("; list them: {list}"),
        _ => String::new(),
    };
    Failure::usage(error.code(), format!("{error}{next}"))
}

fn directory_failure(error: DirectoryError) -> Failure {
    Failure::usage(error.code(), error)
}
