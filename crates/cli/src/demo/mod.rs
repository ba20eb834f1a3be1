//! `countersign demo`: a provider, a client and Alice's device as three processes over TCP, to play with.

mod alice;
mod once;
mod port;
mod processes;
mod settings;
mod state;
mod story;
mod terminal;
mod till;
mod wire;
mod words;

use std::io::{self, IsTerminal as _};
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

/// Runs the demo. `COUNTERSIGN_HOME` is not asked: a demo never lives in a person's own store.
pub async fn run(demo: Demo, home: Option<PathBuf>, output: Output) -> Result<Exit, Failure> {
    if demo.no_app {
        tracing::debug!("this version has no app, so there is none to leave closed");
    }
    let listen = port::choose(demo.listen, output)?;
    let base = home.unwrap_or_else(|| PathBuf::from(".demo"));
    let state = State::open(&base, listen, demo.fresh)?;
    let mut provider = Provider::start(&state).await?;
    let result = tokio::select! {
        result = play(&state, output) => result,
        failure = provider.ended() => Err(failure),
        () = stop::asked() => if in_terminal(output) { output.words(&words::farewell(&state)).map(|()| Exit::Ok) } else { Ok(Exit::Ok) },
    };
    terminal::restore();
    provider.stop().await;
    result
}

async fn play(state: &State, output: Output) -> Result<Exit, Failure> {
    if output.is_json() {
        ready(state, output).await?;
        return std::future::pending().await;
    }
    if in_terminal(output) { terminal::play(state, output).await } else { once::play(state, output).await }
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
}

async fn ready(state: &State, output: Output) -> Result<(), Failure> {
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
