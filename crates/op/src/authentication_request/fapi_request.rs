//! FAPI-CIBA §5.2.2: rules for a single request. Those for a client's entry are in `config/fapi_client.rs`.

use crate::authentication_request::AuthenticationRequest;
use crate::config::Client;
use crate::http::{ErrorCode, OAuthError};

/// Requires `binding_message` or `authorization_details` from a client under the profile, so that the user can tell its
/// requests apart.
///
/// # Errors
/// `invalid_request` if both are missing.
pub(crate) fn check(client: &Client, request: &AuthenticationRequest) -> Result<(), OAuthError> {
    if client.is_fapi() && request.binding_message.is_none() && request.details.is_none() {
        let description = "this client uses the FAPI-CIBA profile: send binding_message or authorization_details, so that the user can tell this request from others";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    }
    Ok(())
}
