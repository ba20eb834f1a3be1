//! Other parties' public keys: a JWK set (RFC 7517 §5) of P-256 and RSA keys.

use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

use super::{DEPTH, SigningAlg};
use crate::base64url;
use crate::hash::Hash;
use crate::json::{self, Json, Strictness};

/// Most keys in one set; a set with more is refused.
const MAX_KEYS: usize = 32;

/// Public keys that verify signatures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

/// One public key with its name and use (RFC 7517 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    /// The key's name, where it has one.
    pub kid: Option<String>,
    /// The only algorithm the key may be used with, where it names one.
    alg: Option<SigningAlg>,
    /// The key itself.
    pub key: VerificationKey,
}

/// A public key of another party, of a kind that can verify one of [`SigningAlg::ALL`]. Whether a point is on the curve is
/// checked when it verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerificationKey {
    /// A point of P-256, uncompressed: `04`, x, y.
    P256(Vec<u8>),
    /// An RSA key.
    Rsa {
        /// Modulus, big-endian, 2048 to 8192 bits.
        n: Vec<u8>,
        /// Exponent, big-endian, at most 5 bytes.
        e: Vec<u8>,
    },
}

/// Why a document is not a usable JWK set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// Not strict JSON, or not `{"keys":[…]}`.
    #[error("a JWK set is a JSON object with an array named keys")]
    Form,
    /// More than 32 keys.
    #[error("a JWK set may have 32 keys at most")]
    TooMany,
    /// `d` or another private member.
    #[error(
        "a JWK set holds public keys only; this one has a private key in it: replace that key, it is no longer secret"
    )]
    Private,
    /// A member of a P-256 or RSA key is missing or malformed.
    #[error(
        "a key has a missing or malformed member: P-256 keys have crv, x and y, RSA keys (2048 to 8192 bits) n and e"
    )]
    Key,
    /// No key of a kind that can be used here.
    #[error("the JWK set has no key for signatures by ES256, PS256 or RS256")]
    Empty,
}

impl JwksError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            JwksError::Form => "jwks_malformed",
            JwksError::TooMany => "jwks_too_many_keys",
            JwksError::Private => "jwks_private_key",
            JwksError::Key => "jwks_bad_key",
            JwksError::Empty => "jwks_no_usable_key",
        }
    }
}

impl JwkSet {
    /// Reads a set of at most 32 keys. Keys of other kinds and keys for encryption are skipped (RFC 7517 §5).
    ///
    /// # Errors
    /// [`JwksError`]
    pub fn parse(text: &[u8]) -> Result<JwkSet, JwksError> {
        let json = json::read(text, Strictness::with_depth(DEPTH)).map_err(|_| JwksError::Form)?;
        let listed = json.get("keys").and_then(Json::as_array).ok_or(JwksError::Form)?;
        if listed.len() > MAX_KEYS {
            return Err(JwksError::TooMany);
        }
        let mut keys = Vec::new();
        for jwk in listed {
            keys.extend(read(jwk)?);
        }
        if keys.is_empty() { Err(JwksError::Empty) } else { Ok(JwkSet { keys }) }
    }

    /// The keys that may have made a signature by this algorithm: those of its `kid`, where it names one, and those without
    /// a `kid`.
    pub fn candidates<'k>(
        &'k self,
        alg: SigningAlg,
        kid: Option<&'k str>,
    ) -> impl Iterator<Item = &'k VerificationKey> {
        let named =
            self.keys.iter().filter(move |jwk| kid.is_none_or(|kid| jwk.kid.as_deref().is_none_or(|own| own == kid)));
        named.filter(move |jwk| jwk.alg.is_none_or(|only| only == alg) && jwk.key.is_for(alg)).map(|jwk| &jwk.key)
    }

    /// Every key, whatever its `alg`.
    pub fn public_keys(&self) -> impl Iterator<Item = &VerificationKey> {
        self.keys.iter().map(|jwk| &jwk.key)
    }
}

impl Jwk {
    /// Reads one key; `None` for one of another kind or for another use.
    ///
    /// # Errors
    /// [`JwksError::Form`], [`JwksError::Private`] and [`JwksError::Key`]
    pub fn read(jwk: &Json) -> Result<Option<Jwk>, JwksError> {
        read(jwk)
    }
}

