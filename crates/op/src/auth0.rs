//! The dialect of Auth0's clients (`profile = "auth0"`): where they expect something else than CIBA Core says. The router adds
//! their paths, `http/` reads their JSON bodies.

use axum::http::StatusCode;

use crate::config::{Client, Profile};
use crate::http::{ErrorCode, Form, OAuthError};

/// Where they poll, below the issuer.
pub(crate) const TOKEN: &str = "/oauth/token";

/// Where they look for keys, without asking discovery.
pub(crate) const JWKS: &str = "/.well-known/jwks.json";

/// What Auth0 asks of a request beyond the standard.
///
/// # Errors
/// `invalid_request` without a `binding_message`. Its alphabet is not that of Auth0: what can be shown is taken.
pub(crate) fn check_request(form: &Form, client: &Client) -> Result<(), OAuthError> {
    if speaks(client) && form.get("binding_message").is_none() {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "binding_message is missing: this client must send one",
        ));
    }
    Ok(())
}

/// A body of JSON is nobody else's.
///
/// # Errors
/// `invalid_request` for other clients.
pub(crate) fn check_body(form: &Form, client: &Client) -> Result<(), OAuthError> {
    if form.was_json() && !speaks(client) {
        let what =
            "the body must be application/x-www-form-urlencoded in UTF-8; JSON is for clients with the profile auth0";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, what));
    }
    Ok(())
}

/// How a request's end is told: to these clients, an expired one is one that was denied.
pub(crate) fn ended(error: OAuthError, client: &Client) -> OAuthError {
    if !speaks(client) || error.code != ErrorCode::ExpiredToken {
        return error;
    }
    let what = "The end-user denied the authorization request or it has been expired";
    OAuthError::new(ErrorCode::AccessDenied, what).with_denial_reason(Some("expired"))
}

/// How these clients are told that somebody has no device; `None` for others.
pub(crate) fn no_device(client: &Client) -> Option<OAuthError> {
    let what = "this user has no device to approve with: enroll one first";
    speaks(client).then(|| OAuthError::new(ErrorCode::AccessDenied, what).with_status(StatusCode::FORBIDDEN))
}

fn speaks(client: &Client) -> bool {
    client.profile == Some(Profile::Auth0)
}
