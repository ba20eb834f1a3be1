//! Every call that the provider makes of its own accord: notifications to clients, the operator's webhook, clients' `jwks_uri`.
//!
//! The addresses come from clients, so a call must not become a way into the operator's network: https only, no redirect is
//! followed, no proxy of the environment is used, time and size are bounded, and only addresses in [`Reach`] are connected to.
//! A name is judged by what it resolves to, at each connection (`names.rs`); an address in the URL itself is judged here,
//! because the HTTP client asks no resolver about it.

mod names;
mod reach;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, Proxy, RequestBuilder, Response, redirect};
use url::{Host, Url};

use crate::config::EgressRules;
use names::{Judged, OutOfReach};
pub(crate) use names::{Names, SystemNames};
pub(crate) use reach::Reach;

/// From the first packet to a finished TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A whole call, the answer's body included.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next call to the same host.
const KEPT_IDLE: Duration = Duration::from_secs(20);

/// Calls out. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Egress {
    inner: Arc<Inner>,
}

struct Inner {
    rules: EgressRules,
    names: Arc<dyn Names>,
    reach: Arc<Reach>,
    /// Made at the first call: a provider that calls nobody needs no certificates to trust.
    client: OnceLock<Result<Client, Arc<str>>>,
}

/// What came back from a call.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// The body; empty where nobody asked for it.
    pub(crate) body: Vec<u8>,
}

/// A call that brought no answer. Says nothing of the URL, which may hold what nobody should read in a log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum NoAnswer {
    /// Neither https, nor http to a loopback address that the configuration names.
    #[error("the address is not https")]
    NotHttps,
    /// Inside the operator's network.
    #[error("the address is inside this provider's own network; if it may be called, name it in [egress] allow")]
    OutOfReach,
    /// The other side's certificate is not trusted, or TLS failed.
    #[error("the other side's certificate is not trusted; a private authority goes to [egress] ca")]
    Untrusted,
    /// Nothing within the time.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is larger than the caller takes.
    #[error("the answer is too large")]
    TooLarge,
    /// No connection, or it broke.
    #[error("no connection, or it broke off")]
    Unreachable,
    /// Nothing can be called from here.
    #[error("this provider can call nobody: {0}")]
    Unusable(Arc<str>),
}

impl Egress {
    /// Follows the rules of the configuration.
    pub(crate) fn new(rules: EgressRules, names: Arc<dyn Names>) -> Egress {
        let reach = Arc::new(Reach::new(rules.allow.clone()));
        Egress { inner: Arc::new(Inner { rules, names, reach, client: OnceLock::new() }) }
    }

    /// Sends a body; the answer's body is not read.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub(crate) async fn post(&self, url: &Url, headers: HeaderMap, body: Vec<u8>) -> Result<Answer, NoAnswer> {
        let call = self.open(url)?.post(url.clone()).headers(headers).body(body);
        read(send(call).await?, 0).await
    }

    /// Fetches a document of at most `most` bytes.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub(crate) async fn get(&self, url: &Url, accept: &'static str, most: usize) -> Result<Answer, NoAnswer> {
        let accept = (reqwest::header::ACCEPT, HeaderValue::from_static(accept));
        let call = self.open(url)?.get(url.clone()).headers(HeaderMap::from_iter([accept]));
        read(send(call).await?, most).await
    }

    /// Whether the address is one that a call may begin with. A name is judged when it is resolved.
    ///
    /// # Errors
    /// [`NoAnswer::NotHttps`] and [`NoAnswer::OutOfReach`].
    pub(crate) fn check(&self, url: &Url) -> Result<(), NoAnswer> {
        let literal = match url.host().ok_or(NoAnswer::NotHttps)? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        let plain = url.scheme() == "http" && literal.is_some_and(|address| address.is_loopback());
        if url.scheme() != "https" && !plain {
            return Err(NoAnswer::NotHttps);
        }
        match literal {
            Some(address) if !self.inner.reach.permits(address) => Err(NoAnswer::OutOfReach),
            _ => Ok(()),
        }
    }

    fn open(&self, url: &Url) -> Result<&Client, NoAnswer> {
        self.check(url)?;
        let client = self.inner.client.get_or_init(|| client(&self.inner).map_err(|error| Arc::from(told(&error))));
        client.as_ref().map_err(|why| NoAnswer::Unusable(why.clone()))
    }
}

fn client(Inner { rules, names, reach, .. }: &Inner) -> Result<Client, reqwest::Error> {
    // An error only says that a provider is installed already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let proxy = rules.proxy.as_ref().and_then(Url::host_str).map(str::to_owned);
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .pool_idle_timeout(KEPT_IDLE)
        .pool_max_idle_per_host(2)
        .user_agent(concat!("countersign-provider/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Judged { names: names.clone(), reach: reach.clone(), proxy });
    if let Some(pem) = &rules.ca {
        builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem)?);
    }
    if let Some(proxy) = &rules.proxy {
        builder = builder.proxy(Proxy::all(proxy.as_str())?);
    }
    builder.build()
}

async fn send(call: RequestBuilder) -> Result<Response, NoAnswer> {
    call.send().await.map_err(|error| no_answer(&error))
}

/// Reads a body of at most `most` bytes; with 0, none of it.
async fn read(response: Response, most: usize) -> Result<Answer, NoAnswer> {
    let mut answer =
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body: Vec::new() };
    if most == 0 {
        return Ok(answer);
    }
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| no_answer(&error))?;
        if answer.body.len() + chunk.len() > most {
            return Err(NoAnswer::TooLarge);
        }
        answer.body.extend_from_slice(&chunk);
    }
    Ok(answer)
}

fn no_answer(error: &reqwest::Error) -> NoAnswer {
    if error.is_timeout() {
        return NoAnswer::TimedOut;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<OutOfReach>() {
            return NoAnswer::OutOfReach;
        }
        if error.is::<rustls::Error>() {
            return NoAnswer::Untrusted;
        }
        cause = beneath(error);
    }
    NoAnswer::Unreachable
}

/// What caused an error. `std::io::Error` gives its content's cause for its own, and so hides the content.
fn beneath<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let content = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    content.map(|content| content as &(dyn Error + 'static)).or_else(|| error.source())
}

/// An error with what caused it.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
