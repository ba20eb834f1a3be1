//! `countersign op check`: whether a provider can be started with this configuration.

use countersign_op::check;
use serde_json::json;

use super::open_provider::read_config;
use crate::arguments::ProviderConfig;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command. Opens neither home nor port.
pub fn run(config: &ProviderConfig, output: Output) -> Result<Exit, Failure> {
    let read = read_config(config)?;
    let faults = check(&read);
    if !faults.is_empty() {
        return Err(Failure::usage("configuration", faults.join("\n")));
    }
    let (clients, users) = (read.clients.len(), read.users.iter().count());
    let event = json!({ "event": "checked", "issuer": read.issuer, "clients": clients, "users": users });
    output.result(&event, |_| {
        format!("{}: fine. {}, {clients} clients and {users} people in the file.", config.config.display(), read.issuer)
    })?;
    Ok(Exit::Ok)
}
