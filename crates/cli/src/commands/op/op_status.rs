//! `countersign op status`: what works, what does not, and the next step.

use std::path::PathBuf;

use countersign_jose::secret::Secret;
use countersign_op::{Config, Provider, StatusLine, check};
use countersign_protocol::discovery::Mode;
use countersign_protocol::issuer::Issuer;
use serde_json::json;

use super::open_provider::{open_to_look, read_config};
use crate::arguments::ProviderConfig;
use crate::ciba_client::{HttpClient, discover};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{self, HomeKind};
use crate::next_command::ProviderCommands;
use crate::output::Output;

/// Runs the command. Exits with [`Exit::Provider`] if something does not work.
pub async fn run(config: &ProviderConfig, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let read = read_config(config)?;
    let hints = ProviderCommands::new(config, home.as_deref());
    let folder = home::folder(home.clone(), HomeKind::Provider)?;
    // What is looked at is not made: an unused home may be the wrong folder.
    let mut lines = vec![configuration(&read)];
    match Provider::exists_at(&folder) {
        true => {
            lines.push(address(&read.issuer).await);
            let provider = open_to_look(config, home)?;
            lines.extend(provider.status().await.map_err(|error| Failure::usage(error.code(), error))?);
        }
        false => lines.push(StatusLine::problem(
            "process",
            format!(
                "no provider has served from {} yet; if yours serves from another folder, pass that one as --home",
                folder.display()
            ),
            "start it: countersign op serve",
        )),
    }
    for line in &mut lines {
        line.next = line.next.take().map(|next| hints.complete(&next));
    }
    for line in &lines {
        let event = json!({
            "event": "status",
            "name": line.name,
            "ok": line.next.is_none(),
            "detail": line.detail,
            "next": line.next,
        });
        output.result(&event, |paint| {
            let mark = if line.next.is_none() { paint.green("ok") } else { paint.red("!!") };
            format!("{mark}  {:<14} {}", line.name, line.detail)
        })?;
    }
    let next = lines.iter().find_map(|line| line.next.as_deref());
    output.result(&json!({ "event": "next", "step": next }), |paint| match next {
        // A command is copied with what follows it.
        Some(next) if next.contains("countersign op ") => format!("\n{} {next}", paint.bold("Next:")),
        Some(next) => format!("\n{} {next}.", paint.bold("Next:")),
        None => "\nEverything works.".to_owned(),
    })?;
    Ok(if next.is_none() { Exit::Ok } else { Exit::Provider })
}

fn configuration(config: &Config) -> StatusLine {
    const NAME: &str = "configuration";
    match check(config).into_iter().next() {
        Some(fault) => StatusLine::problem(NAME, fault, "list every mistake: countersign op check"),
        None => StatusLine::ok(
            NAME,
            format!("{}{}", config.issuer, if config.mode == Mode::Test { ", in test mode" } else { "" }),
        ),
    }
}

/// Whether the issuer's URL reaches the provider from this machine.
async fn address(issuer: &Issuer) -> StatusLine {
    const NAME: &str = "address";
    let found = match HttpClient::new("status", &Secret::new(String::new())) {
        Ok(http) => discover(&http, issuer).await.map(drop),
        Err(failure) => Err(failure),
    };
    match found {
        Ok(()) => StatusLine::ok(NAME, "the issuer URL reaches the provider"),
        Err(failure) => {
            let next = "check that the server runs and that DNS and proxy lead to it (SSL_CERT_FILE for a private certificate authority)";
            StatusLine::problem(NAME, failure.message, next)
        }
    }
}
