//! Client address: the peer's, or X-Forwarded-For/Forwarded (RFC 7239) from a trusted proxy; ignored from anyone else.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::Response;
use countersign_protocol::discovery::Mode;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::{ForwardedBy, TrustedProxies};
use crate::http::{ClientAddress, PeerCertificate, decode};

/// The connection's peer.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    address: SocketAddr,
    certificate: Option<PeerCertificate>,
}

impl Peer {
    /// `certificates` is the chain of the connection's client, whose key signed the handshake.
    pub(crate) fn new(address: SocketAddr, certificates: Option<&[CertificateDer<'_>]>) -> Peer {
        let certificate = certificates.and_then(|chain| chain.first());
        Peer { address, certificate: certificate.map(|certificate| PeerCertificate(certificate.to_vec())) }
    }
}

/// Adds [`ClientAddress`] and [`PeerCertificate`] to each request's extensions.
pub(crate) fn with_client_address(routes: Router, proxies: &TrustedProxies) -> Router {
    let proxies = Arc::new(proxies.clone());
    routes.layer(middleware::from_fn(move |mut request: Request, next: Next| {
        let proxies = proxies.clone();
        async move {
            if let Some(peer) = request.extensions_mut().remove::<Peer>() {
                let (address, certificate) = proxies.resolve(peer, request.headers());
                request.extensions_mut().insert(ClientAddress(address));
                if let Some(certificate) = certificate {
                    request.extensions_mut().insert(certificate);
                }
            }
            let response: Response = next.run(request).await;
            response
        }
    }))
}

impl TrustedProxies {
    fn resolve(&self, peer: Peer, headers: &HeaderMap) -> (IpAddr, Option<PeerCertificate>) {
        let direct = peer.address.ip().to_canonical();
        if !self.trusts(direct) {
            return (direct, peer.certificate);
        }
        // The rightmost address that is not a trusted proxy: everything left of it was written by that client.
        let name = match self.forwarded_by {
            ForwardedBy::XForwardedFor => "x-forwarded-for",
            ForwardedBy::Forwarded => "forwarded",
        };
        let forwarded = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        let parsed = hops.iter().rev().map_while(|hop| match self.forwarded_by {
            ForwardedBy::XForwardedFor => hop.parse::<IpAddr>().ok(),
            ForwardedBy::Forwarded => forwarded_for(hop),
        });
        let address = parsed.map(|hop| hop.to_canonical()).find(|hop| !self.trusts(*hop)).unwrap_or(direct);
        let header = self.certificate_header.as_ref().and_then(|name| headers.get(name));
        let certificate = header.and_then(|value| certificate(value.as_bytes()));
        (address, certificate)
    }

    /// What limits per address count a sender by: its IPv4 address, or the /64 that one customer has of IPv6. `None` for one that
    /// stands for many senders: a trusted proxy, and in test mode loopback, since a test is many clients from one address.
    pub(crate) fn counted_network(&self, address: IpAddr, mode: Mode) -> Option<IpAddr> {
        let address = address.to_canonical();
        if self.trusts(address) || (mode == Mode::Test && address.is_loopback()) {
            return None;
        }
        Some(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }

    /// Whether this is the address of one of the proxies.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// The `for` address in an element of `Forwarded` (RFC 7239 §6): `for=192.0.2.60`, `for="[2001:db8::17]:4711"`. `None` for an
/// obfuscated (`_hidden`), unknown or missing one.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let node = node.trim().trim_matches('"');
    match node.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0.parse().ok(),
        None => node.split_once(':').map_or(node, |(host, _)| host).parse().ok(),
    }
}

fn certificate(header: &[u8]) -> Option<PeerCertificate> {
    // Base64 has `+`, which form decoding would turn into a space.
    let escaped = String::from_utf8_lossy(header).replace('+', "%2B");
    let pem = decode(escaped.as_bytes())?;
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    Some(PeerCertificate(certificate.to_vec()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn peer(address: &str) -> Peer {
        let address = SocketAddr::new(address.parse().expect("an address"), 1);
        Peer { address, certificate: Some(PeerCertificate(vec![1])) }
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().expect("a network")],
            certificate_header: Some(HeaderName::from_static("x-ssl-client-cert")),
            ..TrustedProxies::default()
        }
    }

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = of.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")));
        pairs.collect()
    }

