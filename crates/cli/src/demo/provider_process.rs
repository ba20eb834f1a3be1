//! The demo's provider process, which runs as long as the demo, and short processes that make enrollment links.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::demo_state::DemoState;
use crate::commands::op;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;

/// How long the provider may take to be ready, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);
const GRACE: Duration = Duration::from_secs(5);

/// The provider's process. It stops when its standard input closes, so that it ends with the demo however the demo ends.
pub struct ProviderProcess {
    child: Child,
    stdin: Arc<Mutex<Option<ChildStdin>>>,
    lines: Arc<Mutex<Lines<BufReader<ChildStdout>>>>,
    log: PathBuf,
}

/// Has the provider read its device page anew. Cheap to clone.
#[derive(Clone)]
pub struct PageOrders {
    stdin: Arc<Mutex<Option<ChildStdin>>>,
    lines: Arc<Mutex<Lines<BufReader<ChildStdout>>>>,
}

impl PageOrders {
    /// Returns when the page is served.
    ///
    /// # Errors
    /// Why it is not: the provider's words.
    pub async fn read_again(&self) -> Result<(), String> {
        let gone = || "the provider does not answer".to_owned();
        let mut lines = self.lines.lock().await;
        let line = format!("{}\n", op::READ_DEVICE_PAGE);
        match self.stdin.lock().await.as_mut() {
            Some(stdin) => stdin.write_all(line.as_bytes()).await.map_err(|_| gone())?,
            None => return Err(gone()),
        }
        let reply = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let Ok(Ok(Some(reply))) = reply else { return Err(gone()) };
        let reply: Value = serde_json::from_str(&reply).map_err(|_| gone())?;
        reply["why_not"].as_str().map_or(Ok(()), |why| Err(why.to_owned()))
    }
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
        let stdin = Arc::new(Mutex::new(child.stdin.take()));
        let lines = Arc::new(Mutex::new(stdout_lines(&mut child)));
        let mut provider = ProviderProcess { child, stdin, lines: lines.clone(), log };
        let first = tokio::time::timeout(PATIENCE, async { lines.lock().await.next_line().await }).await;
        match first {
            Ok(Ok(Some(line))) if event_name(&line) == Some("ready".to_owned()) => Ok(provider),
            _ => {
                provider.stop().await;
                Err(provider.failure())
            }
        }
    }

    /// What has the provider read its device page anew.
    pub fn page_orders(&self) -> PageOrders {
        PageOrders { stdin: self.stdin.clone(), lines: self.lines.clone() }
    }

    /// Resolves when the provider process ends, which it should not before it is stopped.
    pub async fn ended(&mut self) -> Failure {
        // An error means that the process is gone.
        let _ = self.child.wait().await;
        self.failure()
    }

    /// Stops the provider by closing its standard input; kills it after a few seconds.
    pub async fn stop(&mut self) {
        drop(self.stdin.lock().await.take());
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
