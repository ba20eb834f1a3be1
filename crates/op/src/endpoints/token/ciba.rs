//! The CIBA grant (CIBA Core §10.1): tells a client how its request stands, and holds its poll while there is nothing to tell.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use countersign_gateway::Approval;
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_protocol::id::ApprovalId;
use countersign_store::Listener;
use countersign_store::Transaction;
use tokio::time::Instant;

use super::TokenEndpoint;
use crate::auth0;
use crate::authentication_request::auth_req_id;
use crate::config::Client;
use crate::endpoints::token::long_poll::Slot;
use crate::grant::confirmation::Confirmation;
use crate::grant::resource::Resources;
use crate::http::{ErrorCode, Form, OAuthError};
use crate::issuance::approval_status::{TokenRefusal, spent};
use crate::issuance::redeem::Grant;
use crate::issuance::refresh_token::{family, granted, is_offline, new_token};
use crate::store::{self, AuthRequest, PollPace};

/// How a poll found its request.
enum PollState {
    /// Approved, and spent by this poll.
    Spent(AuthRequest, Approval),
    /// Nobody has answered yet, and what tells when somebody has; nothing does where nobody was asked.
    Pending(AuthRequest, Option<VerdictWait>),
    /// The poll came too early; the pause in seconds that holds from now on.
    TooFast(u32),
}

/// A place in the queue of those who wait for a verdict, taken while there was none.
struct VerdictWait {
    _place: Listener,
    changed: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// A poll that is being held, and until when.
struct HeldPoll {
    slot: Slot,
    until: Instant,
}

impl TokenEndpoint {
    /// Tells a client how its request stands, or gives it the tokens.
    ///
    /// # Errors
    /// The codes of CIBA Core §11.
    pub(super) async fn poll(
        self: &Arc<Self>,
        form: &Form,
        client: &Arc<Client>,
        confirmation: Option<Confirmation>,
    ) -> Result<String, OAuthError> {
        let Some(auth_req_id) = form.get("auth_req_id") else {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "auth_req_id is missing"));
        };
        let id = auth_req_id::key(auth_req_id);
        let refresh = new_token(&*self.ports.random);
        let named = Resources::named(form, client);
        let mut held: Option<HeldPoll> = None;
        loop {
            let (request, listening) =
                match self.look_at(id, client, held.is_none(), &refresh, confirmation, &named).await? {
                    PollState::Spent(request, approval) => {
                        let scope = granted(&request.scope, client);
                        let grant = Grant {
                            confirmation,
                            refresh_token: is_offline(&scope).then_some(&refresh),
                            ..Grant::first(auth_req_id, &request, &scope, &approval)
                        };
                        return self.issuance.tokens_for(client, &grant);
                    }
                    PollState::Pending(request, listening) => (request, listening),
                    PollState::TooFast(interval) => {
                        let what = format!("polled too early: from now on wait {interval} seconds between polls");
                        return Err(OAuthError::new(ErrorCode::SlowDown, what).with_interval(interval));
                    }
                };
            let waiting = match &held {
                Some(waiting) if Instant::now() >= waiting.until => return Err(pending()),
                Some(waiting) => waiting,
                None if client.policy.token_wait.is_zero() => return Err(pending()),
                None => held.insert(HeldPoll {
                    slot: self.polls.take(request.id),
                    until: Instant::now() + client.policy.token_wait,
                }),
            };
            let left = Duration::from_millis(request.expires_at.millis_since(self.ports.clock.now()));
            tokio::select! {
                () = if_any(listening) => {}
                () = tokio::time::sleep_until(waiting.until) => {}
                () = tokio::time::sleep(left) => {}
                () = waiting.slot.replaced() => return Err(pending()),
                () = self.shutdown.wait() => return Err(pending()),
            }
        }
    }

    /// Finds the request, and spends it if it is approved, in one transaction; the first look of a poll is noted.
    async fn look_at(
        self: &Arc<Self>,
        id: Hash,
        client: &Arc<Client>,
        is_first: bool,
        refresh: &Secret,
        binding: Option<Confirmation>,
        named: &Resources,
    ) -> Result<PollState, OAuthError> {
        let named = named.clone();
        let (inner, asker, now) = (self.clone(), client.clone(), self.ports.clock.now());
        let refresh = Hash::of(refresh.expose());
        let found = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<PollState, TokenRefusal> {
            let request = inner.request_of(tx, &id, &asker)?;
            let resources = request.resources.narrowed_to(&named).map_err(TokenRefusal::Answer)?;
            match inner.issuance.approval_of_request(tx, &request, now)? {
                Some(approval) if store::redeem(tx, &id, now)? => {
                    let scope = granted(&request.scope, &asker);
                    if is_offline(&scope)
                        && let Some(family) = family(&request, &scope, &asker, binding, now)
                    {
                        store::begin_family(tx, &family, &refresh)?;
                    }
                    Ok(PollState::Spent(AuthRequest { resources, ..request }, approval))
                }
                Some(_) => Err(TokenRefusal::Answer(spent())),
                None => {
                    if is_first && let PollPace::TooFast(interval) = store::note_poll(tx, &id, now)? {
                        return Ok(PollState::TooFast(interval));
                    }
                    let listening = request.approval.as_ref().map(|existing| inner.listen(&existing.id));
                    Ok(PollState::Pending(request, listening))
                }
            }
        });
        found.await.map_err(|error: TokenRefusal| auth0::ended(error.into(), client))
    }

    /// Called by the writer, which wakes nobody before its work is done: a verdict that comes later wakes, and one that came
    /// earlier was seen.
    fn listen(&self, approval: &ApprovalId) -> VerdictWait {
        let place = self.gateway.store().notifier().listen(approval.as_str());
        VerdictWait { changed: Box::pin(place.changed()), _place: place }
    }

    /// The request, if it is this client's and can still be asked about.
    fn request_of(&self, tx: &Transaction<'_>, id: &Hash, client: &Client) -> Result<AuthRequest, TokenRefusal> {
        let invalid = |what: &str| TokenRefusal::Answer(OAuthError::new(ErrorCode::InvalidGrant, what));
        let found = store::find(tx, id)?.filter(|request| request.client_id == client.client_id);
        let request = found.ok_or_else(|| invalid("auth_req_id is not known, or belongs to another client"))?;
        if request.redeemed { Err(TokenRefusal::Answer(spent())) } else { Ok(request) }
    }
}

/// Waits for ever where there is nothing to wait for: nobody was asked.
async fn if_any(listening: Option<VerdictWait>) {
    match listening {
        Some(mut listening) => listening.changed.as_mut().await,
        None => std::future::pending().await,
    }
}

fn pending() -> OAuthError {
    OAuthError::new(ErrorCode::AuthorizationPending, "the request has not been answered yet")
}
