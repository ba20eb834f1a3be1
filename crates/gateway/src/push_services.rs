//! Hosts of push services that addresses may have: exact names, or everything below one (`*.name`), at port 443 unless another is named.

use std::fmt;
use std::str::FromStr;

/// The port of https.
pub(crate) const HTTPS: u16 = 443;

/// A host, or every host below one, at one port.
#[derive(Clone, PartialEq, Eq)]
pub struct PushService {
    name: String,
    below: bool,
    port: u16,
}

/// The text names no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a host such as \"updates.push.services.mozilla.com\", with a port where that is not 443 (\"ntfy.example.com:8443\"), or \"*.push.apple.com\" for every host below one"
)]
pub struct PushServiceError;

impl PushServiceError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        "push_service"
    }
}

impl PushService {
    /// Whether this host and port are meant. Hosts are compared as a URL parser writes them: in lower case, IDNs in ASCII.
    pub fn includes(&self, host: &str, port: u16) -> bool {
        port == self.port && self.includes_host(host)
    }

    fn includes_host(&self, host: &str) -> bool {
        match self.below {
            false => host == self.name,
            true => host.strip_suffix(&self.name).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        }
    }
}

impl FromStr for PushService {
    type Err = PushServiceError;

    fn from_str(text: &str) -> Result<PushService, PushServiceError> {
        let (rest, below) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
        // An IPv6 address has colons of its own, within brackets.
        let (name, port) = match rest.rsplit_once(':').filter(|(_, last)| !last.ends_with(']')) {
            Some((name, port)) => (name, named_port(port)?),
            None => (rest, HTTPS),
        };
        let parsed = url::Host::parse(name).map_err(|_| PushServiceError)?;
        // As it must be written: no path, no second spelling.
        let is_plain =
            parsed.to_string() == name && !(below && matches!(parsed, url::Host::Ipv4(_) | url::Host::Ipv6(_)));
        if !is_plain || name.contains('*') {
            return Err(PushServiceError);
        }
        Ok(PushService { name: name.to_owned(), below, port })
    }
}

/// A port that has to be named, in its one spelling.
fn named_port(text: &str) -> Result<u16, PushServiceError> {
    let port: u16 = text.parse().map_err(|_| PushServiceError)?;
    let is_plain = port.to_string() == text && port != 0 && port != HTTPS;
    is_plain.then_some(port).ok_or(PushServiceError)
}

impl fmt::Display for PushService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.below { "*." } else { "" })?;
        f.write_str(&self.name)?;
        match self.port {
            HTTPS => Ok(()),
            port => write!(f, ":{port}"),
        }
    }
}

impl fmt::Debug for PushService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_exact_and_a_star_stands_for_what_is_below_it() {
        let includes =
            |service: &str, host: &str| service.parse::<PushService>().expect("a service").includes(host, 443);
        assert!(includes("push.example.net", "push.example.net"));
        assert!(!includes("push.example.net", "a.push.example.net"));
        assert!(includes("*.example.net", "push.example.net") && includes("*.example.net", "a.b.example.net"));
        for host in ["example.net", ".example.net", "evilexample.net", "example.net.evil"] {
            assert!(!includes("*.example.net", host), "{host}");
        }
        assert!(includes("127.0.0.1", "127.0.0.1"));
        for text in [
            "",
            "*",
            "*.",
            "https://push.example.net",
            "push.example.net:443",
            "push.example.net:",
            "push.example.net:0",
            "push.example.net:08443",
            "push.example.net:+81",
            "push.example.net:65536",
            "push.example.net:1:2",
            "[::1]:443",
            "::1",
            "*.[::1]:81",
            "Push.example.net",
            "*.10.0.0.1",
            "a.*.b",
            "a/b",
        ] {
            assert!(text.parse::<PushService>().is_err(), "{text}");
        }
    }

    #[test]
    fn attack_a_service_without_a_port_is_at_443_alone() {
        for (service, host, port) in [
            ("push.example.net", "push.example.net", 443),
            ("push.example.net:8443", "push.example.net", 8443),
            ("*.example.net:8443", "push.example.net", 8443),
            ("10.1.2.3:8443", "10.1.2.3", 8443),
            ("[::1]", "[::1]", 443),
            ("[::1]:8443", "[::1]", 8443),
        ] {
            let parsed: PushService = service.parse().expect("a service");
            assert_eq!(parsed.to_string(), service);
            let ports = [80, 81, 443, 8443].into_iter().filter(|one| parsed.includes(host, *one));
            assert_eq!(ports.collect::<Vec<_>>(), [port], "{service}");
        }
    }
}
