//! `POST /token` (CIBA Core §10.1): tells a client how its request stands, holds its poll while there is nothing to tell,
//! and gives the tokens for an approval exactly once.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_gateway::wake::Listener;
use countersign_gateway::{Approval, NotRedeemable, Transaction, Verdict, WriteError};
use countersign_protocol::answer::DenialReason;
use countersign_protocol::clock::Timestamp;
use countersign_protocol::hash::Hash;
use tokio::time::Instant;

use crate::config::{CIBA_GRANT, Client};
use crate::http::{Code, Form, NO_STORE, OAuthError, PRAGMA, Posted};
use crate::polls::Place;
use crate::provider::{Inner, failed};
use crate::store::{self, AuthRequest, Pace};
use crate::tokens::{ApprovalClaim, Grant};

/// How a poll found its request.
enum Found {
    /// Approved, and spent by this poll.
    Spent(AuthRequest, Approval),
    /// Nobody has answered yet.
    Pending(AuthRequest),
    /// The poll came too early; the pause in seconds that holds from now on.
    TooFast(u32),
}

/// A poll that is being held, and until when.
struct Held {
    place: Place,
    until: Instant,
}

/// Why a poll gave no tokens. Nothing was changed.
enum NotGiven {
    Told(OAuthError),
    Gateway(NotRedeemable),
    Store(rusqlite::Error),
}

impl From<rusqlite::Error> for NotGiven {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error)
    }
}

impl Inner {
    /// Answers `POST /token`.
    pub(crate) async fn token(self: &Arc<Self>, request: Request) -> Response {
        match self.poll(request).await {
            Ok(tokens) => {
                let json = (header::CONTENT_TYPE, "application/json");
                (StatusCode::OK, [json, NO_STORE, PRAGMA], tokens).into_response()
            }
            Err(error) => error.into_response(),
        }
    }

    async fn poll(self: &Arc<Self>, request: Request) -> Result<String, OAuthError> {
        let posted = Posted::read(request).await?;
        let client = self.clients.authenticate(posted.authorization.as_deref(), &posted.form)?;
        check_grant(&posted.form, &client)?;
        let Some(auth_req_id) = posted.form.get("auth_req_id") else {
            return Err(OAuthError::new(Code::InvalidRequest, "auth_req_id is missing"));
        };
        let id = Hash::of(auth_req_id);
        let mut held: Option<Held> = None;
        let mut listener = None;
        loop {
            // Listening begins before the request is looked at, so that no verdict in between is missed. Whose verdict it is, only
            // the first look tells.
            let changed = listener.as_ref().map(Listener::changed);
            let request = match self.look_at(id, &client, held.is_none()).await? {
                Found::Spent(request, approval) => return self.tokens_for(auth_req_id, &request, &approval, &client),
                Found::Pending(request) => request,
                Found::TooFast(interval) => {
                    let what = format!("polled too early: from now on wait {interval} seconds between polls");
                    return Err(OAuthError::new(Code::SlowDown, what));
                }
            };
            let Some(waiting) = &held else {
                if client.policy.token_wait.is_zero() {
                    return Err(pending());
                }
                let until = Instant::now() + client.policy.token_wait;
                held = Some(Held { place: self.polls.take(request.id), until });
                listener = request.real.map(|real| self.gateway.store().wakes().listen(real.approval.as_str()));
                continue;
            };
            if Instant::now() >= waiting.until {
                return Err(pending());
            }
            let left = Duration::from_millis(request.expires_at.millis_since(self.ports.clock.now()));
            tokio::select! {
                () = if_any(changed) => {}
                () = tokio::time::sleep_until(waiting.until) => {}
                () = tokio::time::sleep(left) => {}
                () = waiting.place.replaced() => return Err(pending()),
                () = self.stopping.wait() => return Err(pending()),
            }
        }
    }

