//! A provider in a process of its own, so that its CPU time can be told from the load's. It stops with its handle.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use url::Url;

use crate::failure::Failure;
use crate::load_client::Target;

/// A running provider.
pub struct ProviderChild {
    process: Child,
    ready: Ready,
}

/// The line that a provider says first.
#[derive(Deserialize)]
struct Ready {
    issuer: Url,
    client_id: String,
    client_secret: String,
    #[serde(default)]
    links: Vec<String>,
}

impl ProviderChild {
    /// Starts this program again with these arguments, and waits until it serves.
    ///
    /// # Errors
    /// [`Failure`] when it doesn't.
    pub fn start(arguments: &[String]) -> Result<ProviderChild, Failure> {
        let failed = Failure::io;
        let program = std::env::current_exe().map_err(failed("this program"))?;
        let mut process = Command::new(program)
            .args(arguments)
            .arg("--stop-with-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed("the provider"))?;
        let mut line = String::new();
        let stdout = process.stdout.take().ok_or_else(|| Failure::of("the provider", "has no output"))?;
        BufReader::new(stdout).read_line(&mut line).map_err(failed("the provider"))?;
        let ready = serde_json::from_str(&line).map_err(|error| Failure::of("the provider's first line", error))?;
        Ok(ProviderChild { process, ready })
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where it is, and as whom to ask.
    pub fn target(&self) -> Target {
        Target {
            issuer: self.ready.issuer.clone(),
            client_id: self.ready.client_id.clone(),
            client_secret: self.ready.client_secret.clone(),
            approve_url: None,
        }
    }

    /// Enrollment links of `user0` and so on.
    pub fn links(&self) -> &[String] {
        &self.ready.links
    }
}

impl Drop for ProviderChild {
    fn drop(&mut self) {
        // Its standard input ends, and so does it; it removes its home by itself.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
