//! HTTP client authenticated as one OAuth client: no redirects, bounded in time and size, retries after a 429.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_device::edge::http_clients::{HttpClients, HttpUnavailable, transport_error};
use countersign_device::ports::transport::TransportError;
use countersign_jose::json::{self, Json, Strictness};
use countersign_jose::secret::Secret;
use futures_util::StreamExt as _;
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::error_code::ErrorCode;
use crate::failure::Failure;

/// Largest reply accepted, in bytes.
const LARGEST: usize = 256 * 1024;
/// Longest `Retry-After` of a 429 that is waited for, in seconds.
const LONGEST_RETRY: u64 = 60;
/// Most attempts of one call.
const MOST_RETRIES: u32 = 3;

/// Talks to one provider as one client.
pub struct HttpClient {
    clients: HttpClients,
    /// Marked as sensitive, so that no library logs it.
    basic: HeaderValue,
}

/// A JSON reply: as received, and parsed.
pub struct Reply {
    pub text: String,
    pub json: Json,
}

/// An OAuth error response (RFC 6749 §5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OauthError {
    /// The OAuth error code.
    pub error: String,
    /// The provider's description, for the client's developer.
    pub error_description: Option<String>,
    /// Why the person denied.
    pub denial_reason: Option<String>,
    /// What people call the request that ended, at a provider that names it.
    pub r#ref: Option<String>,
    /// Whether a device has the request (`waiting`, `delivered`); with `authorization_pending` alone.
    pub delivery: Option<String>,
}

/// Why a call has no result.
pub enum CallError {
    /// No reply, or one that is not a provider's: worth another try while polling.
    Transport(Failure),
    /// An OAuth error.
    Oauth(OauthError),
}

impl HttpClient {
    /// A client with this id and secret, which are sent as `client_secret_basic` (RFC 6749 §2.3.1).
    ///
    /// # Errors
    /// The system's certificates can't be loaded.
    pub fn new(client_id: &str, secret: &Secret) -> Result<HttpClient, Failure> {
        let clients = HttpClients::new(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| unavailable(&error))?;
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = Secret::new(format!("{}:{}", encode(client_id), encode(secret.expose())));
        let header = Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())));
        let mut basic = HeaderValue::from_str(header.expose()).expect("base64 is plain ASCII");
        basic.set_sensitive(true);
        Ok(HttpClient { clients, basic })
    }

    /// Fetches a public document.
    ///
    /// # Errors
    /// No reply, a status other than 200, or no JSON object.
    pub async fn get(&self, url: &str) -> Result<Reply, Failure> {
        let client = self.clients.for_url(url).map_err(|error| unavailable(&error))?;
        let request = client.get(url).timeout(Duration::from_secs(15));
        let (status, reply) = send(request, url).await?;
        match reply {
            Some(reply) if status == StatusCode::OK => Ok(reply),
            _ => Err(not_a_provider(url, status)),
        }
    }

    /// Posts a form with the client's credentials; a 429 is retried after its `Retry-After`. `patience` bounds each attempt.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn post(&self, url: &str, form: &[(&str, &str)], patience: Duration) -> Result<Reply, CallError> {
        let client = self.clients.for_url(url).map_err(|error| CallError::Transport(unavailable(&error)))?;
        for turn in 1.. {
            let request = client.post(url).header(AUTHORIZATION, self.basic.clone()).timeout(patience).form(form);
            let response =
                request.send().await.map_err(|error| CallError::Transport(transport_failure(&error, url)))?;
            let wait = retry_after(&response).filter(|_| response.status() == StatusCode::TOO_MANY_REQUESTS);
            let (status, reply) = read(response, url).await.map_err(CallError::Transport)?;
            if let Some(seconds) = wait.filter(|&seconds| turn < MOST_RETRIES && seconds <= LONGEST_RETRY) {
                tracing::info!(seconds, "the provider asks to wait");
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                continue;
            }
            let Some(reply) = reply else { return Err(CallError::Transport(not_a_provider(url, status))) };
            return match (status, refusal(&reply.json)) {
                (StatusCode::OK, _) => Ok(reply),
                (_, Some(refused)) if !status.is_server_error() => Err(CallError::Oauth(refused)),
                _ => Err(CallError::Transport(not_a_provider(url, status))),
            };
        }
        unreachable!("the last turn returns")
    }
}

async fn send(request: RequestBuilder, url: &str) -> Result<(StatusCode, Option<Reply>), Failure> {
    let response = request.send().await.map_err(|error| transport_failure(&error, url))?;
    read(response, url).await
}

async fn read(response: Response, url: &str) -> Result<(StatusCode, Option<Reply>), Failure> {
    let status = response.status();
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| transport_failure(&error, url))?);
        if bytes.len() > LARGEST {
            return Err(Failure::provider(ErrorCode::NotAProvider, format_args!("the reply of {url} is too large")));
        }
    }
    let json = json::read(&bytes, Strictness::FOREIGN).ok().filter(|json| json.as_object().is_some());
    let reply = json
        .map(|json| Reply { text: String::from_utf8_lossy(json::without_byte_order_mark(&bytes)).into_owned(), json });
    Ok((status, reply))
}

fn retry_after(response: &Response) -> Option<u64> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

fn refusal(json: &Json) -> Option<OauthError> {
    let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let (error_description, denial_reason) = (text("error_description"), text("denial_reason"));
    let (r#ref, delivery) = (text("ref"), text("delivery"));
    Some(OauthError { error: text("error")?, error_description, denial_reason, r#ref, delivery })
}

fn unavailable(error: &HttpUnavailable) -> Failure {
    Failure::provider(ErrorCode::HttpUnavailable, error)
}

fn not_a_provider(url: &str, status: StatusCode) -> Failure {
    let what = format!("{url} replied with status {} and no JSON that this client understands", status.as_u16());
    Failure::provider(ErrorCode::NotAProvider, what)
}

fn transport_failure(error: &reqwest::Error, url: &str) -> Failure {
    let where_ = url::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization());
    let (code, why) = match transport_error(error) {
        TransportError::Certificate(fault) => {
            return Failure::provider(fault.code(), format_args!("{where_} was not called: {fault}"));
        }
        TransportError::Untrusted => (
            ErrorCode::Unreachable,
            "something else than a provider with TLS answers there; check host, port and scheme".to_owned(),
        ),
        TransportError::TimedOut => (ErrorCode::Unreachable, "it did not reply in time; check the network".to_owned()),
        TransportError::Unreachable(why) => (ErrorCode::Unreachable, why.to_string()),
        other => (ErrorCode::Unreachable, other.to_string()),
    };
    Failure::provider(code, format_args!("{where_} can't be reached: {why}"))
}
