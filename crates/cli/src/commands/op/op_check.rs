//! `countersign op check`: whether the provider can start with this configuration, and what in it is not as somebody meant it.

use countersign_device::edge::system::SystemClock;
use countersign_jose::clock::Clock as _;
use countersign_op::{certificate_warnings, check, check_warnings, counted, shared_origin, unusable_keys};
use serde_json::json;

use super::device_page_folder::{self, PageSource};
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
    let page = if read.web_device.enabled { device_page_folder::read()?.map(|(_, source)| source) } else { None };
    if page.is_some() {
        warnings.extend(shared_origin(&read));
    }
    let (page_source, page_folder) = match &page {
        Some(PageSource::Named(folder)) => ("COUNTERSIGN_WEB", Some(folder)),
        Some(PageSource::Beside(folder)) => ("beside_program", Some(folder)),
        Some(PageSource::Embedded) => ("in_program", None),
        None => ("none", None),
    };
    let mut event = json!({
        "event": "checked", "issuer": read.issuer, "clients": clients, "users": users,
        "device_page": { "source": page_source, "folder": page_folder },
    });
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
        let page = match (&page, read.web_device.enabled) {
            (Some(PageSource::Named(folder) | PageSource::Beside(folder)), _) => format!("from {}", folder.display()),
            (Some(PageSource::Embedded), _) => "the one in this program".to_owned(),
            (None, true) => "none is built".to_owned(),
            (None, false) => "switched off in [web_device]".to_owned(),
        };
        let checked = format!("{checked}\nDevice page: {page}.");
        warnings.iter().fold(checked, |text, warning| format!("{text}\nWarning: {warning}"))
    })?;
    Ok(Exit::Ok)
}
