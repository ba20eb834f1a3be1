//! `POST /bc-authorize`, the backchannel authentication endpoint (CIBA Core §7): stores the request and the gateway's
//! approval in one transaction.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign_gateway::{AcceptError, ApprovalRequest, Gateway, InteractionError, Limits, Ports};
use countersign_jose::clock::Timestamp;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::challenge::{self, Party};
use countersign_protocol::id::ApprovalId;
use countersign_protocol::interaction::{self, InteractionType};
use countersign_store::{Error as StoreError, Transaction};
use serde::Serialize;

use crate::auth0;
use crate::authentication_request::hint::Hints;
use crate::authentication_request::signed_request::SignedRequests;
use crate::authentication_request::user_code_check::UserCodes;
use crate::authentication_request::{AuthenticationRequest, auth_req_id, fapi_request, notification_token};
use crate::client_auth::ClientAuthentication;
use crate::config::{Client, Config, User};
use crate::directory::Directory;
use crate::endpoints::rate_limit::RateLimit;
use crate::http::{ErrorCode, NO_STORE, OAuthError, PRAGMA, PostedForm, server_error};
use crate::issuance::token_signer::TokenSigner;
use crate::metrics::Metrics;
use crate::store::directory_entries as rows;
use crate::store::outbox::{self, NewNotification};
use crate::store::{self, AuthRequest, ExistingApproval};

/// Authentication request acknowledgement (CIBA Core §7.3).
#[derive(Serialize)]
struct Acknowledgement {
    auth_req_id: String,
    expires_in: u64,
    /// Seconds; omitted in push mode (CIBA Core §7.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<u64>,
    interaction_type: InteractionType,
    #[serde(skip_serializing_if = "Option::is_none")]
    interaction_value: Option<String>,
}

/// The interaction that the client displays.
struct ClientInteraction {
    interaction: InteractionType,
    value: Option<String>,
    /// For the log.
    approval: Option<ApprovalId>,
}

/// Secrets of the notification that a verdict triggers, in ping and push mode.
struct PendingNotification {
    auth_req_id: Secret,
    token: Secret,
}

/// How long a push may be tried after its request expired, in seconds: a verdict just before counts. A ping is of use for
/// as long as the request can be redeemed.
const PUSH_GRACE_SECONDS: u64 = 300;

impl PendingNotification {
    fn await_verdict(
        &self,
        transaction: &Transaction<'_>,
        request: &AuthRequest,
        push: bool,
    ) -> Result<(), StoreError> {
        let expires_at = request.expires_at;
        outbox::add_notification(
            transaction,
            &NewNotification {
                client_id: &request.client_id,
                push,
                request: request.id,
                approval: request.approval.as_ref().map(|existing| &existing.id),
                auth_req_id: &self.auth_req_id,
                token: &self.token,
                expires_at,
                give_up_at: if push { expires_at.plus_seconds(PUSH_GRACE_SECONDS) } else { request.redeemable_until() },
            },
        )
    }
}

/// Why a request was not stored.
enum StoreRequestError {
    Locked,
    Gateway(AcceptError),
    Store(StoreError),
}

impl From<StoreError> for StoreRequestError {
    fn from(error: StoreError) -> StoreRequestError {
        StoreRequestError::Store(error)
    }
}

/// State of `/bc-authorize`.
pub(crate) struct BcAuthorize {
    pub(crate) client_auth: Arc<ClientAuthentication>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) signed_requests: SignedRequests,
    pub(crate) hints: Hints,
    pub(crate) user_codes: Arc<UserCodes>,
    pub(crate) rate_limit: Arc<RateLimit>,
    pub(crate) tokens: Arc<TokenSigner>,
    pub(crate) gateway: Gateway,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) config: Arc<Config>,
    pub(crate) ports: Ports,
}

/// `POST /bc-authorize`.
pub(crate) async fn bc_authorize(
    State(endpoint): State<Arc<BcAuthorize>>,
    posted: Result<PostedForm, OAuthError>,
) -> Response {
    let acknowledged = endpoint.acknowledge(posted).await;
    endpoint.metrics.authentication_request(acknowledged.as_ref().map_or_else(OAuthError::code, |_| "acknowledged"));
    match acknowledged {
        Ok(acknowledgement) => (StatusCode::OK, [NO_STORE, PRAGMA], Json(acknowledgement)).into_response(),
        Err(error) => error.into_response(),
    }
}

