//! A provider as a process: its configuration, its restarts and its enrollment links.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use crate::PATIENCE;
use crate::client::Client;
use crate::http;
use crate::process::{Finished, Process};
use crate::test_env::{TestEnv, http_issuer};

/// The secret of the client `coffee-pos`, which can show a number.
pub const TILL_SECRET: &str = "t1ll-3f9ac07be2d84651b0c2a97e4d18f635";
/// The secret of the client `kiosk`, which can't show a number.
pub const KIOSK_SECRET: &str = "k1osk-8d02e6b5417c4fa9931e7f60ab25dc48";

/// What a test's configuration has beside the usual.
#[derive(Default)]
pub struct Settings {
    /// Lines for `[policy]`.
    pub policy: String,
    /// Lines at the end of the file: more users and clients.
    pub more: String,
    /// The issuer, where it is not plain http at the address.
    pub issuer: Option<String>,
    /// Where the provider listens; the issuer then belongs to a proxy in front of it.
    pub behind: Option<SocketAddr>,
    /// The value of `COUNTERSIGN_LOG` of every process of this provider.
    pub log: Option<&'static str>,
    /// The value of `COUNTERSIGN_WEB`.
    pub web: Option<PathBuf>,
}

/// A provider over one home, running or not.
pub struct Provider<'a> {
    env: &'a TestEnv,
    name: String,
    issuer: String,
    config: PathBuf,
    log: Option<&'static str>,
    web: Option<PathBuf>,
    process: Option<Process>,
}

impl<'a> Provider<'a> {
    /// Starts a provider with alice, bob and two clients.
    pub fn start(env: &'a TestEnv) -> Provider<'a> {
        Provider::start_with(env, "provider", &Settings::default())
    }

    /// Starts a provider of this name (of its files, that is) with more in its configuration.
    pub fn start_with(env: &'a TestEnv, name: &str, settings: &Settings) -> Provider<'a> {
        Provider::start_at(env, name, env.free_address(), settings)
    }

    /// Starts a provider whose issuer is this address.
    ///
    /// # Panics
    /// If it doesn't get ready.
    pub fn start_at(env: &'a TestEnv, name: &str, address: SocketAddr, settings: &Settings) -> Provider<'a> {
        let issuer = settings.issuer.clone().unwrap_or_else(|| http_issuer(address));
        let config = env.path(&format!("{name}.toml"));
        let listen = settings.behind.unwrap_or(address);
        std::fs::write(&config, configuration(&issuer, listen, settings)).expect("the configuration can be written");
        let (name, web) = (name.to_owned(), settings.web.clone());
        let mut provider = Provider { env, name, issuer, config, log: settings.log, web, process: None };
        provider.restart();
        provider
    }

    /// The issuer, also the base of every URL.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The folder with its database and keys.
    pub fn home(&self) -> PathBuf {
        self.env.path(&format!("{}-home", self.name))
    }

    /// Its configuration file.
    pub fn config(&self) -> &PathBuf {
        &self.config
    }

    /// The client `coffee-pos`, which is verified and can show a number.
    pub fn till(&self) -> Client<'a> {
        Client::new(self.env, &self.issuer, "coffee-pos", TILL_SECRET)
    }

    /// The client `kiosk`, which is neither verified nor able to show a number.
    pub fn kiosk(&self) -> Client<'a> {
        Client::new(self.env, &self.issuer, "kiosk", KIOSK_SECRET)
    }

    /// Starts the process over the same home, and waits until it is ready.
    ///
    /// # Panics
    /// If it doesn't get ready.
    pub fn restart(&mut self) {
        self.process = None;
        let mut process = self.begin(&["op", "serve"], &self.name);
        let ready = process.line("ready");
        assert_eq!(ready["issuer"], self.issuer.as_str(), "ready names the issuer");
        self.process = Some(process);
    }

    /// The running process.
    ///
    /// # Panics
    /// If it was stopped.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the provider runs")
    }

    /// `kill -9`.
    pub fn kill_9(&mut self) {
        self.process = None;
    }

    /// A link for this user, to be followed without confirmation.
    ///
    /// # Panics
    /// If none comes.
    pub fn link(&self, user: &str) -> String {
        let process = self.begin(&["op", "link", user, "--confirm", "none"], &format!("{}-link", self.name));
        let finished = process.finish().expect_code(0);
        text_of(&finished.line("link"), "enrollment_link")
    }

    /// A link for this user, and the process that waits for the code.
    ///
    /// # Panics
    /// If none comes.
    pub fn link_with_code(&self, user: &str) -> (String, Process) {
        let mut process = self.begin(&["op", "link", user], &format!("{}-link", self.name));
        let link = text_of(&process.line("link"), "enrollment_link");
        (link, process)
    }

    /// Asks for the published keys until this one is the first of them.
    ///
    /// # Panics
    /// If it never is.
    pub fn until_it_signs(&self, kid: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let keys = http::send("GET", &format!("{}/jwks", self.issuer), &[], b"");
            let keys: serde_json::Value = serde_json::from_slice(&keys.body).expect("JSON");
            if keys["keys"][0]["kid"] == kid {
                return;
            }
            assert!(Instant::now() < deadline, "{kid} does not sign: {keys}");
        }
    }

    /// A command of the operator, beside the running process.
    pub fn op(&self, arguments: &[&str]) -> Finished {
        self.begin(&[&["op"], arguments].concat(), &format!("{}-op", self.name)).finish()
    }

    fn begin(&self, arguments: &[&str], name: &str) -> Process {
        let mut command = self.env.command(arguments);
        command.arg("--config").arg(&self.config).arg("--home").arg(self.home()).arg("--json");
        if let Some(log) = self.log {
            command.env("COUNTERSIGN_LOG", log);
        }
        if let Some(web) = &self.web {
            command.env("COUNTERSIGN_WEB", web);
        }
        Process::start(self.env, name, command)
    }
}

fn text_of(line: &serde_json::Value, member: &str) -> String {
    line[member].as_str().unwrap_or_else(|| panic!("{member} is missing: {line}")).to_owned()
}

fn configuration(issuer: &str, listen: SocketAddr, settings: &Settings) -> String {
    let Settings { policy, more, .. } = settings;
    format!(
        r#"issuer = "{issuer}"
listen = "{listen}"
mode = "test"
name = "Example Bank"
authorization_details_types = ["payment_initiation", "account_information", "generic"]

[policy]
interval = "1s"
prompts_per_minute = 1000
{policy}

[[users]]
sub = "alice"
name = "Alice Example"
hints = ["alice@example.com", "+49 30 1234567"]

[[users]]
sub = "bob"
name = "Bob Example"

[[clients]]
client_id = "coffee-pos"
name = "Acme Coffee"
secret = "{TILL_SECRET}"
verified = true
first_party = true
interaction_types = ["boolean", "number_choose", "input_manual"]

[[clients]]
client_id = "kiosk"
name = "City Bikes"
secret = "{KIOSK_SECRET}"
{more}
"#
    )
}
