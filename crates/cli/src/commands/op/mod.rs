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

use countersign_op::DirectoryError;

use crate::failure::Failure;

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
