//! The HTTP client for calls out, and what comes back.

use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_tls::CertificateFault;
use futures_util::StreamExt as _;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Proxy, RequestBuilder, redirect};
use url::{Host, Url};

use crate::address_policy::AddressPolicy;
use crate::config::EgressConfig;
use crate::error::CallError;
use crate::resolver::{Blocked, GuardedResolver, LOCALHOST, LOCALHOST_ADDRESSES, Resolver};

/// From the first packet to a finished TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A whole call, the response's body included.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next call to the same host.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Makes calls out. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

struct Inner {
    config: EgressConfig,
    resolver: Arc<dyn Resolver>,
    policy: Arc<AddressPolicy>,
    /// Built at the first call: a provider that makes none needs no trusted certificates.
    client: OnceLock<Result<Client, Arc<str>>>,
}

/// The HTTP response to a call.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty after [`Egress::post`], which does not read it.
    pub body: Vec<u8>,
}

impl Egress {
    /// Makes calls by this configuration. Host names are looked up with `resolver`.
    pub fn new(config: EgressConfig, resolver: Arc<dyn Resolver>) -> Egress {
        let policy = Arc::new(AddressPolicy::new(config.allow.clone()));
        Egress { inner: Arc::new(Inner { config, resolver, policy, client: OnceLock::new() }) }
    }

    /// POSTs a body. The response's body is not read; a redirect is returned, not followed.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Vec<u8>) -> Result<Response, CallError> {
        let call = self.open(url)?.post(url.clone()).headers(headers).body(body);
        read(send(call).await?, 0).await
    }

    /// GETs a document of at most `max_bytes` bytes. A redirect is returned, not followed.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn get(&self, url: &Url, accept: &'static str, max_bytes: usize) -> Result<Response, CallError> {
        let accept = (reqwest::header::ACCEPT, HeaderValue::from_static(accept));
        let call = self.open(url)?.get(url.clone()).headers(HeaderMap::from_iter([accept]));
        read(send(call).await?, max_bytes).await
    }

    /// Checks a URL without calling it: its scheme, and an IP address in it, or that it is `localhost`. Another host name is checked
    /// at each connection, by the addresses it resolves to.
    ///
    /// # Errors
    /// [`CallError::NotHttps`] and [`CallError::Blocked`]
    pub fn check(&self, url: &Url) -> Result<(), CallError> {
        let known: &[IpAddr] = match url.host().ok_or(CallError::NotHttps)? {
            Host::Ipv4(address) => &[IpAddr::V4(address)],
            Host::Ipv6(address) => &[IpAddr::V6(address)],
            Host::Domain(LOCALHOST) => &LOCALHOST_ADDRESSES,
            Host::Domain(_) => &[],
        };
        let plain = url.scheme() == "http" && known.first().is_some_and(IpAddr::is_loopback);
        if url.scheme() != "https" && !plain {
            return Err(CallError::NotHttps);
        }
        match known.is_empty() || known.iter().any(|address| self.inner.policy.permits(*address)) {
            true => Ok(()),
            false => Err(CallError::Blocked),
        }
    }

    fn open(&self, url: &Url) -> Result<&Client, CallError> {
        self.check(url)?;
        let client =
            self.inner.client.get_or_init(|| client(&self.inner).map_err(|error| Arc::from(with_causes(&error))));
        client.as_ref().map_err(|why| CallError::Unusable(why.clone()))
    }
}

fn client(Inner { config, resolver, policy, .. }: &Inner) -> Result<Client, reqwest::Error> {
    // Fails only if a crypto provider is installed already, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let proxy = config.proxy.as_ref().and_then(Url::host_str).map(str::to_owned);
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .pool_max_idle_per_host(2)
        .user_agent(concat!("countersign-provider/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(GuardedResolver { resolver: resolver.clone(), policy: policy.clone(), proxy });
    if let Some(authorities) = &config.ca {
        builder = builder.tls_certs_merge(authorities.certificates().iter().cloned());
    }
    if let Some(proxy) = config.proxy.clone() {
        // The proxy's `localhost` would be another machine.
        builder = builder.proxy(Proxy::custom(move |url| (url.host_str() != Some(LOCALHOST)).then(|| proxy.clone())));
    }
    builder.build()
}

async fn send(call: RequestBuilder) -> Result<reqwest::Response, CallError> {
    call.send().await.map_err(|error| call_error(&error))
}

/// Reads a body of at most `max_bytes` bytes; with 0, none of it.
async fn read(received: reqwest::Response, max_bytes: usize) -> Result<Response, CallError> {
    let mut response =
        Response { status: received.status().as_u16(), headers: received.headers().clone(), body: Vec::new() };
    if max_bytes == 0 {
        return Ok(response);
    }
    let mut chunks = received.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| call_error(&error))?;
        if response.body.len() + chunk.len() > max_bytes {
            return Err(CallError::TooLarge);
        }
        response.body.extend_from_slice(&chunk);
    }
    Ok(response)
}

fn call_error(error: &reqwest::Error) -> CallError {
    if error.is_timeout() {
        return CallError::TimedOut;
    }
    if let Some(fault) = CertificateFault::of(error) {
        return CallError::Untrusted(fault);
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<Blocked>() {
            return CallError::Blocked;
        }
        if error.is::<rustls::Error>() {
            return CallError::NoTls;
        }
        cause = cause_of(error);
    }
    CallError::Unreachable
}

/// The cause of an error. The `source` of a `std::io::Error` skips the error it wraps, so that one is taken first.
fn cause_of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let content = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    content.map(|content| content as &(dyn Error + 'static)).or_else(|| error.source())
}

/// An error and its causes, in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
