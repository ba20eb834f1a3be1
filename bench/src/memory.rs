//! Resident memory of the provider's process, from /proc.

use std::fs;

use crate::failure::Failure;

/// Resident memory of a process, in MiB.
///
/// # Errors
/// [`Failure`] where there is no such process, or no `/proc`.
pub fn resident_mib(process: u32) -> Result<f64, Failure> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).map_err(|error| Failure::new(&path, error))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| Failure::new(path, "has no VmRSS"))
}
