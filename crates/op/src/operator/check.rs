//! `op check`: errors in a configuration that parses: unusable certificate files, blocked addresses.

use std::path::Path;
use std::sync::Arc;

use countersign_egress::{Egress, SystemResolver};
use countersign_private_files::is_readable_by_everybody;

use crate::config::{Config, called_addresses};
use crate::server::tls::Tls;

/// Settings that hold a secret, each with a second one that names a file instead.
const SECRETS: [&str; 2] = ["secret", "initial_access_token"];

/// A person's code, which may be written as its hash.
const USER_CODE: &str = "user_code";

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

/// What is no error, but should be changed: secrets in a configuration file that everybody may read. One sentence each.
pub fn warnings(file: &Path) -> Vec<String> {
    let Ok(Some(mode)) = is_readable_by_everybody(file) else { return Vec::new() };
    let table = std::fs::read_to_string(file).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let Some((secret, remedy)) = table.as_ref().and_then(inline_secret) else { return Vec::new() };
    let file = file.display();
    vec![format!(
        "{file} holds a secret (`{secret}`) and may be read by everybody (mode {mode:03o}); run: chmod 600 {file}, or {remedy}"
    )]
}

/// That the keys of people's browsers are not this issuer's alone: browsers tell origins apart, not paths.
pub fn shared_origin(config: &Config) -> Option<String> {
    let issuer = &config.issuer;
    (!issuer.path().is_empty()).then(|| {
        format!(
            "the issuer has a path, and whatever else is served at {} can use the keys that the device page keeps in people's browsers; \
             give each issuer a host of its own, such as https://approve.example.com",
            issuer.origin()
        )
    })
}

/// The name of a secret that is written into the configuration itself, and what else can be done about it.
fn inline_secret(table: &toml::Table) -> Option<(&'static str, String)> {
    let is_here = |name: &str| table.get(name).and_then(toml::Value::as_str);
    let own = SECRETS.iter().find(|name| is_here(name).is_some());
    let own = own.map(|name| (*name, format!("move the secret to a file of its own (`{name}_file`)")));
    let code = || is_here(USER_CODE).filter(|code| !code.starts_with("$argon2id$"));
    own.or_else(|| code().map(|_| (USER_CODE, "write the code's Argon2id hash in its place".to_owned())))
        .or_else(|| table.values().find_map(in_value))
}

fn in_value(value: &toml::Value) -> Option<(&'static str, String)> {
    match value {
        toml::Value::Table(table) => inline_secret(table),
        toml::Value::Array(values) => values.iter().find_map(in_value),
        _ => None,
    }
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
                "{owner}: not used of its JWK set: key 1 (kid old): its member n is missing, or not base64url without padding"
            )
        };
        assert_eq!(
            crate::config::unusable_keys(&config),
            [about("client till"), about("hint issuer https://hints.example")]
        );
    }

    #[test]
    fn an_issuer_that_shares_its_origin_is_told() {
        let shared = |issuer: &str| match Config::parse(&format!("issuer = \"{issuer}\""), Path::new("/nowhere")) {
            Ok(config) => shared_origin(&config),
            Err(errors) => panic!("{errors:?}"),
        };
        assert_eq!(shared("https://approve.example.com"), None);
        let told = shared("https://id.example.com/tenant").expect("a warning");
        assert!(told.contains(" https://id.example.com can use the keys "), "{told}");
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_in_a_file_that_everybody_may_read_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("provider.toml");
        let told = |text: &str, mode| {
            std::fs::write(&file, text).expect("written");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("changed");
            warnings(&file).join("\n")
        };
        let inline = "[[clients]]\nclient_id = \"till\"\nsecret = \"f7c09d1c2b8e4a6590d3b1a7e2c45f68\"\n";
        let found = told(inline, 0o644);
        assert!(found.contains("`secret`") && found.contains(&format!("chmod 600 {}", file.display())), "{found}");
        assert!(!found.contains("f7c09d1c"), "the secret itself is not told: {found}");
        assert!(told("[registration]\ninitial_access_token = \"x\"\n", 0o604).contains("`initial_access_token_file`"));
        assert_eq!(told(inline, 0o640), "", "of a group that the operator chose");
        let code = told("[[users]]\nsub = \"alice\"\nuser_code = \"4711\"\n", 0o644);
        assert!(code.contains("`user_code`") && code.ends_with("Argon2id hash in its place"), "{code}");
        assert!(!code.contains("4711") && !code.contains("_file"), "{code}");
        assert_eq!(told("[[users]]\nuser_code = \"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA\"\n", 0o644), "");
        assert_eq!(told("[[clients]]\nsecret_file = \"till.secret\"\n", 0o644), "");
    }
}
