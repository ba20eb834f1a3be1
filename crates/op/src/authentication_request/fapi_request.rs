//! What FAPI-CIBA (§5.2.2) asks of a request beyond what the client's entry had to fulfil (`config/fapi_client.rs`).

use crate::authentication_request::AuthenticationRequest;
use crate::config::Client;
use crate::http::{ErrorCode, OAuthError};

/// Holds a client under the profile to it: its request says what it is about, so that the person can tell it from others.
///
/// # Errors
/// `invalid_request`.
pub(crate) fn check(client: &Client, asked: &AuthenticationRequest) -> Result<(), OAuthError> {
    if client.is_fapi() && asked.binding_message.is_none() && asked.details.is_none() {
        let what = "this client uses the FAPI-CIBA profile: send binding_message or authorization_details, so that the user can tell this request from others";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, what));
    }
    Ok(())
}
