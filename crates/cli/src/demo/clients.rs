//! The clients: each request is made by a process of its own, `countersign request` or the agent of `examples/`.

use std::process::Stdio;
use std::time::Instant;

use countersign_device::edge::system::SystemClock;
use countersign_protocol::clock::{Clock as _, Timestamp};
use serde_json::Value;
use tokio::process::{ChildStdin, Command};
use tokio::sync::mpsc;

use super::processes::{countersign, lines};
use super::state::State;
use super::wishes::{Program, Wish};
use crate::failure::Failure;

/// The agent's program, as it stands in `examples/`.
pub const AGENT: &str = include_str!("../../../../examples/agent.py");

/// What a client's process says.
#[derive(Debug)]
pub struct Told {
    /// Which request, counted from 0.
    pub number: usize,
    /// Its line as JSON; `None` when the process has ended.
    pub line: Option<Value>,
    /// When the line came.
    pub at: Instant,
    /// The same by the clock that the provider uses, too.
    pub clock: Timestamp,
}

/// Runs the clients.
pub struct Clients {
    tell: mpsc::UnboundedSender<Told>,
    /// What the clients say.
    pub told: mpsc::UnboundedReceiver<Told>,
}

/// The standard input of a client's process: it ends with the demo.
pub struct Running(#[expect(dead_code, reason = "kept open for the child's sake")] Option<ChildStdin>);

impl Clients {
    /// Nobody asks yet.
    pub fn new() -> Clients {
        let (tell, told) = mpsc::unbounded_channel();
        Clients { tell, told }
    }

    /// Asks, in a process of its own.
    ///
    /// # Errors
    /// The process does not start.
    pub fn ask(&self, state: &State, wish: &Wish, number: usize) -> Result<Running, Failure> {
        let mut command = match wish.program {
            Program::Request => request(state, wish)?,
            Program::Script => script(state, wish)?,
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| not_started(wish, &error))?;
        let stdin = child.stdin.take();
        let mut lines = lines(&mut child);
        let (tell, program) = (self.tell.clone(), wish.program);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut line = serde_json::from_str(&line).ok();
                if let (Program::Script, Some(line)) = (program, &mut line) {
                    add_claims(line);
                }
                let _ = tell.send(Told { number, line, at: Instant::now(), clock: SystemClock.now() });
            }
            let _ = child.wait().await;
            let _ = tell.send(Told { number, line: None, at: Instant::now(), clock: SystemClock.now() });
        });
        Ok(Running(stdin))
    }
}

fn request(state: &State, wish: &Wish) -> Result<Command, Failure> {
    let mut command = countersign()?;
    command.args(["request", "--json", "--stop-with-stdin", "--issuer", &state.issuer]);
    command.args(["--client-id", wish.client_id, "--client-secret-file"]);
    command.arg(state.path(&format!("{}.secret", wish.client_id)));
    command.args(["--login-hint", wish.hint, "--binding-message", wish.message]);
    if let Some(details) = wish.details {
        command.args(["--authorization-details", details]);
    }
    Ok(command)
}

/// The secret goes by the environment, as with any agent: no other person's process can read it there.
fn script(state: &State, wish: &Wish) -> Result<Command, Failure> {
    let mut command = Command::new("python3");
    // -I: nothing of the surroundings is imported; -u: each line is told at once.
    command.args(["-I", "-u", "-c", AGENT]);
    command.env("ISSUER", &state.issuer).env("CLIENT_ID", wish.client_id).env("LOGIN_HINT", wish.hint);
    command.env("CLIENT_SECRET", state.secret(wish.client_id)?.expose());
    Ok(command)
}

/// What `countersign request` adds by itself. The agent had its ID token from the provider directly, so that it may believe it
/// without checking the signature (OpenID Connect Core §3.1.3.7).
fn add_claims(line: &mut Value) {
    let claims = line["id_token"].as_str().map(claims_of);
    if let (Some(claims), Some(line)) = (claims, line.as_object_mut()) {
        line.insert("id_token_claims".to_owned(), claims);
    }
}

/// A signed message's claims, decoded for reading.
pub fn claims_of(compact: &str) -> Value {
    let payload = compact.split('.').nth(1).and_then(|part| countersign_protocol::encoding::decode(part).ok());
    payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn not_started(wish: &Wish, error: &std::io::Error) -> Failure {
    match wish.program {
        Program::Script if error.kind() == std::io::ErrorKind::NotFound => Failure::provider(
            "no_python",
            "the agent is written in Python, and python3 is not on this computer; the rest of the demo needs none",
        ),
        _ => Failure::provider("demo_client", format_args!("{} does not start: {error}", wish.client)),
    }
}
