//! Log on standard error: levels by `COUNTERSIGN_LOG` (`info`, `countersign_gateway=debug`, …), as text or, with
//! `COUNTERSIGN_LOG_FORMAT=json`, one JSON object per line.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// Starts logging: warnings and errors, unless `COUNTERSIGN_LOG` sets other levels. No level logs secrets.
pub fn start() {
    let filter = EnvFilter::try_from_env("COUNTERSIGN_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let is_json = std::env::var_os("COUNTERSIGN_LOG_FORMAT").is_some_and(|format| format == "json");
    // Only the first subscriber of a process counts, and this is the first.
    let _ = match is_json {
        true => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        false => {
            let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.with_ansi(colours).try_init()
        }
    };
}
