//! What the process says about itself on standard error, by `COUNTERSIGN_LOG` (`info`, `countersign_gateway=debug`, …).

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// Starts logging; warnings and errors unless `COUNTERSIGN_LOG` asks for more or less. Secrets are in no log at any level.
pub fn start() {
    let filter = EnvFilter::try_from_env("COUNTERSIGN_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    // Only the first subscriber of a process counts, and this is the first.
    let _ = subscriber.try_init();
}
