//! `login_hint_token`: a JWT about a user by an issuer that the operator trusts (`[[login_hint_issuers]]`). CIBA Core
//! §7.1 leaves its format open; docs/operating.md specifies this one.

use countersign_jose::clock::Timestamp;
use countersign_jose::json::Json;
use countersign_jose::jwt::{self, ClaimError, Claims};
use countersign_protocol::issuer::Issuer;

use crate::client_auth::client_keys::ClientSignatureError;
use crate::config::HintIssuer;

/// Longest value of the claim that names the user, in bytes.
const SUBJECT_BYTES: usize = 255;

/// Why a token is refused as a hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LoginHintTokenError {
    /// Malformed, of another `typ`, with a wrong algorithm or signature, or its issuer's keys can't be fetched.
    #[error("{0}")]
    Jws(#[from] ClientSignatureError),
    /// A claim is missing or malformed.
    #[error("{0}")]
    Claim(ClaimError),
    /// `exp` has passed.
    #[error("it has expired: get a new one")]
    Expired,
    /// `iss` is not among the operator's `[[login_hint_issuers]]`.
    #[error("its issuer is not trusted by this provider")]
    Issuer,
    /// The issuer's token type is not registered for the client.
    #[error(
        "it is of a type that this client is not registered for: add it to its backchannel_endpoint_login_hint_token_types"
    )]
    Type,
    /// `aud` is not this provider alone.
    #[error("aud must be this provider's issuer and nothing else")]
    Audience,
    /// The claim that names the user is missing, not a string, or of a wrong length.
    #[error("it names no user: {0} is missing, empty or longer than 255 bytes")]
    Subject(String),
}

impl From<ClaimError> for LoginHintTokenError {
    fn from(error: ClaimError) -> LoginHintTokenError {
        match error {
            ClaimError::Expired => LoginHintTokenError::Expired,
            other => LoginHintTokenError::Claim(other),
        }
    }
}

/// The trusted issuer that the unverified token names, whose keys must verify it.
pub(super) fn issuer<'i>(token: &str, trusted: &'i [HintIssuer]) -> Result<&'i HintIssuer, LoginHintTokenError> {
    let claimed = jwt::unverified_claims(token).map_err(ClientSignatureError::from)?;
    let by = claimed.get("iss").and_then(Json::as_str).ok_or(LoginHintTokenError::Claim(ClaimError::Missing("iss")))?;
    trusted.iter().find(|trusted| trusted.issuer == by).ok_or(LoginHintTokenError::Issuer)
}

/// Refuses other JWTs of the same issuer: access tokens, logout tokens and the like have a `typ` of their own.
pub(super) fn is_plain(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"))
}

/// Checks a verified token's claims; the value of the claim that names the user.
///
/// # Errors
/// [`LoginHintTokenError`].
pub(super) fn subject(
    claims: &Json,
    by: &HintIssuer,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<String, LoginHintTokenError> {
    if !Claims(claims).is_only_for(issuer.as_str()) {
        return Err(LoginHintTokenError::Audience);
    }
    Claims(claims).expiry(now)?;
    Claims(claims).not_in_future_if_present("iat", now)?;
    Claims(claims).not_in_future_if_present("nbf", now)?;
    let name = claims.get(&by.subject_claim).and_then(Json::as_str);
    match name.filter(|name| (1..=SUBJECT_BYTES).contains(&name.len())) {
        Some(name) => Ok(name.to_owned()),
        None => Err(LoginHintTokenError::Subject(by.subject_claim.clone())),
    }
}
