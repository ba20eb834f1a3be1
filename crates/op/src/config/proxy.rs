//! `[proxy]`: proxies whose forwarding headers are trusted.

use std::net::IpAddr;

use axum::http::HeaderName;
use ipnet::IpNet;

use super::section::Section;

/// Trusted proxies and the headers they set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Addresses of the proxies.
    pub networks: Vec<IpNet>,
    /// Header with the client's address. The other one is ignored: it may be the client's own.
    pub forwarded_by: ForwardedBy,
    /// Header with the client's certificate: PEM, percent-encoded, as nginx's `$ssl_client_escaped_cert`.
    pub certificate_header: Option<HeaderName>,
}

/// Header in which a proxy passes on the client's address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForwardedBy {
    /// `X-Forwarded-For`: addresses, separated by commas.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): its elements' `for`.
    Forwarded,
}

pub(super) fn read(section: Section<'_>) -> TrustedProxies {
    let trusted = section.any_strings("trusted").unwrap_or_default();
    let networks = trusted.iter().filter_map(|found| {
        let network = found.value.parse::<IpNet>().or_else(|_| found.value.parse::<IpAddr>().map(IpNet::from)).ok();
        if network.is_none() {
            let value = found.value;
            section.report(&found.at, format!("`trusted` in [proxy] holds addresses or networks such as \"127.0.0.1\" or \"10.0.0.0/8\", not \"{value}\""));
        }
        network
    });
    let networks = networks.collect();
    let forwarded_by = section.choice("forwarded_header", FORWARDED).map(|found| found.value).unwrap_or_default();
    let header = section.string("client_certificate_header");
    let certificate_header = header.and_then(|found| {
        let name = HeaderName::try_from(found.value).ok();
        if name.is_none() {
            let what = "`client_certificate_header` in [proxy] must be a header's name such as \"X-SSL-Client-Cert\"";
            section.report(&found.at, what);
        }
        name
    });
    section.finish();
    TrustedProxies { networks, forwarded_by, certificate_header }
}

const FORWARDED: &[(&str, ForwardedBy)] =
    &[("X-Forwarded-For", ForwardedBy::XForwardedFor), ("Forwarded", ForwardedBy::Forwarded)];
