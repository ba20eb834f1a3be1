//! An honest client while somebody attacks the provider's connections: its latency against the unloaded one, and the provider's
//! memory under each attack and a while after it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::attacks::Attack;
use crate::bench_provider::IN_PROCESS_USERS;
use crate::failure::Failure;
use crate::http_connection::Connection;
use crate::load::{Window, Worker, closed_loop};
use crate::load_client::{Client, Target};
use crate::memory::resident_mib;
use crate::plan::Plan;
use crate::provider_child::ProviderChild;
use crate::report::Figure;

/// Memory that an attack may cost, in MiB.
const MOST_MEMORY: f64 = 64.0;
/// Memory after the attack and [`Plan::recovery`], as a multiple of that before.
const MOST_KEPT: f64 = 1.10;

const WHAT: &str = "a new connection, discovery, /bc-authorize, decision in process, /token";

/// Runs the measurement, behind a proxy's plain TCP and with the provider's own TLS.
///
/// # Errors
/// [`Failure`] when the provider doesn't start or an honest flow fails.
pub async fn measure(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let mut figures = attacked(plan, "hostile", &[]).await?;
    figures.extend(attacked(plan, "hostile_tls", &["--tls"]).await?);
    Ok(figures)
}

async fn attacked(plan: &Plan, name: &str, options: &[&str]) -> Result<Vec<Figure>, Failure> {
    let arguments: Vec<String> = [&["provider"], options].concat().into_iter().map(str::to_owned).collect();
    let provider = ProviderChild::start(&arguments)?;
    let target = provider.target();
    let address = address(&target)?;
    let mut workers = vec![Newcomer { target: target.clone(), count: Arc::default() }];
    let mut unloaded = Figure::new(&format!("{name}_unloaded"), WHAT, 1);
    for _ in 0..plan.rounds {
        workers = measured(workers, &provider, plan, &mut unloaded).await?;
    }
    let usual = unloaded.median(|window| window.p99_ms);
    let mut figures = vec![unloaded];
    for attack in Attack::ALL {
        let mut figure = Figure::new(&format!("{name}_{}", attack.name()), WHAT, 1);
        let before = resident_mib(provider.id())?;
        let attacking = attack.begin(address, &target).await?;
        let peak = tokio::spawn(peak_of(provider.id()));
        for _ in 0..plan.rounds {
            workers = measured(workers, &provider, plan, &mut figure).await?;
        }
        attacking.abort();
        let _ = attacking.await;
        peak.abort();
        let peak = PEAK.swap(0, Ordering::SeqCst) as f64 / 1024.0;
        tokio::time::sleep(plan.recovery).await;
        let after = resident_mib(provider.id())?;
        let ratio = figure.median(|window| window.p99_ms) / usual;
        let (most, seconds) = (attack.most_of_unloaded(), plan.recovery.as_secs());
        figure.notes.push(format!(
            "p99 {ratio:.1} × the unloaded one ({} {most}); memory {before:.1} MiB before, {peak:.1} at most ({} {:.1}), {after:.1} {seconds} s after ({} {:.1})",
            within(ratio <= most),
            within(peak <= before + MOST_MEMORY),
            before + MOST_MEMORY,
            within(after <= before * MOST_KEPT),
            before * MOST_KEPT,
        ));
        figures.push(figure);
    }
    Ok(figures)
}

fn within(is: bool) -> &'static str {
    if is { "within" } else { "OVER" }
}

async fn measured(
    workers: Vec<Newcomer>,
    provider: &ProviderChild,
    plan: &Plan,
    figure: &mut Figure,
) -> Result<Vec<Newcomer>, Failure> {
    let (workers, window): (_, Window) = closed_loop(workers, provider.id(), plan.warm_up, plan.window).await?;
    figure.windows.push(window);
    Ok(workers)
}

/// Largest memory seen since it was last taken, in KiB.
static PEAK: AtomicUsize = AtomicUsize::new(0);

async fn peak_of(process: u32) {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    loop {
        ticks.tick().await;
        let Ok(now) = resident_mib(process) else { return };
        PEAK.fetch_max((now * 1024.0) as usize, Ordering::SeqCst);
    }
}

fn address(target: &Target) -> Result<SocketAddr, Failure> {
    let found = target.issuer.socket_addrs(|| None).ok().and_then(|found| found.into_iter().next());
    found.ok_or_else(|| Failure::new("the issuer", "has no address"))
}

/// A client with a new connection for each flow.
struct Newcomer {
    target: Target,
    count: Arc<AtomicUsize>,
}

impl Worker for Newcomer {
    async fn flow(&mut self) -> Result<(), Failure> {
        let n = self.count.fetch_add(1, Ordering::Relaxed) % IN_PROCESS_USERS;
        let mut client = Client::with_connection(Connection::to(&self.target.issuer)?, &self.target).await?;
        client.flow(&format!("auto{n}")).await.map(drop)
    }
}
