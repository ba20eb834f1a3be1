//! Settings of one run: what is measured, how long and how often.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;
use url::Url;

use crate::load_client::Target;

/// The options of `countersign-bench run`.
#[derive(Args, Clone)]
pub struct Settings {
    /// What to measure; if omitted, everything but disk, existence, streams, hostile and push.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measurement>,
    /// Length of one measured window in seconds.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Warm-up before each window, in seconds.
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
    /// Streams of `streams`.
    #[arg(long, default_value_t = 10_000)]
    streams: usize,
    /// Requests of `disk`.
    #[arg(long, default_value_t = 6_000)]
    requests: usize,
    /// Sleeping devices of `push`.
    #[arg(long, default_value_t = 10_000)]
    asleep: usize,
    /// Seconds from the end of an attack, or of all streams, until memory is read.
    #[arg(long, default_value_t = 60.0)]
    recovery: f64,
    /// Folder for the report; if omitted, target/bench.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Issuer of another provider to measure in alternation.
    #[arg(long, requires_all = ["beside_process", "beside_client", "beside_secret"])]
    beside_issuer: Option<Url>,
    /// The other provider's name in the table.
    #[arg(long, default_value = "beside")]
    beside_name: String,
    /// The other provider's process id.
    #[arg(long)]
    beside_process: Option<u32>,
    /// The client's id there.
    #[arg(long)]
    beside_client: Option<String>,
    /// The client's secret there.
    #[arg(long)]
    beside_secret: Option<String>,
    /// The login_hint there; {n} becomes 0 to 99.
    #[arg(long, default_value = "alice")]
    beside_login_hint: String,
    /// URL to POST to between request and poll, for a provider that takes the user's decision there; {auth_req_id} is replaced.
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
    /// Memory of idle event streams, and what is kept of it after they were closed.
    Streams,
    /// Disk space of requests with long details, and how long a lock of their user takes.
    Disk,
    /// Latency of requests about known, device-less, locked and unknown users, in turn.
    Existence,
    /// An honest client's latency and the provider's memory under attacks on its connections.
    Hostile,
    /// From an accepted challenge to a push service, what a push costs, and how long many sleeping devices take to be woken.
    Push,
}

/// What is measured unless something is named.
const USUAL: [Measurement; 4] =
    [Measurement::InProcess, Measurement::WithDevice, Measurement::Latency, Measurement::Size];

/// The settings in force, within their limits.
pub struct Plan {
    /// What is to be measured.
    pub measurements: Vec<Measurement>,
    /// Length of a window.
    pub window: Duration,
    /// Warm-up before each window.
    pub warm_up: Duration,
    /// Windows per figure.
    pub rounds: usize,
    /// Only with this many clients.
    clients: Option<usize>,
    /// Devices enrolled in the large provider.
    pub devices: usize,
    /// Expired requests behind it.
    pub expired: usize,
    /// Streams to open.
    pub streams: usize,
    /// Requests of `disk`.
    pub requests: usize,
    /// Sleeping devices of `push`.
    pub asleep: usize,
    /// From the end of an attack, or of all streams, until memory is read.
    pub recovery: Duration,
    /// Another provider.
    pub beside: Option<ComparedProvider>,
}

/// Another provider, measured in alternation.
pub struct ComparedProvider {
    /// Its name in the table.
    pub name: String,
    /// Its issuer, and the client to use.
    pub target: Target,
    /// Its process id.
    pub process: u32,
    /// The `login_hint`.
    pub login_hint: String,
}

impl Settings {
    /// The plan, and the settings as the report names them.
    pub fn plan(self) -> (Plan, serde_json::Value) {
        let measurements = if self.only.is_empty() { USUAL.to_vec() } else { self.only };
        let settings = json!({
            "only": measurements, "seconds": self.seconds, "warm_up": self.warm_up, "rounds": self.rounds,
            "clients": self.clients, "devices": self.devices, "expired": self.expired,
            "streams": self.streams, "requests": self.requests, "asleep": self.asleep, "recovery": self.recovery, "beside": self.beside_issuer.as_ref().map(|_| &self.beside_name),
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
            streams: self.streams.max(1),
            requests: self.requests.max(1),
            asleep: self.asleep.max(1),
            recovery: Duration::from_secs_f64(self.recovery.clamp(0.0, 600.0)),
            beside,
        };
        (plan, settings)
    }
}

impl Plan {
    /// The usual numbers of clients, or the one given by `--clients`.
    pub fn client_counts(&self, usual: &[usize]) -> Vec<usize> {
        self.clients.map_or_else(|| usual.to_vec(), |clients| vec![clients])
    }
}
