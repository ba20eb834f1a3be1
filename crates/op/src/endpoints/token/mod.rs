//! `POST /token`: client authentication, and dispatch by grant type.

mod ciba;
pub(crate) mod failed_polls;
pub(crate) mod long_poll;
mod redeem_grace;
mod refresh;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_gateway::{Gateway, Ports};

use crate::auth0;
use crate::client_auth::ClientAuthentication;
use crate::config::{CIBA_GRANT, Client, REFRESH_GRANT};
use crate::delivery::Recorder;
use crate::endpoints::rate_limit::RateLimit;
use crate::http::{ErrorCode, Form, NO_STORE, OAuthError, PRAGMA, PostedForm, PostedFormOrJson};
use crate::issuance::Issuance;
use crate::issuance::sender_constraint::SenderConstraints;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;
use failed_polls::FailedPolls;
use long_poll::LongPolls;

/// State of the token endpoint.
pub(crate) struct TokenEndpoint {
    pub(crate) client_auth: Arc<ClientAuthentication>,
    pub(crate) sender_constraints: Arc<SenderConstraints>,
    pub(crate) issuance: Arc<Issuance>,
    pub(crate) gateway: Gateway,
    /// Records reuse of refresh tokens.
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) refresh_limit: RateLimit,
    pub(crate) polls: LongPolls,
    pub(crate) failed_polls: FailedPolls,
    pub(crate) shutdown: Shutdown,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ports: Ports,
}

/// `POST /token`.
pub(crate) async fn token(
    State(endpoint): State<Arc<TokenEndpoint>>,
    posted: Result<PostedForm, OAuthError>,
) -> Response {
    endpoint.answer(posted).await
}

/// `POST /oauth/token` of Auth0's dialect, which also accepts JSON.
pub(crate) async fn token_of_auth0(
    State(endpoint): State<Arc<TokenEndpoint>>,
    posted: Result<PostedFormOrJson, OAuthError>,
) -> Response {
    endpoint.answer(posted.map(|PostedFormOrJson(posted)| posted)).await
}

impl TokenEndpoint {
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
        let client = self.client_auth.authenticate(&posted).await?;
        auth0::check_body(&posted.form, &client)?;
        check_grant(&posted.form, &client)?;
        let confirmation = self.sender_constraints.confirmation(&posted, &client).await?;
        if posted.form.get("grant_type") == Some(REFRESH_GRANT) {
            return self.refresh(&posted.form, &client, confirmation).await;
        }
        self.poll_in_turn(&posted.form, &client, confirmation).await
    }
}

fn check_grant(form: &Form, client: &Client) -> Result<(), OAuthError> {
    let unsupported = |description: &str| Err(OAuthError::new(ErrorCode::UnsupportedGrantType, description));
    match form.get("grant_type") {
        // CIBA Core §11.
        Some(CIBA_GRANT) if client.may_ask && client.delivery.is_push() => {
            let description = "this client is registered for push: its tokens are sent to its notification endpoint";
            Err(OAuthError::new(ErrorCode::UnauthorizedClient, description))
        }
        Some(CIBA_GRANT) if client.may_ask => Ok(()),
        Some(REFRESH_GRANT) if client.may_refresh => Ok(()),
        Some(REFRESH_GRANT) => {
            let description = "this client is not registered for the grant refresh_token: add it to its grant_types";
            Err(OAuthError::new(ErrorCode::UnauthorizedClient, description))
        }
        Some(CIBA_GRANT) => {
            let description = "this client is not registered for the grant urn:openid:params:grant-type:ciba";
            Err(OAuthError::new(ErrorCode::UnauthorizedClient, description))
        }
        // A wrong name found in tutorials.
        Some("urn:ietf:params:oauth:grant-type:ciba") => unsupported(
            "the grant's name is urn:openid:params:grant-type:ciba (CIBA Core 10.1), not urn:ietf:params:oauth:grant-type:ciba",
        ),
        Some(_) => {
            unsupported("this provider supports two grants: urn:openid:params:grant-type:ciba and refresh_token")
        }
        None => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "grant_type is missing: send urn:openid:params:grant-type:ciba",
        )),
    }
}
