//! `countersign op serve`: the provider, until it is stopped.

use std::path::{Path, PathBuf};

use countersign_device::edge::system;
use countersign_gateway::Ports;
use countersign_op::{Config, Overrides, Provider};
use serde_json::json;
use tokio::net::TcpListener;

use crate::arguments::ProviderConfig;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{self, Resident};
use crate::output::Output;
use crate::stop;

/// Runs the command.
pub async fn run(
    config: &ProviderConfig,
    home: Option<PathBuf>,
    stop_with_stdin: bool,
    output: Output,
) -> Result<Exit, Failure> {
    let provider = open(config, home, Provider::open)?;
    let listen = provider.config().listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        let owner = crate::port_owner::of(listen).map(|owner| format!(" ({owner} has it)")).unwrap_or_default();
        Failure::usage("listen", format_args!("{listen} can't be listened on: {error}{owner}; choose another `listen`"))
    })?;
    let metrics = match provider.config().metrics {
        Some(address) => {
            let listener = TcpListener::bind(address).await.map_err(|error| {
                let what = format!("{address} of [metrics] can't be listened on: {error}; choose another `listen`");
                Failure::usage("listen", what)
            })?;
            let provider = provider.clone();
            Some(tokio::spawn(async move { provider.serve_metrics(listener).await }))
        }
        None => None,
    };
    let issuer = provider.config().issuer.clone();
    output.result(&json!({ "event": "ready", "issuer": issuer }), |_| format!("Serving {issuer}. Ctrl-C stops it."))?;
    let stopped = async move {
        tokio::select! {
            () = stop::asked() => {}
            () = stop::when_stdin_closes(stop_with_stdin) => {}
        }
    };
    let served = provider.serve(listener, stopped).await;
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    served.map_err(|error| Failure::provider("serve", error))?;
    Ok(Exit::Ok)
}

/// Reads the configuration: the file, then the environment, then the command line.
///
/// # Errors
/// Every mistake in it.
pub fn read(given: &ProviderConfig) -> Result<Config, Failure> {
    let mut overrides = Overrides::of_environment(std::env::vars_os());
    for each in &given.configure {
        overrides
            .add(each)
            .map_err(|given| Failure::usage("configuration", format!("--configure takes NAME=VALUE, not {given}")))?;
    }
    Config::read_with(&given.config, &overrides).map_err(|errors| Failure::usage("configuration", errors))
}

/// Reads the configuration and opens its provider beside the process that serves it. Tells people where there is none yet: then the
/// folder may be the wrong one.
pub fn open_beside(config: &ProviderConfig, home: Option<PathBuf>, output: Output) -> Result<Provider, Failure> {
    let home = home::folder(home, Resident::Provider)?;
    if !output.is_json() && !Provider::is_at(&home) {
        let folder = home.display();
        output.progress(&format!(
            "{folder} is a new provider's folder. If yours serves from another, name that one by --home: it sees nothing of this."
        ));
    }
    open(config, Some(home), Provider::open_for_admin)
}

/// Reads the configuration and opens its provider, to serve or beside the process that serves.
pub fn open<E: std::fmt::Display>(
    config: &ProviderConfig,
    home: Option<PathBuf>,
    open: impl FnOnce(Config, &Path, Ports) -> Result<Provider, E>,
) -> Result<Provider, Failure> {
    let config = read(config)?;
    let home = home::folder(home, Resident::Provider)?;
    let ports = Ports { clock: system::clock(), random: system::random() };
    open(config, &home, ports).map_err(|error| Failure::usage("provider", error))
}
