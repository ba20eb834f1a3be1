//! A device as processes: one home, and the commands run on it.

use std::path::PathBuf;

use countersign_protocol::transcript::{Line, Transcript};
use serde_json::Value;

use crate::process::{Finished, Process};
use crate::provider::Provider;
use crate::session::Session;
use crate::test_env::TestEnv;

/// The PIN of every device here.
pub const PIN: &str = "830175";

/// A device: a home and its commands.
pub struct Device<'a> {
    env: &'a TestEnv,
    name: String,
    pin: String,
    log: Option<&'static str>,
    session: Vec<(&'static str, String)>,
}

impl<'a> Device<'a> {
    /// A device without accounts.
    pub fn new(env: &'a TestEnv, name: &str) -> Device<'a> {
        Device { env, name: name.to_owned(), pin: PIN.to_owned(), log: None, session: Vec::new() }
    }

    /// A device with a PIN and a log level of its own.
    pub fn with(env: &'a TestEnv, name: &str, pin: &str, log: &'static str) -> Device<'a> {
        Device { env, name: name.to_owned(), pin: pin.to_owned(), log: Some(log), session: Vec::new() }
    }

    /// A device enrolled for this user by a link without confirmation.
    ///
    /// # Panics
    /// If it can't enroll.
    pub fn enrolled(env: &'a TestEnv, name: &str, provider: &Provider<'_>, user: &str) -> Device<'a> {
        let device = Device::new(env, name);
        device.enroll(&provider.link(user));
        device
    }

    /// The same device in this session from now on: with a keyring, if the session has one.
    #[must_use]
    pub fn in_session(self, session: &Session) -> Device<'a> {
        Device { session: session.environment(), ..self }
    }

    /// The folder with its accounts and keys.
    pub fn home(&self) -> PathBuf {
        self.env.path(&format!("{}-home", self.name))
    }

    /// Follows a link.
    ///
    /// # Panics
    /// If it fails.
    pub fn enroll(&self, link: &str) -> Value {
        self.run(&["enroll", link, "--name", &self.name, "--yes"]).expect_code(0).line("enrolled")
    }

    /// Begins to watch. Returns before anything is connected; a request made earlier or later is seen all the same.
    pub fn watch(&self, arguments: &[&str]) -> Process {
        self.begin(&[&["watch"], arguments].concat())
    }

    /// Answers a request.
    pub fn answer(&self, id: &str, arguments: &[&str]) -> Finished {
        self.run(&[&["answer", id], arguments].concat())
    }

    /// The challenges that wait for an answer.
    ///
    /// # Panics
    /// If it can't be listed.
    pub fn pending(&self) -> Vec<Value> {
        self.run(&["pending"]).expect_code(0).lines("challenge")
    }

    /// Pulls until exactly one request waits, and returns it. A request that was acknowledged is there at once.
    ///
    /// # Panics
    /// If it is not one.
    pub fn only_pending(&self) -> Value {
        let mut pending = self.pending();
        assert_eq!(pending.len(), 1, "one request waits: {pending:?}");
        pending.remove(0)
    }

    /// The evidence of a request: `countersign evidence ID > FILE`, as text.
    ///
    /// # Panics
    /// If there is none.
    pub fn evidence(&self, id: &str) -> String {
        let mut command = self.env.command(&["evidence", id]);
        command.arg("--home").arg(self.home());
        let finished = Process::start(self.env, &self.name, command).finish().expect_code(0);
        finished.output.join("\n") + "\n"
    }

    /// The lines that the person had read when they answered: those of which the answer signed the hash.
    ///
    /// # Panics
    /// If the request was not answered here.
    pub fn read(&self, id: &str) -> Vec<Line> {
        let evidence: Value = serde_json::from_str(&self.evidence(id)).expect("evidence is JSON");
        let transcript = evidence["transcript"].as_str().expect("an answer signs a transcript");
        let transcript: Transcript = serde_json::from_str(transcript).expect("a transcript can be read");
        transcript.lines
    }

    /// Runs a command on this device to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.begin(arguments).finish()
    }

    /// Runs a command on this device with another PIN than its own.
    pub fn run_with_pin(&self, arguments: &[&str], pin: &str) -> Finished {
        let session = self.session.clone();
        let other = Device { env: self.env, name: self.name.clone(), pin: pin.to_owned(), log: self.log, session };
        other.run(arguments)
    }

    /// Starts a command on this device.
    pub fn begin(&self, arguments: &[&str]) -> Process {
        let mut command = self.env.command(arguments);
        command.arg("--json").arg("--home").arg(self.home()).env("COUNTERSIGN_PIN", &self.pin);
        if let Some(log) = self.log {
            command.env("COUNTERSIGN_LOG", log);
        }
        if !self.session.is_empty() {
            command.env_remove("COUNTERSIGN_KEY").envs(self.session.iter().cloned());
        }
        Process::start(self.env, &self.name, command)
    }
}

/// A challenge's id, as `answer` takes it.
///
/// # Panics
/// If it has none.
pub fn id(challenge: &Value) -> &str {
    challenge["id"].as_str().unwrap_or_else(|| panic!("a challenge has an id: {challenge}"))
}
