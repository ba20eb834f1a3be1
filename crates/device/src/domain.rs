//! Registrable domain of an issuer: the part of its URL that a person can recognise.

use countersign_protocol::issuer::Issuer;
use serde::Serialize;

use crate::public_suffix;

/// A registrable domain (public suffix and one label), or the whole host where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Domain {
    /// For showing: in Unicode, where it is an internationalised name that converts back to itself.
    pub shown: String,
    /// In ASCII (punycode) where that differs; to be shown beside it.
    pub ascii: Option<String>,
}

impl Domain {
    /// The domain of an issuer.
    pub fn of(issuer: &Issuer) -> Domain {
        let host = issuer.host();
        let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
        let registrable = if is_address { None } else { public_suffix::registrable(&host) };
        let ascii = registrable.unwrap_or(&host).to_owned();
        let (letters, readable) = idna::domain_to_unicode(&ascii);
        let is_safe = readable.is_ok() && countersign_protocol::text::check(&letters, 253).is_ok();
        if letters == ascii || !is_safe {
            return Domain { shown: ascii, ascii: None };
        }
        Domain { shown: letters, ascii: Some(ascii) }
    }
}

#[cfg(any(test, feature = "wasm-tests"))]
mod tests {
    use super::*;

    fn of(issuer: &str) -> (String, Option<String>) {
        let domain = Domain::of(&issuer.parse().unwrap());
        (domain.shown, domain.ascii)
    }

    #[test]
    fn the_registrable_part_is_shown() {
        assert_eq!(of("https://id.acme.example"), ("acme.example".into(), None));
        assert_eq!(of("https://login.shop.co.uk/tenant"), ("shop.co.uk".into(), None));
        assert_eq!(of("https://acme.example.evil.com"), ("evil.com".into(), None));
        assert_eq!(of("http://127.0.0.1:8787"), ("127.0.0.1".into(), None));
        assert_eq!(of("http://[::1]:8787"), ("[::1]".into(), None));
        assert_eq!(of("http://localhost:8787"), ("localhost".into(), None));
    }

    #[test]
    fn an_international_name_is_shown_in_both_forms() {
        assert_eq!(of("https://id.bücher.example"), ("bücher.example".into(), Some("xn--bcher-kva.example".into())));
        // Cyrillic а in an otherwise Latin name: the ASCII form gives it away.
        let (shown, ascii) = of("https://аcme.example");
        assert_eq!((shown.as_str(), ascii.as_deref()), ("аcme.example", Some("xn--cme-5cd.example")));
    }
}
