//! ID token validation (OpenID Connect Core §3.1.3.7, CIBA Core §10.1.1).

use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::json::{self, Json, Strictness};
use countersign_jose::jws::CompactParts;
use countersign_jose::jwt::Claims;
use countersign_jose::key::{PublicKey, SIGNATURE_BYTES, Thumbprint};
use countersign_protocol::issuer::Issuer;

/// Longest token, in bytes: no reply of a provider may be longer.
const TOKEN_BYTES: usize = 256 * 1024;

/// What the claims must equal.
pub struct ExpectedClaims<'a> {
    /// `iss`.
    pub issuer: &'a Issuer,
    /// `aud`.
    pub client_id: &'a str,
    /// `urn:openid:params:jwt:claim:auth_req_id`, where the token has it.
    pub auth_req_id: &'a str,
    /// The current time; `exp` must be later.
    pub now: Timestamp,
}

/// Why an ID token is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Not a compact JWS with JSON.
    #[error("the ID token can't be read")]
    Unreadable,
    /// Another algorithm than ES256, or `crit`.
    #[error("the ID token is not signed with ES256")]
    Algorithm,
    /// Signed by a key that is not in the provider's JWKS.
    #[error("the ID token is signed by a key that is not in the provider's JWKS")]
    Key,
    /// The signature does not verify.
    #[error("the ID token's signature does not match")]
    Signature,
    /// A claim is missing or has another value.
    #[error("the claim {0} of the ID token is missing or has another value than expected")]
    Claim(&'static str),
}

/// Verifies signature and claims with the provider's keys; returns the claims as the JSON text that was signed.
///
/// # Errors
/// [`IdTokenError`].
pub fn verify(token: &str, jwks: &Json, expected: &ExpectedClaims<'_>) -> Result<String, IdTokenError> {
    let (_, payload) = signed(token, jwks)?;
    let claims = json::read(payload.as_bytes(), Strictness::FOREIGN).map_err(|_| IdTokenError::Unreadable)?;
    check(&claims, expected)?;
    Ok(payload)
}

/// The payload of a token of this type (`typ` of the header) signed by one of these keys. Its claims are not checked.
///
/// # Errors
/// [`IdTokenError`].
pub fn signed_payload(token: &str, typ: &str, jwks: &Json) -> Result<String, IdTokenError> {
    let (header, payload) = signed(token, jwks)?;
    let is_of_type = header.get("typ").and_then(Json::as_str) == Some(typ);
    is_of_type.then_some(payload).ok_or(IdTokenError::Unreadable)
}

/// Header and payload of a token whose signature verifies.
fn signed(token: &str, jwks: &Json) -> Result<(Json, String), IdTokenError> {
    let parts = CompactParts::split(token, TOKEN_BYTES).map_err(|_| IdTokenError::Unreadable)?;
    let header = parts.header_json(Strictness::FOREIGN).map_err(|_| IdTokenError::Unreadable)?;
    if header.get("alg").and_then(Json::as_str) != Some("ES256") || header.get("crit").is_some() {
        return Err(IdTokenError::Algorithm);
    }
    let key = find_key(jwks, header.get("kid").and_then(Json::as_str)).ok_or(IdTokenError::Key)?;
    let signature = parts.signature().map_err(|_| IdTokenError::Signature)?;
    let signature: [u8; SIGNATURE_BYTES] = signature.try_into().map_err(|_| IdTokenError::Signature)?;
    key.verify(parts.signing_input().as_bytes(), &signature).map_err(|_| IdTokenError::Signature)?;
    let payload = parts.payload().map_err(|_| IdTokenError::Unreadable)?;
    let payload = json::without_byte_order_mark(&payload).to_vec();
    let payload = String::from_utf8(payload).map_err(|_| IdTokenError::Unreadable)?;
    Ok((header, payload))
}

fn check(claims: &Json, expected: &ExpectedClaims<'_>) -> Result<(), IdTokenError> {
    const AUTH_REQ_ID: &str = "urn:openid:params:jwt:claim:auth_req_id";
    let text = |name: &str| claims.get(name).and_then(Json::as_str);
    if text("iss") != Some(expected.issuer.as_str()) {
        return Err(IdTokenError::Claim("iss"));
    }
    let for_us = match claims.get("aud") {
        Some(Json::String(aud)) => aud == expected.client_id,
        Some(Json::Array(all)) => match all.as_slice() {
            [Json::String(only)] => only == expected.client_id,
            several => {
                several.iter().any(|aud| aud.as_str() == Some(expected.client_id))
                    && text("azp") == Some(expected.client_id)
            }
        },
        _ => false,
    };
    if !for_us {
        return Err(IdTokenError::Claim("aud"));
    }
    if Claims(claims).expiry(expected.now).is_err() {
        return Err(IdTokenError::Claim("exp"));
    }
    // CIBA Core requires it in push mode only; where it is present it must be right.
    if claims.get(AUTH_REQ_ID).is_some() && text(AUTH_REQ_ID) != Some(expected.auth_req_id) {
        return Err(IdTokenError::Claim(AUTH_REQ_ID));
    }
    if text("sub").is_none_or(str::is_empty) {
        return Err(IdTokenError::Claim("sub"));
    }
    Ok(())
}

