//! `id_token_hint`: an ID token that this provider issued to this client. An expired one is accepted too (CIBA Core
//! §7.1): it identifies the user and authorizes nothing.

use countersign_jose::clock::Timestamp;
use countersign_jose::jwt::{self, ClaimError, Claims, JwkSet, JwtError, SigningAlg};
use countersign_protocol::issuer::Issuer;

/// How long after its `exp` an ID token is accepted as a hint, in seconds: as long as clients keep a user signed in.
const ACCEPTED_AFTER_EXPIRY_SECONDS: u64 = 30 * 86_400;

/// Why an ID token is refused as a hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum IdTokenHintError {
    /// Malformed, of another `typ`, or with a wrong algorithm or signature.
    #[error("{0}")]
    Jws(#[from] JwtError),
    /// A claim is missing or malformed.
    #[error("{0}")]
    Claim(#[from] ClaimError),
    /// `iss` is not this provider.
    #[error("its issuer is not this provider")]
    Issuer,
    /// `aud` is not the client.
    #[error("it was issued to another client")]
    Audience,
    /// Expired longer ago than [`ACCEPTED_AFTER_EXPIRY_SECONDS`].
    #[error("it expired more than 30 days ago")]
    TooOld,
}

/// Verifies an ID token by these keys; its subject.
///
/// # Errors
/// [`IdTokenHintError`].
pub(super) fn subject(
    token: &str,
    keys: &JwkSet,
    issuer: &Issuer,
    client_id: &str,
    now: Timestamp,
) -> Result<String, IdTokenHintError> {
    // An access token is signed by the same key; its typ says what it is.
    let is_id_token = |typ: Option<&str>| typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    let verified = jwt::verify(token, keys, &SigningAlg::ALL, is_id_token)?;
    let claims = Claims(&verified.claims);
    if claims.string("iss")? != issuer.as_str() {
        return Err(IdTokenHintError::Issuer);
    }
    if !claims.is_for(client_id) {
        return Err(IdTokenHintError::Audience);
    }
    claims.not_in_future("iat", now)?;
    if claims.numeric_date("exp")?.saturating_add(ACCEPTED_AFTER_EXPIRY_SECONDS) <= now.seconds() {
        return Err(IdTokenHintError::TooOld);
    }
    Ok(claims.string("sub")?.to_owned())
}
