//! `login_hint`: a user's subject or alias, or Auth0's `{"format":"iss_sub","iss":…,"sub":…}`.

use countersign_protocol::issuer::Issuer;
use countersign_protocol::json;
use serde::Deserialize;

use crate::directory::UserIdentifier;
use crate::http::{ErrorCode, OAuthError};

#[derive(Deserialize)]
struct Identifier {
    format: String,
    iss: String,
    sub: String,
}

/// Parses either form.
///
/// # Errors
/// `invalid_request` for JSON of another shape or about another issuer.
pub(super) fn read(hint: &str, issuer: &Issuer) -> Result<UserIdentifier, OAuthError> {
    let refused = |description: &str| Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    if !hint.trim_start().starts_with('{') {
        return Ok(UserIdentifier::Name(hint.to_owned()));
    }
    let Ok(identifier) = json::parse::<Identifier>(hint.as_bytes()) else {
        return refused("the JSON in login_hint must have the strings format, iss and sub");
    };
    if identifier.format != "iss_sub" {
        return refused("the format of login_hint must be iss_sub");
    }
    // Auth0's clients write the issuer with a slash at its end, whatever discovery says.
    if identifier.iss.trim_end_matches('/') != issuer.as_str().trim_end_matches('/') {
        return refused("iss in login_hint is not this provider's issuer");
    }
    if identifier.sub.is_empty() {
        return refused("sub in login_hint is empty");
    }
    Ok(UserIdentifier::Subject(identifier.sub))
}