    fn address(peer_address: &str, forwarded: &str) -> String {
        proxies().resolve(peer(peer_address), &headers(&[("x-forwarded-for", forwarded)])).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_where_a_request_comes_from() {
        assert_eq!(address("203.0.113.9", "198.51.100.1"), "203.0.113.9", "anybody can write this header");
        assert_eq!(address("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(
            address("10.0.0.1", "192.0.2.66, 198.51.100.1, 10.0.0.2"),
            "198.51.100.1",
            "what the client wrote itself is not believed"
        );
        assert_eq!(address("10.0.0.1", "198.51.100.1, nonsense"), "10.0.0.1");
        assert_eq!(address("::ffff:10.0.0.1", "2001:db8::1"), "2001:db8::1");
    }

    #[test]
    fn limits_per_address_count_ipv4_addresses_and_ipv6_networks_and_nobody_who_stands_for_many() {
        let counted = |address: &str, mode: Mode| {
            let network = proxies().counted_network(address.parse().expect("an address"), mode);
            network.map_or_else(|| "nobody".to_owned(), |network| network.to_string())
        };
        for (address, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8::ffff:1", "2001:db8::"),
            ("2001:db8:0:1::1", "2001:db8:0:1::"),
            ("10.1.2.3", "nobody"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(counted(address, Mode::Production), expected, "{address}");
        }
        assert_eq!([counted("127.0.0.1", Mode::Test), counted("::1", Mode::Test)], ["nobody", "nobody"]);
    }

    #[test]
    fn forwarded_is_read_where_the_operator_says_so_and_nowhere_else() {
        let by = |forwarded_by: ForwardedBy, peer_address: &str, element: &str| {
            let sent = headers(&[("forwarded", element), ("x-forwarded-for", "192.0.2.1")]);
            TrustedProxies { forwarded_by, ..proxies() }.resolve(peer(peer_address), &sent).0.to_string()
        };
        for (element, expected) in [
            ("for=198.51.100.1", "198.51.100.1"),
            ("For=\"198.51.100.1:4711\";proto=https;by=10.0.0.1", "198.51.100.1"),
            ("proto=https; for=\"[2001:db8::17]:4711\"", "2001:db8::17"),
            ("for=192.0.2.66, for=198.51.100.1, for=10.0.0.2", "198.51.100.1"),
            ("for=unknown", "10.0.0.1"),
            ("for=198.51.100.1, for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
            ("for=\"[2001:db8::17\"", "10.0.0.1"),
        ] {
            assert_eq!(by(ForwardedBy::Forwarded, "10.0.0.1", element), expected, "{element}");
            assert_eq!(by(ForwardedBy::XForwardedFor, "10.0.0.1", element), "192.0.2.1", "{element}");
            assert_eq!(by(ForwardedBy::Forwarded, "203.0.113.9", element), "203.0.113.9", "{element}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_brings_a_certificate() {
        let made = countersign_testing::certificates::self_signed(&["till.example"]);
        let escaped: String = url::form_urlencoded::byte_serialize(made.cert.pem().as_bytes()).collect();
        let nginx = escaped.replace('+', "%20");
        let sent = headers(&[("x-ssl-client-cert", &nginx)]);
        let (_, from_proxy) = proxies().resolve(peer("10.0.0.1"), &sent);
        assert_eq!(from_proxy, Some(PeerCertificate(made.cert.der().to_vec())));
        let (_, from_elsewhere) = proxies().resolve(peer("203.0.113.9"), &sent);
        assert_eq!(from_elsewhere, Some(PeerCertificate(vec![1])), "its own certificate, not that in the header");
        let (_, nonsense) = proxies().resolve(peer("10.0.0.1"), &headers(&[("x-ssl-client-cert", "MIIB")]));
        assert_eq!(nonsense, None);
    }
}
