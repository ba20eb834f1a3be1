//! A compact JWS (RFC 7515) of another party: who may have signed it, and by which algorithms, is said by the caller.

use countersign_protocol::json::{self, Json, JsonError};
use countersign_protocol::{encoding, limits};

use super::{JwkSet, SigningAlg};

/// How deep the payload may be nested: authorization details (8) inside a claim.
const PAYLOAD_DEPTH: usize = limits::JSON_DEPTH + 2;

/// Why a JWS says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwsRefused {
    /// Not three parts of base64url, or over 16 KiB. Five parts are a JWE, which CIBA Core §7.1.1 leaves out.
    #[error("it is not a compact JWS of three parts")]
    Form,
    /// Not JSON, or without a text named alg, or with `crit`.
    #[error("its header is not JSON with alg, or names extensions (crit) that are not known here")]
    Header,
    /// Not among those the caller takes.
    #[error("its alg is not one of those that are taken here: {0}")]
    Alg(&'static str),
    /// Another `typ` than the caller takes.
    #[error("its typ is that of another kind of token")]
    Typ,
    /// By none of the keys.
    #[error("its signature is by none of the keys it may be by")]
    Signature,
    /// Not a JSON object.
    #[error("its payload is not a JSON object: {0}")]
    Payload(JsonError),
}

/// A JWS whose signature was checked.
pub(crate) struct Verified {
    pub(crate) alg: SigningAlg,
    /// The claims, with every number as it was written.
    pub(crate) claims: Json,
    /// The payload as it was signed.
    pub(crate) payload: Vec<u8>,
}

/// Opens a JWS by one of these keys. `typ` is asked about the header's `typ`, `None` where it has none.
///
/// # Errors
/// [`JwsRefused`], the first thing that is wrong.
pub(crate) fn verify(
    text: &str,
    keys: &JwkSet,
    algs: &[SigningAlg],
    typ: impl FnOnce(Option<&str>) -> bool,
) -> Result<Verified, JwsRefused> {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts[..] else { return Err(JwsRefused::Form) };
    if text.len() > limits::JWS_BYTES {
        return Err(JwsRefused::Form);
    }
    let decoded = |part: &str| encoding::decode(part).map_err(|_| JwsRefused::Form);
    let (header_bytes, payload_bytes, signature_bytes) = (decoded(header)?, decoded(payload)?, decoded(signature)?);
    let head = json::read(&header_bytes, limits::JSON_DEPTH).map_err(|_| JwsRefused::Header)?;
    let text_of = |name: &str| head.get(name).and_then(Json::as_str);
    let is_text_or_absent = |name: &str| head.get(name).is_none_or(|value| value.as_str().is_some());
    if head.get("crit").is_some() || !["typ", "kid"].iter().all(|name| is_text_or_absent(name)) {
        return Err(JwsRefused::Header);
    }
    let name = text_of("alg").ok_or(JwsRefused::Header)?;
    let alg = SigningAlg::of(name).filter(|alg| algs.contains(alg)).ok_or_else(|| JwsRefused::Alg(names(algs)))?;
    if !typ(text_of("typ")) {
        return Err(JwsRefused::Typ);
    }
    let input = &text.as_bytes()[..header.len() + 1 + payload.len()];
    if !keys.candidates(alg, text_of("kid")).any(|key| key.verifies(alg, input, &signature_bytes)) {
        return Err(JwsRefused::Signature);
    }
    let claims = json::read(&payload_bytes, PAYLOAD_DEPTH).map_err(JwsRefused::Payload)?;
    if claims.as_object().is_none() {
        return Err(JwsRefused::Form);
    }
    Ok(Verified { alg, claims, payload: payload_bytes })
}

/// The algorithms in words, without a text made at run time.
fn names(algs: &[SigningAlg]) -> &'static str {
    match algs {
        [SigningAlg::Es256] => "ES256",
        [SigningAlg::Ps256] => "PS256",
        [SigningAlg::Rs256] => "RS256",
        [SigningAlg::Es256, SigningAlg::Ps256] => "ES256, PS256",
        _ => "ES256, PS256, RS256",
    }
}
