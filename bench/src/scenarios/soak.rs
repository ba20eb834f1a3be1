//! Soak test: complete flows with the device at half load for minutes, with the provider's memory sampled. No flow may fail, and
//! memory must not grow after warm-up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::failure::Failure;
use crate::load::{Worker, closed_loop};
use crate::memory::resident_mib;
use crate::scenarios::with_device::{ClientWithDevice, pairs, start};

/// How long the provider's full rate is measured beforehand.
const FULL: Duration = Duration::from_secs(5);
/// Growth of memory that is tolerated: caches fill at different times.
const TOLERANCE_MIB: f64 = 8.0;
const TOLERANCE: f64 = 1.10;

/// The options of `countersign-bench soak`.
#[derive(Args)]
pub struct Settings {
    /// Duration in minutes.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Flows per second; if omitted, half of the full rate measured beforehand.
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds between two lines of output.
    #[arg(long, default_value_t = 10.0)]
    every: f64,
}

/// Flows since the last line.
#[derive(Default)]
struct Count {
    latencies: Vec<Duration>,
    failures: Vec<Failure>,
}

/// Runs the soak test, and prints a line at each interval.
///
/// # Errors
/// [`Failure`] when a flow failed, or when memory grew.
#[expect(clippy::print_stdout, reason = "the lines are what was asked for")]
pub async fn run(settings: Settings) -> Result<(), Failure> {
    let provider = start()?;
    let pairs = pairs(&provider).await?;
    let (pairs, full) = closed_loop(pairs, provider.id(), Duration::from_secs(1), FULL).await?;
    let rate = settings.rate.unwrap_or(full.flows_per_second / 2.0).max(1.0);
    println!(
        "{rate:.0} complete flows a second for {} min ({:.0} at full rate)",
        settings.minutes, full.flows_per_second
    );
    println!(
        "{:>8} {:>10} {:>8} {:>8} {:>8} {:>7} {:>9}",
        "seconds", "flows", "flows/s", "p50 ms", "p99 ms", "errors", "RSS MiB"
    );

    let (begun, length) = (Instant::now(), Duration::from_secs_f64(settings.minutes.max(0.1) * 60.0));
    let (sender, mut results) = unbounded_channel();
    let next = Arc::new(AtomicU64::new(0));
    for pair in pairs {
        tokio::spawn(take_turns(pair, rate, begun, begun + length, next.clone(), sender.clone()));
    }
    drop(sender);

    let every = Duration::from_secs_f64(settings.every.clamp(1.0, 600.0));
    let (mut flows, mut errors, mut memory) = (0, 0, Vec::new());
    let mut line_at = begun;
    while begun.elapsed() < length {
        line_at += every;
        let count = collect(&mut results, line_at).await;
        let done = count.latencies.len();
        flows += done;
        errors += count.failures.len();
        for failure in &count.failures {
            println!("         {failure}");
        }
        let rss = resident_mib(provider.id())?;
        memory.push(rss);
        let (p50, p99) = quantiles(count.latencies);
        let seconds = begun.elapsed().as_secs();
        println!(
            "{seconds:>8} {flows:>10} {:>8.0} {p50:>8.1} {p99:>8.1} {errors:>7} {rss:>9.1}",
            done as f64 / every.as_secs_f64()
        );
    }
    let quarter = (memory.len() / 4).max(1);
    let warm = mean(&memory[quarter.min(memory.len() - 1)..(2 * quarter).min(memory.len())]);
    let end = mean(&memory[memory.len() - quarter..]);
    println!("{flows} flows, {errors} errors; memory {warm:.1} MiB in the second quarter, {end:.1} MiB in the last");
    if errors > 0 {
        return Err(Failure::new("the soak", format!("{errors} flows failed")));
    }
    if end > warm * TOLERANCE + TOLERANCE_MIB {
        return Err(Failure::new("the soak", format!("memory grew from {warm:.1} to {end:.1} MiB")));
    }
    Ok(())
}

/// Runs flows at even intervals, shared between the pairs. A failure ends its pair; the others go on.
async fn take_turns(
    mut pair: ClientWithDevice,
    rate: f64,
    begun: Instant,
    until: Instant,
    next: Arc<AtomicU64>,
    results: UnboundedSender<Result<Duration, Failure>>,
) {
    loop {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        let at = begun + Duration::from_secs_f64(turn as f64 / rate);
        if at >= until {
            return;
        }
        tokio::time::sleep_until(at.into()).await;
        let sent = Instant::now();
        let flow = pair.flow().await.map(|()| sent.elapsed());
        let has_failed = flow.is_err();
        if results.send(flow).is_err() || has_failed {
            return;
        }
    }
}

async fn collect(results: &mut UnboundedReceiver<Result<Duration, Failure>>, until: Instant) -> Count {
    let mut count = Count::default();
    loop {
        match tokio::time::timeout_at(until.into(), results.recv()).await {
            Ok(Some(Ok(latency))) => count.latencies.push(latency),
            Ok(Some(Err(failure))) => count.failures.push(failure),
            // All pairs have ended: wait for the rest of the interval.
            Ok(None) => tokio::time::sleep_until(until.into()).await,
            Err(_) => return count,
        }
        if Instant::now() >= until {
            return count;
        }
    }
}

/// Median and 99th percentile in milliseconds; 0 without any.
fn quantiles(mut latencies: Vec<Duration>) -> (f64, f64) {
    latencies.sort_unstable();
    let at = |share: f64| {
        let last = latencies.len().checked_sub(1)?;
        latencies.get((share * last as f64).ceil() as usize).map(|latency| latency.as_secs_f64() * 1000.0)
    };
    (at(0.5).unwrap_or(0.0), at(0.99).unwrap_or(0.0))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
