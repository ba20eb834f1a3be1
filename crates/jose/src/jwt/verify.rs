//! Verifies a compact JWS (RFC 7515) of another party by the keys, algorithms and `typ` that the caller accepts.

use std::fmt;

use super::{Jwk, JwkSet, SigningAlg, UnusableKey, VerificationKey};
use crate::json::{self, Json, JsonError, Strictness};
use crate::jws::{CompactError, CompactParts, HeaderError};

/// Largest JWS, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Longest name of a claim that an error repeats, in bytes.
const CLAIM_NAME_BYTES: usize = 60;

/// Why a JWT was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// Not three parts of base64url, larger than 16 KiB, or a payload that is JSON but not an object.
    #[error("it is not a compact JWS of three parts")]
    Form,
    /// Five parts: a JWE.
    #[error("it is encrypted (JWE): sign it only")]
    Encrypted,
    /// Not JSON, without `alg`, with a `typ` or `kid` that is no string, or with `crit`.
    #[error("its header is not JSON with alg, or names critical extensions (crit), none of which is supported")]
    Header,
    /// Not among the algorithms that the caller accepts, which are named.
    #[error("its alg is not one of those accepted: {0}")]
    Alg(&'static str),
    /// Another `typ` than the caller accepts.
    #[error("its typ is that of another kind of token")]
    Typ,
    /// Its own `jwk` can't be used.
    #[error("its jwk can't be used: {0}")]
    Key(UnusableKey),
    /// By none of the keys that the caller accepts.
    #[error("its signature is by none of the keys it may be by")]
    Signature,
    /// Not JSON that has one meaning.
    #[error("{0}")]
    Payload(UnreadablePayload),
}

/// A payload that is not JSON, or JSON with more than one meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadablePayload {
    /// What is wrong.
    pub error: JsonError,
    /// The claim in which it is, if it is in one.
    pub claim: Option<String>,
}

impl fmt::Display for UnreadablePayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable =
            |name: &&String| name.len() <= CLAIM_NAME_BYTES && name.bytes().all(|byte| byte.is_ascii_graphic());
        match self.claim.as_ref().filter(printable) {
            Some(claim) => write!(f, "its claim {claim} can't be read: {}", self.error),
            None => write!(f, "its payload can't be read: {}", self.error),
        }
    }
}

impl JwtError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            JwtError::Form => "jwt_malformed",
            JwtError::Encrypted => "jwt_encrypted",
            JwtError::Header => "jwt_header",
            JwtError::Alg(_) => "jwt_algorithm",
            JwtError::Typ => "jwt_typ",
            JwtError::Key(_) => "jwt_bad_key",
            JwtError::Signature => "jwt_bad_signature",
            JwtError::Payload(_) => "jwt_payload",
        }
    }
}

impl From<CompactError> for JwtError {
    fn from(error: CompactError) -> JwtError {
        match error {
            CompactError::Encrypted => JwtError::Encrypted,
            CompactError::TooLarge | CompactError::Parts => JwtError::Form,
        }
    }
}

impl From<HeaderError> for JwtError {
    fn from(error: HeaderError) -> JwtError {
        match error {
            HeaderError::Encoding(_) => JwtError::Form,
            HeaderError::Json(_) => JwtError::Header,
        }
    }
}

/// A JWT whose signature was verified. Whether its claims apply is still to be checked.
pub struct VerifiedJwt {
    /// The claims, an object, with every number as it was sent.
    pub claims: Json,
    /// The payload's bytes as they were signed, without a byte order mark.
    pub payload: Vec<u8>,
}

/// Verifies a JWT by one of these keys. `typ` decides about the header's `typ`; `None` where it has none.
///
/// # Errors
/// [`JwtError`], the first thing that is wrong: form, header, algorithm, `typ`, signature, payload.
pub fn verify(
    text: &str,
    keys: &JwkSet,
    algs: &[SigningAlg],
    typ: impl FnOnce(Option<&str>) -> bool,
) -> Result<VerifiedJwt, JwtError> {
    let jwt = UnverifiedJwt::read(text, algs, typ)?;
    let kid = jwt.header_string("kid");
    if !keys.candidates(jwt.alg, kid).any(|key| jwt.is_by(key)) {
        return Err(JwtError::Signature);
    }
    jwt.into_verified()
}

