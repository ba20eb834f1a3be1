//! CIBA grant (CIBA Core §10.1): answers a poll with tokens or the request's status; holds it while the request is
//! pending (long polling).

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use countersign_gateway::Approval;
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::id::ApprovalId;
use countersign_store::{Error as StoreError, Listener, Transaction};
use tokio::time::Instant;

use super::TokenEndpoint;
use super::failed_polls::PollUnderWay;
use crate::auth0;
use crate::authentication_request::auth_req_id;
use crate::config::Client;
use crate::grant::confirmation::Confirmation;
use crate::grant::resource::Resources;
use crate::http::{ErrorCode, Form, OAuthError};
use crate::issuance::approval_status::{TokenRefusal, already_redeemed};
use crate::issuance::redeem::Grant;
use crate::issuance::refresh_token::{family, granted, is_offline, new_token};
use crate::store::{self, AuthRequest, FinalRefusal, PollPace};

/// `Retry-After` of a poll for which there is no place, in seconds: then those that wait have been answered.
const PLACES_AFTER: u64 = 5;

/// One poll, and what its tokens will be made of.
pub(super) struct Poll<'a> {
    pub(super) auth_req_id: &'a str,
    pub(super) id: Hash,
    pub(super) client: &'a Arc<Client>,
    pub(super) confirmation: Option<Confirmation>,
    /// Resources that it names.
    pub(super) resources: Resources,
    /// For a family of refresh tokens that may begin.
    pub(super) refresh: Secret,
}

impl Poll<'_> {
    /// Input to the token response.
    pub(super) fn grant<'g>(&'g self, request: &'g AuthRequest, scope: &'g str, approval: &'g Approval) -> Grant<'g> {
        Grant {
            confirmation: self.confirmation,
            refresh_token: is_offline(scope).then_some(&self.refresh),
            ..Grant::first(self.auth_req_id, request, scope, approval)
        }
    }
}

/// State of the polled request.
enum PollState {
    /// Approved, and redeemed by this poll.
    Redeemed(AuthRequest, Approval),
    /// Approved, and to be redeemed with its response, which is kept.
    Approved(AuthRequest, Approval),
    /// Redeemed before; the sealed response to repeat.
    Repeated(Vec<u8>),
    /// No verdict yet; with a listener for one, and whether a device has the request, for a client that may know.
    Pending(AuthRequest, VerdictWait, Option<&'static str>),
    /// Polled before the interval was over; the interval in seconds from now on.
    TooFast(u32),
    /// Never any more, from now on.
    Refused(FinalRefusal, ApprovalRef),
}

/// The first try of a poll.
#[derive(Clone, Copy)]
struct FirstTry {
    /// Another poll of the same request was under way.
    is_overlapping: bool,
}

/// Listener for a verdict, registered while there was none.
struct VerdictWait {
    _listener: Listener,
    changed: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl TokenEndpoint {
    /// As [`Self::poll`]; a failure is answered after the wait that this client's failed polls have earned it.
    ///
    /// # Errors
    /// The codes of CIBA Core §11.
    pub(super) async fn poll_in_turn(
        self: &Arc<Self>,
        form: &Form,
        client: &Arc<Client>,
        confirmation: Option<Confirmation>,
    ) -> Result<String, OAuthError> {
        let Some(mut under_way) = self.failed_polls.enter(client.client_id.as_str(), Instant::now()) else {
            let description = "too many polls of this client fail at once";
            return Err(OAuthError::new(ErrorCode::SlowDown, description).with_retry_after(PLACES_AFTER));
        };
        self.pause(under_way.wait_before(Instant::now())).await;
        under_way.begin();
        let polled = self.poll(form, client, confirmation, &mut under_way).await;
        let is_failure = |error: &OAuthError| error.code != ErrorCode::AuthorizationPending;
        if polled.as_ref().is_err_and(is_failure) {
            self.pause(under_way.fail(Instant::now())).await;
        }
        under_way.end();
        polled
    }

    /// Waits, unless the provider stops.
    async fn pause(&self, wait: Duration) {
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.shutdown.wait() => {}
            }
        }
    }

