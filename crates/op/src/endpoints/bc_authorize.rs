//! `POST /bc-authorize`, the backchannel authentication endpoint (CIBA Core §7): stores the request and the gateway's
//! approval in one transaction.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_gateway::{AcceptError, ApprovalRequest, Decoy, Gateway, Limits, Ports};
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_protocol::challenge::{self, Party};
use countersign_store::{Error as StoreError, Transaction};

use crate::auth0;
use crate::authentication_request::hint::{Hint, Hints};
use crate::authentication_request::signed_request::SignedRequests;
use crate::authentication_request::user_code_check::UserCodes;
use crate::authentication_request::{AuthenticationRequest, auth_req_id, fapi_request, notification_token};
use crate::client_auth::ClientAuthentication;
use crate::config::{Client, Config, User};
use crate::directory::{Directory, UserIdentifier};
use crate::endpoints::acknowledgement::{Acknowledgement, ClientInteraction, NewRequest};
use crate::endpoints::idempotency::{IdempotencyKey, UnderWay};
use crate::endpoints::pending_limit::{PendingCheck, PendingLimit};
use crate::endpoints::rate_limit::RateLimit;
use crate::http::{ErrorCode, Form, NO_STORE, OAuthError, PRAGMA, PostedForm, server_error};
use crate::metrics::Metrics;
use crate::store::directory_entries as rows;
use crate::store::{self, ExistingApproval};

/// A kept acknowledgement can't be read.
#[derive(Debug, thiserror::Error)]
#[error("a kept acknowledgement is damaged")]
struct UnreadableAcknowledgement;

/// Whom a request is about.
enum Addressee {
    /// A user, as the client may know.
    User(Arc<User>),
    /// Whoever this names, looked up in the transaction that stores the request; the decoy is asked if nobody can be.
    Undisclosed(UserIdentifier, Decoy),
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
    pub(crate) pending_limit: PendingLimit,
    pub(crate) under_way: UnderWay,
    pub(crate) gateway: Gateway,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) config: Arc<Config>,
    pub(crate) ports: Ports,
}

/// Set on an acknowledgement that is repeated for its `Idempotency-Key`.
const REPLAYED: (HeaderName, &str) = (HeaderName::from_static("idempotent-replayed"), "true");

/// `POST /bc-authorize`.
pub(crate) async fn bc_authorize(
    State(endpoint): State<Arc<BcAuthorize>>,
    posted: Result<PostedForm, OAuthError>,
) -> Response {
    let acknowledged = endpoint.acknowledge(posted).await;
    let label = acknowledged.as_ref().map_or_else(OAuthError::code, |(_, is_replayed)| match is_replayed {
        true => "replayed",
        false => "acknowledged",
    });
    endpoint.metrics.authentication_request(label);
    match acknowledged {
        Ok((acknowledgement, true)) => {
            (StatusCode::OK, [NO_STORE, PRAGMA, REPLAYED], Json(acknowledgement)).into_response()
        }
        Ok((acknowledgement, false)) => (StatusCode::OK, [NO_STORE, PRAGMA], Json(acknowledgement)).into_response(),
        Err(error) => error.into_response(),
    }
}

