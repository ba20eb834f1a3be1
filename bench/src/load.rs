//! Closed-loop load: workers that run one flow after another, measured in windows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cpu_time::{self, CpuSnapshot};
use crate::failure::Failure;

/// Runs one flow at a time.
pub trait Worker: Send + 'static {
    /// One whole flow.
    fn flow(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// One measured window.
#[derive(Debug, Clone, Serialize)]
pub struct Window {
    /// Flows that began and ended in it.
    pub flows: u64,
    /// Its length in seconds.
    pub seconds: f64,
    /// Flows per second.
    pub flows_per_second: f64,
    /// Median latency, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of latency, in milliseconds.
    pub p99_ms: f64,
    /// Largest latency, in milliseconds.
    pub max_ms: f64,
    /// CPU time of the provider's process per flow, user and system, in microseconds.
    pub provider_cpu_us_per_flow: f64,
    /// CPU time of this process per flow, in microseconds.
    pub load_cpu_us_per_flow: f64,
    /// Share of all cores used by other processes, in percent.
    pub others_percent: f64,
    /// Share of all cores that was idle, in percent.
    pub idle_percent: f64,
}

const WARMING_UP: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// How long a window is extended at most until its first flow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the workers for the warm-up and then for `length`, or longer until one flow is done. A failed flow ends the measurement, for a
/// figure with failures in it is not comparable. Returns the workers, for the next window.
///
/// # Errors
/// The first flow that failed.
pub async fn closed_loop<W: Worker>(
    workers: Vec<W>,
    provider: u32,
    warm_up: Duration,
    length: Duration,
) -> Result<(Vec<W>, Window), Failure> {
    let phase = Arc::new(AtomicU8::new(WARMING_UP));
    let done = Arc::new(AtomicBool::new(false));
    let start = |worker| tokio::spawn(work(worker, phase.clone(), done.clone()));
    let running: Vec<_> = workers.into_iter().map(start).collect();
    tokio::time::sleep(warm_up).await;
    let before = cpu_time::now(provider)?;
    let begun = Instant::now();
    phase.store(MEASURING, Ordering::SeqCst);
    tokio::time::sleep(length).await;
    while !done.load(Ordering::Relaxed) && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    phase.store(OVER, Ordering::SeqCst);
    let seconds = begun.elapsed().as_secs_f64();
    let after = cpu_time::now(provider)?;
    let (mut workers, mut latencies) = (Vec::new(), Vec::new());
    for task in running {
        let (worker, own) = task.await.map_err(|error| Failure::new("a worker", error))??;
        workers.push(worker);
        latencies.extend(own);
    }
    Ok((workers, Window::summarize(latencies, seconds, &before, &after)))
}

async fn work<W: Worker>(
    mut worker: W,
    phase: Arc<AtomicU8>,
    done: Arc<AtomicBool>,
) -> Result<(W, Vec<Duration>), Failure> {
    let mut latencies = Vec::new();
    loop {
        let phase_before = phase.load(Ordering::Relaxed);
        if phase_before == OVER {
            return Ok((worker, latencies));
        }
        let begun = Instant::now();
        worker.flow().await?;
        if phase_before == MEASURING && phase.load(Ordering::Relaxed) == MEASURING {
            latencies.push(begun.elapsed());
            done.store(true, Ordering::Relaxed);
        }
    }
}

impl Window {
    /// A window in which so many things were done that were not timed one by one.
    pub fn of_count(flows: u64, seconds: f64) -> Window {
        Window {
            flows,
            seconds: rounded(seconds),
            flows_per_second: rounded(flows as f64 / seconds),
            p50_ms: 0.0,
            p99_ms: 0.0,
            max_ms: 0.0,
            provider_cpu_us_per_flow: 0.0,
            load_cpu_us_per_flow: 0.0,
            others_percent: 0.0,
            idle_percent: 0.0,
        }
    }

    /// The figures of these latencies and CPU times.
    pub fn summarize(mut latencies: Vec<Duration>, seconds: f64, before: &CpuSnapshot, after: &CpuSnapshot) -> Window {
        latencies.sort_unstable();
        let at = |share: f64| quantile(&latencies, share);
        let flows = latencies.len() as f64;
        let spent = after.since(before);
        Window {
            flows: latencies.len() as u64,
            seconds: rounded(seconds),
            flows_per_second: rounded(flows / seconds),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            max_ms: at(1.0),
            provider_cpu_us_per_flow: rounded(spent.provider_seconds * 1e6 / flows),
            load_cpu_us_per_flow: rounded(spent.load_seconds * 1e6 / flows),
            others_percent: rounded(spent.others_share * 100.0),
            idle_percent: rounded(spent.idle_share * 100.0),
        }
    }
}

/// The value below which this share of the sorted durations lies, in milliseconds; 0 without any.
pub fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let index = (share * last as f64).ceil() as usize;
    rounded(sorted[index.min(last)].as_secs_f64() * 1000.0)
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!((quantile(&sorted, 0.5), quantile(&sorted, 0.99), quantile(&sorted, 1.0)), (101.0, 199.0, 200.0));
        assert_eq!(quantile(&sorted[..1], 0.5), 1.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
