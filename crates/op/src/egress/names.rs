//! Finds the addresses of a name, and keeps those that may be called: a connection goes to one of them and nowhere else.
//!
//! The question is asked anew for each connection, and the connection is made to the very addresses that were judged. A name
//! that answers otherwise the next time (DNS rebinding) is judged again the next time.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Name, Resolve, Resolving};

use super::reach::Reach;

/// The addresses of a name, some time later.
pub(crate) type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who knows the addresses of names.
pub(crate) trait Names: Send + Sync {
    /// All addresses of a host name.
    fn lookup(&self, host: &str) -> Lookup;
}

/// The system's resolver.
pub(crate) struct SystemNames;

impl Names for SystemNames {
    fn lookup(&self, host: &str) -> Lookup {
        let host = host.to_owned();
        Box::pin(async move {
            if is_localhost(&host) {
                return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
            }
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Names of this machine, whatever a resolver knows of them (RFC 6761 §6.3); without a file of hosts it knows none.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// All addresses of a name lie where the provider may not call.
#[derive(Debug, thiserror::Error)]
#[error("every address of this name is inside the operator's network")]
pub(super) struct OutOfReach;

/// What the HTTP client asks for every name it connects to.
#[derive(Clone)]
pub(super) struct Judged {
    pub(super) names: Arc<dyn Names>,
    pub(super) reach: Arc<Reach>,
    /// The proxy that the operator configured, which may be anywhere.
    pub(super) proxy: Option<String>,
}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, reach) = (self.names.lookup(name.as_str()), self.reach.clone());
        let is_proxy = self.proxy.as_deref().is_some_and(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let mut addresses = found.await?;
            let any = !addresses.is_empty();
            addresses.retain(|address| is_proxy || reach.permits(*address));
            if any && addresses.is_empty() {
                return Err(OutOfReach.into());
            }
            // Port 0 stands for the URL's own.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as reqwest::dns::Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_of_this_machine_are_loopback_without_asking_anybody() {
        for name in ["localhost", "LocalHost.", "till.localhost"] {
            let found = SystemNames.lookup(name).await.expect("known");
            assert!(found.iter().all(IpAddr::is_loopback) && found.len() == 2, "{name}");
        }
        assert!(!is_localhost("localhost.example.com") && !is_localhost("notlocalhost"));
    }
}
