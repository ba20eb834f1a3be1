//! A compact JWS (RFC 7515) of another party: who may have signed it, and by which algorithms, is said by the caller.

use countersign_protocol::json::{self, Json, JsonError};
use countersign_protocol::{encoding, limits};

use super::{Jwk, JwkSet, JwksError, PublicKey, SigningAlg};

/// How deep the payload may be nested: authorization details (8) inside a claim.
const PAYLOAD_DEPTH: usize = limits::JSON_DEPTH + 2;

/// Why a JWS says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwsRefused {
    /// Not three parts of base64url, or over 16 KiB.
    #[error("it is not a compact JWS of three parts")]
    Form,
    /// Five parts: a JWE, which CIBA Core §7.1.1 leaves out.
    #[error("it is encrypted (JWE): sign it only")]
    Encrypted,
    /// Not JSON, or without a text named alg, or with `crit`.
    #[error("its header is not JSON with alg, or names extensions (crit) that are not known here")]
    Header,
    /// Not among those the caller takes.
    #[error("its alg is not one of those that are taken here: {0}")]
    Alg(&'static str),
    /// Another `typ` than the caller takes.
    #[error("its typ is that of another kind of token")]
    Typ,
    /// Its own `jwk` can't be used.
    #[error("its jwk can't be used: {0}")]
    Key(JwksError),
    /// By none of the keys.
    #[error("its signature is by none of the keys it may be by")]
    Signature,
    /// Not a JSON object.
    #[error("its payload is not a JSON object: {0}")]
    Payload(JsonError),
}

/// A JWS whose signature was checked.
pub(crate) struct Verified {
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
    let received = Received::read(text, algs, typ)?;
    let kid = received.header("kid");
    if !keys.candidates(received.alg, kid).any(|key| received.is_by(key)) {
        return Err(JwsRefused::Signature);
    }
    received.open()
}

/// Opens a JWS by the key that it carries itself (`jwk`), as DPoP proofs do: it shows that its sender has that key, no more.
///
/// # Errors
/// [`JwsRefused`], the first thing that is wrong.
pub(crate) fn verify_by_own_key(
    text: &str,
    algs: &[SigningAlg],
    typ: impl FnOnce(Option<&str>) -> bool,
) -> Result<(Verified, PublicKey), JwsRefused> {
    let received = Received::read(text, algs, typ)?;
    let jwk = received.head.get("jwk").ok_or(JwsRefused::Header)?;
    let key = Jwk::read(jwk).map_err(JwsRefused::Key)?.ok_or(JwsRefused::Signature)?.key;
    if !key.is_for(received.alg) || !received.is_by(&key) {
        return Err(JwsRefused::Signature);
    }
    Ok((received.open()?, key))
}

/// What a JWS claims, believed by nobody yet: to find out whose keys to verify it with.
///
/// # Errors
/// [`JwsRefused`] for what is no JWS.
pub(crate) fn unverified_claims(text: &str) -> Result<Json, JwsRefused> {
    let (_, payload, _) = parts(text)?;
    let payload = encoding::decode(payload).map_err(|_| JwsRefused::Form)?;
    json::read(&payload, PAYLOAD_DEPTH).map_err(JwsRefused::Payload)
}

/// A JWS whose header is sound and whose signature is still to be checked.
struct Received<'t> {
    alg: SigningAlg,
    head: Json,
    input: &'t [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl Received<'_> {
    fn read<'t>(
        text: &'t str,
        algs: &[SigningAlg],
        typ: impl FnOnce(Option<&str>) -> bool,
    ) -> Result<Received<'t>, JwsRefused> {
        let (header, payload, signature) = parts(text)?;
        let decoded = |part: &str| encoding::decode(part).map_err(|_| JwsRefused::Form);
        let head = json::read(&decoded(header)?, limits::JSON_DEPTH).map_err(|_| JwsRefused::Header)?;
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
        let (payload, signature) = (decoded(payload)?, decoded(signature)?);
        Ok(Received { alg, head, input, payload, signature })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name).and_then(Json::as_str)
    }

    fn is_by(&self, key: &PublicKey) -> bool {
        key.verifies(self.alg, self.input, &self.signature)
    }

    /// Called once the signature is known to be good.
    fn open(self) -> Result<Verified, JwsRefused> {
        let claims = json::read(&self.payload, PAYLOAD_DEPTH).map_err(JwsRefused::Payload)?;
        if claims.as_object().is_none() {
            return Err(JwsRefused::Form);
        }
        Ok(Verified { claims, payload: self.payload })
    }
}

/// Header, payload and signature, still encoded.
fn parts(text: &str) -> Result<(&str, &str, &str), JwsRefused> {
    if text.len() > limits::JWS_BYTES {
        return Err(JwsRefused::Form);
    }
    let mut parts = text.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Ok((header, payload, signature)),
        _ if text.split('.').count() == 5 => Err(JwsRefused::Encrypted),
        _ => Err(JwsRefused::Form),
    }
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
