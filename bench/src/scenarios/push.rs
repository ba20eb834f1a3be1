//! Pushes: the time from an accepted challenge until a push service on loopback has its push, what sending one costs the provider,
//! and how long it takes until many sleeping devices were woken.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::cpu_time;
use crate::failure::Failure;
use crate::load::Window;
use crate::load_client::Client;
use crate::plan::Plan;
use crate::provider_child::ProviderChild;
use crate::push_service::PushService;
use crate::report::Figure;

const WHAT: &str = "from the acknowledgement of /bc-authorize until a push service on loopback has the push";
/// Requests a second.
const RATE: f64 = 200.0;
/// Users that are asked in turn: a device is pushed at most once a second.
const USERS: usize = 512;
/// Clients that send the requests.
const CLIENTS: usize = 8;
/// How long a push may take before the measurement fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest median and 99th percentile of the latency, in milliseconds.
const LATENCY_MS: (f64, f64) = (5.0, 30.0);
/// Most that a push may cost the provider, in microseconds of CPU.
const COST_US: f64 = 800.0;
/// How long it may take until all sleeping devices were woken, in seconds.
const WAVE_SECONDS: f64 = 10.0;

/// Runs the measurement.
///
/// # Errors
/// [`Failure`] when a provider doesn't start, refuses a request, or loses a push.
pub async fn measure(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let mut figures = latency_and_cost(plan).await?;
    figures.push(wave(plan).await?);
    Ok(figures)
}

/// Two providers in turn under the same load: one whose devices are pushed to, and one whose devices have no address.
async fn latency_and_cost(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let users = plan.asleep.min(USERS);
    // No device is asked twice within a second.
    let rate = RATE.min(users as f64 / 2.0);
    let service = PushService::start().await?;
    let pushing = Load::start(users, rate, Some(service.url())).await?;
    let silent = Load::start(users, rate, None).await?;
    let mut pushed = Figure::new("push", WHAT, CLIENTS);
    let mut unpushed = Figure::new("push_none", "the same requests to devices without a push address", CLIENTS);
    for _ in 0..plan.rounds {
        let (window, asked) = pushing.window(plan).await?;
        let latencies = latencies(&service, &asked).await?;
        pushed.windows.push(Window::summarize(latencies, plan.window.as_secs_f64(), &window.0, &window.1));
        let (window, asked) = silent.window(plan).await?;
        let nothing = vec![Duration::ZERO; asked.len()];
        unpushed.windows.push(Window::summarize(nothing, plan.window.as_secs_f64(), &window.0, &window.1));
    }
    let cpu = |figure: &Figure| figure.median(|window| window.provider_cpu_us_per_flow);
    let (p50, p99) = (pushed.median(|window| window.p50_ms), pushed.median(|window| window.p99_ms));
    let cost = cpu(&pushed) - cpu(&unpushed);
    pushed.notes.push(format!(
        "{rate:.0} requests/s at even distances; p50 {p50:.1} ms ({} {:.0}), p99 {p99:.1} ms ({} {:.0}); sending one takes {cost:.0} µs of the provider's CPU ({} {COST_US:.0}), by the difference to push_none",
        within(p50 <= LATENCY_MS.0),
        LATENCY_MS.0,
        within(p99 <= LATENCY_MS.1),
        LATENCY_MS.1,
        within(cost <= COST_US),
    ));
    Ok(vec![pushed, unpushed])
}

