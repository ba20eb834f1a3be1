//! Names that a server is called by, as a person types them.

use std::net::IpAddr;
use std::str::FromStr;

/// A name that a server is called by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerName {
    /// A DNS name in its ASCII form.
    Dns(String),
    /// An IP address.
    Address(IpAddr),
}

/// Neither a DNS name nor an IP address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this must be a host name such as id.example.test, or an IP address, without scheme and port")]
pub struct ServerNameError;

impl FromStr for ServerName {
    type Err = ServerNameError;

    fn from_str(text: &str) -> Result<ServerName, ServerNameError> {
        let address = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).parse();
        if let Ok(address) = address {
            return Ok(ServerName::Address(address));
        }
        match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) if is_dns_name(&name) => Ok(ServerName::Dns(name)),
            _ => Err(ServerNameError),
        }
    }
}

impl ServerName {
    /// As it stands in a URL.
    pub fn in_url(&self) -> String {
        match self {
            ServerName::Dns(name) => name.clone(),
            ServerName::Address(IpAddr::V4(address)) => address.to_string(),
            ServerName::Address(IpAddr::V6(address)) => format!("[{address}]"),
        }
    }

    /// As it stands in a certificate's subjectAltName.
    pub fn in_certificate(&self) -> String {
        match self {
            ServerName::Dns(name) => name.clone(),
            ServerName::Address(address) => address.to_string(),
        }
    }
}

/// Letters, digits and hyphens (RFC 1123 §2.1) in labels of at most 63 characters, in all at most 253.
fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_host_or_an_address() {
        for (given, expected) in [
            ("id.example.test", "id.example.test"),
            ("localhost", "localhost"),
            ("Büro.example", "xn--bro-hoa.example"),
            ("192.168.7.4", "192.168.7.4"),
            ("::1", "[::1]"),
            ("[fe80::1]", "[fe80::1]"),
        ] {
            assert_eq!(given.parse::<ServerName>().map(|name| name.in_url()), Ok(expected.to_owned()));
        }
        let long = format!("{}.example", "a".repeat(64));
        for bad in [
            "",
            "https://id.test",
            "id.test:8787",
            "id.test/",
            "id test",
            "*.test",
            "id.test.",
            "-a.test",
            "1.2.3",
            &long,
        ] {
            assert_eq!(bad.parse::<ServerName>(), Err(ServerNameError), "{bad}");
        }
    }
}
