//! What an idle event stream costs the provider in memory, and what it keeps after all were closed.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use tokio::task::JoinSet;

use crate::device_session;
use crate::failure::Failure;
use crate::http_connection::Connection;
use crate::load::Window;
use crate::memory::resident_mib;
use crate::plan::Plan;
use crate::provider_child::ProviderChild;
use crate::report::Figure;

/// Streams per device: as many as one may have.
const PER_DEVICE: usize = 4;
/// Devices that are set up at once.
const AT_ONCE: usize = 16;
/// Before memory is read: what was begun is done.
const SETTLE: Duration = Duration::from_secs(3);

/// Runs the measurement, over plain TCP and with the provider's own TLS.
///
/// # Errors
/// [`Failure`] when the provider doesn't start or refuses a stream.
pub async fn measure(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    Ok(vec![measured(plan, "streams", &[]).await?, measured(plan, "streams_tls", &["--tls"]).await?])
}

async fn measured(plan: &Plan, name: &str, options: &[&str]) -> Result<Figure, Failure> {
    let devices = plan.streams.div_ceil(PER_DEVICE).max(1).to_string();
    let arguments = [&["provider", "--devices", &devices], options].concat();
    let provider = ProviderChild::start(&arguments.into_iter().map(str::to_owned).collect::<Vec<_>>())?;
    let issuer = provider.target().issuer;
    let mut connection = Connection::to(&issuer)?;
    let info = Arc::new(device_session::fetch_provider_info(&mut connection, &issuer).await?);
    let mut enrolled = Vec::new();
    for link in provider.links() {
        enrolled.push(device_session::enroll(&mut connection, &info, link).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let before = resident_mib(provider.id())?;
    let begun = std::time::Instant::now();
    let mut opening = JoinSet::new();
    let mut open: Vec<Incoming> = Vec::new();
    for mut device in enrolled {
        if opening.len() == AT_ONCE {
            open.extend(joined(opening.join_next().await)?);
        }
        let issuer = issuer.clone();
        opening.spawn(async move {
            let mut streams = Vec::new();
            for _ in 0..PER_DEVICE {
                streams.push(device_session::open_stream(&mut device, &issuer).await?);
            }
            Ok(streams)
        });
    }
    while !opening.is_empty() {
        open.extend(joined(opening.join_next().await)?);
    }
    let took = begun.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    let with = resident_mib(provider.id())?;
    let count = open.len();
    drop(open);
    tokio::time::sleep(plan.recovery).await;
    let after = resident_mib(provider.id())?;
    let mut figure = Figure::new(name, "opening an event stream of a device, by a call with DPoP", AT_ONCE);
    figure.windows.push(Window::of_count(count as u64, took));
    figure.notes.push(format!(
        "{count} idle streams: {:.1} KiB each; memory {before:.1} MiB before, {with:.1} with them, {after:.1} {} s after they were closed",
        (with - before) * 1024.0 / count as f64,
        plan.recovery.as_secs(),
    ));
    Ok(figure)
}

fn joined(
    done: Option<Result<Result<Vec<Incoming>, Failure>, tokio::task::JoinError>>,
) -> Result<Vec<Incoming>, Failure> {
    done.map_or(Ok(Vec::new()), |done| done.map_err(|error| Failure::new("a stream", error))?)
}
