//! `POST /revoke` (RFC 7009): revokes an access token or a refresh token, or cancels a pending request: then `token` is
//! its `auth_req_id`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign_gateway::{EndError, Gateway};
use countersign_jose::clock::Clock;
use countersign_jose::hash::Hash;
use countersign_store::Error as StoreError;

use crate::authentication_request::auth_req_id;
use crate::client_auth::ClientAuthentication;
use crate::config::Client;
use crate::delivery::OUTBOX_TOPIC;
use crate::http::{ErrorCode, NO_STORE, OAuthError, PRAGMA, PostedForm, server_error};
use crate::issuance::Issuance;
use crate::issuance::refresh_token::is_refresh_token;
use crate::store::{self, outbox};

/// Why a request was not cancelled.
#[derive(Debug, thiserror::Error)]
enum CancelError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    End(#[from] EndError),
}

/// State of `/revoke`.
pub(crate) struct Revoke {
    pub(crate) client_auth: Arc<ClientAuthentication>,
    pub(crate) issuance: Arc<Issuance>,
    pub(crate) gateway: Gateway,
    pub(crate) clock: Arc<dyn Clock>,
}

/// `POST /revoke`.
pub(crate) async fn revoke(State(endpoint): State<Arc<Revoke>>, posted: PostedForm) -> Response {
    match endpoint.revoke(posted).await {
        // 200 for an unknown token too (RFC 7009 §2.2).
        Ok(()) => (StatusCode::OK, [NO_STORE, PRAGMA]).into_response(),
        Err(error) => error.into_response(),
    }
}

impl Revoke {
    async fn revoke(&self, posted: PostedForm) -> Result<(), OAuthError> {
        let client = self.client_auth.authenticate(&posted).await?;
        let Some(token) = posted.form.get("token") else {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "token is missing"));
        };
        if token.contains('.') {
            return self.revoke_access_token(token, &client).await;
        }
        if is_refresh_token(token) {
            return self.issuance.end_family_of(token, &client).await;
        }
        self.cancel_request(&auth_req_id::key(token), &client).await
    }

    async fn revoke_access_token(&self, token: &str, client: &Client) -> Result<(), OAuthError> {
        let Some(access) = self.issuance.verify_signature(token).filter(|access| access.client_id == client.client_id)
        else {
            return Ok(());
        };
        let (jti, until, hash) = (access.jti, access.until, Hash::of(token));
        let written = self.gateway.store().write(move |transaction| {
            store::token_used(transaction, &hash)?;
            store::revoke_token(transaction, &jti, until)
        });
        written.await.map_err(|error| server_error(&error))
    }

    /// Cancels a request of this client.
    async fn cancel_request(&self, id: &Hash, client: &Client) -> Result<(), OAuthError> {
        let (gateway, id, now) = (self.gateway.clone(), *id, self.clock.now());
        let client_id = client.client_id.clone();
        let ended = self.gateway.store().write(move |transaction| -> Result<(), CancelError> {
            let found = store::find(transaction, &id)?.filter(|request| request.client_id == client_id);
            let Some(request) = found else { return Ok(()) };
            if !store::cancel(transaction, &id, now)? {
                return Ok(());
            }
            gateway.withdraw(transaction, &request.approval.id)?;
            transaction.notify_after_commit(request.approval.id.as_str());
            if outbox::mark_request_due(transaction, &id, now)? {
                transaction.notify_after_commit(OUTBOX_TOPIC);
            }
            Ok(())
        });
        ended.await.map_err(|error: CancelError| server_error(&error))
    }
}
