//! The HTTP client of this machine's device and of its commands: no redirects, the system's authorities.
//!
//! `localhost` is this machine (RFC 6761 §6.3): no resolver is asked about it, for a bare machine's may not know it and another's
//! may lie, and no proxy of the environment gets calls to it, for it would be another machine's `localhost` there.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_protocol::issuer::{LOCALHOST, LOCALHOST_ADDRESSES};
use reqwest::{Client, ClientBuilder, redirect};

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