impl VerificationKey {
    /// The RFC 7638 thumbprint.
    pub fn thumbprint(&self) -> Hash {
        let encoded = |bytes: &[u8]| base64url::encode(bytes);
        Hash::of(match self {
            VerificationKey::P256(point) => {
                let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            VerificationKey::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encoded(e), encoded(n)),
        })
    }

    /// Whether the key is of the kind that signs by this algorithm.
    pub(super) fn is_for(&self, alg: SigningAlg) -> bool {
        matches!(self, VerificationKey::P256(_)) == (alg == SigningAlg::Es256)
    }

    /// Whether this key made the signature.
    pub(super) fn verifies(&self, alg: SigningAlg, input: &[u8], signature: &[u8]) -> bool {
        match (self, alg.rsa()) {
            (VerificationKey::P256(point), None) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(input, signature).is_ok()
            }
            (VerificationKey::Rsa { n, e }, Some(parameters)) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, input, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// `None` for a key of another kind or for another use.
fn read(jwk: &Json) -> Result<Option<Jwk>, JwksError> {
    let text = |name: &str| jwk.get(name).and_then(Json::as_str);
    let bytes = |name: &str| text(name).and_then(|text| base64url::decode(text).ok()).ok_or(JwksError::Key);
    if jwk.as_object().is_none() {
        return Err(JwksError::Form);
    }
    if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| jwk.get(name).is_some()) {
        return Err(JwksError::Private);
    }
    if text("use").is_some_and(|usage| usage != "sig") {
        return Ok(None);
    }
    let alg = match text("alg") {
        None => None,
        Some(name) => match SigningAlg::from_name(name) {
            Some(alg) => Some(alg),
            None => return Ok(None),
        },
    };
    let key = match (text("kty"), text("crv")) {
        (Some("EC"), Some("P-256")) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return Err(JwksError::Key);
            }
            VerificationKey::P256([&[4], x.as_slice(), &y].concat())
        }
        (Some("RSA"), _) => {
            let (n, e) = (without_zeros(bytes("n")?), without_zeros(bytes("e")?));
            if !(256..=1024).contains(&n.len()) || e.is_empty() || e.len() > 5 {
                return Err(JwksError::Key);
            }
            VerificationKey::Rsa { n, e }
        }
        _ => return Ok(None),
    };
    Ok(Some(Jwk { kid: text("kid").map(str::to_owned), alg, key }))
}

/// Some libraries write a leading zero byte, which RFC 7518 §6.3.1.1 forbids and ring refuses.
fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn set(key: &str) -> Result<JwkSet, JwksError> {
        JwkSet::parse(format!("{{\"keys\":[{key}]}}").as_bytes())
    }

    #[test]
    fn a_key_is_found_by_what_it_is_for() {
        let read = set(&format!(
            r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","kid":"a"}},{{"kty":"OKP","crv":"Ed25519","x":"AA"}}"#
        ));
        let keys = read.expect("a set with one key of use");
        let found = |alg, kid| keys.candidates(alg, kid).count();
        assert_eq!(found(SigningAlg::Es256, Some("a")), 1);
        assert_eq!(found(SigningAlg::Es256, None), 1);
        assert_eq!(found(SigningAlg::Es256, Some("b")), 0);
        let nameless = set(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"}}"#)).expect("a key");
        assert_eq!(nameless.candidates(SigningAlg::Es256, Some("b")).count(), 1, "a key without a name may be meant");
        assert_eq!(found(SigningAlg::Ps256, None), 0);
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        // RFC 7638 §3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let keys = set(&format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#));
        let keys = keys.expect("a set of one key");
        let thumbprint = keys.public_keys().next().expect("a key").thumbprint();
        assert_eq!(thumbprint.to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn what_is_no_public_key_is_refused_by_name() {
        assert_eq!(
            set(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","d":"{X}"}}"#)),
            Err(JwksError::Private)
        );
        assert_eq!(set(r#"{"kty":"oct","k":"AA"}"#), Err(JwksError::Private));
        assert_eq!(set(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}"}}"#)), Err(JwksError::Key));
        assert_eq!(set(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#), Err(JwksError::Key));
        assert_eq!(set(r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#), Err(JwksError::Empty));
        assert_eq!(set("7"), Err(JwksError::Form));
        assert_eq!(JwkSet::parse(b"{}"), Err(JwksError::Form));
        assert_eq!(JwkSet::parse(br#"{"keys":[],"keys":[]}"#), Err(JwksError::Form));
    }
}