impl BcAuthorize {
    async fn acknowledge(&self, posted: Result<PostedForm, OAuthError>) -> Result<Acknowledgement, OAuthError> {
        let posted = posted?;
        let client = self.client_auth.authenticate(&posted).await?;
        if !client.may_ask {
            let description = "this client is not registered for the grant urn:openid:params:grant-type:ciba";
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, description));
        }
        let now = self.ports.clock.now();
        self.rate_limit.check(&client.client_id, client.policy.requests_per_minute, now).map_err(|seconds| {
            OAuthError::new(ErrorCode::RateLimited, "this client sends too many authentication requests")
                .with_retry_after(seconds)
        })?;
        let parameters = self.signed_requests.parameters(posted.form, &client).await?;
        let mut parsed =
            AuthenticationRequest::read(&parameters, &client, &self.config.issuer, &self.config.detail_types)?;
        fapi_request::check(&client, &parsed)?;
        let token = notification_token::read(&parameters, &client)?;
        let named = self.hints.user_named_by(&parsed.hint, &client).await?;
        let known = self.directory.find_user(&named).await.map_err(|error| server_error(&error))?;
        let user = approving_user(known.as_ref(), &client)?;
        self.user_codes.check_user_code(parsed.user_code.take(), &client, &named, known.as_deref()).await?;

        let auth_req_id = auth_req_id::new(now, &*self.ports.random);
        let expires_in = parsed.lifetime.as_secs();
        let interval = client.policy.interval.as_secs();
        let request = AuthRequest {
            id: auth_req_id::key(&auth_req_id),
            client_id: client.client_id.clone(),
            approval: None,
            scope: parsed.scope.clone(),
            details: parsed.details.as_ref().map(|details| details.as_str().to_owned()),
            resources: parsed.resources.clone(),
            requested_at: now,
            expires_at: now.plus_seconds(expires_in),
            // The policy allows at most a minute.
            interval: u32::try_from(interval).unwrap_or(u32::MAX),
            redeemed: false,
            cancelled: false,
            refused: None,
            ended: false,
        };
        let notification =
            token.map(|token| PendingNotification { auth_req_id: Secret::new(auth_req_id.clone()), token });
        let displayed = self.store_request(request, parsed, user, &client, notification).await?;
        let (client_id, approval) = (client.client_id.as_str(), displayed.approval.as_ref().map(ApprovalId::as_str));
        tracing::info!(client_id, approval, "authentication request accepted; without an approval no device is asked");
        Ok(Acknowledgement {
            auth_req_id,
            expires_in,
            interval: Some(interval).filter(|_| !client.delivery.is_push()),
            interaction_type: displayed.interaction,
            interaction_value: displayed.value,
        })
    }

    /// Stores the request, and an approval if there is a user to prompt.
    async fn store_request(
        &self,
        mut request: AuthRequest,
        parsed: AuthenticationRequest,
        user: Option<Arc<User>>,
        client: &Client,
        notification: Option<PendingNotification>,
    ) -> Result<ClientInteraction, OAuthError> {
        let now = request.requested_at;
        let hides = client.hides_unknown_users();
        let no_device = auth0::no_device(client);
        let expected = parsed.interaction;
        let approval = user.map(|user| self.approval_request(&parsed, &user, client, now));
        let (gateway, random, tokens) = (self.gateway.clone(), self.ports.random.clone(), self.tokens.clone());
        let push = client.delivery.is_push();
        let insert = move |transaction: &Transaction<'_>, request: &AuthRequest| {
            store::insert(transaction, request)?;
            notification.as_ref().map_or(Ok(()), |notification| notification.await_verdict(transaction, request, push))
        };
        let stored = self.gateway.store().write(move |transaction: &Transaction<'_>| {
            request.approval = None;
            if let Some(approval) = &approval {
                let sub = approval.subject.as_str();
                let accepted = match rows::is_locked(transaction, sub).map_err(StoreRequestError::Store)? {
                    true => Err(StoreRequestError::Locked),
                    false => gateway.accept(transaction, approval).map_err(StoreRequestError::Gateway),
                };
                match accepted {
                    Ok(accepted) => {
                        request.approval = Some(ExistingApproval { sub: sub.to_owned(), id: accepted.approval });
                        insert(transaction, &request).map_err(StoreRequestError::Store)?;
                        // A less capable device gets a simpler interaction; the response must not reveal it.
                        let approval = request.approval.as_ref().map(|existing| existing.id.clone());
                        return Ok(match hides && accepted.interaction != expected {
                            true => ClientInteraction { approval, ..decoy_interaction(expected, &*random) },
                            false => ClientInteraction {
                                interaction: accepted.interaction,
                                value: accepted.interaction_value,
                                approval,
                            },
                        });
                    }
                    Err(refused) if hides && reveals_user(&refused) => {}
                    Err(refused) => return Err(refused),
                }
            }
            // No device is prompted, and the client must not notice: one signature and one row, as for a user with a
            // device.
            tokens.sign_decoy(now);
            insert(transaction, &request).map_err(StoreRequestError::Store)?;
            Ok(decoy_interaction(expected, &*random))
        });
        stored.await.map_err(|error| match error {
            StoreRequestError::Locked => locked(),
            StoreRequestError::Gateway(refused) => gateway_refusal(&refused, no_device),
            StoreRequestError::Store(error) => server_error(&error),
        })
    }

    fn approval_request(
        &self,
        parsed: &AuthenticationRequest,
        user: &User,
        client: &Client,
        now: Timestamp,
    ) -> ApprovalRequest {
        let policy = &client.policy;
        ApprovalRequest {
            subject: user.sub.clone(),
            subject_allows_automated: user.allow_automated,
            provider: Party { issuer: self.config.issuer.clone(), name: self.config.name.clone() },
            client: challenge::Client {
                id: client.client_id.clone(),
                name: client.name.clone(),
                verified: client.verified,
            },
            binding_message: parsed.binding_message.clone(),
            scope: Some(parsed.scope.clone()),
            acr_values: parsed.acr_values.clone(),
            authorization_details: parsed.details.clone(),
            interaction_policy: parsed.interaction_policy.clone(),
            user_verification: parsed.user_verification,
            context: Default::default(),
            requested_at: now,
            ttl_seconds: parsed.lifetime.as_secs(),
            interval_seconds: policy.interval.as_secs(),
            limits: Limits {
                max_pending: policy.max_pending,
                prompts_per_minute: policy.prompts_per_minute,
                not_me_hold_seconds: policy.not_me.as_secs(),
            },
        }
    }
}

