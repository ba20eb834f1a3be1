//! `countersign op check`: whether the provider can start with this configuration, and what in it is not as somebody meant it.

use countersign_device::edge::system::SystemClock;
use countersign_jose::clock::Clock as _;
use countersign_op::{certificate_warnings, check, check_warnings, counted, unusable_keys};
use serde_json::json;

use super::open_provider::read_config;
use crate::arguments::ProviderConfig;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command. Opens neither home nor port.
pub fn run(config: &ProviderConfig, output: Output) -> Result<Exit, Failure> {
    let read = read_config(config)?;
    let mistakes = check(&read);
    if !mistakes.is_empty() {
        return Err(Failure::usage(ErrorCode::Configuration, mistakes.join("\n")));
    }
    let (clients, users) = (read.clients.len(), read.users.iter().count());
    let mut warnings = unusable_keys(&read);
    warnings.extend(check_warnings(&config.config));
    warnings.extend(certificate_warnings(&read, SystemClock.now()));
    let mut event = json!({ "event": "checked", "issuer": read.issuer, "clients": clients, "users": users });
    if !warnings.is_empty() {
        event["warnings"] = json!(warnings);
    }
    output.result(&event, |_| {
        let checked = format!(
            "{}: no mistakes. {}, {} and {} in the file.",
            config.config.display(),
            read.issuer,
            counted(clients, "client"),
            counted(users, "user")
        );
        warnings.iter().fold(checked, |text, warning| format!("{text}\nWarning: {warning}"))
    })?;
    Ok(Exit::Ok)
}
