//! The HTTP client of this machine's device and of its commands: no redirects, the system's authorities.
//!
//! `localhost` is this machine (RFC 6761 §6.3): no resolver is asked about it, for a bare machine's may not know it and another's
//! may lie, and no proxy of the environment gets calls to it, for it would be another machine's `localhost` there.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_protocol::issuer::{LOCALHOST, LOCALHOST_ADDRESSES};
use countersign_tls::CertificateFault;
use reqwest::{Client, ClientBuilder, redirect};

use crate::ports::transport::{TransportError, Unreached};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes HTTP calls. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct HttpClients(Arc<Inner>);

struct Inner {
    /// For every host but `localhost`, through a proxy of the environment if there is one.
    remote: Client,
    /// Built at the first call: most processes make none.
    local: OnceLock<Result<Client, HttpUnavailable>>,
    configure: Configure,
    user_agent: &'static str,
}

type Configure = Box<dyn Fn(ClientBuilder) -> ClientBuilder + Send + Sync>;

/// The HTTP client could not be set up.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct HttpUnavailable(String);

impl HttpClients {
    /// Clients that trust the certificates the system trusts.
    ///
    /// # Errors
    /// [`HttpUnavailable`] where the system's certificates cannot be loaded.
    pub fn new(user_agent: &'static str) -> Result<HttpClients, HttpUnavailable> {
        HttpClients::configured(user_agent, Box::new(|builder| builder))
    }

    fn configured(user_agent: &'static str, configure: Configure) -> Result<HttpClients, HttpUnavailable> {
        // Fails only if a crypto provider is installed already, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let remote = build(configure(builder(user_agent)))?;
        Ok(HttpClients(Arc::new(Inner { remote, local: OnceLock::new(), configure, user_agent })))
    }

    /// The client for calls to this URL.
    ///
    /// # Errors
    /// [`HttpUnavailable`] where the system's certificates cannot be loaded.
    pub fn for_url(&self, url: &str) -> Result<&Client, HttpUnavailable> {
        let Inner { remote, local, configure, user_agent } = &*self.0;
        let is_local = url::Url::parse(url).is_ok_and(|url| url.host_str() == Some(LOCALHOST));
        if !is_local {
            return Ok(remote);
        }
        let local = local.get_or_init(|| {
            let addresses = LOCALHOST_ADDRESSES.map(|address| SocketAddr::new(address, 0)); // 0: the URL's port
            build(configure(builder(user_agent)).no_proxy().resolve_to_addrs(LOCALHOST, &addresses))
        });
        local.as_ref().map_err(Clone::clone)
    }
}

/// Why a call has no whole reply; without its URL and headers.
pub fn transport_error(error: &reqwest::Error) -> TransportError {
    if error.is_timeout() {
        return TransportError::TimedOut;
    }
    if let Some(fault) = CertificateFault::of(error) {
        return TransportError::Certificate(fault);
    }
    // Without a failure to connect there was a connection.
    let mut why = if error.is_connect() { Unreached::default() } else { Unreached::BrokenOff };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.downcast_ref::<rustls::Error>().is_some() {
            return TransportError::Untrusted;
        }
        let io = cause.downcast_ref::<std::io::Error>();
        why = io.and_then(|io| unreached(io.kind())).unwrap_or(why);
        // The connector's error has no type of its own that could be asked.
        if cause.to_string() == "dns error" {
            return TransportError::Unreachable(Unreached::UnknownName);
        }
        // The source of an I/O error skips the error inside it, which is often another one.
        source = match io.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    TransportError::Unreachable(why)
}

fn unreached(kind: ErrorKind) -> Option<Unreached> {
    match kind {
        ErrorKind::ConnectionRefused => Some(Unreached::Refused),
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => Some(Unreached::NoRoute),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => Some(Unreached::BrokenOff),
        _ => None,
    }
}

fn build(builder: ClientBuilder) -> Result<Client, HttpUnavailable> {
    builder.build().map_err(|error| HttpUnavailable(error.to_string()))
}

