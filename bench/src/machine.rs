//! The machine that was measured on: processor, memory, disk and load.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde::Serialize;

/// What a reader needs to compare figures.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// System and release.
    pub system: String,
    /// File system of the provider's home.
    pub file_system: String,
    /// Median time to write 4 KiB and flush it (`fdatasync`), in microseconds: the lower bound of a commit.
    pub disk_flush_us: u64,
    /// Load averages of 1, 5 and 15 minutes before anything was measured.
    pub load_before: String,
    /// The commit, with `+` if files differ from it; "unknown" outside a checkout.
    pub commit: String,
}

impl Machine {
    /// Describes this machine; `folder` is where homes will be.
    pub fn detect(folder: &Path) -> Machine {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
        };
        let memory = after(&read("/proc/meminfo"), "MemTotal");
        Machine {
            processor: after(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024,
            system: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            file_system: file_system(&read("/proc/self/mounts"), folder),
            disk_flush_us: disk_flush(folder).unwrap_or(0),
            load_before: read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

/// The type of the mount that the folder is on: the longest mount point above it.
fn file_system(mounts: &str, folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let mut longest = ("", "unknown");
    for (point, kind) in &mut fields {
        if folder.starts_with(point) && point.len() >= longest.0.len() {
            longest = (point, kind);
        }
    }
    longest.1.to_owned()
}

fn disk_flush(folder: &Path) -> std::io::Result<u64> {
    const TIMES: usize = 101;
    let path = folder.join("flush-probe");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed().as_micros() as u64);
    }
    fs::remove_file(path)?;
    times.sort_unstable();
    Ok(times[TIMES / 2])
}

fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    let name = git(&["rev-parse", "--short", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { name } else { format!("{name}+") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_mount_point_names_the_file_system() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/disk xfs rw 0 0\n";
        let of = |folder: &str| file_system(mounts, Path::new(folder));
        assert_eq!((of("/tmp/disk/x").as_str(), of("/tmp/y").as_str(), of("/var").as_str()), ("xfs", "tmpfs", "ext4"));
    }
}
