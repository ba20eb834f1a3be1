//! The demo's provider process, which runs as long as the demo, and short processes that make enrollment links.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::demo_state::DemoState;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;

/// How long the provider may take to be ready, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);
const GRACE: Duration = Duration::from_secs(5);

/// The provider's process. It stops when its standard input closes, so that it ends with the demo however the demo ends.
pub struct ProviderProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    log: PathBuf,
}

impl ProviderProcess {
    /// Starts the provider and waits until it serves.
    ///
    /// # Errors
    /// It does not start; the message ends with the last lines of its log.
    pub async fn start(state: &DemoState) -> Result<ProviderProcess, Failure> {
        let log = state.path("provider.log");
        let file = File::create(&log).map_err(|error| not_started(&error.to_string()))?;
        let mut command = countersign()?;
        command.args(["op", "serve", "--json", "--stop-with-stdin", "--config"]);
        command.arg(state.path("provider.toml")).arg("--home").arg(state.path("provider"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        // Ctrl-C is for the demo, which then stops its processes in order.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| not_started(&error.to_string()))?;
        let stdin = child.stdin.take();
        let mut lines = stdout_lines(&mut child);
        let mut provider = ProviderProcess { child, stdin, log };
        match tokio::time::timeout(PATIENCE, lines.next_line()).await {
            Ok(Ok(Some(line))) if event_name(&line) == Some("ready".to_owned()) => Ok(provider),
            _ => {
                provider.stop().await;
                Err(provider.failure())
            }
        }
    }

    /// Resolves when the provider process ends, which it should not before it is stopped.
    pub async fn ended(&mut self) -> Failure {
        // An error means that the process is gone.
        let _ = self.child.wait().await;
        self.failure()
    }

    /// Stops the provider by closing its standard input; kills it after a few seconds.
    pub async fn stop(&mut self) {
        drop(self.stdin.take());
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    fn failure(&self) -> Failure {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let end: Vec<&str> = said.lines().rev().take(5).collect();
        let end = end.into_iter().rev().collect::<Vec<_>>().join("\n");
        not_started(&format!("{end}\n(full log: {})", self.log.display()))
    }
}

/// Makes an enrollment link without a confirmation code, by `countersign op link` beside the serving process.
///
/// # Errors
/// The command printed no link.
pub async fn enrollment_link(state: &DemoState, user: &str) -> Result<String, Failure> {
    let mut command = countersign()?;
    command.args(["op", "link", user, "--confirm", "none", "--json", "--config"]);
    command.arg(state.path("provider.toml")).arg("--home").arg(state.path("provider"));
    let output = command.stdin(Stdio::null()).output().await.map_err(|error| not_started(&error.to_string()))?;
    let line = String::from_utf8_lossy(&output.stdout);
    let link =
        serde_json::from_str::<Value>(&line).ok().and_then(|line| Some(line["enrollment_link"].as_str()?.to_owned()));
    link.ok_or_else(|| not_started(&format!("no link was made: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// This program as a command for another process, which is killed when its handle is dropped.
///
/// # Errors
/// The path of the program is unknown.
pub fn countersign() -> Result<Command, Failure> {
    let program = std::env::current_exe().map_err(|error| not_started(&error.to_string()))?;
    let running = Path::new("/proc/self/exe");
    // On Linux the running program itself: its file may have been replaced by a newer build.
    let mut command = Command::new(if running.exists() { running } else { &program });
    #[cfg(unix)]
    command.arg0(&program);
    command.kill_on_drop(true).env_remove("COUNTERSIGN_HOME");
    Ok(command)
}

/// The child's standard output, by line.
pub fn stdout_lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    let stdout = child.stdout.take().expect("the child's standard output is a pipe, and is taken once");
    BufReader::new(stdout).lines()
}

/// The `event` of a line of JSON.
pub fn event_name(line: &str) -> Option<String> {
    Some(serde_json::from_str::<Value>(line).ok()?["event"].as_str()?.to_owned())
}

fn not_started(why: &str) -> Failure {
    Failure {
        exit: Exit::Provider,
        code: ErrorCode::DemoProvider.code(),
        message: format!("the demo's provider does not run: {why}"),
    }
}
