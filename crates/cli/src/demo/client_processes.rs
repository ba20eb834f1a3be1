//! Client processes: each request is sent by a process of its own, `countersign request` or the agent of `examples/`.

use std::process::Stdio;
use std::time::Instant;

use countersign_device::edge::system::SystemClock;
use countersign_jose::clock::{Clock as _, Timestamp};
use serde_json::Value;
use tokio::process::{ChildStdin, Command};
use tokio::sync::mpsc;

use super::demo_state::DemoState;
use super::provider_process::{countersign, stdout_lines};
use super::scenarios::{Program, Scenario};
use crate::error_code::ErrorCode;
use crate::failure::Failure;

/// The agent's program, `examples/agent.py`.
pub const AGENT: &str = include_str!("../../../../examples/agent.py");

/// A line that a client process printed, or its end.
#[derive(Debug)]
pub struct ClientMessage {
    /// Number of the request, from 0.
    pub number: usize,
    /// The line as JSON; `None` when the process has ended.
    pub line: Option<Value>,
    /// When the line arrived.
    pub at: Instant,
    /// The same by the system clock, which the provider uses too.
    pub clock: Timestamp,
}

/// Starts client processes and collects their lines.
pub struct ClientProcesses {
    sender: mpsc::UnboundedSender<ClientMessage>,
    /// Lines of all clients.
    pub messages: mpsc::UnboundedReceiver<ClientMessage>,
}

/// Standard input of a client process, which stops when this is dropped.
pub struct ClientHandle(#[expect(dead_code, reason = "kept open for the child's sake")] Option<ChildStdin>);

impl ClientProcesses {
    /// No client runs yet.
    pub fn new() -> ClientProcesses {
        let (sender, messages) = mpsc::unbounded_channel();
        ClientProcesses { sender, messages }
    }

    /// Starts the client of a scenario; `number` identifies its messages.
    ///
    /// # Errors
    /// The process does not start.
    pub fn ask(&self, state: &DemoState, scenario: &Scenario, number: usize) -> Result<ClientHandle, Failure> {
        let mut command = match scenario.program {
            Program::Request => request(state, scenario)?,
            Program::Script => agent_script(state, scenario)?,
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| not_started(scenario, &error))?;
        let stdin = child.stdin.take();
        let mut lines = stdout_lines(&mut child);
        let (sender, program) = (self.sender.clone(), scenario.program);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut line = serde_json::from_str(&line).ok();
                if let (Program::Script, Some(line)) = (program, &mut line) {
                    add_claims(line);
                }
                let _ = sender.send(ClientMessage { number, line, at: Instant::now(), clock: SystemClock.now() });
            }
            let _ = child.wait().await;
            let _ = sender.send(ClientMessage { number, line: None, at: Instant::now(), clock: SystemClock.now() });
        });
        Ok(ClientHandle(stdin))
    }
}

fn request(state: &DemoState, scenario: &Scenario) -> Result<Command, Failure> {
    let mut command = countersign()?;
    command.args(["request", "--json", "--stop-with-stdin", "--issuer", &state.issuer]);
    command.args(["--client-id", scenario.client_id, "--client-secret-file"]);
    command.arg(state.path(&format!("{}.secret", scenario.client_id)));
    command.args(["--login-hint", scenario.hint, "--binding-message", scenario.message]);
    if let Some(details) = scenario.details {
        command.args(["--authorization-details", details]);
    }
    Ok(command)
}

/// Passes the secret in the environment, which other users' processes can't read.
fn agent_script(state: &DemoState, scenario: &Scenario) -> Result<Command, Failure> {
    let mut command = Command::new("python3");
    // -I: isolated from the user's Python environment; -u: each line is written at once.
    command.args(["-I", "-u", "-c", AGENT]);
    command.env("ISSUER", &state.issuer).env("CLIENT_ID", scenario.client_id).env("LOGIN_HINT", scenario.hint);
    command.env("CLIENT_SECRET", state.secret(scenario.client_id)?.expose());
    Ok(command)
}

/// Adds the member that `countersign request` prints by itself. The agent received its ID token directly from the provider, so it need
/// not check the signature (OpenID Connect Core §3.1.3.7, item 6).
fn add_claims(line: &mut Value) {
    let claims = line["id_token"].as_str().map(claims_of);
    if let (Some(claims), Some(line)) = (claims, line.as_object_mut()) {
        line.insert("id_token_claims".to_owned(), claims);
    }
}

/// Claims of a compact JWS, decoded for display and not verified.
pub fn claims_of(compact: &str) -> Value {
    let payload = compact.split('.').nth(1).and_then(|part| countersign_jose::base64url::decode(part).ok());
    payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn not_started(scenario: &Scenario, error: &std::io::Error) -> Failure {
    match scenario.program {
        Program::Script if error.kind() == std::io::ErrorKind::NotFound => Failure::provider(
            ErrorCode::NoPython,
            "the agent is written in Python, and python3 is not on this computer; the rest of the demo needs none",
        ),
        _ => Failure::provider(ErrorCode::DemoClient, format_args!("{} does not start: {error}", scenario.client)),
    }
}
