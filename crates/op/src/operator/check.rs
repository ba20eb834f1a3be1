//! `op check`: errors in a configuration that parses: unusable certificate files, blocked addresses.

use std::sync::Arc;

use countersign_egress::{Egress, SystemResolver};

use crate::config::{Config, called_addresses};
use crate::server::tls::Tls;

/// Checks everything outside the file, without opening the home or a port. One sentence for each error.
pub fn check(config: &Config) -> Vec<String> {
    let mut errors = Vec::new();
    if let Some(Err(error)) = config.tls.as_ref().map(|files| Tls::read(files, &config.cipher_suites)) {
        errors.push(format!("[tls]: {error}"));
    }
    let egress = Egress::new(config.egress.clone(), Arc::new(SystemResolver));
    for client in &config.clients {
        for (member, url) in called_addresses(client) {
            if let Err(error) = egress.check(url) {
                errors.push(format!("client {}: `{member}` can't be used: {error}", client.client_id));
            }
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn addresses_inside_and_certificates_that_are_not_there_are_told() {
        let text = |more: &str| {
            format!(
                "issuer = \"https://id.example.com\"\n[[clients]]\nclient_id = \"till\"\nsecret = \"f7c09d1c2b8e4a6590d3b1a7e2c45f68\"\nbackchannel_token_delivery_mode = \"ping\"\nbackchannel_client_notification_endpoint = \"https://10.1.2.3/ciba\"\n{more}"
            )
        };
        let faults = |more: &str| match Config::parse(&text(more), Path::new("/nowhere")) {
            Ok(config) => check(&config),
            Err(errors) => panic!("{errors:?}"),
        };
        let found = faults("[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("[tls]: ") && found[0].contains("/nowhere/cert.pem"), "{found:?}");
        let inside = "client till: `backchannel_client_notification_endpoint` can't be used: the address is inside";
        assert!(found[1].starts_with(inside), "{found:?}");
        assert!(faults("[egress]\nallow = [\"10.1.2.0/24\"]").is_empty());
    }

    #[test]
    fn keys_that_are_not_used_are_named_and_the_configuration_is_valid() {
        let good = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let jwks = format!(
            r#"{{"keys":[{{"kty":"RSA","e":"AQAB","kid":"old"}},{good},{{"kty":"OKP","crv":"Ed25519","x":"AA"}}]}}"#
        );
        let text = format!(
            "issuer = \"https://id.example.com\"\n[[clients]]\nclient_id = \"till\"\ntoken_endpoint_auth_method = \"private_key_jwt\"\njwks = '{jwks}'\n[[login_hint_issuers]]\nissuer = \"https://hints.example\"\njwks = '{jwks}'\n"
        );
        let Ok(config) = Config::parse(&text, Path::new("/nowhere")) else { panic!("a valid configuration") };
        assert!(check(&config).is_empty());
        let about = |owner: &str| {
            format!(
                "{owner}: in its JWK set key 1 (kid old): its member n is missing, or not base64url without padding; it is not used"
            )
        };
        assert_eq!(
            crate::config::unusable_keys(&config),
            [about("client till"), about("hint issuer https://hints.example")]
        );
    }
}
