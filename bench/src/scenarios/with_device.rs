//! Complete flows per second: `/bc-authorize`, a signed challenge by stream, verified, answered with the approval key and a DPoP
//! proof, the outcome verified by the device, `/token`. And the latency of a challenge at half that rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use url::Url;

use crate::cpu_time;
use crate::device_session::{self, DeviceProgress};
use crate::failure::Failure;
use crate::http_connection::Connection;
use crate::load::{Window, Worker, closed_loop};
use crate::load_client::{Client, Target};
use crate::plan::Plan;
use crate::provider_child::ProviderChild;
use crate::report::Figure;

const CLIENTS: [usize; 3] = [1, 8, 32];
/// Users, each with a device: more than are busy at once at a steady rate.
pub const USERS: usize = 64;

/// Fewest requests in a window of the latency measurement.
const FEW: f64 = 10.0;

const WHAT: &str =
    "/bc-authorize, challenge by stream, verified, answer with DPoP, outcome verified, /token; ES256 throughout";

/// Measures flows per second.
///
/// # Errors
/// [`Failure`] when the provider doesn't start or a flow fails.
pub async fn measure(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let provider = start()?;
    let mut pairs = pairs(&provider).await?;
    let mut figures = Vec::new();
    for clients in plan.client_counts(&CLIENTS) {
        let mut figure = Figure::new("with_device", WHAT, clients);
        for _ in 0..plan.rounds {
            let active = pairs.drain(..clients.min(pairs.len())).collect();
            let (idle, window) = closed_loop(active, provider.id(), plan.warm_up, plan.window).await?;
            pairs.extend(idle);
            figure.windows.push(window);
        }
        figures.push(figure);
    }
    Ok(figures)
}

/// Measures the time from sending the request until the device has verified its challenge, at half the full rate.
///
/// # Errors
/// [`Failure`] when the provider doesn't start or a flow fails.
pub async fn measure_latency(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let provider = start()?;
    let pairs = pairs(&provider).await?;
    let (mut pairs, full) = closed_loop(pairs, provider.id(), plan.warm_up, plan.window / 2).await?;
    // Even on a slow machine a window has some requests.
    let rate = (full.flows_per_second / 2.0).max(FEW / plan.window.as_secs_f64());
    let mut figure = Figure::new(
        "request_to_challenge",
        "from sending /bc-authorize to a verified challenge at the device, by stream",
        USERS,
    );
    figure.notes.push(format!(
        "{rate:.0} requests/s at even distances, half of {:.0} complete flows/s measured just before",
        full.flows_per_second
    ));
    for _ in 0..plan.rounds {
        let (idle, window) = steady(pairs, rate, provider.id(), plan).await?;
        pairs = idle;
        figure.windows.push(window);
    }
    Ok(vec![figure])
}

/// Starts a provider whose users approve on devices.
///
/// # Errors
/// [`Failure`] when it doesn't start.
pub fn start() -> Result<ProviderChild, Failure> {
    ProviderChild::start(&["provider".to_owned(), "--devices".to_owned(), USERS.to_string()])
}

/// A client, and the device of the user it asks.
pub struct ClientWithDevice {
    client: Client,
    login_hint: String,
    done: UnboundedReceiver<DeviceProgress>,
}

/// One pair per enrollment link of the provider; the devices run until the provider stops.
///
/// # Errors
/// [`Failure`] when a device can't be enrolled.
pub async fn pairs(provider: &ProviderChild) -> Result<Vec<ClientWithDevice>, Failure> {
    let target = provider.target();
    let mut connection = Connection::to(&target.issuer)?;
    let info = device_session::fetch_provider_info(&mut connection, &target.issuer).await?;
    let mut pairs = Vec::new();
    for (n, link) in provider.links().iter().enumerate() {
        let device = device_session::enroll(&mut connection, &info, link).await?;
        pairs.push(pair(device, &target, format!("user{n}")).await?);
    }
    Ok(pairs)
}

async fn pair(
    device: crate::virtual_device::Device,
    target: &Target,
    login_hint: String,
) -> Result<ClientWithDevice, Failure> {
    let (sender, done) = unbounded_channel();
    let issuer: Url = target.issuer.clone();
    tokio::spawn(device_session::run(device, issuer, sender));
    Ok(ClientWithDevice { client: Client::discover(target).await?, login_hint, done })
}

impl ClientWithDevice {
    /// Runs one flow; returns the time from the request to the verified challenge.
    async fn timed_flow(&mut self) -> Result<Duration, Failure> {
        let sent = Instant::now();
        let request = self.client.ask(&self.login_hint).await?;
        self.client.collect(&request).await?;
        let mut latency = None;
        loop {
            match self.done.recv().await {
                Some(DeviceProgress::Verified(at)) => latency = Some(at - sent),
                Some(DeviceProgress::Concluded) => break,
                Some(DeviceProgress::Failed(failure)) => return Err(failure),
                None => return Err(Failure::new("a device", "its stream ended")),
            }
        }
        latency.ok_or_else(|| Failure::new("a device", "answered what it had not verified"))
    }
}

impl Worker for ClientWithDevice {
    async fn flow(&mut self) -> Result<(), Failure> {
        self.timed_flow().await.map(drop)
    }
}

/// Sends requests at even intervals, whether or not earlier ones are done, shared between the pairs.
async fn steady(
    pairs: Vec<ClientWithDevice>,
    rate: f64,
    provider: u32,
    plan: &Plan,
) -> Result<(Vec<ClientWithDevice>, Window), Failure> {
    let begun = Instant::now();
    let (from, until) = (begun + plan.warm_up, begun + plan.warm_up + plan.window);
    let next = Arc::new(AtomicU64::new(0));
    let running: Vec<_> =
        pairs.into_iter().map(|pair| tokio::spawn(take_turns(pair, rate, begun, from, until, next.clone()))).collect();
    tokio::time::sleep_until(from.into()).await;
    let before = cpu_time::now(provider)?;
    tokio::time::sleep_until(until.into()).await;
    let after = cpu_time::now(provider)?;
    let (mut pairs, mut latencies) = (Vec::new(), Vec::new());
    for task in running {
        let (pair, own) = task.await.map_err(|error| Failure::new("a worker", error))??;
        pairs.push(pair);
        latencies.extend(own);
    }
    Ok((pairs, Window::summarize(latencies, plan.window.as_secs_f64(), &before, &after)))
}

async fn take_turns(
    mut pair: ClientWithDevice,
    rate: f64,
    begun: Instant,
    from: Instant,
    until: Instant,
    next: Arc<AtomicU64>,
) -> Result<(ClientWithDevice, Vec<Duration>), Failure> {
    let mut latencies = Vec::new();
    loop {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        let at = begun + Duration::from_secs_f64(turn as f64 / rate);
        if at >= until {
            return Ok((pair, latencies));
        }
        tokio::time::sleep_until(at.into()).await;
        let latency = pair.timed_flow().await?;
        if at >= from {
            latencies.push(latency);
        }
    }
}
