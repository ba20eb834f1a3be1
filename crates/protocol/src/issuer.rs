//! The issuer's identifier, and the check that an endpoint is at its origin.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

/// The host name that is this machine, whatever a resolver says: connections go to [`LOCALHOST_ADDRESSES`]. Neither `localhost.`
/// nor names below it are.
pub const LOCALHOST: &str = "localhost";

/// Where connections to [`LOCALHOST`] go; tried in this order.
pub const LOCALHOST_ADDRESSES: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// An issuer: an https URL without query, fragment or user info. Kept as a string and compared byte for byte. Plain http is
/// accepted for literal 127.0.0.0/8, ::1 and [`LOCALHOST`] only; such an issuer [is marked as a test](Issuer::is_plain_http).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Issuer(String);

/// Why a URL can't be an issuer, or an endpoint of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// Not a URL, or written with white space, control characters or backslashes.
    #[error("this is not a URL")]
    NotAUrl,
    /// Neither https nor http on a loopback address or `localhost`.
    #[error("this must be an https URL (plain http works for 127.0.0.1, [::1] and localhost only)")]
    NotHttps,
    /// Has a query or a fragment.
    #[error("this must not have a query (?…) or a fragment (#…)")]
    QueryOrFragment,
    /// Has a user name or password.
    #[error("this must not have a user name or password")]
    UserInfo,
    /// Belongs to another origin than the issuer.
    #[error("this belongs to another server than the issuer")]
    OtherOrigin,
}

impl Issuer {
    /// The issuer as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host as shown to a person: a domain in its ASCII form (punycode) or an address.
    pub fn host(&self) -> String {
        self.url().host_str().unwrap_or_default().to_owned()
    }

    /// The path without a trailing slash; empty for an issuer at the root.
    pub fn path(&self) -> String {
        self.url().path().trim_end_matches('/').to_owned()
    }

    /// Scheme, host and port: `https://id.example`, `http://127.0.0.1:8787`.
    pub fn origin(&self) -> String {
        self.url().origin().ascii_serialization()
    }

    /// Whether the host is a name and no address: passkeys are made for names alone.
    pub fn has_host_name(&self) -> bool {
        matches!(self.url().host(), Some(Host::Domain(_)))
    }

    /// Whether this is plain http on a loopback address. Accounts there are marked TEST everywhere.
    pub fn is_plain_http(&self) -> bool {
        self.url().scheme() == "http"
    }

    /// The address that a server of this issuer listens at where plain http leads to it; `None` for https.
    pub fn loopback_address(&self) -> Option<SocketAddr> {
        let url = self.url();
        let address = match url.host()? {
            _ if !self.is_plain_http() => return None,
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
            Host::Domain(_) => LOCALHOST_ADDRESSES[0],
        };
        Some(SocketAddr::new(address, url.port_or_known_default()?))
    }

    /// A URL below the issuer: `path` begins with a slash.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{}", self.0.trim_end_matches('/'), path)
    }

    /// URLs of a well-known document: the segment between host and path (RFC 8414 §3.1), and the one to try after a 404,
    /// appended to the issuer. `name` is for example `oauth-push-notification`. Both are the same for an issuer at the root.
    pub fn well_known(&self, name: &str) -> [String; 2] {
        let path = self.path();
        [format!("{}/.well-known/{name}{path}", self.origin()), self.endpoint(&format!("/.well-known/{name}"))]
    }

    /// Accepts an endpoint only if it shares the issuer's origin and has neither fragment nor user info.
    ///
    /// # Errors
    /// [`IssuerError`] otherwise.
    pub fn own_endpoint(&self, url: &str) -> Result<Url, IssuerError> {
        let url = parse_url(url)?;
        if url.origin() != self.url().origin() {
            return Err(IssuerError::OtherOrigin);
        }
        if url.fragment().is_some() {
            return Err(IssuerError::QueryOrFragment);
        }
        Ok(url)
    }

    fn url(&self) -> Url {
        Url::parse(&self.0).expect("an Issuer was parsed as a URL when it was made")
    }
}

