//! Fills a provider before it serves: many enrolled devices, and requests that nobody answered and that have expired. Everything
//! goes through the provider's own endpoints, in process.

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

/// At work at once while filling.
const AT_ONCE: usize = 32;
/// What a request lives that is to expire, in seconds.
const SHORT_LIFE: u64 = 1;

/// An enrollment link of this user.
///
/// # Errors
/// [`Failure`] when there is no such user, or the provider refuses.
pub async fn link(provider: &Provider, user: &str) -> Result<String, Failure> {
    let known = provider.config().users.by_sub(user);
    let known = known.ok_or_else(|| Failure::of(user, "is no user of this provider"))?;
    let request = LinkRequest {
        subject: known.sub.clone(),
        subject_label: known.name.clone(),
        confirm: Confirm::None,
        allow_automated: true,
    };
    let issued = provider.gateway().issue_link(request).await.map_err(|error| Failure::of("a link", error))?;
    Ok(issued.link.expose())
}

/// Enrolls a device for each of `crowd0` and so on.
///
/// # Errors
/// The first device that was refused.
pub async fn enroll(provider: &Provider, issuer: &Url, count: usize) -> Result<(), Failure> {
    let known =
        Arc::new(device_session::fetch_provider_info(&mut Connection::within(provider.router()), issuer).await?);
    each(count, |n| {
        let (provider, known) = (provider.clone(), known.clone());
        async move {
            let link = link(&provider, &format!("crowd{n}")).await?;
            device_session::enroll(&mut Connection::within(provider.router()), &known, &link).await.map(drop)
        }
    })
    .await
}

/// Asks each of `crowd0` and so on in turn, and waits until all these requests have expired and every device's outcome is signed.
///
/// # Errors
/// The first request that was refused.
pub async fn expire(provider: &Provider, target: &Target, users: usize, count: usize) -> Result<(), Failure> {
    each(count, |n| {
        let (provider, target) = (provider.clone(), target.clone());
        async move {
            let mut client = Client::over(Connection::within(provider.router()), &target).await?;
            client.ask_for(&format!("crowd{}", n % users), Some(SHORT_LIFE)).await.map(drop)
        }
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(SHORT_LIFE + 1)).await;
    provider.gateway().sweep().await.map_err(|error| Failure::of("ending expired requests", error))
}

async fn each<W>(count: usize, work: impl Fn(usize) -> W) -> Result<(), Failure>
where
    W: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for n in 0..count {
        if running.len() == AT_ONCE {
            joined(running.join_next().await)?;
        }
        running.spawn(work(n));
    }
    while !running.is_empty() {
        joined(running.join_next().await)?;
    }
    Ok(())
}

fn joined(done: Option<Result<Result<(), Failure>, JoinError>>) -> Result<(), Failure> {
    done.map_or(Ok(()), |done| done.map_err(|error| Failure::of("filling", error))?)
}
