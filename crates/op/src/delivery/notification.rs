//! Ping and push notifications to a client: a ping says that there is a verdict (CIBA Core §10.2), a push carries the tokens
//! or an error (§10.3.1, §12).

use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use countersign_jose::secret::Secret;
use countersign_protocol::approval_ref::ApprovalRef;
use serde::Serialize;
use url::Url;

use super::DeliveryWorker;
use super::attempt::{Message, PreparedDelivery, StillPending};
use crate::config::Client;
use crate::http::{ErrorCode, OAuthError};
use crate::issuance::approval_status::TokenRefusal;
use crate::store::outbox::{self, Entry, Notification};
use crate::store::{self, AuthRequest};

/// After this many failed attempts to issue tokens, a push carries `transaction_failed`.
const MAX_TOKEN_ATTEMPTS: u32 = 3;

#[derive(Serialize)]
struct Ping<'a> {
    auth_req_id: &'a str,
}

#[derive(Serialize)]
struct PushError<'a> {
    auth_req_id: &'a str,
    error: &'a str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    denial_reason: Option<&'a str>,
    r#ref: ApprovalRef,
}

/// Body of a push.
enum PushContent {
    /// Every retry sends the same body.
    Body(Secret),
    NotYet,
    /// The tokens were issued by another path.
    AlreadyRedeemed,
    /// The tokens can't be issued now.
    Failed,
}

impl DeliveryWorker {
    /// Builds the ping or push of an outbox entry.
    pub(super) async fn notification(self: &Arc<Self>, entry: &Entry, notification: &Notification) -> PreparedDelivery {
        let id = notification.request;
        let request = match self.gateway.store().read(move |snapshot| store::find(snapshot, &id)).await {
            Ok(Some(request)) => request,
            Ok(None) => return PreparedDelivery::Drop("the request is forgotten"),
            Err(error) => {
                tracing::error!(%error, "a request could not be read");
                return PreparedDelivery::Failed;
            }
        };
        let client = match self.directory.find_client(&request.client_id).await {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(%error, "a client could not be read");
                return PreparedDelivery::Failed;
            }
        };
        let endpoint = client.as_ref().and_then(|client| Some((client, client.delivery.endpoint()?.clone())));
        let Some((client, endpoint)) = endpoint else {
            return PreparedDelivery::Drop("the client no longer has a notification endpoint");
        };
        if let Some(body) = &notification.body {
            return send(endpoint, notification, body);
        }
        match notification.push {
            true => match self.push(entry, notification, &request, client).await {
                PushContent::Body(body) => send(endpoint, notification, &body),
                PushContent::NotYet => self.not_yet(&request),
                PushContent::AlreadyRedeemed => PreparedDelivery::Drop("the tokens were issued already"),
                PushContent::Failed => PreparedDelivery::Failed,
            },
            false => self.ping(endpoint, notification, &request).await,
        }
    }

    async fn ping(
        self: &Arc<Self>,
        endpoint: Url,
        notification: &Notification,
        request: &AuthRequest,
    ) -> PreparedDelivery {
        if request.redeemed {
            return PreparedDelivery::Drop("the client has its tokens already");
        }
        match self.issuance.approval_status(request).await {
            Ok(None) => self.not_yet(request),
            Err(error) if error.code == ErrorCode::ExpiredToken => {
                PreparedDelivery::Drop("a ping about an expired request is not needed")
            }
            Err(error) if error.code != ErrorCode::AccessDenied => PreparedDelivery::Failed,
            Ok(Some(_)) | Err(_) => {
                let ping = Ping { auth_req_id: notification.auth_req_id.expose() };
                send(endpoint, notification, &json(&ping))
            }
        }
    }

    /// The push body, stored before it is sent, so that a retry repeats it.
    async fn push(
        self: &Arc<Self>,
        entry: &Entry,
        notification: &Notification,
        request: &AuthRequest,
        client: &Client,
    ) -> PushContent {
        let auth_req_id = notification.auth_req_id.expose();
        let error = match self.issuance.approval_status(request).await {
            Ok(None) => return PushContent::NotYet,
            Ok(Some(approval)) => {
                match self.issuance.redeem_for_push(entry.id, auth_req_id, request, approval, client).await {
                    Ok(body) => return PushContent::Body(body),
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        let code = match error.code {
            ErrorCode::AccessDenied => "access_denied",
            ErrorCode::ExpiredToken => "expired_token",
            ErrorCode::InvalidGrant => return PushContent::AlreadyRedeemed,
            _ if entry.attempts + 1 < MAX_TOKEN_ATTEMPTS => return PushContent::Failed,
            _ => "transaction_failed",
        };
        self.keep_error(entry.id, &push_error(auth_req_id, request.reference(), code, &error)).await
    }

    /// Stores an error body, unless one is stored; returns the stored one.
    async fn keep_error(&self, row: i64, body: &Secret) -> PushContent {
        let body = body.clone();
        match self.gateway.store().write(move |transaction| outbox::store_body(transaction, row, &body)).await {
            Ok(Some(kept)) => PushContent::Body(kept),
            Ok(None) => PushContent::AlreadyRedeemed,
            Err(error) => {
                tracing::error!(%error, "a push body could not be stored");
                PushContent::Failed
            }
        }
    }

    /// Asks the same question again in the transaction that postpones the row: what was committed since then made the row due, and it
    /// must stay due. An end that the client must not learn of is no answer to either question, so that the row waits for the
    /// request's expiry.
    fn not_yet(&self, request: &AuthRequest) -> PreparedDelivery {
        let (issuance, id, clock) = (self.issuance.clone(), request.id, self.ports.clock.clone());
        let still_pending: StillPending = Arc::new(move |transaction| {
            let Some(request) = store::find(transaction, &id)? else { return Ok(false) };
            match issuance.approval_of_request(transaction, &request, clock.now()) {
                Ok(approval) => Ok(approval.is_none()),
                Err(TokenRefusal::Store(error)) => Err(error),
                Err(_) => Ok(false),
            }
        });
        PreparedDelivery::NotYet { until: request.expires_at, still_pending }
    }
}

fn push_error(auth_req_id: &str, r#ref: ApprovalRef, code: &str, error: &OAuthError) -> Secret {
    let (error_description, denial_reason) = (error.description(), error.denial_reason());
    json(&PushError { auth_req_id, error: code, error_description, denial_reason, r#ref })
}

fn json(body: &impl Serialize) -> Secret {
    Secret::new(serde_json::to_string(body).expect("strings serialize"))
}

fn send(url: Url, notification: &Notification, body: &Secret) -> PreparedDelivery {
    let bearer = HeaderValue::from_str(&format!("Bearer {}", notification.token.expose()));
    let Ok(mut bearer) = bearer else {
        return PreparedDelivery::Drop("the client's notification token can't be sent in a header");
    };
    bearer.set_sensitive(true);
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer), (CONTENT_TYPE, json)]);
    PreparedDelivery::Send(Message { url, headers, body: body.expose().as_bytes().to_vec() })
}