/// A provider that begins to serve with a request waiting for each of its sleeping devices.
async fn wave(plan: &Plan) -> Result<Figure, Failure> {
    let service = PushService::start().await?;
    let provider = start(plan.asleep, Some(service.url()), true)?;
    let begun = Instant::now();
    while service.count() < plan.asleep {
        if begun.elapsed() > PATIENCE {
            let woken = service.count();
            return Err(Failure::new("a wave of pushes", format!("{woken} of {} devices were woken", plan.asleep)));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let arrivals = service.arrivals();
    let mut devices: Vec<usize> = arrivals.iter().map(|(device, _)| *device).collect();
    devices.sort_unstable();
    devices.dedup();
    let span = arrivals.last().zip(arrivals.first()).map_or(0.0, |(last, first)| (last.1 - first.1).as_secs_f64());
    drop(provider);
    let mut figure =
        Figure::new("push_wave", "a push to each sleeping device, of requests that waited at the start", 1);
    figure.windows.push(Window::of_count(arrivals.len() as u64, span.max(0.001)));
    figure.notes.push(format!(
        "{} of {} sleeping devices woken, one push each, in {span:.2} s ({} {WAVE_SECONDS:.0})",
        devices.len(),
        plan.asleep,
        within(span <= WAVE_SECONDS && devices.len() == plan.asleep && arrivals.len() == plan.asleep),
    ));
    Ok(figure)
}

fn start(users: usize, push_service: Option<&str>, asked: bool) -> Result<ProviderChild, Failure> {
    let mut arguments = ["provider", "--devices", "0", "--enrolled"].map(str::to_owned).to_vec();
    arguments.push(users.to_string());
    arguments.extend(push_service.into_iter().flat_map(|url| ["--push-service".to_owned(), url.to_owned()]));
    arguments.extend(asked.then(|| "--asked".to_owned()));
    ProviderChild::start(&arguments)
}

/// A provider, and clients that ask its users in turn at even distances.
struct Load {
    provider: ProviderChild,
    users: usize,
    rate: f64,
    /// Requests so far, over all windows.
    asked: Arc<AtomicUsize>,
}

/// A request about a user's device: when it was sent, and when its acknowledgement came.
struct Asked {
    device: usize,
    sent: Instant,
    acknowledged: Instant,
}

/// CPU times before and after a window.
type CpuTimes = (cpu_time::CpuSnapshot, cpu_time::CpuSnapshot);

impl Load {
    async fn start(users: usize, rate: f64, push_service: Option<&str>) -> Result<Load, Failure> {
        let provider = start(users, push_service, false)?;
        Ok(Load { provider, users, rate, asked: Arc::default() })
    }

    /// The requests of one window, after the warm-up.
    async fn window(&self, plan: &Plan) -> Result<(CpuTimes, Vec<Asked>), Failure> {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(Client::discover(&self.provider.target()).await?);
        }
        let (begun, first) = (Instant::now(), self.asked.load(Ordering::Relaxed));
        let (from, until) = (begun + plan.warm_up, begun + plan.warm_up + plan.window);
        let mut running = Vec::new();
        for client in clients {
            let turns = Turns { first, begun, until, users: self.users, rate: self.rate, next: self.asked.clone() };
            running.push(tokio::spawn(turns.take(client)));
        }
        tokio::time::sleep_until(from.into()).await;
        let before = cpu_time::now(self.provider.id())?;
        tokio::time::sleep_until(until.into()).await;
        let after = cpu_time::now(self.provider.id())?;
        let mut asked = Vec::new();
        for task in running {
            asked.extend(task.await.map_err(|error| Failure::new("a client", error))??);
        }
        asked.retain(|one: &Asked| one.sent >= from);
        Ok(((before, after), asked))
    }
}

/// The turns of a window, shared between its clients.
struct Turns {
    first: usize,
    begun: Instant,
    until: Instant,
    users: usize,
    rate: f64,
    next: Arc<AtomicUsize>,
}

impl Turns {
    async fn take(self, mut client: Client) -> Result<Vec<Asked>, Failure> {
        let mut asked = Vec::new();
        loop {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let at = self.begun + Duration::from_secs_f64((turn - self.first) as f64 / self.rate);
            if at >= self.until {
                return Ok(asked);
            }
            tokio::time::sleep_until(at.into()).await;
            let (device, sent) = (turn % self.users, Instant::now());
            client.ask(&format!("crowd{device}")).await?;
            asked.push(Asked { device, sent, acknowledged: Instant::now() });
        }
    }
}

/// From each acknowledgement to the push about it; zero where that was first.
async fn latencies(service: &PushService, asked: &[Asked]) -> Result<Vec<Duration>, Failure> {
    let begun = Instant::now();
    loop {
        let mut arrivals: HashMap<usize, Vec<Instant>> = HashMap::new();
        for (device, at) in service.arrivals() {
            arrivals.entry(device).or_default().push(at);
        }
        let of = |one: &Asked| {
            let pushed = arrivals.get(&one.device)?.iter().find(|at| **at >= one.sent)?;
            Some(pushed.saturating_duration_since(one.acknowledged))
        };
        let found: Vec<Duration> = asked.iter().filter_map(of).collect();
        if found.len() == asked.len() {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            let lost = asked.len() - found.len();
            return Err(Failure::new("pushes", format!("{lost} of {} did not arrive", asked.len())));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn within(is: bool) -> &'static str {
    if is { "within" } else { "OVER" }
}