    /// The token response for an approved request; waits for a verdict up to the client's `token_wait`.
    ///
    /// # Errors
    /// The codes of CIBA Core §11.
    async fn poll(
        self: &Arc<Self>,
        form: &Form,
        client: &Arc<Client>,
        confirmation: Option<Confirmation>,
        under_way: &mut PollUnderWay<'_>,
    ) -> Result<String, OAuthError> {
        let Some(auth_req_id) = form.get("auth_req_id") else {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "auth_req_id is missing"));
        };
        let poll = Poll {
            auth_req_id,
            id: auth_req_id::key(auth_req_id),
            client,
            confirmation,
            resources: Resources::in_form(form, client),
            refresh: new_token(&*self.ports.random),
        };
        // Before its first step: of two polls, one then knows of the other. A client waits for the answer of a held poll before the
        // next (CIBA Core §10.1). If it lost the connection, the earlier one ends here: one slow_down, and not several.
        let (slot, is_overlapping) = self.polls.take(&client.client_id, &poll.id);
        let mut held_until: Option<Instant> = None;
        loop {
            let first_try = held_until.is_none().then_some(FirstTry { is_overlapping });
            let (request, listening, delivery) = match self.try_redeem(&poll, first_try).await? {
                PollState::Redeemed(request, approval) => {
                    let scope = granted(&request.scope, client);
                    return self.issuance.tokens_for(client, &poll.grant(&request, &scope, &approval));
                }
                PollState::Approved(request, approval) => {
                    return self.redeem_and_keep(&poll, &request, approval).await;
                }
                PollState::Repeated(sealed) => return poll.repeated(&sealed),
                PollState::Pending(request, listening, delivery) => (request, listening, delivery),
                PollState::TooFast(interval) => {
                    let description = format!("polled too early: from now on wait {interval} seconds between polls");
                    return Err(OAuthError::new(ErrorCode::SlowDown, description).with_interval(interval));
                }
                PollState::Refused(why, reference) => {
                    return Err(OAuthError::from(TokenRefusal::Final(why)).with_reference(reference));
                }
            };
            under_way.held();
            let until = match held_until {
                Some(until) if Instant::now() >= until => return Err(pending(delivery)),
                Some(until) => until,
                None => match longest_hold(&request, client.policy.token_wait, self.ports.clock.now()) {
                    Duration::ZERO => return Err(pending(delivery)),
                    wait => *held_until.insert(Instant::now() + wait),
                },
            };
            let left = Duration::from_millis(request.expires_at.millis_since(self.ports.clock.now()));
            tokio::select! {
                () = verdict(listening) => {}
                () = tokio::time::sleep_until(until) => {}
                () = tokio::time::sleep(left) => {}
                () = slot.replaced() => return Err(pending(delivery)),
                () = self.shutdown.wait() => return Err(pending(delivery)),
            }
        }
    }

    /// Finds the request, and redeems it if it is approved, in one transaction. Only a poll's first try counts against
    /// the polling interval.
    async fn try_redeem(
        self: &Arc<Self>,
        poll: &Poll<'_>,
        first_try: Option<FirstTry>,
    ) -> Result<PollState, OAuthError> {
        let (id, client, binding, named) = (poll.id, poll.client, poll.confirmation, poll.resources.clone());
        let (endpoint, requester, now) = (self.clone(), client.clone(), self.ports.clock.now());
        let refresh = Hash::of(poll.refresh.expose());
        let found = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<PollState, TokenRefusal> {
            let request = endpoint.request_of(tx, &id, &requester)?;
            let resources = request.resources.narrowed_to(&named).map_err(TokenRefusal::OAuth)?;
            let may_repeat = !requester.policy.redeem_grace.is_zero();
            if request.redeemed {
                return match may_repeat {
                    true => endpoint.kept_response_of(tx, &request, now).map(PollState::Repeated),
                    false => Err(TokenRefusal::OAuth(already_redeemed())),
                };
            }
            let approval = match endpoint.issuance.approval_of_request(tx, &request, now) {
                Err(TokenRefusal::Final(why)) => {
                    store::refuse(tx, &id, why)?;
                    return Ok(PollState::Refused(why, request.reference()));
                }
                status => status?,
            };
            let details = match &approval {
                Some(approval) => endpoint.gateway.details(tx, &approval.id)?,
                None => None,
            };
            let request = AuthRequest { details, ..request };
            match approval {
                Some(approval) if may_repeat => Ok(PollState::Approved(AuthRequest { resources, ..request }, approval)),
                Some(approval) if store::redeem(tx, &id, now)? => {
                    let scope = granted(&request.scope, &requester);
                    if is_offline(&scope) {
                        store::begin_family(tx, &family(&request, &scope, &requester, binding, now), &refresh)?;
                    }
                    Ok(PollState::Redeemed(AuthRequest { resources, ..request }, approval))
                }
                Some(_) => Err(TokenRefusal::OAuth(already_redeemed())),
                None => {
                    if let Some(FirstTry { is_overlapping }) = first_try
                        && let PollPace::TooFast(interval) = store::note_poll(tx, &id, now, is_overlapping)?
                    {
                        return Ok(PollState::TooFast(interval));
                    }
                    let delivery = endpoint.delivery(tx, &requester, &request.approval.id)?;
                    let listening = endpoint.listen(&request.approval.id);
                    Ok(PollState::Pending(request, listening, delivery))
                }
            }
        });
        found.await.map_err(|error: TokenRefusal| auth0::translate_expired(error.into(), client))
    }

    /// Registers a listener within the write transaction. Notifications follow commits, so that a verdict is either
    /// visible to this transaction or notified to the listener.
    fn listen(&self, approval: &ApprovalId) -> VerdictWait {
        let listener = self.gateway.store().notifier().listen(approval.as_str());
        VerdictWait { changed: Box::pin(listener.changed()), _listener: listener }
    }

    /// Whether a device has the request, for clients that may know.
    fn delivery(
        &self,
        tx: &Transaction<'_>,
        client: &Client,
        approval: &ApprovalId,
    ) -> Result<Option<&'static str>, StoreError> {
        if !client.hears_of_delivery() {
            return Ok(None);
        }
        Ok(Some(if self.gateway.is_delivered(tx, approval)? { "delivered" } else { "waiting" }))
    }

    /// The client's request.
    ///
    /// # Errors
    /// `invalid_grant`.
    pub(super) fn request_of(
        &self,
        tx: &Transaction<'_>,
        id: &Hash,
        client: &Client,
    ) -> Result<AuthRequest, TokenRefusal> {
        let invalid = |description: &str| TokenRefusal::OAuth(OAuthError::new(ErrorCode::InvalidGrant, description));
        let found = store::find(tx, id)?.filter(|request| request.client_id == client.client_id);
        found.ok_or_else(|| invalid("auth_req_id is not known, or belongs to another client"))
    }
}

/// How long a poll is held: `token_wait`, and at most half of what the request has left less two intervals, so that a client that
/// keeps the interval polls at least twice more before the request's end.
fn longest_hold(request: &AuthRequest, token_wait: Duration, now: Timestamp) -> Duration {
    let left = Duration::from_millis(request.expires_at.millis_since(now));
    let interval = Duration::from_secs(request.interval.into());
    token_wait.min(left.saturating_sub(2 * interval) / 2)
}

async fn verdict(mut listening: VerdictWait) {
    listening.changed.as_mut().await;
}

fn pending(delivery: Option<&'static str>) -> OAuthError {
    OAuthError::new(ErrorCode::AuthorizationPending, "the request has not been answered yet").with_delivery(delivery)
}
