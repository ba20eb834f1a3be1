//! A provider in a child process, so that its CPU time is counted apart from the load's. It stops when its handle is dropped.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use url::Url;

use crate::failure::Failure;
use crate::load_client::Target;
use crate::loopback_tls;

/// A running provider.
pub struct ProviderChild {
    process: Child,
    ready: Ready,
}

/// The provider's first line.
#[derive(Deserialize)]
struct Ready {
    issuer: Url,
    client_id: String,
    client_secret: String,
    #[serde(default)]
    links: Vec<String>,
    /// DER, of a provider that serves TLS.
    certificate: Option<Vec<u8>>,
}

impl ProviderChild {
    /// Starts this program with these arguments, and waits until it serves.
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
        let stdout = process.stdout.take().ok_or_else(|| Failure::new("the provider", "has no output"))?;
        BufReader::new(stdout).read_line(&mut line).map_err(failed("the provider"))?;
        let mut ready: Ready =
            serde_json::from_str(&line).map_err(|error| Failure::new("the provider's first line", error))?;
        if let Some(certificate) = ready.certificate.take() {
            loopback_tls::trust(certificate);
        }
        Ok(ProviderChild { process, ready })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its issuer, and the client to use.
    pub fn target(&self) -> Target {
        Target {
            issuer: self.ready.issuer.clone(),
            client_id: self.ready.client_id.clone(),
            client_secret: self.ready.client_secret.clone(),
            approve_url: None,
        }
    }

    /// Enrollment links for `user0`, `user1` and so on.
    pub fn links(&self) -> &[String] {
        &self.ready.links
    }
}

impl Drop for ProviderChild {
    fn drop(&mut self) {
        // It stops when its standard input closes, and removes its home itself.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
