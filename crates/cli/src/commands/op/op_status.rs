//! `countersign op status`: what works, what does not, and the next step.

use std::path::PathBuf;

use countersign_jose::key::Thumbprint;
use countersign_jose::secret::Secret;
use countersign_op::{Config, Provider, StatusLine, check};
use countersign_protocol::discovery::{Discovery, Mode, WELL_KNOWN};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::json;
use countersign_protocol::manifest::{ManifestChain, ManifestError};
use countersign_tls::CertificateFault;

use super::open_provider::{open_to_look, read_config};
use crate::arguments::ProviderConfig;
use crate::ciba_client::{HttpClient, discover};
use crate::error_code::ErrorCode;
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
            let provider = open_to_look(config, home)?;
            lines.push(address(&read.issuer, evidence_root(&provider)).await);
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
        let event = serde_json::json!({
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
    output.result(&serde_json::json!({ "event": "next", "step": next }), |paint| match next {
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

/// The thumbprint of this provider's evidence root, which is never rotated; `None` where its keys can't be read, which another line
/// tells.
fn evidence_root(provider: &Provider) -> Option<Thumbprint> {
    let keys = provider.keys().ok()?;
    keys.iter().find(|key| key.name == "evidence-root")?.kid.parse().ok()
}

/// Whether the issuer's URL reaches this provider from this machine, and no other one.
async fn address(issuer: &Issuer, root: Option<Thumbprint>) -> StatusLine {
    const NAME: &str = "address";
    let failure = match reach(issuer, root).await {
        Ok(()) => return StatusLine::ok(NAME, "the issuer URL reaches this provider"),
        Err(failure) => failure,
    };
    let certificate = CertificateFault::ALL.into_iter().find(|fault| fault.code() == failure.code);
    let next = match certificate {
        Some(fault) => fault.next_step(),
        None if failure.code == ErrorCode::Unreachable.code() => {
            "check that the server runs, and that DNS and proxy lead to it"
        }
        None => "another server answers there: lead DNS and proxy to this one, or correct `issuer`",
    };
    StatusLine::problem(NAME, failure.message, next)
}

/// Fetches the metadata at the issuer, and the key manifests, which only a provider with this evidence root has.
async fn reach(issuer: &Issuer, root: Option<Thumbprint>) -> Result<(), Failure> {
    let http = HttpClient::new("status", &Secret::new(String::new()))?;
    discover(&http, issuer).await?;
    let Some(root) = root else { return Ok(()) };
    let is_other = |why: &dyn std::fmt::Display| {
        let what = format!("what answers at {issuer} is not the provider of this home: {why}");
        Failure::provider(ErrorCode::OtherIssuer, what)
    };
    let [first, appended] = issuer.well_known(WELL_KNOWN);
    let reply = match http.get(&first).await {
        Err(failure) if failure.code == ErrorCode::NotAProvider.code() => http.get(&appended).await?,
        reply => reply?,
    };
    let discovery: Discovery = json::parse(reply.text.as_bytes()).map_err(|error| is_other(&error))?;
    let endpoints = discovery.endpoints(issuer).map_err(|error| is_other(&error))?;
    let reply = http.get(endpoints.manifest.as_str()).await?;
    let manifests: ManifestChain = json::parse(reply.text.as_bytes()).map_err(|error| is_other(&error))?;
    manifests.verify(issuer, &root, None).map_err(|error| match error {
        ManifestError::OtherRoot => is_other(&"its key manifest is signed by another evidence root"),
        other => is_other(&other),
    })?;
    Ok(())
}
