//! What a client within its limits can take of the disk: requests with long details to a user with three devices. Then that user
//! is locked, and another write is tried all the while.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use countersign_op::Provider;

use crate::bench_provider::{self, ApprovalMode};
use crate::device_session;
use crate::failure::Failure;
use crate::fill;
use crate::http_connection::Connection;
use crate::load::Window;
use crate::load_client::Client;
use crate::plan::Plan;
use crate::report::Figure;

const USER: &str = "user0";
const DEVICES: usize = 3;
/// Four characters each: 5.9 KB of details with the JSON around them.
const WORDS: usize = 1_460;
/// Most that 6,000 requests may take, in bytes each.
const MOST: f64 = 10_000.0;
/// Longest that another write may wait for a lock, in milliseconds.
const LONGEST_WAIT: f64 = 50.0;

/// Runs the measurement, in process: nothing goes over the network.
///
/// # Errors
/// [`Failure`] when the provider doesn't open or refuses a request.
pub async fn measure(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let mode = ApprovalMode::Devices { users: 1, enrolled: 0, expired: 0, push_service: None, asked: false };
    let opened = bench_provider::open(0, None, mode, false).await?;
    let (provider, target) = (opened.provider(), opened.target());
    let mut connection = Connection::within(provider.router());
    let info = device_session::fetch_provider_info(&mut connection, &target.issuer).await?;
    for _ in 0..DEVICES {
        let link = fill::link(provider, USER).await?;
        device_session::enroll(&mut connection, &info, &link).await?;
    }
    let mut client = Client::with_connection(Connection::within(provider.router()), target).await?;
    let before = size(opened.home())?;
    let begun = Instant::now();
    for n in 0..plan.requests {
        client.ask_with_details(USER, &details(n)).await?;
    }
    let took = begun.elapsed().as_secs_f64();
    let after = size(opened.home())?;
    let each = after.saturating_sub(before) as f64 / plan.requests as f64;
    let mut requests = Figure::new("disk", "/bc-authorize with 5.9 KB of details to a user with three devices", 1);
    requests.windows.push(Window::of_count(plan.requests as u64, took));
    requests.notes.push(format!(
        "{} requests take {:.1} MB of the database, {each:.0} bytes each ({} {MOST:.0}); its log has {:.1} MB",
        plan.requests,
        after.saturating_sub(before) as f64 / 1e6,
        within(each <= MOST),
        std::fs::metadata(opened.home().join("provider.db-wal")).map_or(0, |log| log.len()) as f64 / 1e6,
    ));
    Ok(vec![requests, locked(provider).await?])
}

async fn locked(provider: &Provider) -> Result<Figure, Failure> {
    let store = provider.gateway().store().clone();
    let is_over = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn({
        let (store, is_over) = (store.clone(), is_over.clone());
        async move {
            let mut longest = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                store.try_write().await.map_err(|error| Failure::new("another write", error))?;
                longest = longest.max(begun.elapsed());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok::<_, Failure>(longest)
        }
    });
    let user = USER.parse().map_err(|error| Failure::new("the user", error))?;
    let begun = Instant::now();
    let pending = provider.lock_user(&user).await.map_err(|error| Failure::new("the lock", error))?;
    let took = begun.elapsed().as_secs_f64();
    is_over.store(true, Ordering::Relaxed);
    let longest = others.await.map_err(|error| Failure::new("another write", error))??.as_secs_f64() * 1000.0;
    let mut figure =
        Figure::new("disk_lock", "a pending request withdrawn from three devices by a lock of the user", 1);
    figure.windows.push(Window::of_count(pending as u64, took));
    figure.notes.push(format!(
        "{pending} requests withdrawn in {took:.2} s; another write waited {longest:.1} ms at most ({} {LONGEST_WAIT:.0})",
        within(longest <= LONGEST_WAIT),
    ));
    Ok(figure)
}

fn within(is: bool) -> &'static str {
    if is { "within" } else { "OVER" }
}

/// Details of 5.9 KB of which no two are alike: text that hardly can be compressed.
fn details(n: usize) -> String {
    let text: String = (0..WORDS).map(|at| format!("{:04x}", (n * 7919 + at * 104_729) % 65_536)).collect();
    format!(r#"[{{"type":"generic","title":"Refund","text":"{text}"}}]"#)
}

/// The database with all that is in its log, in bytes.
fn size(home: &Path) -> Result<u64, Failure> {
    let copy = tempfile::tempdir_in(home).map_err(Failure::io("the home"))?;
    let to = copy.path().join("copy.db");
    countersign_store::back_up(&home.join("provider.db"), &to).map_err(|error| Failure::new("a copy", error))?;
    Ok(std::fs::metadata(&to).map_err(Failure::io("the copy"))?.len())
}
