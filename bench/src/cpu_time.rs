//! CPU time of the provider's process, of this process and of the machine, from /proc. On a shared machine, CPU time per flow is
//! steadier than flows per second.

use std::fs;

use crate::failure::Failure;

/// Clock ticks per second in `/proc`: USER_HZ, 100 on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU times at one moment, in ticks.
pub struct CpuSnapshot {
    provider: u64,
    load: u64,
    busy: u64,
    idle: u64,
}

/// CPU time used between two snapshots.
pub struct CpuUsage {
    /// CPU time of the provider, in seconds.
    pub provider_seconds: f64,
    /// CPU time of this process, in seconds.
    pub load_seconds: f64,
    /// Share of all cores used by other processes, 0 to 1.
    pub others_share: f64,
    /// Share of all cores that was idle, 0 to 1.
    pub idle_share: f64,
}

/// Takes a snapshot; `provider` is a process id.
///
/// # Errors
/// [`Failure`] where there is no such process, or no `/proc`.
pub fn now(provider: u32) -> Result<CpuSnapshot, Failure> {
    let machine = fs::read_to_string("/proc/stat").map_err(Failure::io("/proc/stat"))?;
    // user nice system idle iowait irq softirq steal …; guests are counted among user and nice already.
    let ticks = machine.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
    let ticks: Vec<u64> = ticks.map(|word| word.parse().unwrap_or(0)).collect();
    let idle = ticks.iter().skip(3).take(2).sum();
    Ok(CpuSnapshot {
        provider: of_process(&provider.to_string())?,
        load: of_process("self")?,
        busy: ticks.iter().sum::<u64>() - idle,
        idle,
    })
}

/// User and system time of a process with all its threads.
fn of_process(name: &str) -> Result<u64, Failure> {
    let path = format!("/proc/{name}/stat");
    let text = fs::read_to_string(&path).map_err(|error| Failure::new(&path, error))?;
    // The name in parentheses may hold anything; behind it the state is the third field, utime and stime are 14 and 15.
    let fields = text.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect::<Vec<_>>()).unwrap_or_default();
    let tick = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    tick(11).zip(tick(12)).map(|(user, system)| user + system).ok_or_else(|| Failure::new(path, "can't be read"))
}

impl CpuSnapshot {
    /// CPU time used since an earlier snapshot.
    pub fn since(&self, earlier: &CpuSnapshot) -> CpuUsage {
        let (provider, load) = (self.provider - earlier.provider, self.load - earlier.load);
        let (busy, idle) = (self.busy - earlier.busy, self.idle - earlier.idle);
        let all = (busy + idle).max(1) as f64;
        CpuUsage {
            provider_seconds: provider as f64 / TICKS_PER_SECOND,
            load_seconds: load as f64 / TICKS_PER_SECOND,
            others_share: busy.saturating_sub(provider + load) as f64 / all,
            idle_share: idle as f64 / all,
        }
    }
}