fn builder(user_agent: &'static str) -> ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .referer(false)
        .user_agent(user_agent)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use reqwest::Proxy;
    use reqwest::dns::{Addrs, Name, Resolve, Resolving};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every question alike, and counts them: with an address where nobody listens, or that there is no such name.
    #[derive(Clone, Default)]
    struct ScriptedResolver {
        answer: Option<IpAddr>,
        asked: Arc<AtomicUsize>,
    }

    impl Resolve for ScriptedResolver {
        fn resolve(&self, _: Name) -> Resolving {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let answer = self.answer.map(|address| SocketAddr::new(address, 0));
            Box::pin(async move {
                let address = answer.ok_or("no such name")?;
                Ok(Box::new(std::iter::once(address)) as Addrs)
            })
        }
    }

    /// The port of a server on 127.0.0.1 that answers 204.
    async fn server() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
                socket.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
            }
        });
        port
    }

    async fn get(clients: &HttpClients, url: &str) -> Option<u16> {
        let sent = clients.for_url(url).unwrap().get(url).send().await;
        sent.ok().map(|response| response.status().as_u16())
    }

    #[tokio::test]
    async fn localhost_is_this_machine_whatever_a_resolver_says_and_names_like_it_are_not() {
        let port = server().await;
        for answer in [None, Some(IpAddr::V4(Ipv4Addr::new(127, 77, 9, 9)))] {
            let resolver = ScriptedResolver { answer, ..Default::default() };
            let asked = resolver.asked.clone();
            let configure = Box::new(move |builder: ClientBuilder| builder.no_proxy().dns_resolver(resolver.clone()));
            let clients = HttpClients::configured("test", configure).unwrap();
            assert_eq!(get(&clients, &format!("http://localhost:{port}/")).await, Some(204));
            assert_eq!(asked.load(Ordering::SeqCst), 0, "no resolver is asked");
            for (count, other) in ["localhost.", "id.localhost", "localhost.test"].iter().enumerate() {
                assert_eq!(get(&clients, &format!("http://{other}:{port}/")).await, None, "{other}");
                assert_eq!(asked.load(Ordering::SeqCst), count + 1, "{other}");
            }
        }
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_a_closed_port_and_a_broken_connection_are_told_apart() {
        let configure = |builder: ClientBuilder| builder.no_proxy().dns_resolver(ScriptedResolver::default());
        let clients = HttpClients::configured("test", Box::new(configure)).unwrap();
        let closed = TcpListener::bind("127.77.1.4:0").await.unwrap();
        let refusing = closed.local_addr().unwrap();
        drop(closed);
        let breaking = TcpListener::bind("127.77.1.5:0").await.unwrap();
        let hanging_up = breaking.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = breaking.accept().await {
                assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
                drop(socket);
            }
        });
        let cases = [
            ("http://id.test/".to_owned(), Unreached::UnknownName),
            (format!("http://{refusing}/"), Unreached::Refused),
            (format!("http://{hanging_up}/"), Unreached::BrokenOff),
        ];
        for (url, why) in cases {
            let error = clients.for_url(&url).unwrap().get(&url).send().await.unwrap_err();
            assert_eq!(transport_error(&error), TransportError::Unreachable(why), "{url}: {error:?}");
        }
        let speaks_no_tls = format!("https://127.0.0.1:{}/", server().await);
        let error = clients.for_url(&speaks_no_tls).unwrap().get(&speaks_no_tls).send().await.unwrap_err();
        assert_eq!(transport_error(&error), TransportError::Untrusted, "{error:?}");
    }

    #[tokio::test]
    async fn no_proxy_gets_calls_to_localhost() {
        let port = server().await;
        let proxy = TcpListener::bind("127.77.1.3:0").await.unwrap();
        let address = format!("http://{}", proxy.local_addr().unwrap());
        let configure = Box::new(move |builder: ClientBuilder| builder.proxy(Proxy::all(&address).unwrap()));
        let clients = HttpClients::configured("test", configure).unwrap();
        assert_eq!(get(&clients, &format!("http://localhost:{port}/")).await, Some(204));
        drop(proxy);
        assert_eq!(get(&clients, "http://id.test/").await, None, "every other call goes through the proxy");
    }
}