impl BcAuthorize {
    /// The acknowledgement, and whether it is that of an earlier request with the same `Idempotency-Key`.
    async fn acknowledge(&self, posted: Result<PostedForm, OAuthError>) -> Result<(Acknowledgement, bool), OAuthError> {
        let posted = posted?;
        let client = self.client_auth.authenticate(&posted).await?;
        if !client.may_ask {
            let description = "this client is not registered for the grant urn:openid:params:grant-type:ciba";
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, description));
        }
        let Some(header) = &posted.idempotency_key else {
            self.check_limits(&client).await?;
            let read = self.signed_requests.read(posted.form, &client).await?;
            self.signed_requests.use_up(&read, &client).await?;
            return Ok((self.request(&read.parameters, &client, None).await?, false));
        };
        let key = IdempotencyKey::read(header, &client.client_id)?;
        let _turn = self.under_way.enter(key.id).await;
        let (id, now) = (key.id, self.ports.clock.now());
        let kept = self.gateway.store().read(move |snapshot| store::kept_acknowledgement(snapshot, &id, now)).await;
        let kept = kept.map_err(|error| server_error(&error))?;
        // A repeated request counts for no limit.
        if kept.is_none() {
            self.check_limits(&client).await?;
        }
        let read = self.signed_requests.read(posted.form, &client).await?;
        let digest = key.digest(&read.parameters);
        let Some(kept) = kept else {
            self.signed_requests.use_up(&read, &client).await?;
            return Ok((self.request(&read.parameters, &client, Some((key, digest))).await?, false));
        };
        let opened = key.open(&kept, &digest)?;
        self.signed_requests.use_up_again(&read, &client).await?;
        let repeated = Acknowledgement::repeated(&kept, &opened, now);
        repeated.map(|acknowledgement| (acknowledgement, true)).ok_or_else(|| server_error(&UnreadableAcknowledgement))
    }

    /// The only limits that refuse a request: how many a client sends in a minute, and how many of its requests pend.
    async fn check_limits(&self, client: &Client) -> Result<(), OAuthError> {
        let (client_id, now) = (client.client_id.as_str(), self.ports.clock.now());
        let refused = |description: &str, seconds: u64| {
            Err(OAuthError::new(ErrorCode::RateLimited, description).with_retry_after(seconds))
        };
        if let Err(seconds) = self.rate_limit.check(client_id, client.policy.requests_per_minute, now) {
            return refused("this client sends too many authentication requests", seconds);
        }
        let mut checked = self.pending_limit.admit(client_id, now);
        if checked == PendingCheck::Count {
            let (id, gateway, hides) = (client_id.to_owned(), self.gateway.clone(), client.hides_unknown_users());
            let found = self.gateway.store().read_slow(move |snapshot| {
                store::count_pending(snapshot, &id, now, |approval, ended| {
                    // An end that polls hide must not make room either.
                    Ok((!ended && gateway.is_open(snapshot, approval)?)
                        || (hides && gateway.is_unanswered(snapshot, approval)?))
                })
            });
            let found = found.await.map_err(|error| server_error(&error))?;
            checked = self.pending_limit.counted(client_id, found, client.policy.pending_requests, now);
        }
        match checked {
            PendingCheck::Refused { retry_after } => refused(
                "too many requests of this client are pending: fetch their results, or cancel some",
                retry_after,
            ),
            PendingCheck::Accepted | PendingCheck::Count => Ok(()),
        }
    }

    async fn request(
        &self,
        parameters: &Form,
        client: &Arc<Client>,
        idempotency: Option<(IdempotencyKey, Hash)>,
    ) -> Result<Acknowledgement, OAuthError> {
        let now = self.ports.clock.now();
        let mut parsed =
            AuthenticationRequest::read(parameters, client, &self.config.issuer, &self.config.detail_types)?;
        fapi_request::check(client, &parsed)?;
        let notification_token = notification_token::read(parameters, client)?;
        let named = self.hints.user_named_by(&parsed.hint, client).await?;
        if let Hint::IdToken(token) = &parsed.hint {
            self.id_token_used(token).await?;
        }
        let addressee = self.addressee(named, parsed.user_code.take(), client).await?;

        let auth_req_id = auth_req_id::new(now, &*self.ports.random);
        let new = NewRequest {
            id: auth_req_id::key(&auth_req_id),
            client_id: client.client_id.clone(),
            scope: parsed.scope.clone(),
            resources: parsed.resources.clone(),
            requested_at: now,
            auth_req_id: Secret::new(auth_req_id),
            expires_in: parsed.lifetime.as_secs(),
            interval: client.policy.interval.as_secs(),
            notification_token,
            is_push: client.delivery.is_push(),
            idempotency,
        };
        self.store_request(new, parsed, addressee, client).await
    }

    /// Whoever uses an ID token as a hint has received it: its response is not repeated any more.
    async fn id_token_used(&self, token: &str) -> Result<(), OAuthError> {
        let hash = Hash::of(token);
        let kept = self.gateway.store().read(move |snapshot| store::is_kept(snapshot, &hash)).await;
        if kept.map_err(|error: StoreError| server_error(&error))? {
            let used = self.gateway.store().write(move |tx| store::token_used(tx, &hash)).await;
            used.map_err(|error: StoreError| server_error(&error))?;
        }
        Ok(())
    }

    /// Whom the request is about, once a user code that it needs is checked.
    ///
    /// # Errors
    /// For clients that may know: `access_denied` for a locked user, `unknown_user_id` for an unknown one. Otherwise those of
    /// user codes alone.
    async fn addressee(
        &self,
        named: UserIdentifier,
        user_code: Option<Secret>,
        client: &Client,
    ) -> Result<Addressee, OAuthError> {
        let failed = |error: StoreError| server_error(&error);
        let decoy = self.gateway.decoy(&named.digest());
        if !client.hides_unknown_users() {
            let known = self.directory.find_user(&named).await.map_err(failed)?;
            let user = match known {
                Some(user) if user.locked => return Err(locked()),
                Some(user) => user,
                None => return Err(unknown_user()),
            };
            self.user_codes.check_user_code(user_code, client, &named, Some(&user), &decoy).await?;
            return Ok(Addressee::User(user));
        }
        if client.needs_user_code() {
            let known = self.directory.find_user_evenly(&named).await.map_err(failed)?;
            self.user_codes.check_user_code(user_code, client, &named, known.as_deref(), &decoy).await?;
        }
        Ok(Addressee::Undisclosed(named, decoy))
    }

    /// Stores the request and its approval.
    async fn store_request(
        &self,
        new: NewRequest,
        parsed: AuthenticationRequest,
        addressee: Addressee,
        client: &Client,
    ) -> Result<Acknowledgement, OAuthError> {
        let no_device = auth0::no_device(client);
        let hears_of_delivery = client.hears_of_delivery();
        let hidden_interaction = Some(parsed.interaction).filter(|_| client.hides_unknown_users());
        let mut approval = self.approval_request(&parsed, &addressee, client, new.requested_at);
        let (gateway, random, directory) = (self.gateway.clone(), self.ports.random.clone(), self.directory.clone());
        let stored = self.gateway.store().write(move |transaction: &Transaction<'_>| {
            let accepted = match &addressee {
                Addressee::User(_) => {
                    // A command may have locked the user since.
                    if rows::is_locked(transaction, approval.subject.as_str())? {
                        return Err(StoreRequestError::Locked);
                    }
                    gateway.accept(transaction, &approval)
                }
                Addressee::Undisclosed(named, decoy) => {
                    let user = directory.user_evenly_in(transaction, named)?.filter(|user| !user.locked);
                    approval.subject = user.as_ref().map_or(decoy.subject(), |user| &user.sub).clone();
                    approval.subject_allows_automated = user.as_ref().is_some_and(|user| user.allow_automated);
                    gateway.accept_undisclosed(transaction, &approval, user.is_some(), decoy)
                }
            };
            let accepted = accepted.map_err(StoreRequestError::Gateway)?;
            let wake = hears_of_delivery.then(|| gateway.reach(transaction, &accepted.subject)).transpose()?;
            let displayed = ClientInteraction::of(&accepted, hidden_interaction, wake, &*random);
            let existing =
                ExistingApproval { sub: accepted.subject.as_str().to_owned(), id: accepted.approval.clone() };
            new.insert(transaction, existing, &displayed, &*random)?;
            Ok((new.acknowledgement(&displayed), accepted))
        });
        let (acknowledgement, accepted) = stored.await.map_err(|error| match error {
            StoreRequestError::Locked => locked(),
            StoreRequestError::Gateway(refused) => gateway_refusal(&refused, no_device),
            StoreRequestError::Store(error) => server_error(&error),
        })?;
        let approval = Some(accepted.approval.as_str()).filter(|_| !accepted.is_decoy);
        let client_id = client.client_id.as_str();
        tracing::info!(client_id, approval, "authentication request accepted; without an approval no device is asked");
        Ok(acknowledgement)
    }

    fn approval_request(
        &self,
        parsed: &AuthenticationRequest,
        addressee: &Addressee,
        client: &Client,
        now: Timestamp,
    ) -> ApprovalRequest {
        let policy = &client.policy;
        let (subject, subject_allows_automated) = match addressee {
            Addressee::User(user) => (user.sub.clone(), user.allow_automated),
            // Until the user is looked up.
            Addressee::Undisclosed(_, decoy) => (decoy.subject().clone(), false),
        };
        ApprovalRequest {
            subject,
            subject_allows_automated,
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
            context: parsed.context(),
            requested_at: now,
            ttl_seconds: parsed.lifetime.as_secs(),
            interval_seconds: policy.interval.as_secs(),
            limits: Limits {
                max_pending: policy.max_pending,
                unvouched: (!client.first_party && !client.verified).then_some(policy.unvouched_prompts),
                prompts_per_minute: policy.prompts_per_minute,
                not_me_hold_seconds: policy.not_me.as_secs(),
            },
        }
    }
}

/// Maps a refusal to the client's error. `no_device` replaces `unknown_user_id` in Auth0's dialect.
fn gateway_refusal(refused: &AcceptError, no_device: Option<OAuthError>) -> OAuthError {
    let code = match refused {
        AcceptError::NoDevice | AcceptError::DevicesRevoked => return no_device.unwrap_or_else(unknown_user),
        AcceptError::BindingMessage(_) => ErrorCode::InvalidBindingMessage,
        AcceptError::TooLarge | AcceptError::DetailsTooLong => ErrorCode::InvalidAuthorizationDetails,
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
