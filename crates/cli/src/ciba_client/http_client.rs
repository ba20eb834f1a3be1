//! One HTTP client with the client's credentials: no redirects, bounded in time and size, a 429 waited out.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_protocol::json::{self, Json};
use countersign_protocol::secret::Secret;
use futures_util::StreamExt as _;
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, redirect};
use serde::Serialize;

use crate::failure::Failure;

/// More than any reply of a provider.
const LARGEST: usize = 256 * 1024;
/// A client never waits longer than this because of a 429.
const LONGEST_RETRY: u64 = 60;
/// And not more often.
const MOST_RETRIES: u32 = 3;
/// Details of depth 8, and the response around them.
const DEPTH: usize = 12;

/// Talks to one provider as one client.
pub struct HttpClient {
    client: reqwest::Client,
    /// Marked as sensitive, so that no library's log shows it.
    basic: HeaderValue,
}

/// A reply that is JSON: its text as received, and what it says.
pub struct Reply {
    pub text: String,
    pub json: Json,
}

/// The provider said no: its error, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OauthError {
    /// The OAuth error code.
    pub error: String,
    /// The provider's words, for the client's developer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// Why the person denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial_reason: Option<String>,
}

/// What became of a call.
pub enum CallError {
    /// No reply at all, or none of a provider: worth another try while polling.
    Transport(Failure),
    /// An error of the provider.
    Oauth(OauthError),
}

impl HttpClient {
    /// A client with this id and secret, which are sent as `client_secret_basic` (RFC 6749 §2.3.1).
    ///
    /// # Errors
    /// The system's certificates can't be loaded.
    pub fn new(client_id: &str, secret: &Secret) -> Result<HttpClient, Failure> {
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .referer(false)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::provider("http_unavailable", error))?;
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = Secret::new(format!("{}:{}", encode(client_id), encode(secret.expose())));
        let header = Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())));
        let mut basic = HeaderValue::from_str(header.expose()).expect("base64 is plain ASCII");
        basic.set_sensitive(true);
        Ok(HttpClient { client, basic })
    }

    /// Gets a public document.
    pub async fn get(&self, url: &str) -> Result<Reply, Failure> {
        let request = self.client.get(url).timeout(Duration::from_secs(15));
        let (status, reply) = send(request, url).await?;
        match reply {
            Some(reply) if status == StatusCode::OK => Ok(reply),
            _ => Err(not_a_provider(url, status)),
        }
    }

    /// Posts a form as this client, and waits out a 429.
    pub async fn post(&self, url: &str, form: &[(&str, &str)], patience: Duration) -> Result<Reply, CallError> {
        for turn in 1.. {
            let request = self.client.post(url).header(AUTHORIZATION, self.basic.clone()).timeout(patience).form(form);
            let response = request.send().await.map_err(|error| CallError::Transport(lost(&error, url)))?;
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
    let response = request.send().await.map_err(|error| lost(&error, url))?;
    read(response, url).await
}

async fn read(response: Response, url: &str) -> Result<(StatusCode, Option<Reply>), Failure> {
    let status = response.status();
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| lost(&error, url))?);
        if bytes.len() > LARGEST {
            return Err(Failure::provider("not_a_provider", format_args!("the reply of {url} is too large")));
        }
    }
    let json = json::read(&bytes, DEPTH).ok().filter(|json| json.as_object().is_some());
    let reply = json.map(|json| Reply { text: String::from_utf8_lossy(&bytes).into_owned(), json });
    Ok((status, reply))
}

fn retry_after(response: &Response) -> Option<u64> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

fn refusal(json: &Json) -> Option<OauthError> {
    let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let (error_description, denial_reason) = (text("error_description"), text("denial_reason"));
    Some(OauthError { error: text("error")?, error_description, denial_reason })
}

fn not_a_provider(url: &str, status: StatusCode) -> Failure {
    let what = format!("{url} answers with status {} and nothing this client understands", status.as_u16());
    Failure::provider("not_a_provider", what)
}

fn lost(error: &reqwest::Error, url: &str) -> Failure {
    let why = if error.is_timeout() { "it does not reply" } else { "no connection" };
    let where_ = url::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization());
    Failure::provider(
        "unreachable",
        format_args!("{where_} can't be reached: {why}; check the address and the network"),
    )
}
