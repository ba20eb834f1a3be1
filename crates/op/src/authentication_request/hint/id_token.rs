//! `id_token_hint`: an ID token of this provider for this very client. One that has expired is taken all the same (CIBA Core
//! §7.1): it says whom the client dealt with, and lets nobody in.

use countersign_jose::clock::Timestamp;
use countersign_protocol::issuer::Issuer;

use countersign_jose::jwt::{self, ClaimError, Claims, JwkSet, JwtError, SigningAlg};

/// How long after its end an ID token still names somebody, in seconds: as long as clients keep a person signed in.
const KEPT_SECONDS: u64 = 30 * 86_400;

/// Why an ID token names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum IdTokenHintError {
    /// Form, kind, algorithm or signature.
    #[error("{0}")]
    Jws(#[from] JwtError),
    /// A claim is missing or malformed.
    #[error("{0}")]
    Claim(#[from] ClaimError),
    /// Of somebody else.
    #[error("its issuer is not this provider")]
    Issuer,
    /// For somebody else.
    #[error("it was issued to another client")]
    Audience,
    /// Older than anybody's session.
    #[error("it expired more than 30 days ago")]
    TooOld,
}

/// The subject of an ID token that one of these keys signed.
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
    if claims.numeric_date("exp")?.saturating_add(KEPT_SECONDS) <= now.seconds() {
        return Err(IdTokenHintError::TooOld);
    }
    Ok(claims.string("sub")?.to_owned())
}
