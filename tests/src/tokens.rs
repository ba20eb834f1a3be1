//! Reads tokens as a resource server would: signatures by the issuer's published keys, claims as text and as values.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::key::PublicKey;
use serde_json::Value;

use crate::http;

/// A token whose signature holds.
pub struct Token {
    /// The header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
    /// The claims' exact text.
    pub text: String,
}

/// Verifies a token with the keys that the issuer's discovery names.
///
/// # Panics
/// If anything about it is wrong.
pub fn verified(issuer: &str, token: &Value) -> Token {
    let token = token.as_str().unwrap_or_else(|| panic!("a token is a text: {token}"));
    let discovery = http::send("GET", &format!("{issuer}/.well-known/openid-configuration"), &[], b"").json();
    assert_eq!(discovery["issuer"], issuer);
    let jwks_uri = discovery["jwks_uri"].as_str().expect("discovery names jwks_uri");
    let keys = http::send("GET", jwks_uri, &[], b"").json();
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("a compact JWS has three parts: {token}") };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("parts are base64url");
    let header_json: Value = serde_json::from_slice(&decode(header)).expect("the header is JSON");
    assert_eq!(header_json["alg"], "ES256");
    let jwk = keys["keys"].as_array().into_iter().flatten().find(|key| key["kid"] == header_json["kid"]);
    let jwk = jwk.unwrap_or_else(|| panic!("no published key has the token's kid: {header_json} {keys}"));
    let key: PublicKey = serde_json::from_value(jwk.clone()).expect("the key is a P-256 JWK");
    let signature: [u8; 64] = decode(signature).try_into().expect("an ES256 signature has 64 bytes");
    key.verify(format!("{header}.{payload}").as_bytes(), &signature).expect("the token's signature holds");
    let text = String::from_utf8(decode(payload)).expect("claims are UTF-8");
    Token { header: header_json, claims: serde_json::from_str(&text).expect("claims are JSON"), text }
}