/// Verifies a JWT by the key in its own header (`jwk`), as DPoP proofs have (RFC 9449 §4.2): it proves possession of that key,
/// and nothing else.
///
/// # Errors
/// [`JwtError`], the first thing that is wrong: form, header, algorithm, `typ`, signature, payload.
pub fn verify_by_own_key(
    text: &str,
    algs: &[SigningAlg],
    typ: impl FnOnce(Option<&str>) -> bool,
) -> Result<(VerifiedJwt, VerificationKey), JwtError> {
    let jwt = UnverifiedJwt::read(text, algs, typ)?;
    let jwk = jwt.header.get("jwk").ok_or(JwtError::Header)?;
    let key = Jwk::read(jwk).map_err(JwtError::Key)?.key;
    if !key.is_for(jwt.alg) || !jwt.is_by(&key) {
        return Err(JwtError::Signature);
    }
    Ok((jwt.into_verified()?, key))
}

/// The claims of a JWT without any verification: only to find out whose keys to verify it with.
///
/// # Errors
/// [`JwtError::Form`], [`JwtError::Encrypted`] and [`JwtError::Payload`]
pub fn unverified_claims(text: &str) -> Result<Json, JwtError> {
    let payload = CompactParts::split(text, MAX_BYTES)?.payload().map_err(|_| JwtError::Form)?;
    read_claims(&payload)
}

fn read_claims(payload: &[u8]) -> Result<Json, JwtError> {
    json::read_naming_member(payload, Strictness::FOREIGN)
        .map_err(|(error, claim)| JwtError::Payload(UnreadablePayload { error, claim }))
}

/// The algorithm that an unverified JWT names: only to find out how long verifying it may take.
pub fn claimed_alg(text: &str) -> Option<SigningAlg> {
    let header = CompactParts::split(text, MAX_BYTES).ok()?.header_json(Strictness::FOREIGN).ok()?;
    SigningAlg::from_name(header.get("alg")?.as_str()?)
}

/// A JWT whose header is acceptable and whose signature is still to be verified.
struct UnverifiedJwt<'t> {
    alg: SigningAlg,
    header: Json,
    signing_input: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl UnverifiedJwt<'_> {
    fn read<'t>(
        text: &'t str,
        algs: &[SigningAlg],
        typ: impl FnOnce(Option<&str>) -> bool,
    ) -> Result<UnverifiedJwt<'t>, JwtError> {
        let parts = CompactParts::split(text, MAX_BYTES)?;
        let header = parts.header_json(Strictness::FOREIGN)?;
        let string = |name: &str| header.get(name).and_then(Json::as_str);
        let is_string_or_absent = |name: &str| header.get(name).is_none_or(|value| value.as_str().is_some());
        if header.get("crit").is_some() || !["typ", "kid"].iter().all(|name| is_string_or_absent(name)) {
            return Err(JwtError::Header);
        }
        let name = string("alg").ok_or(JwtError::Header)?;
        let alg =
            SigningAlg::from_name(name).filter(|alg| algs.contains(alg)).ok_or_else(|| JwtError::Alg(names(algs)))?;
        if !typ(string("typ")) {
            return Err(JwtError::Typ);
        }
        let payload = parts.payload().map_err(|_| JwtError::Form)?;
        let signature = parts.signature().map_err(|_| JwtError::Form)?;
        Ok(UnverifiedJwt { alg, header, signing_input: parts.signing_input(), payload, signature })
    }

    fn header_string(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Json::as_str)
    }

    fn is_by(&self, key: &VerificationKey) -> bool {
        key.verifies(self.alg, self.signing_input.as_bytes(), &self.signature)
    }

    /// The claims, once the signature is verified.
    fn into_verified(self) -> Result<VerifiedJwt, JwtError> {
        let claims = read_claims(&self.payload)?;
        if claims.as_object().is_none() {
            return Err(JwtError::Form);
        }
        Ok(VerifiedJwt { claims, payload: json::without_byte_order_mark(&self.payload).to_vec() })
    }
}

/// The names of the algorithms, without an allocation.
fn names(algs: &[SigningAlg]) -> &'static str {
    match algs {
        [SigningAlg::Es256] => "ES256",
        [SigningAlg::Ps256] => "PS256",
        [SigningAlg::Rs256] => "RS256",
        [SigningAlg::Es256, SigningAlg::Ps256] => "ES256, PS256",
        _ => "ES256, PS256, RS256",
    }
}
