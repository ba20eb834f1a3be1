//! Fills a provider before it serves: enrolled devices, and requests that expired unanswered. All through the provider's own
//! endpoints, in process.

use std::sync::Arc;
use std::time::Duration;

use countersign_gateway::LinkRequest;
use countersign_op::Provider;
use countersign_protocol::registration::Confirm;
use tokio::task::{JoinError, JoinSet};
use url::Url;

use crate::device_session;
use crate::failure::Failure;
use crate::http_connection::Connection;
use crate::load_client::{Client, Target};

/// Tasks at once while filling.
const AT_ONCE: usize = 32;
/// Lifetime of a request that is to expire, in seconds.
const SHORT_LIFETIME: u64 = 1;
/// Lifetime of a request that is to wait, in seconds.
const LONG_LIFETIME: u64 = 300;

/// An enrollment link of this user.
///
/// # Errors
/// [`Failure`] when there is no such user, or the provider refuses.
pub async fn link(provider: &Provider, user: &str) -> Result<String, Failure> {
    let info = provider.config().users.by_sub(user);
    let info = info.ok_or_else(|| Failure::new(user, "is no user of this provider"))?;
    let request = LinkRequest {
        subject: info.sub.clone(),
        subject_label: info.name.clone(),
        confirm: Confirm::None,
        allow_automated: true,
    };
    let issued = provider.gateway().issue_link(request).await.map_err(|error| Failure::new("a link", error))?;
    Ok(issued.link.expose())
}

/// Enrolls a device for each of `crowd0`, `crowd1` and so on; with a push service, pushed to at `<service>/0`, `<service>/1` and so
/// on.
///
/// # Errors
/// The first device that was refused.
pub async fn enroll(
    provider: &Provider,
    issuer: &Url,
    count: usize,
    push_service: Option<&str>,
) -> Result<(), Failure> {
    let info = Arc::new(device_session::fetch_provider_info(&mut Connection::within(provider.router()), issuer).await?);
    for_each(count, |n| {
        let (provider, info) = (provider.clone(), info.clone());
        let endpoint = push_service.map(|service| format!("{service}/{n}"));
        async move {
            let link = link(&provider, &format!("crowd{n}")).await?;
            let mut connection = Connection::within(provider.router());
            device_session::enroll_to_be_pushed(&mut connection, &info, &link, endpoint).await.map(drop)
        }
    })
    .await
}

/// Sends requests to `crowd0`, `crowd1` and so on in turn, and waits until all have expired and every device's outcome is signed.
///
/// # Errors
/// The first request that was refused.
pub async fn expire(provider: &Provider, target: &Target, users: usize, count: usize) -> Result<(), Failure> {
    for_each(count, |n| {
        let (provider, target) = (provider.clone(), target.clone());
        async move {
            let mut client = Client::with_connection(Connection::within(provider.router()), &target).await?;
            client.ask_for(&format!("crowd{}", n % users), Some(SHORT_LIFETIME)).await.map(drop)
        }
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(SHORT_LIFETIME + 1)).await;
    provider.gateway().sweep().await.map_err(|error| Failure::new("ending expired requests", error))
}

/// Sends one request to each of `crowd0`, `crowd1` and so on, which waits when the provider begins to serve.
///
/// # Errors
/// The first request that was refused.
pub async fn ask(provider: &Provider, target: &Target, users: usize) -> Result<(), Failure> {
    for_each(users, |n| {
        let (provider, target) = (provider.clone(), target.clone());
        async move {
            let mut client = Client::with_connection(Connection::within(provider.router()), &target).await?;
            client.ask_for(&format!("crowd{n}"), Some(LONG_LIFETIME)).await.map(drop)
        }
    })
    .await
}

async fn for_each<W>(count: usize, work: impl Fn(usize) -> W) -> Result<(), Failure>
where
    W: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for n in 0..count {
        if running.len() == AT_ONCE {
            flatten(running.join_next().await)?;
        }
        running.spawn(work(n));
    }
    while !running.is_empty() {
        flatten(running.join_next().await)?;
    }
    Ok(())
}

fn flatten(done: Option<Result<Result<(), Failure>, JoinError>>) -> Result<(), Failure> {
    done.map_or(Ok(()), |done| done.map_err(|error| Failure::new("filling", error))?)
}
