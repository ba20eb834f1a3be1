//! `POST /introspect` (RFC 7662): the state of a token, for the client that holds it and for resource servers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::client_auth::ClientAuthentication;
use crate::grant::confirmation::Confirmation;
use crate::http::{ErrorCode, NO_STORE, OAuthError, PRAGMA, PostedForm, server_error};
use crate::issuance::Issuance;
use crate::issuance::refresh_token::is_refresh_token;

const INACTIVE: &str = r#"{"active":false}"#;

/// State of `/introspect`.
pub(crate) struct Introspect {
    pub(crate) client_auth: Arc<ClientAuthentication>,
    pub(crate) issuance: Arc<Issuance>,
}

/// `POST /introspect`.
pub(crate) async fn introspect(State(endpoint): State<Arc<Introspect>>, posted: PostedForm) -> Response {
    match endpoint.introspection_response(posted).await {
        Ok(body) => {
            (StatusCode::OK, [(header::CONTENT_TYPE, "application/json"), NO_STORE, PRAGMA], body).into_response()
        }
        Err(error) => error.into_response(),
    }
}

impl Introspect {
    /// The response's body. A client sees its own tokens; a resource server (`may_introspect`) sees all.
    async fn introspection_response(&self, posted: PostedForm) -> Result<String, OAuthError> {
        let client = self.client_auth.authenticate(&posted).await?;
        let Some(token) = posted.form.get("token") else {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "token is missing"));
        };
        if is_refresh_token(token) {
            let response = self.issuance.introspected_family(token, &client).await?;
            return Ok(response.unwrap_or_else(|| INACTIVE.to_owned()));
        }
        let access = self.issuance.active_access_token(token).await.map_err(|error| server_error(&error))?;
        let visible = access.filter(|access| client.may_introspect || access.client_id == client.client_id);
        let Some(access) = visible else { return Ok(INACTIVE.to_owned()) };
        // The payload's bytes, so that details stay as they were signed; they passed the strict parser as an object.
        let claims = String::from_utf8(access.payload).unwrap_or_default();
        let Some(members) = claims.trim_start().strip_prefix('{') else { return Ok(INACTIVE.to_owned()) };
        let token_type = Confirmation::token_type(access.confirmation);
        Ok(format!(r#"{{"active":true,"token_type":"{token_type}",{members}"#))
    }
}
