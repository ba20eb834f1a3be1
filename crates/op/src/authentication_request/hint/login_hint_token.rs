//! `login_hint_token`: a JWT by an issuer that the operator trusts (`[[login_hint_issuers]]`), for this provider, about
//! somebody. CIBA Core §7.1 leaves its form open; docs/operating.md says what is asked of it here.

use countersign_jose::clock::Timestamp;
use countersign_jose::json::Json;
use countersign_jose::jwt::{self, ClaimError, Claims};
use countersign_protocol::issuer::Issuer;

use crate::client_auth::client_keys::ClientSignatureError;
use crate::config::HintIssuer;

/// Longest name of a person, in bytes.
const NAME_BYTES: usize = 255;

/// Why a token names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LoginHintTokenError {
    /// Form, kind, algorithm or signature, or keys that can't be had.
    #[error("{0}")]
    Jws(#[from] ClientSignatureError),
    /// A claim is missing or malformed.
    #[error("{0}")]
    Claim(ClaimError),
    /// Its time is over.
    #[error("it has expired: get a new one")]
    Expired,
    /// By nobody whom the operator named.
    #[error("its issuer is not trusted by this provider")]
    Issuer,
    /// Of a type that the client did not register.
    #[error(
        "it is of a type that this client is not registered for: add it to its backchannel_endpoint_login_hint_token_types"
    )]
    Type,
    /// Not for this provider and nobody else.
    #[error("aud must be this provider's issuer and nothing else")]
    Audience,
    /// The claim that names the person is missing, or no text.
    #[error("it names no user: {0} is missing, empty or longer than 255 bytes")]
    Subject(String),
}

impl From<ClaimError> for LoginHintTokenError {
    fn from(fault: ClaimError) -> LoginHintTokenError {
        match fault {
            ClaimError::Expired => LoginHintTokenError::Expired,
            other => LoginHintTokenError::Claim(other),
        }
    }
}

/// The trusted issuer whose keys the token must be by.
pub(super) fn issuer<'i>(token: &str, trusted: &'i [HintIssuer]) -> Result<&'i HintIssuer, LoginHintTokenError> {
    let claimed = jwt::unverified_claims(token).map_err(ClientSignatureError::from)?;
    let by = claimed.get("iss").and_then(Json::as_str).ok_or(LoginHintTokenError::Claim(ClaimError::Missing("iss")))?;
    trusted.iter().find(|trusted| trusted.issuer == by).ok_or(LoginHintTokenError::Issuer)
}

/// Nothing else that such an issuer signs: access tokens, logout tokens and the like say so in `typ`.
pub(super) fn is_plain(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"))
}

/// What the claims of a verified token call somebody.
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
    match name.filter(|name| (1..=NAME_BYTES).contains(&name.len())) {
        Some(name) => Ok(name.to_owned()),
        None => Err(LoginHintTokenError::Subject(by.subject_claim.clone())),
    }
}
