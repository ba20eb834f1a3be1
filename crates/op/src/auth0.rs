//! Auth0's dialect of CIBA (`profile = "auth0"`): the points at which its client libraries deviate from CIBA Core. The
//! router adds their paths, `http/` reads their JSON bodies.

use axum::http::StatusCode;

use crate::config::{Client, Profile};
use crate::http::{ErrorCode, Form, OAuthError};

/// Auth0's path of the token endpoint, below the issuer.
pub(crate) const TOKEN: &str = "/oauth/token";

/// Auth0's path of the JWKS: its libraries use it without discovery.
pub(crate) const JWKS: &str = "/.well-known/jwks.json";

/// Checks Auth0's extra rule for authentication requests: `binding_message` is required.
///
/// # Errors
/// `invalid_request` without a `binding_message`. Auth0's restricted alphabet is not enforced: any displayable message
/// passes.
pub(crate) fn check_request(form: &Form, client: &Client) -> Result<(), OAuthError> {
    if is_auth0(client) && form.get("binding_message").is_none() {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "binding_message is missing: this client must send one",
        ));
    }
    Ok(())
}

/// Refuses a JSON body from a client without this profile.
///
/// # Errors
/// `invalid_request`.
pub(crate) fn check_body(form: &Form, client: &Client) -> Result<(), OAuthError> {
    if form.was_json() && !is_auth0(client) {
        let description =
            "the body must be application/x-www-form-urlencoded in UTF-8; JSON is for clients with the profile auth0";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    }
    Ok(())
}

/// Translates `expired_token` to `access_denied`, which Auth0's clients expect; other errors and clients pass
/// unchanged.
pub(crate) fn translate_expired(error: OAuthError, client: &Client) -> OAuthError {
    if !is_auth0(client) || error.code != ErrorCode::ExpiredToken {
        return error;
    }
    let description = "The end-user denied the authorization request or it has been expired";
    let translated = OAuthError::new(ErrorCode::AccessDenied, description).with_denial_reason(Some("expired"));
    translated.with_reference(error.reference())
}

/// Auth0's error for a user without an enrolled device; `None` for other clients.
pub(crate) fn no_device(client: &Client) -> Option<OAuthError> {
    let description = "this user has no device to approve with: enroll one first";
    is_auth0(client).then(|| OAuthError::new(ErrorCode::AccessDenied, description).with_status(StatusCode::FORBIDDEN))
}

fn is_auth0(client: &Client) -> bool {
    client.profile == Some(Profile::Auth0)
}
