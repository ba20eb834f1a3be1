//! `countersign demo`: a provider, a client and Alice's device as three processes over TCP, to play with.

mod alice;
mod clients;
mod once;
mod port;
mod processes;
mod settings;
mod state;
mod story;
mod terminal;
mod web;
mod wire;
mod wishes;
mod words;

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use countersign_protocol::evidence::Trust;
use countersign_protocol::link::EnrollmentLink;
use serde::Serialize;

use crate::arguments::Demo;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::stop;
use processes::Provider;
use state::State;
use web::{Offer, Web};

/// Runs the demo. `COUNTERSIGN_HOME` is not asked: a demo never lives in a person's own store.
pub async fn run(demo: Demo, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    let listen = port::choose(demo.listen, output)?;
    let base = home.unwrap_or_else(|| PathBuf::from(".demo"));
    let state = State::open(&base, listen, demo.issuer.as_ref(), demo.fresh)?;
    let mut provider = Provider::start(&state).await?;
    let web = match web(&state, listen, demo.no_app, output).await {
        Ok(web) => web,
        Err(failure) => {
            provider.stop().await;
            return Err(failure);
        }
    };
    let result = tokio::select! {
        result = play(&state, web.as_ref(), output) => result,
        failure = provider.ended() => Err(failure),
        () = stop::asked() => if in_terminal(output) { output.words(&words::farewell(&state)).map(|()| Exit::Ok) } else { Ok(Exit::Ok) },
    };
    terminal::restore();
    if let Some(web) = &web {
        web.close_window().await;
    }
    provider.stop().await;
    result
}

/// The pages, where the demo goes on until it is stopped.
async fn web(state: &State, listen: SocketAddr, no_app: bool, output: Output) -> Result<Option<Web>, Failure> {
    if !output.is_json() && !in_terminal(output) {
        return Ok(None);
    }
    let offer = match (no_app, output.is_json()) {
        (true, _) => Offer::Never,
        (false, true) => Offer::WhenAsked,
        (false, false) => Offer::ByItself,
    };
    Web::start(state, listen, offer).await.map(Some)
}

async fn play(state: &State, web: Option<&Web>, output: Output) -> Result<Exit, Failure> {
    match web {
        None => once::play(state, output).await,
        Some(web) if output.is_json() => {
            ready(state, web, output).await?;
            std::future::pending().await
        }
        Some(web) => terminal::play(state, web, output).await,
    }
}

/// Whether a person sits there.
fn in_terminal(output: Output) -> bool {
    !output.is_json() && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// What a script needs to enroll a device and to be a client.
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

async fn ready(state: &State, web: &Web, output: Output) -> Result<(), Failure> {
    let link = processes::link(state, "alice").await?;
    let trust = state.write_trust(&trust(&link)?)?;
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

/// The provider's root, from a link that this demo has just had made.
fn trust(link: &str) -> Result<Trust, Failure> {
    let unreadable =
        |error: String| Failure::provider("demo_link", format_args!("the demo's own link can't be read: {error}"));
    let link: EnrollmentLink =
        link.parse().map_err(|error: countersign_protocol::link::LinkError| unreadable(error.to_string()))?;
    let token = link.token().peek().map_err(|error| unreadable(error.to_string()))?;
    Ok(Trust { issuer: token.iss, root: token.evidence_root })
}
