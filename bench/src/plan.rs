//! How long, how often and what: the settings of one run.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;
use url::Url;

use crate::load_client::Target;

/// The settings as they are typed.
#[derive(Args, Clone)]
pub struct Settings {
    /// What to measure; everything if left out.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measurement>,
    /// Length of one measured window in seconds.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Seconds before each window that do not count.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Windows per figure.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only with this many clients.
    #[arg(long)]
    clients: Option<usize>,
    /// Devices enrolled in the large provider of `size`.
    #[arg(long, default_value_t = 100_000)]
    devices: usize,
    /// Expired requests behind it.
    #[arg(long, default_value_t = 100_000)]
    expired: usize,
    /// Where the report goes; target/bench if left out.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Another provider to measure in turn: its issuer.
    #[arg(long, requires_all = ["beside_process", "beside_client", "beside_secret"])]
    beside_issuer: Option<Url>,
    /// The other provider's name in the table.
    #[arg(long, default_value = "beside")]
    beside_name: String,
    /// The other provider's process.
    #[arg(long)]
    beside_process: Option<u32>,
    /// The client's id there.
    #[arg(long)]
    beside_client: Option<String>,
    /// The client's secret there.
    #[arg(long)]
    beside_secret: Option<String>,
    /// Whom to ask for there; {n} becomes 0 to 99.
    #[arg(long, default_value = "alice")]
    beside_login_hint: String,
    /// POSTed there between request and poll, if somebody has to say that the user approved; {auth_req_id} is replaced.
    #[arg(long)]
    beside_approve: Option<String>,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measurement {
    /// Flows with the decision in process.
    InProcess,
    /// Complete flows with the device.
    WithDevice,
    /// From the request to a verified challenge at the device, at half the load.
    Latency,
    /// Cost of a flow with few and with many devices and expired requests.
    Size,
}

/// The settings as they are used.
pub struct Plan {
    /// What is to be measured.
    pub measurements: Vec<Measurement>,
    /// Length of a window.
    pub window: Duration,
    /// Before each window.
    pub warm_up: Duration,
    /// Windows per figure.
    pub rounds: usize,
    /// Only with this many clients.
    clients: Option<usize>,
    /// Devices enrolled in the large provider.
    pub devices: usize,
    /// Expired requests behind it.
    pub expired: usize,
    /// Another provider.
    pub beside: Option<ComparedProvider>,
}

/// Another provider, measured in turn.
pub struct ComparedProvider {
    /// Its name in the table.
    pub name: String,
    /// Where it is.
    pub target: Target,
    /// Its process.
    pub process: u32,
    /// Whom to ask for.
    pub login_hint: String,
}

impl Settings {
    /// The plan, and the settings as the report names them.
    pub fn plan(self) -> (Plan, serde_json::Value) {
        let measurements = if self.only.is_empty() { Measurement::value_variants().to_vec() } else { self.only };
        let told = json!({
            "only": measurements, "seconds": self.seconds, "warm_up": self.warm_up, "rounds": self.rounds,
            "clients": self.clients, "devices": self.devices, "expired": self.expired, "beside": self.beside_issuer.as_ref().map(|_| &self.beside_name),
        });
        let beside = match (self.beside_issuer, self.beside_process, self.beside_client, self.beside_secret) {
            (Some(issuer), Some(process), Some(client_id), Some(client_secret)) => Some(ComparedProvider {
                name: self.beside_name,
                target: Target { issuer, client_id, client_secret, approve_url: self.beside_approve },
                process,
                login_hint: self.beside_login_hint,
            }),
            _ => None,
        };
        let plan = Plan {
            measurements,
            window: Duration::from_secs_f64(self.seconds.clamp(0.1, 60.0)),
            warm_up: Duration::from_secs_f64(self.warm_up.clamp(0.0, 60.0)),
            rounds: self.rounds.max(1),
            clients: self.clients,
            devices: self.devices,
            expired: self.expired,
            beside,
        };
        (plan, told)
    }
}

impl Plan {
    /// These numbers of clients, or the one that was named.
    pub fn of(&self, usual: &[usize]) -> Vec<usize> {
        self.clients.map_or_else(|| usual.to_vec(), |clients| vec![clients])
    }
}
