//! Host name resolution behind the [`AddressPolicy`]: a connection goes to one of the addresses that passed, and nowhere else.
//!
//! A name is resolved once for each connection, and the connection is made to the addresses that were checked. A name that
//! resolves differently the next time (DNS rebinding) is checked again the next time.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Name, Resolve, Resolving};

use crate::address_policy::AddressPolicy;

/// The result of [`Resolver::lookup`].
pub type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks up host names.
pub trait Resolver: Send + Sync {
    /// All addresses of a host name. No address is filtered here.
    fn lookup(&self, host: &str) -> Lookup;
}

/// The host name that is this machine: no resolver and no proxy is asked about it. Neither `localhost.` nor names below it are.
pub(crate) const LOCALHOST: &str = "localhost";

/// Where connections to [`LOCALHOST`] go; tried in this order.
pub(crate) const LOCALHOST_ADDRESSES: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The system's resolver. `localhost` and the names below it are loopback without asking it (RFC 6761 §6.3).
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn lookup(&self, host: &str) -> Lookup {
        let host = host.to_owned();
        Box::pin(async move {
            if is_localhost(&host) {
                return Ok(LOCALHOST_ADDRESSES.to_vec());
            }
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Whether a name is `localhost` or below it. A bare machine's resolver may not know it.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == LOCALHOST || host.ends_with(".localhost")
}

/// Every address of a name is refused by the [`AddressPolicy`].
#[derive(Debug, thiserror::Error)]
#[error("every address of this name is inside the operator's network")]
pub(crate) struct Blocked;

/// The HTTP client's resolver: drops the addresses that the policy refuses.
#[derive(Clone)]
pub(crate) struct GuardedResolver {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) policy: Arc<AddressPolicy>,
    /// Host of the configured proxy, which may have any address.
    pub(crate) proxy: Option<String>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found: Lookup = match name.as_str() {
            LOCALHOST => Box::pin(std::future::ready(Ok(LOCALHOST_ADDRESSES.to_vec()))),
            other => self.resolver.lookup(other),
        };
        let policy = self.policy.clone();
        let is_proxy = self.proxy.as_deref().is_some_and(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let mut addresses = found.await?;
            let any = !addresses.is_empty();
            addresses.retain(|address| is_proxy || policy.permits(*address));
            if any && addresses.is_empty() {
                return Err(Blocked.into());
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
            let found = SystemResolver.lookup(name).await.expect("known");
            assert!(found.iter().all(IpAddr::is_loopback) && found.len() == 2, "{name}");
        }
        assert!(!is_localhost("localhost.example.com") && !is_localhost("notlocalhost"));
    }
}
