//! The list in which a provider names the gateways that may ask in its name: a file at its own host. Until it names a gateway, that
//! the gateway asks on the provider's behalf is the gateway's own claim.

use serde::{Deserialize, Serialize};

use crate::issuer::Issuer;
use crate::{json, limits};

/// The list, as a document (docs/protocol.md §8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayList {
    /// The gateways' issuers, compared byte for byte.
    pub gateways: Vec<String>,
}

impl GatewayList {
    /// Where a provider has its list: at its host, whatever the issuer's path.
    pub fn url(provider: &Issuer) -> String {
        format!("{}/.well-known/countersign-gateways", provider.origin())
    }

    /// Whether a reply is a list that names this gateway. Anything but a 200 with JSON of at most 16 KiB names nobody.
    pub fn confirms(status: u16, media_type: Option<&str>, body: &[u8], gateway: &Issuer) -> bool {
        let essence = media_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        let is_list =
            status == 200 && essence.eq_ignore_ascii_case("application/json") && body.len() <= limits::BODY_BYTES;
        is_list
            && json::parse::<Self>(body).is_ok_and(|list| list.gateways.iter().any(|named| named == gateway.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_in_json_that_names_the_gateway_byte_for_byte_confirms_it() {
        let gateway: Issuer = "https://gate.example/tenant".parse().expect("an issuer");
        let confirms =
            |status, media_type, body: &str| GatewayList::confirms(status, Some(media_type), body.as_bytes(), &gateway);
        let list = r#"{"gateways":["https://other.example","https://gate.example/tenant"],"updated":1}"#;
        assert!(confirms(200, "application/json", list));
        assert!(confirms(200, "Application/JSON; charset=utf-8", list));
        for (status, media_type, body) in [
            (404, "application/json", list.to_owned()),
            (301, "application/json", list.to_owned()),
            (204, "application/json", list.to_owned()),
            (200, "text/html", list.to_owned()),
            (200, "application/json-seq", list.to_owned()),
            (200, "application/json", list.replace("tenant", "tenant/")),
            (200, "application/json", list.replace("https://gate", "https://GATE")),
            (200, "application/json", format!("{list} x")),
            (200, "application/json", r#"{"gateways":"https://gate.example/tenant"}"#.to_owned()),
            (200, "application/json", r#"["https://gate.example/tenant"]"#.to_owned()),
            (200, "application/json", format!("{list}{}", " ".repeat(limits::BODY_BYTES))),
        ] {
            assert!(!confirms(status, media_type, &body), "{status} {media_type} {body:.90}");
        }
        assert!(!GatewayList::confirms(200, None, list.as_bytes(), &gateway));
    }

    #[test]
    fn a_provider_has_its_list_at_its_host() {
        let url = |issuer: &str| GatewayList::url(&issuer.parse().expect("an issuer"));
        assert_eq!(
            url("https://id.redbank.example/a/b"),
            "https://id.redbank.example/.well-known/countersign-gateways"
        );
        assert_eq!(
            url("https://id.redbank.example:8443"),
            "https://id.redbank.example:8443/.well-known/countersign-gateways"
        );
    }
}
