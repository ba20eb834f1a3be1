//! `POST /token`: who asks, by which grant.

mod ciba;
pub(crate) mod long_poll;
mod refresh;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::auth0;
use crate::config::{CIBA_GRANT, Client, REFRESH_GRANT};
use crate::http::{ErrorCode, Form, NO_STORE, OAuthError, PRAGMA, PostedForm};
use crate::server::Inner;

impl Inner {
    /// Answers `POST /token`.
    pub(crate) async fn token(self: &Arc<Self>, request: Request) -> Response {
        self.answer(PostedForm::read(request).await).await
    }

    /// Answers `POST /oauth/token`, where parameters may come as JSON.
    pub(crate) async fn token_of_auth0(self: &Arc<Self>, request: Request) -> Response {
        self.answer(PostedForm::read_form_or_json(request).await).await
    }

    async fn answer(self: &Arc<Self>, posted: Result<PostedForm, OAuthError>) -> Response {
        let granted = self.grant(posted).await;
        self.metrics.token_response(granted.as_ref().map_or_else(OAuthError::code, |_| "tokens"));
        match granted {
            Ok(tokens) => {
                let json = (header::CONTENT_TYPE, "application/json");
                (StatusCode::OK, [json, NO_STORE, PRAGMA], tokens).into_response()
            }
            Err(error) => error.into_response(),
        }
    }

    async fn grant(self: &Arc<Self>, posted: Result<PostedForm, OAuthError>) -> Result<String, OAuthError> {
        let posted = posted?;
        let client = self.client(&posted).await?;
        auth0::check_body(&posted.form, &client)?;
        check_grant(&posted.form, &client)?;
        let confirmation = self.confirmation(&posted, &client).await?;
        if posted.form.get("grant_type") == Some(REFRESH_GRANT) {
            return self.refresh(&posted.form, &client, confirmation).await;
        }
        self.poll(&posted.form, &client, confirmation).await
    }
}

fn check_grant(form: &Form, client: &Client) -> Result<(), OAuthError> {
    let unsupported = |what: &str| Err(OAuthError::new(ErrorCode::UnsupportedGrantType, what));
    match form.get("grant_type") {
        // CIBA Core §11.
        Some(CIBA_GRANT) if client.may_ask && client.delivery.is_push() => {
            let what = "this client is registered for push: its tokens are sent to its notification endpoint";
            Err(OAuthError::new(ErrorCode::UnauthorizedClient, what))
        }
        Some(CIBA_GRANT) if client.may_ask => Ok(()),
        Some(REFRESH_GRANT) if client.may_refresh => Ok(()),
        Some(REFRESH_GRANT) => {
            let what = "this client is not registered for the grant refresh_token: add it to its grant_types";
            Err(OAuthError::new(ErrorCode::UnauthorizedClient, what))
        }
        Some(CIBA_GRANT) => {
            let what = "this client is not registered for the grant urn:openid:params:grant-type:ciba";
            Err(OAuthError::new(ErrorCode::UnauthorizedClient, what))
        }
        // A name that goes round in tutorials.
        Some("urn:ietf:params:oauth:grant-type:ciba") => unsupported(
            "the grant's name is urn:openid:params:grant-type:ciba (CIBA Core 10.1), not urn:ietf:params:oauth:grant-type:ciba",
        ),
        Some(_) => unsupported("this provider knows two grants: urn:openid:params:grant-type:ciba and refresh_token"),
        None => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "grant_type is missing: send urn:openid:params:grant-type:ciba",
        )),
    }
}
