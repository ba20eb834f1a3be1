//! `countersign op backup | check | client | user | device | keys | status | trace`: what an operator does while the provider runs.

pub mod backup;
pub mod check;
pub mod client;
pub mod device;
mod entry;
pub mod keys;
pub mod status;
pub mod trace;
pub mod user;

use std::path::PathBuf;

use countersign_op::{DirectoryError, Provider};

use super::op_serve;
use crate::arguments::ProviderConfig;
use crate::failure::Failure;

/// Opens the provider beside the process that serves it.
fn beside(config: &ProviderConfig, home: Option<PathBuf>) -> Result<Provider, Failure> {
    op_serve::open(config, home, Provider::open_for_admin)
}

fn failed(error: DirectoryError) -> Failure {
    let code = match &error {
        DirectoryError::Taken { .. } => "taken",
        DirectoryError::Unknown { .. } => "unknown",
        DirectoryError::InFile { .. } => "in_file",
        DirectoryError::NoSecret { .. } => "no_secret",
        DirectoryError::Entry(_) => "invalid_entry",
        _ => "provider",
    };
    Failure::usage(code, error)
}
