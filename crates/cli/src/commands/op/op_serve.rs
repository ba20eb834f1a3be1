//! `countersign op serve`: serves the provider until a stop signal.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use countersign_op::Provider;
use countersign_protocol::issuer::LOCALHOST;
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};

use super::device_page_folder;
use super::open_provider::open;
use crate::arguments::ProviderConfig;
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::loopback;
use crate::output::Output;
use crate::stdin_lines::StdinLines;
use crate::stop_signal;

/// A line of a parent process on standard input: read the device page anew. A demo's is built while its provider serves.
pub const READ_DEVICE_PAGE: &str = "device-page";

/// How many connections wait to be accepted.
const BACKLOG: u32 = 1024;

/// Runs the command.
pub async fn run(
    config: &ProviderConfig,
    home: Option<PathBuf>,
    stop_with_stdin: bool,
    output: Output,
) -> Result<Exit, Failure> {
    let mut provider = open(config, home, Provider::open)?;
    if let Some((page, _)) = device_page_folder::read()? {
        provider = provider.with_device_page(page);
    }
    let listen = provider.config().listen;
    let addresses = if provider.config().issuer.host() == LOCALHOST { loopback::both(listen) } else { vec![listen] };
    let listeners = loopback::bind_all(&addresses, bind).map_err(|(address, error)| {
        let owner = crate::port_owner::find(address).map(|owner| format!(" (in use by {owner})")).unwrap_or_default();
        Failure::usage(
            ErrorCode::Listen,
            format_args!("can't listen on {address}: {error}{owner}; choose another `listen`"),
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
    let stopped = async {
        tokio::select! {
            () = signalled => {}
            () = stdin_closed(stop_with_stdin, &provider, output) => {}
        }
    };
    let served = provider.serve_all(listeners, stopped).await;
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    served.map_err(|error| Failure::provider(ErrorCode::Serve, error))?;
    Ok(Exit::Ok)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that is started again finds its port, although connections of the former one are still being forgotten.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Resolves when the parent process closes standard input, if `wanted`; until then does what its lines say, and answers each with
/// an event.
async fn stdin_closed(wanted: bool, provider: &Provider, output: Output) {
    if !wanted {
        return std::future::pending().await;
    }
    let mut lines = StdinLines::start();
    while let Some(line) = lines.next().await {
        if line == READ_DEVICE_PAGE {
            let why_not = match device_page_folder::read() {
                Ok(Some((page, _))) => {
                    provider.serve_device_page(page);
                    None
                }
                Ok(None) => Some("there is no page; build it: make web".to_owned()),
                Err(failure) => Some(failure.message),
            };
            // A parent that reads no more has stopped caring.
            let _ = output.result(&json!({ "event": "device_page", "why_not": why_not }), |_| String::new());
        }
    }
}
