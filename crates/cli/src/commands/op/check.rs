//! `countersign op check`: whether a provider can be started with this configuration.

use std::path::Path;

use countersign_op::{Config, check};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command. Opens neither home nor port.
pub fn run(config: &Path, output: Output) -> Result<Exit, Failure> {
    let read = Config::read(config).map_err(|errors| Failure::usage("configuration", errors))?;
    let faults = check(&read);
    if !faults.is_empty() {
        return Err(Failure::usage("configuration", faults.join("\n")));
    }
    let (clients, users) = (read.clients.len(), read.users.iter().count());
    let event = json!({ "event": "checked", "issuer": read.issuer, "clients": clients, "users": users });
    output.result(&event, |_| {
        format!("{}: fine. {}, {clients} clients and {users} people in the file.", config.display(), read.issuer)
    })?;
    Ok(Exit::Ok)
}