/// The user to prompt; `None` if there is none and the client must not learn it.
///
/// # Errors
/// `access_denied` for a locked user, `unknown_user_id` for an unknown one.
fn approving_user(known: Option<&Arc<User>>, client: &Client) -> Result<Option<Arc<User>>, OAuthError> {
    match known.filter(|user| !user.locked) {
        Some(user) => Ok(Some(user.clone())),
        None if client.hides_unknown_users() => Ok(None),
        None if known.is_some() => Err(locked()),
        None => Err(unknown_user()),
    }
}

/// A generated interaction that no device displays.
fn decoy_interaction(kind: InteractionType, random: &dyn Random) -> ClientInteraction {
    let generated = interaction::generate(kind, random);
    ClientInteraction { interaction: kind, value: generated.map(|(_, opening)| opening.value), approval: None }
}

/// Whether a refusal would reveal something about the user or their devices.
fn reveals_user(refused: &StoreRequestError) -> bool {
    match refused {
        StoreRequestError::Locked => true,
        StoreRequestError::Gateway(refused) => matches!(
            refused,
            AcceptError::NoDevice
                | AcceptError::DevicesRevoked
                | AcceptError::Interaction(InteractionError::BelowMinimum { .. } | InteractionError::BeyondDevices(_))
        ),
        StoreRequestError::Store(_) => false,
    }
}

/// Maps a refusal to the client's error. `no_device` replaces `unknown_user_id` in Auth0's dialect.
fn gateway_refusal(refused: &AcceptError, no_device: Option<OAuthError>) -> OAuthError {
    let code = match refused {
        AcceptError::NoDevice | AcceptError::DevicesRevoked => return no_device.unwrap_or_else(unknown_user),
        AcceptError::BindingMessage(_) => ErrorCode::InvalidBindingMessage,
        AcceptError::TooLarge => ErrorCode::InvalidAuthorizationDetails,
        AcceptError::Text { .. } | AcceptError::Interaction(_) => ErrorCode::InvalidRequest,
        other => return server_error(other),
    };
    OAuthError::new(code, refused.to_string())
}

fn locked() -> OAuthError {
    OAuthError::new(ErrorCode::AccessDenied, "this user is locked").with_status(StatusCode::FORBIDDEN)
}

fn unknown_user() -> OAuthError {
    OAuthError::new(ErrorCode::UnknownUserId, "no user with an enrolled device matches this hint")
}
