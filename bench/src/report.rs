//! The report: a table for people, and the same as JSON under `target/bench`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::failure::Failure;
use crate::load::Window;
use crate::machine::Machine;

/// Everything that one run of this program measured.
#[derive(Serialize)]
pub struct Report {
    /// The machine.
    pub machine: Machine,
    /// The settings of this run, as given on the command line.
    pub settings: serde_json::Value,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// One measurement, answered by several windows.
#[derive(Serialize)]
pub struct Figure {
    /// A short name, stable for scripts.
    pub name: String,
    /// What one flow consists of.
    pub what: String,
    /// Concurrent clients.
    pub clients: usize,
    /// Every window, in the order measured; windows of different figures were interleaved.
    pub windows: Vec<Window>,
    /// Remarks about the measurement, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Figure {
    /// A figure without windows yet.
    pub fn new(name: &str, what: &str, clients: usize) -> Figure {
        let (name, what) = (name.to_owned(), what.to_owned());
        Figure { name, what, clients, windows: Vec::new(), notes: Vec::new() }
    }

    /// Median of a value over all windows.
    pub fn median(&self, of: impl Fn(&Window) -> f64) -> f64 {
        let mut values: Vec<f64> = self.windows.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn range(&self, of: impl Fn(&Window) -> f64) -> (f64, f64) {
        let values = self.windows.iter().map(of);
        values.fold((f64::INFINITY, 0.0), |(least, most), value| (least.min(value), most.max(value)))
    }
}

impl Report {
    /// The table.
    pub fn table(&self) -> String {
        let Machine { processor, cores, memory_mib, system, file_system, disk_flush_us, load_before, commit } =
            &self.machine;
        let mut text = format!(
            "{processor}, {cores} cores shared by provider and load, {memory_mib} MiB, {system}; {file_system}, a flush takes {disk_flush_us} µs;\nload average before {load_before}; commit {commit}; settings {}\n\n",
            self.settings
        );
        text.push_str("| figure | clients | windows | flows/s (median, range) | p50 ms | p99 ms | provider µs CPU/flow | load µs CPU/flow | neighbours % | idle % |\n");
        text.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
        for figure in &self.figures {
            let (least, most) = figure.range(|window| window.flows_per_second);
            let median = |of: fn(&Window) -> f64| figure.median(of);
            text.push_str(&format!(
                "| {} | {} | {} × {:.0} s | {:.0} ({least:.0}–{most:.0}) | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} |\n",
                figure.name,
                figure.clients,
                figure.windows.len(),
                median(|w| w.seconds),
                median(|w| w.flows_per_second),
                median(|w| w.p50_ms),
                median(|w| w.p99_ms),
                median(|w| w.provider_cpu_us_per_flow),
                median(|w| w.load_cpu_us_per_flow),
                median(|w| w.others_percent),
                median(|w| w.idle_percent),
            ));
        }
        for figure in &self.figures {
            for note in &figure.notes {
                text.push_str(&format!("\n{}: {note}", figure.name));
            }
        }
        text.push('\n');
        text
    }

    /// Writes `<folder>/latest.json` and `<folder>/<name>.json`; returns the path of the latter.
    ///
    /// # Errors
    /// [`Failure`] when the folder can't be written.
    pub fn write(&self, folder: &Path, name: &str) -> Result<PathBuf, Failure> {
        let json = serde_json::to_string_pretty(self).map_err(|error| Failure::new("the report", error))?;
        fs::create_dir_all(folder).map_err(Failure::io("target/bench"))?;
        let path = folder.join(format!("{name}.json"));
        for path in [&folder.join("latest.json"), &path] {
            fs::write(path, &json).map_err(Failure::io("target/bench"))?;
        }
        Ok(path)
    }
}
