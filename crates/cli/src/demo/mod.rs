//! `countersign demo`: a provider, a client and Alice's device as three processes that talk over TCP.

mod client_processes;
mod demo_config;
mod demo_device;
mod demo_state;
mod flow_record;
mod free_port;
mod interactive;
mod provider_process;
mod scenarios;
mod sent_answers;
mod terminal_text;
mod unattended;
mod web;

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use countersign_protocol::evidence::TrustAnchor;
use countersign_protocol::link::EnrollmentLink;
use serde::Serialize;

use crate::arguments::Demo;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::stop_signal;
use demo_state::DemoState;
use provider_process::ProviderProcess;
use web::{AppLaunch, PageServer};

/// Runs the demo. Ignores `COUNTERSIGN_HOME`: a demo never uses a person's own state.
pub async fn run(demo: Demo, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let listen = free_port::choose(demo.listen, output)?;
    let base = home.unwrap_or_else(|| PathBuf::from(".demo"));
    let state = DemoState::open(&base, listen, demo.issuer.as_ref(), demo.fresh)?;
    if let Some(aside) = &state.moved {
        output.progress(&terminal_text::started_anew(aside));
    }
    let page = web::DevicePageBuild::new();
    let mut provider = ProviderProcess::start(&state).await?;
    let web = match web(&state, listen, demo.no_app, page.served_by(provider.page_orders()), output).await {
        Ok(web) => web,
        Err(failure) => {
            provider.stop().await;
            return Err(failure);
        }
    };
    let result = tokio::select! {
        result = play(&state, web.as_ref(), output) => result,
        failure = provider.ended() => Err(failure),
        () = stop_signal::received() => if in_terminal(output) { output.message(&terminal_text::farewell(&state)).map(|()| Exit::Ok) } else { Ok(Exit::Ok) },
    };
    interactive::restore();
    if let Some(web) = &web {
        web.close_window().await;
    }
    provider.stop().await;
    result
}

/// Starts the web pages, if the demo runs until it is stopped.
async fn web(
    state: &DemoState,
    listen: SocketAddr,
    no_app: bool,
    page: web::DevicePageBuild,
    output: Output,
) -> Result<Option<PageServer>, Failure> {
    if !output.is_json() && !in_terminal(output) {
        return Ok(None);
    }
    let offer = match (no_app, output.is_json()) {
        (true, _) => AppLaunch::Never,
        (false, true) => AppLaunch::OnRequest,
        (false, false) => AppLaunch::Automatic,
    };
    PageServer::start(state, listen, offer, page).await.map(Some)
}

async fn play(state: &DemoState, web: Option<&PageServer>, output: Output) -> Result<Exit, Failure> {
    match web {
        None => unattended::play(state, output).await,
        Some(web) if output.is_json() => {
            ready(state, web, output).await?;
            std::future::pending().await
        }
        Some(web) => interactive::play(state, web, output).await,
    }
}

/// Whether standard input and output are a terminal.
fn in_terminal(output: Output) -> bool {
    !output.is_json() && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The `ready` line: what a script needs to enroll a device and to act as a client.
#[derive(Serialize)]
struct Ready<'a> {
    event: &'static str,
    issuer: &'a str,
    enrollment_link: &'a str,
    user: &'static str,
    client_id: &'static str,
    client_secret: &'a str,
    trust: PathBuf,
    till_url: &'a str,
    support_url: String,
    kiosk_url: String,
    agent_url: String,
}

async fn ready(state: &DemoState, web: &PageServer, output: Output) -> Result<(), Failure> {
    let link = provider_process::enrollment_link(state, "alice").await?;
    let trust = state.write_trust(&evidence_root(&link)?)?;
    let secret = state.secret("coffee-pos")?;
    let ready = Ready {
        event: "ready",
        issuer: &state.issuer,
        enrollment_link: &link,
        user: "alice",
        client_id: "coffee-pos",
        client_secret: secret.expose(),
        trust,
        till_url: &web.url,
        support_url: web.page("support"),
        kiosk_url: web.page("kiosk"),
        agent_url: web.page("agent"),
    };
    output.result(&ready, |_| String::new())
}

/// The provider's evidence root, from a link that this demo made.
fn evidence_root(link: &str) -> Result<TrustAnchor, Failure> {
    let unreadable = |error: String| {
        Failure::provider(ErrorCode::DemoLink, format_args!("the demo's own link can't be read: {error}"))
    };
    let link: EnrollmentLink =
        link.parse().map_err(|error: countersign_protocol::link::LinkError| unreadable(error.to_string()))?;
    let token = link.token().peek().map_err(|error| unreadable(error.to_string()))?;
    Ok(TrustAnchor { issuer: token.iss, root: token.evidence_root, manifest: None })
}