    /// Finds the request, and spends it if it is approved, in one transaction; the first look of a poll is noted.
    async fn look_at(self: &Arc<Self>, id: Hash, client: &Arc<Client>, is_first: bool) -> Result<Found, OAuthError> {
        let (inner, client, now) = (self.clone(), client.clone(), self.ports.clock.now());
        let found = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<Found, NotGiven> {
            let request = inner.request_of(tx, &id, &client)?;
            match inner.approval_of_request(tx, &request, now)? {
                Some(approval) if store::redeem(tx, &id, now)? => Ok(Found::Spent(request, approval)),
                Some(_) => Err(NotGiven::Told(spent())),
                None if is_first => match store::note_poll(tx, &id, now)? {
                    Pace::TooFast(interval) => Ok(Found::TooFast(interval)),
                    Pace::Fine => Ok(Found::Pending(request)),
                },
                None => Ok(Found::Pending(request)),
            }
        });
        found.await.map_err(|error| match error {
            WriteError::Refused(NotGiven::Told(error)) => error,
            WriteError::Refused(NotGiven::Gateway(NotRedeemable::Disputed)) => {
                denied("the user disputed the approval", Some("disputed"))
            }
            WriteError::Refused(NotGiven::Gateway(NotRedeemable::DeviceRevoked)) => {
                denied("the device that approved was revoked", Some("device_revoked"))
            }
            WriteError::Refused(NotGiven::Gateway(other)) => failed(&other),
            WriteError::Refused(NotGiven::Store(error)) => failed(&error),
            WriteError::Store(error) => failed(&error),
        })
    }

    /// The request, if it is this client's and can still be asked about.
    fn request_of(&self, tx: &Transaction<'_>, id: &Hash, client: &Client) -> Result<AuthRequest, NotGiven> {
        let invalid = |what: &str| NotGiven::Told(OAuthError::new(Code::InvalidGrant, what));
        let found = store::find(tx, id)?.filter(|request| request.client_id == client.client_id);
        let request = found.ok_or_else(|| invalid("auth_req_id is not known, or belongs to another client"))?;
        if request.redeemed { Err(NotGiven::Told(spent())) } else { Ok(request) }
    }

    /// The approval that may be given out now, `None` while there is no verdict. One whose devices' time is over stays pending
    /// until its own end, so that a client can't tell it from one that nobody was asked about. Whether user, device and key are
    /// still good is asked at this moment.
    fn approval_of_request(
        &self,
        tx: &Transaction<'_>,
        request: &AuthRequest,
        now: Timestamp,
    ) -> Result<Option<Approval>, NotGiven> {
        let told = |error| Err(NotGiven::Told(error));
        if now >= request.expires_at {
            let what = "nobody answered in time: make a new authentication request";
            return told(OAuthError::new(Code::ExpiredToken, what));
        }
        let Some(real) = &request.real else { return Ok(None) };
        match self.gateway.verdict(tx, &real.approval)? {
            Verdict::Pending | Verdict::Expired => Ok(None),
            Verdict::Approved(approval) => {
                if self.config.users.by_sub(&real.sub).is_none_or(|user| user.locked) {
                    return told(denied("the user was locked or removed since the approval", None));
                }
                self.gateway.stands(tx, &approval).map_err(NotGiven::Gateway)?;
                Ok(Some(approval))
            }
            Verdict::Denied { reason } => told(denied("the user denied the request", self.told(request, reason))),
            Verdict::Mismatch => told(denied("the number that was entered is wrong", Some("mismatch"))),
            Verdict::Refused => told(denied("no device of the user could show the request", Some("refused"))),
            Verdict::DeviceRevoked => told(denied("the device that was asked was revoked", Some("device_revoked"))),
            Verdict::Cancelled => told(denied("the request was withdrawn", Some("cancelled"))),
            _ => told(denied("the request ended without an approval", None)),
        }
    }

    /// What the client is told of why a person denied.
    fn told(&self, request: &AuthRequest, reason: Option<DenialReason>) -> Option<&'static str> {
        let policy = self.clients.policy(&request.client_id)?;
        match reason? {
            DenialReason::NotMe if policy.hide_not_me => None,
            DenialReason::NotMe => Some("not_me"),
            DenialReason::Mistake => Some("mistake"),
            _ => Some("other"),
        }
    }

    /// The tokens of a request that this poll has spent. A client that never receives them does not get others: single use stays
    /// single use.
    fn tokens_for(
        &self,
        auth_req_id: &str,
        request: &AuthRequest,
        approval: &Approval,
        client: &Client,
    ) -> Result<String, OAuthError> {
        let sub = request.real.as_ref().map(|real| real.sub.as_str()).unwrap_or_default();
        let now = self.ports.clock.now();
        let scope = granted(&request.scope);
        let grant = Grant {
            issuer: &self.config.issuer,
            sub,
            client_id: &client.client_id,
            auth_req_id,
            scope: &scope,
            details: request.details.as_deref(),
            approval: ApprovalClaim::of(approval),
            acr: approval.signed.as_ref().map(|signed| signed.acr.as_str()),
            amr: approval.signed.as_ref().map_or(&[], |signed| &signed.amr),
            auth_time: approval.auth_time,
            life: client.policy.token_ttl,
        };
        self.tokens.respond(&grant, now, &*self.ports.random).map_err(|error| failed(&error))
    }
}

/// Waits for ever where there is nothing to wait for: nobody was asked.
async fn if_any(changed: Option<impl Future<Output = ()>>) {
    match changed {
        Some(changed) => changed.await,
        None => std::future::pending().await,
    }
}

fn check_grant(form: &Form, client: &Client) -> Result<(), OAuthError> {
    let unsupported = |what: &str| Err(OAuthError::new(Code::UnsupportedGrantType, what));
    match form.get("grant_type") {
        Some(CIBA_GRANT) if client.may_ask => Ok(()),
        Some(CIBA_GRANT) => {
            let what = "this client is not registered for the grant urn:openid:params:grant-type:ciba";
            Err(OAuthError::new(Code::UnauthorizedClient, what))
        }
        // A name that goes round in tutorials.
        Some("urn:ietf:params:oauth:grant-type:ciba") => unsupported(
            "the grant's name is urn:openid:params:grant-type:ciba (CIBA Core 10.1), not urn:ietf:params:oauth:grant-type:ciba",
        ),
        Some(_) => unsupported("this provider knows one grant: urn:openid:params:grant-type:ciba"),
        None => {
            Err(OAuthError::new(Code::InvalidRequest, "grant_type is missing: send urn:openid:params:grant-type:ciba"))
        }
    }
}

/// What was asked for, less `offline_access`: this version gives no refresh tokens (RFC 6749 §5.1 tells the client so).
fn granted(scope: &str) -> String {
    scope.split(' ').filter(|name| *name != "offline_access").collect::<Vec<_>>().join(" ")
}

fn denied(what: &str, reason: Option<&'static str>) -> OAuthError {
    OAuthError::new(Code::AccessDenied, what).with_denial_reason(reason)
}

fn spent() -> OAuthError {
    OAuthError::new(Code::InvalidGrant, "the tokens for this auth_req_id were given out already")
}

fn pending() -> OAuthError {
    OAuthError::new(Code::AuthorizationPending, "nobody has answered yet")
}