/// The key with this `kid`, or the only key where the token names none.
fn find_key(jwks: &Json, kid: Option<&str>) -> Option<PublicKey> {
    let keys = jwks.get("keys")?.as_array()?;
    let usable = |jwk: &&Json| {
        let text = |name: &str| jwk.get(name).and_then(Json::as_str);
        text("use").is_none_or(|purpose| purpose == "sig")
            && kid.is_none_or(|kid| {
                text("kid") == Some(kid) || thumbprint_of(jwk).is_some_and(|own| own.to_string() == kid)
            })
    };
    let mut found = keys.iter().filter(usable).filter_map(key_of);
    let key = found.next()?;
    (kid.is_some() || found.next().is_none()).then_some(key)
}

fn thumbprint_of(jwk: &Json) -> Option<Thumbprint> {
    key_of(jwk).map(|key| *key.thumbprint())
}

fn key_of(jwk: &Json) -> Option<PublicKey> {
    let text = |name: &str| jwk.get(name).and_then(Json::as_str);
    if text("kty") != Some("EC") || text("crv") != Some("P-256") {
        return None;
    }
    let mut sec1 = [4; 65];
    sec1[1..33].copy_from_slice(&base64url::decode_array::<32>(text("x")?).ok()?);
    sec1[33..].copy_from_slice(&base64url::decode_array::<32>(text("y")?).ok()?);
    PublicKey::from_sec1(&sec1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_device::edge::system::SystemRandom;
    use countersign_jose::key::{LocalSigner, PrivateKey, Signer as _};

    const CLAIMS: &str = r#"{"iss":"https://id.example","sub":"alice","aud":"till","exp":2000,"urn:openid:params:jwt:claim:auth_req_id":"ar_1"}"#;

    fn key() -> LocalSigner {
        PrivateKey::generate(&SystemRandom::new()).into_signer()
    }

    fn jwks(signer: &LocalSigner) -> Json {
        let jwk = serde_json::to_string(signer.public_key()).expect("a public key is a JWK");
        json::read(format!("{{\"keys\":[{jwk}]}}").as_bytes(), Strictness::with_depth(8)).expect("a JWK set")
    }

    fn token(signer: &LocalSigner, header: &str, claims: &str) -> String {
        let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
        let signature = signer.sign(input.as_bytes()).expect("the key signs");
        format!("{input}.{}", base64url::encode(&signature))
    }

    fn validate(token: &str, jwks: &Json, now: u64) -> Result<String, IdTokenError> {
        let issuer = "https://id.example".parse().expect("an issuer");
        let now = Timestamp::from_seconds(now);
        verify(token, jwks, &ExpectedClaims { issuer: &issuer, client_id: "till", auth_req_id: "ar_1", now })
    }

    #[test]
    fn a_valid_token_yields_its_claims_as_they_were_signed() {
        let signer = key();
        let header = format!("{{\"alg\":\"ES256\",\"kid\":\"{}\"}}", signer.public_key().thumbprint());
        assert_eq!(validate(&token(&signer, &header, CLAIMS), &jwks(&signer), 1000), Ok(CLAIMS.to_owned()));
    }

    #[test]
    fn a_token_may_have_what_other_providers_write() {
        let signer = key();
        let claims = CLAIMS.replace("2000", "2.0e3,\"x\":1e3,\"tid\":18446744073709551615");
        let sent = token(&signer, "{\"alg\":\"ES256\",\"x\":1e3}", &format!("\u{feff}{claims}"));
        assert_eq!(validate(&sent, &jwks(&signer), 1000), Ok(claims));
        assert_eq!(validate(&sent, &jwks(&signer), 2000), Err(IdTokenError::Claim("exp")));
    }

    #[test]
    fn each_wrong_claim_is_named() {
        let signer = key();
        for (from, to, claim) in [
            ("https://id.example", "https://id.other", "iss"),
            ("\"till\"", "\"other\"", "aud"),
            ("\"till\"", "[\"till\",\"other\"]", "aud"),
            ("2000", "1000", "exp"),
            ("2000", "\"2000\"", "exp"),
            ("ar_1", "ar_2", "urn:openid:params:jwt:claim:auth_req_id"),
            ("\"alice\"", "\"\"", "sub"),
        ] {
            let changed = token(&signer, "{\"alg\":\"ES256\"}", &CLAIMS.replace(from, to));
            assert_eq!(validate(&changed, &jwks(&signer), 1000), Err(IdTokenError::Claim(claim)), "{from} → {to}");
        }
    }

    #[test]
    fn another_key_another_algorithm_and_a_changed_signature_are_refused() {
        let (signer, other) = (key(), key());
        let header = "{\"alg\":\"ES256\"}";
        let sound = token(&signer, header, CLAIMS);
        assert_eq!(validate(&sound, &jwks(&other), 1000), Err(IdTokenError::Signature));
        assert_eq!(
            validate(&token(&signer, "{\"alg\":\"none\"}", CLAIMS), &jwks(&signer), 1000),
            Err(IdTokenError::Algorithm)
        );
        let unknown = token(&signer, "{\"alg\":\"ES256\",\"kid\":\"x\"}", CLAIMS);
        assert_eq!(validate(&unknown, &jwks(&signer), 1000), Err(IdTokenError::Key));
        let moved = token(&signer, header, &CLAIMS.replace("alice", "bob"));
        let spliced = format!("{}.{}", moved.rsplit_once('.').unwrap().0, sound.rsplit_once('.').unwrap().1);
        assert_eq!(validate(&spliced, &jwks(&signer), 1000), Err(IdTokenError::Signature));
    }
}
