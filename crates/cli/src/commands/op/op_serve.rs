//! `countersign op serve`: serves the provider until a stop signal.

use std::path::PathBuf;

use countersign_op::Provider;
use serde_json::json;
use tokio::net::TcpListener;

use super::device_page_folder;
use super::open_provider::open;
use crate::arguments::ProviderConfig;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::stop_signal;

/// Runs the command.
pub async fn run(
    config: &ProviderConfig,
    home: Option<PathBuf>,
    stop_with_stdin: bool,
    output: Output,
) -> Result<Exit, Failure> {
    let mut provider = open(config, home, Provider::open)?;
    if let Some(page) = device_page_folder::read()? {
        provider = provider.with_device_page(page);
    }
    let listen = provider.config().listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        let owner = crate::port_owner::find(listen).map(|owner| format!(" (in use by {owner})")).unwrap_or_default();
        Failure::usage(
            ErrorCode::Listen,
            format_args!("can't listen on {listen}: {error}{owner}; choose another `listen`"),
        )
    })?;
    let metrics = match provider.config().metrics {
        Some(address) => {
            let listener = TcpListener::bind(address).await.map_err(|error| {
                let what = format!("can't listen on {address} of [metrics]: {error}; choose another `listen`");
                Failure::usage(ErrorCode::Listen, what)
            })?;
            let provider = provider.clone();
            Some(tokio::spawn(async move { provider.serve_metrics(listener).await }))
        }
        None => None,
    };
    let issuer = provider.config().issuer.clone();
    // A supervisor may stop the process as soon as it has read the line.
    let signalled = stop_signal::received();
    output.result(&json!({ "event": "ready", "issuer": issuer }), |_| format!("Serving {issuer}. Ctrl-C stops it."))?;
    let stopped = async move {
        tokio::select! {
            () = signalled => {}
            () = stop_signal::stdin_closed(stop_with_stdin) => {}
        }
    };
    let served = provider.serve(listener, stopped).await;
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    served.map_err(|error| Failure::provider(ErrorCode::Serve, error))?;
    Ok(Exit::Ok)
}
