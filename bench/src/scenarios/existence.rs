//! Whether the time of `/bc-authorize` tells who exists, to a client that must not learn it: requests about a user with a device,
//! one without, a locked and an unknown one, in turn and one at a time.

use std::time::{Duration, Instant};

use crate::bench_provider::{DEVICELESS_USER, HIDING_CLIENT_ID, LOCKED_USER};
use crate::cpu_time;
use crate::device_session;
use crate::failure::Failure;
use crate::http_connection::Connection;
use crate::load::{Window, quantile};
use crate::load_client::{Client, Target};
use crate::plan::Plan;
use crate::provider_child::ProviderChild;
use crate::report::Figure;

const WHAT: &str = "/bc-authorize by a client from which unknown users are hidden";
/// Users of each kind, so that no one of them reaches a limit soon.
const EACH: usize = 50;
/// Users with a device, `user0` and so on.
const USERS: usize = EACH;

/// Runs the measurement.
///
/// # Errors
/// [`Failure`] when the provider doesn't start or refuses a request.
pub async fn measure(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let provider = ProviderChild::start(&["provider".to_owned(), "--devices".to_owned(), USERS.to_string()])?;
    let target = Target { client_id: HIDING_CLIENT_ID.to_owned(), ..provider.target() };
    let mut connection = Connection::to(&target.issuer)?;
    let info = device_session::fetch_provider_info(&mut connection, &target.issuer).await?;
    for link in provider.links() {
        device_session::enroll(&mut connection, &info, link).await?;
    }
    // The provider's first sweep counts the devices that users have.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let kinds = [
        ("existence_known", "user"),
        ("existence_no_device", DEVICELESS_USER),
        ("existence_locked", LOCKED_USER),
        ("existence_unknown", "nobody"),
    ];
    let mut client = Client::discover(&target).await?;
    let mut figures = kinds.map(|(name, _)| Figure::new(name, WHAT, 1));
    let mut all = [const { Vec::new() }; 4];
    for _ in 0..plan.rounds {
        let mut latencies = [const { Vec::new() }; 4];
        let (begun, before) = (Instant::now(), cpu_time::now(provider.id())?);
        let mut turn = 0_usize;
        while begun.elapsed() < plan.window || turn < kinds.len() {
            // Each round of four begins with another kind: what follows a commit is not always the same.
            let kind = (turn + turn / kinds.len()) % kinds.len();
            let hint = format!("{}{}", kinds[kind].1, turn / kinds.len() % EACH);
            let sent = Instant::now();
            let request = client.ask(&hint).await?;
            latencies[kind].push(sent.elapsed());
            // So that each request is about a user for whom nothing waits.
            client.cancel(&request).await?;
            turn += 1;
        }
        let (seconds, after) = (begun.elapsed().as_secs_f64(), cpu_time::now(provider.id())?);
        for ((figure, all), latencies) in figures.iter_mut().zip(&mut all).zip(latencies) {
            all.extend_from_slice(&latencies);
            figure.windows.push(Window::summarize(latencies, seconds, &before, &after));
        }
    }
    for (figure, all) in figures.iter_mut().zip(&mut all) {
        all.sort_unstable();
        let [p10, p50, p90] = [0.1, 0.5, 0.9].map(|share| quantile(all, share));
        figure.notes.push(format!("{} requests: p10 {p10:.2} ms, p50 {p50:.2} ms, p90 {p90:.2} ms", all.len()));
    }
    Ok(figures.into())
}
