//! HTTP session of a virtual device: enrolls with a link, follows its stream, answers every challenge.

use std::sync::OnceLock;
use std::time::Instant;

use countersign_protocol::discovery::Discovery;
use countersign_protocol::fetch::{FetchResponse, Receipt};
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::problem::Problem;
use countersign_protocol::registration::RegistrationResponse;
use futures_util::StreamExt as _;
use hyper::StatusCode;
use hyper::body::Incoming;
use sse_stream::SseStream;
use tokio::sync::mpsc::UnboundedSender;
use url::Url;

use crate::failure::Failure;
use crate::http_connection::{Connection, Reply};
use crate::load_client;
use crate::virtual_device::{Device, ProviderInfo, SignedAnswer, UnregisteredDevice};

const NONCE: &str = "dpop-nonce";

/// Progress of a device with one challenge.
#[derive(Debug)]
pub enum DeviceProgress {
    /// It verified a challenge: signature, device, user and time.
    Verified(Instant),
    /// It verified the outcome of its answer.
    Concluded,
    /// Something did not verify; the session has ended.
    Failed(Failure),
}

/// Fetches what a device needs before it registers.
///
/// # Errors
/// [`Failure`] when a document is missing.
pub async fn fetch_provider_info(connection: &mut Connection, issuer: &Url) -> Result<ProviderInfo, Failure> {
    let at = |path: &str| issuer.join(path).map_err(|error| Failure::new("the issuer", error));
    let discovery: Discovery = load_client::get(connection, &at("/.well-known/oauth-push-notification")?).await?;
    let parsed = |text: &str| text.parse::<Url>().map_err(|error| Failure::new("discovery", error));
    Ok(ProviderInfo {
        registration: parsed(&discovery.registration_endpoint)?,
        keys: load_client::get(connection, &parsed(&discovery.device_jwks_uri)?).await?,
        manifests: load_client::get(connection, &parsed(&discovery.manifest_uri)?).await?,
        trusted: OnceLock::new(),
        issuer: discovery.issuer,
    })
}

/// Enrolls one device.
///
/// # Errors
/// [`Failure`] when link or provider refuse.
pub async fn enroll(connection: &mut Connection, info: &ProviderInfo, link: &str) -> Result<Device, Failure> {
    enroll_to_be_pushed(connection, info, link, None).await
}

/// As [`enroll`]; the device is pushed to at this endpoint.
///
/// # Errors
/// [`Failure`] when link or provider refuse.
pub async fn enroll_to_be_pushed(
    connection: &mut Connection,
    info: &ProviderInfo,
    link: &str,
    endpoint: Option<String>,
) -> Result<Device, Failure> {
    let link: EnrollmentLink = link.parse().map_err(|error| Failure::new("a link", error))?;
    let unregistered = UnregisteredDevice::prepare(&link, info, endpoint)?;
    let first = connection.send(unregistered.request(None)?).await?;
    let reply = match nonce_wanted(&first) {
        Some(nonce) => connection.send(unregistered.request(Some(&nonce))?).await?,
        None => first,
    };
    let registered: RegistrationResponse = reply.json("/push/register", StatusCode::CREATED)?;
    Ok(unregistered.registered(&registered))
}

/// Follows the device's stream and answers every challenge, until the stream ends or something does not verify.
pub async fn run(device: Device, issuer: Url, done: UnboundedSender<DeviceProgress>) {
    if let Err(failure) = follow(device, &issuer, &done).await {
        let _ = done.send(DeviceProgress::Failed(failure));
    }
}

async fn follow(mut device: Device, issuer: &Url, done: &UnboundedSender<DeviceProgress>) -> Result<(), Failure> {
    let mut calls = Connection::to(issuer)?;
    let mut stream = SseStream::new(open_stream(&mut device, issuer).await?);
    while let Some(event) = stream.next().await {
        let event = event.map_err(|error| Failure::new("a stream", error))?;
        let Some(data) = event.data else { continue };
        if event.event.as_deref() == Some("nonce") {
            device.remember_nonce(&data);
            continue;
        }
        let fetched: FetchResponse = serde_json::from_str(&data).map_err(|error| Failure::new("a stream", error))?;
        device.take_notices(&fetched.notices)?;
        for challenge in &fetched.challenges {
            let challenge = device.verify(challenge)?;
            // The receiver may be gone: the measurement has ended.
            let _ = done.send(DeviceProgress::Verified(Instant::now()));
            let answered = device.approve(challenge)?;
            answer(&mut device, &mut calls, &answered).await?;
            let _ = done.send(DeviceProgress::Concluded);
        }
    }
    Ok(())
}

/// Opens the device's stream.
///
/// # Errors
/// [`Failure`] when the provider refuses it.
pub async fn open_stream(device: &mut Device, issuer: &Url) -> Result<Incoming, Failure> {
    for _ in 0..2 {
        let mut connection = Connection::to(issuer)?;
        let response = connection.open(device.stream()?).await?;
        if let Some(nonce) = response.headers().get(NONCE).and_then(|nonce| nonce.to_str().ok()) {
            device.remember_nonce(nonce);
        }
        if response.status() == StatusCode::OK {
            return Ok(response.into_body());
        }
    }
    Err(Failure::new("/push/stream", "the provider refuses"))
}

async fn answer(device: &mut Device, calls: &mut Connection, answered: &SignedAnswer) -> Result<(), Failure> {
    let mut reply = calls.send(device.send(answered)?).await?;
    if let Some(nonce) = nonce_wanted(&reply) {
        device.remember_nonce(&nonce);
        reply = calls.send(device.send(answered)?).await?;
    }
    if let Some(nonce) = nonce_of(&reply) {
        device.remember_nonce(&nonce);
    }
    let received: Receipt = reply.json("an answer", StatusCode::OK)?;
    let outcome = received.outcome.ok_or_else(|| Failure::new("an answer", "came back without an outcome"))?;
    device.conclude(answered, &outcome)
}

fn nonce_of(reply: &Reply) -> Option<String> {
    reply.headers.get(NONCE)?.to_str().ok().map(str::to_owned)
}

/// The nonce to retry with, if the call was refused with `use_dpop_nonce`.
fn nonce_wanted(reply: &Reply) -> Option<String> {
    let problem: Problem =
        serde_json::from_slice(&reply.body).ok().filter(|_| reply.status == StatusCode::UNAUTHORIZED)?;
    nonce_of(reply).filter(|_| problem.title.as_str() == "use_dpop_nonce")
}