impl FromStr for Issuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let url = parse_url(text)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(IssuerError::QueryOrFragment);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A URL that a device may call at all: https, or http on a literal loopback address or `localhost`; no user info.
///
/// # Errors
/// [`IssuerError`] otherwise.
pub(crate) fn parse_url(text: &str) -> Result<Url, IssuerError> {
    // The WHATWG parser silently drops tabs and newlines, trims spaces and turns backslashes: the URL that was compared would
    // not be the one that is called.
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(IssuerError::NotAUrl);
    }
    let url = Url::parse(text).map_err(|_| IssuerError::NotAUrl)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(IssuerError::UserInfo);
    }
    let host = url.host().ok_or(IssuerError::NotAUrl)?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&host) => {}
        _ => return Err(IssuerError::NotHttps),
    }
    // The parser also takes `HTTPS:host` and `https:///host`, and hosts longer than a name can be (RFC 1035 §2.3.4).
    let written_out = text.strip_prefix(url.scheme()).and_then(|rest| rest.strip_prefix("://"));
    match written_out {
        Some(rest) if !rest.starts_with('/') && host.to_string().len() <= HOST_CHARACTERS => Ok(url),
        _ => Err(IssuerError::NotAUrl),
    }
}

/// Longest host name, in characters (RFC 1035 §2.3.4).
const HOST_CHARACTERS: usize = 253;

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
        Host::Domain(name) => *name == LOCALHOST,
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Issuer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Issuer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_loopback_literals_and_localhost_are_issuers() {
        for good in [
            "https://id.example",
            "https://id.example/",
            "https://id.example:8443/a/b",
            "http://127.0.0.1:8787",
            "http://127.9.8.7",
            "http://[::1]:1",
            "http://localhost:8787",
            "http://localhost/tenant",
            "https://localhost",
        ] {
            assert_eq!(good.parse::<Issuer>().map(|i| i.to_string()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("http://id.example", IssuerError::NotHttps),
            ("http://localhost.:8787", IssuerError::NotHttps),
            ("http://id.localhost:8787", IssuerError::NotHttps),
            ("http://localhost.example:8787", IssuerError::NotHttps),
            ("http://localhost4:8787", IssuerError::NotHttps),
            ("http://192.168.1.1", IssuerError::NotHttps),
            ("ftp://id.example", IssuerError::NotHttps),
            ("https://id.example?x", IssuerError::QueryOrFragment),
            ("https://id.example#x", IssuerError::QueryOrFragment),
            ("https://a@id.example", IssuerError::UserInfo),
            ("https://id.exam\tple", IssuerError::NotAUrl),
            (" https://id.example", IssuerError::NotAUrl),
            ("https:\\\\id.example", IssuerError::NotAUrl),
            ("id.example", IssuerError::NotAUrl),
            ("https:id.example", IssuerError::NotAUrl),
            ("HTTPS://id.example", IssuerError::NotAUrl),
            ("https:///id.example", IssuerError::NotAUrl),
            (&format!("https://{}.example", "a".repeat(250)), IssuerError::NotAUrl),
        ] {
            assert_eq!(bad.parse::<Issuer>(), Err(why), "{bad}");
        }
    }

    #[test]
    fn plain_http_is_served_at_the_issuers_own_address() {
        let address = |text: &str| text.parse::<Issuer>().expect(text).loopback_address().map(|at| at.to_string());
        assert_eq!(address("http://localhost:8787").as_deref(), Some("127.0.0.1:8787"));
        assert_eq!(address("http://127.9.8.7").as_deref(), Some("127.9.8.7:80"));
        assert_eq!(address("http://[::1]:1/tenant").as_deref(), Some("[::1]:1"));
        assert_eq!(address("https://localhost"), None);
    }

    #[test]
    fn the_well_known_segment_stands_between_host_and_path() {
        let issuer: Issuer = "https://id.example/tenant/".parse().expect("an issuer");
        assert_eq!(
            issuer.well_known("oauth-push-notification"),
            [
                "https://id.example/.well-known/oauth-push-notification/tenant",
                "https://id.example/tenant/.well-known/oauth-push-notification",
            ]
        );
    }

    #[test]
    fn an_endpoint_elsewhere_is_not_its_own() {
        let issuer: Issuer = "https://id.example".parse().expect("an issuer");
        assert!(issuer.own_endpoint("https://id.example/push/register").is_ok());
        for bad in [
            "https://id.example.evil/push",
            "https://id.example:444/push",
            "http://127.0.0.1/push",
            "https://id.example/push#f",
            "https://x@id.example/push",
        ] {
            assert!(issuer.own_endpoint(bad).is_err(), "{bad}");
        }
    }
}
