//! `/authorize`, where `[discovery] authorization_endpoint` lists it: tools that insist on an authorization endpoint find one, and
//! whoever calls it learns that people are asked by CIBA alone.

use axum::response::{IntoResponse, Response};

use crate::http::{ErrorCode, OAuthError};

/// Every method of `/authorize`. Nothing is redirected: no client has a redirect URI here.
pub(crate) async fn authorize() -> Response {
    let description = "this provider signs nobody in by redirection: a client asks by CIBA, at the backchannel_authentication_endpoint, and the person answers on her device";
    OAuthError::new(ErrorCode::UnsupportedResponseType, description).into_response()
}
