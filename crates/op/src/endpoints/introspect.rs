//! `POST /introspect` (RFC 7662): what a token is worth now, for the client that has it and for resource servers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::client_auth::ClientAuthentication;
use crate::http::failed;
use crate::http::{ErrorCode, NO_STORE, OAuthError, PRAGMA, PostedForm};
use crate::issuance::Issuance;
use crate::issuance::refresh_token::is_refresh_token;

const INACTIVE: &str = r#"{"active":false}"#;

/// What `/introspect` needs.
pub(crate) struct Introspect {
    pub(crate) client_auth: Arc<ClientAuthentication>,
    pub(crate) issuance: Arc<Issuance>,
}

/// `POST /introspect`.
pub(crate) async fn introspect(State(endpoint): State<Arc<Introspect>>, posted: PostedForm) -> Response {
    match endpoint.introspected(posted).await {
        Ok(body) => {
            (StatusCode::OK, [(header::CONTENT_TYPE, "application/json"), NO_STORE, PRAGMA], body).into_response()
        }
        Err(error) => error.into_response(),
    }
}

impl Introspect {
    /// A client is told about its own tokens; one that is registered as a resource server (`may_introspect`) about all.
    async fn introspected(&self, posted: PostedForm) -> Result<String, OAuthError> {
        let client = self.client_auth.authenticate(&posted).await?;
        let Some(token) = posted.form.get("token") else {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "token is missing"));
        };
        if is_refresh_token(token) {
            let told = self.issuance.introspected_family(token, &client).await?;
            return Ok(told.unwrap_or_else(|| INACTIVE.to_owned()));
        }
        let access = self.issuance.access(token).await.map_err(|error| failed(&error))?;
        let told = access.filter(|access| client.may_introspect || access.client_id == client.client_id);
        let Some(access) = told else { return Ok(INACTIVE.to_owned()) };
        // The token's own bytes, so that details are told as they were signed; they are an object that was read strictly.
        let claims = String::from_utf8(access.payload).unwrap_or_default();
        let Some(members) = claims.trim_start().strip_prefix('{') else { return Ok(INACTIVE.to_owned()) };
        let token_type = crate::grant::confirmation::Confirmation::token_type(access.confirmation);
        Ok(format!(r#"{{"active":true,"token_type":"{token_type}",{members}"#))
    }
}
