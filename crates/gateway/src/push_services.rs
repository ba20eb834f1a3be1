//! Hosts of push services that addresses may have: exact names, or everything below one (`*.name`).

use std::fmt;
use std::str::FromStr;

/// A host, or every host below one.
#[derive(Clone, PartialEq, Eq)]
pub struct PushService {
    name: String,
    below: bool,
}

/// The text names no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a host such as \"updates.push.services.mozilla.com\", or \"*.push.apple.com\" for every host below one")]
pub struct PushServiceError;

impl PushServiceError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        "push_service"
    }
}

impl PushService {
    /// Whether this host is meant. Hosts are compared as a URL parser writes them: in lower case, IDNs in ASCII.
    pub fn includes(&self, host: &str) -> bool {
        match self.below {
            false => host == self.name,
            true => host.strip_suffix(&self.name).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        }
    }
}

impl FromStr for PushService {
    type Err = PushServiceError;

    fn from_str(text: &str) -> Result<PushService, PushServiceError> {
        let (name, below) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
        let parsed = url::Host::parse(name).map_err(|_| PushServiceError)?;
        // As it must be written: no port, no path, no second spelling.
        let is_plain =
            parsed.to_string() == name && !(below && matches!(parsed, url::Host::Ipv4(_) | url::Host::Ipv6(_)));
        if !is_plain || name.contains('*') {
            return Err(PushServiceError);
        }
        Ok(PushService { name: name.to_owned(), below })
    }
}

impl fmt::Display for PushService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.below { "*." } else { "" })?;
        f.write_str(&self.name)
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
        let includes = |service: &str, host: &str| service.parse::<PushService>().expect("a service").includes(host);
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
            "Push.example.net",
            "*.10.0.0.1",
            "a.*.b",
            "a/b",
        ] {
            assert!(text.parse::<PushService>().is_err(), "{text}");
        }
    }
}
