//! `POST /token` (CIBA Core §10.1): tells a client how its request stands, holds its poll while there is nothing to tell,
//! and gives the tokens for an approval exactly once.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_gateway::{Approval, NotRedeemable, Verdict, WriteError};
use countersign_protocol::answer::DenialReason;
use countersign_protocol::hash::Hash;
use countersign_protocol::id::ApprovalId;
use tokio::time::Instant;

use crate::config::{CIBA_GRANT, Client};
use crate::http::{Code, Form, NO_STORE, OAuthError, PRAGMA, Posted};
use crate::polls::Place;
use crate::provider::{Inner, failed};
use crate::store::{self, AuthRequest, Pace, Real};
use crate::tokens::{ApprovalClaim, Grant};

/// How a request stands.
enum Standing {
    Pending,
    Approved(Real),
    Ended(OAuthError),
}

/// A poll that is being held, and until when.
struct Held {
    place: Place,
    until: Instant,
}

/// Why an approved request gave no tokens.
enum NotSpent {
    /// Somebody was faster.
    Already,
    Gateway(NotRedeemable),
    Store(rusqlite::Error),
}

impl Inner {
    /// Answers `POST /token`.
    pub(crate) async fn token(&self, request: Request) -> Response {
        match self.poll(request).await {
            Ok(tokens) => {
                let json = (header::CONTENT_TYPE, "application/json");
                (StatusCode::OK, [json, NO_STORE, PRAGMA], tokens).into_response()
            }
            Err(error) => error.into_response(),
        }
    }

    async fn poll(&self, request: Request) -> Result<String, OAuthError> {
        let posted = Posted::read(request).await?;
        let client = self.clients.authenticate(posted.authorization.as_deref(), &posted.form)?;
        check_grant(&posted.form, &client)?;
        let Some(auth_req_id) = posted.form.get("auth_req_id") else {
            return Err(OAuthError::new(Code::InvalidRequest, "auth_req_id is missing"));
        };
        let id = Hash::of(auth_req_id);
        let mut held: Option<Held> = None;
        loop {
            let request = self.request_of(&id, &client)?;
            // Listening begins before the verdict is read, so that none in between is missed.
            let wakes = self.gateway.store().wakes();
            let listener = request.real.as_ref().map(|real| wakes.listen(real.approval.as_str()));
            let changed = listener.as_ref().map(|listener| listener.changed());
            match self.standing(&request)? {
                Standing::Approved(real) => return self.redeem(auth_req_id, &request, real, &client).await,
                Standing::Ended(error) => return Err(error),
                Standing::Pending => {}
            }
            let waiting = match &held {
                Some(waiting) if Instant::now() >= waiting.until => return Err(pending()),
                Some(waiting) => waiting,
                None => held.insert(self.hold(&request, &client).await?),
            };
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

    /// The request, if it is this client's and can still be asked about.
    fn request_of(&self, id: &Hash, client: &Client) -> Result<AuthRequest, OAuthError> {
        let invalid = |what: &str| OAuthError::new(Code::InvalidGrant, what);
        let found = self.gateway.store().read(|connection| store::find(connection, id)).map_err(|e| failed(&e))?;
        let request = found.filter(|request| request.client_id == client.client_id);
        let request = request.ok_or_else(|| invalid("auth_req_id is not known, or belongs to another client"))?;
        match request.redeemed {
            true => Err(invalid("the tokens for this auth_req_id were given out already")),
            false => Ok(request),
        }
    }

    /// How the request stands now. One whose devices' time is over stays pending until its own end, so that a client can't
    /// tell it from one that nobody was asked about.
    fn standing(&self, request: &AuthRequest) -> Result<Standing, OAuthError> {
        if self.ports.clock.now() >= request.expires_at {
            let what = "nobody answered in time: make a new authentication request";
            return Ok(Standing::Ended(OAuthError::new(Code::ExpiredToken, what)));
        }
        let Some(real) = &request.real else { return Ok(Standing::Pending) };
        let verdict = self.gateway.store().read(|connection| self.gateway.verdict(connection, &real.approval));
        let denied = |what: &str, reason| {
            let error = OAuthError::new(Code::AccessDenied, what).with_denial_reason(reason);
            Ok(Standing::Ended(error))
        };
        match verdict.map_err(|error| failed(&error))? {
            Verdict::Pending | Verdict::Expired => Ok(Standing::Pending),
            Verdict::Approved(_) => Ok(Standing::Approved(real.clone())),
            Verdict::Denied { reason } => denied("the user denied the request", self.told(request, reason)),
            Verdict::Mismatch => denied("the number that was entered is wrong", Some("mismatch")),
            Verdict::Refused => denied("no device of the user could show the request", Some("refused")),
            Verdict::DeviceRevoked => denied("the device that was asked was revoked", Some("device_revoked")),
            Verdict::Cancelled => denied("the request was withdrawn", Some("cancelled")),
            _ => denied("the request ended without an approval", None),
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

    /// Notes the poll and takes the place of an earlier one that is still held.
    async fn hold(&self, request: &AuthRequest, client: &Client) -> Result<Held, OAuthError> {
        let place = self.polls.take(request.id);
        let (id, now) = (request.id, self.ports.clock.now());
        let pace = self.gateway.store().write(move |transaction| store::note_poll(transaction, &id, now)).await;
        match pace.map_err(|error| failed(&error))? {
            Pace::TooFast(interval) => {
                let what = format!("polled too early: from now on wait {interval} seconds between polls");
                Err(OAuthError::new(Code::SlowDown, what))
            }
            Pace::Fine if client.policy.token_wait.is_zero() => Err(pending()),
            Pace::Fine => Ok(Held { place, until: Instant::now() + client.policy.token_wait }),
        }
    }

    /// Gives the tokens, to one caller only. Whether user, client, device and key are still good is asked once more, in the
    /// same transaction. A client that never receives the answer does not get another: single use stays single use.
    async fn redeem(
        &self,
        auth_req_id: &str,
        request: &AuthRequest,
        real: Real,
        client: &Client,
    ) -> Result<String, OAuthError> {
        let gone = |what: &str, reason| OAuthError::new(Code::AccessDenied, what).with_denial_reason(reason);
        let Some(user) = self.config.users.by_sub(&real.sub).filter(|user| !user.locked) else {
            return Err(gone("the user was locked or removed since the approval", None));
        };
        let now = self.ports.clock.now();
        let approval = self.spend(request.id, real.approval).await.map_err(|error| match error {
            WriteError::Refused(NotSpent::Already) => {
                OAuthError::new(Code::InvalidGrant, "the tokens for this auth_req_id were given out already")
            }
            WriteError::Refused(NotSpent::Gateway(NotRedeemable::Disputed)) => {
                gone("the user disputed the approval", Some("disputed"))
            }
            WriteError::Refused(NotSpent::Gateway(NotRedeemable::DeviceRevoked)) => {
                gone("the device that approved was revoked", Some("device_revoked"))
            }
            WriteError::Refused(NotSpent::Gateway(other)) => failed(&other),
            WriteError::Refused(NotSpent::Store(error)) => failed(&error),
            WriteError::Store(error) => failed(&error),
        })?;
        let scope = granted(&request.scope);
        let grant = Grant {
            issuer: &self.config.issuer,
            sub: user.sub.as_str(),
            client_id: &client.client_id,
            auth_req_id,
            scope: &scope,
            details: request.details.as_deref(),
            approval: ApprovalClaim::of(&approval),
            acr: approval.signed.as_ref().map(|signed| signed.acr.as_str()),
            amr: approval.signed.as_ref().map_or(&[], |signed| &signed.amr),
            auth_time: approval.auth_time,
            life: client.policy.token_ttl,
        };
        self.tokens.respond(&grant, now, &*self.ports.random).map_err(|error| failed(&error))
    }

    async fn spend(&self, id: Hash, approval: ApprovalId) -> Result<Approval, WriteError<NotSpent>> {
        let (gateway, now) = (self.gateway.clone(), self.ports.clock.now());
        let spent = self.gateway.store().write(move |transaction| {
            if !store::redeem(transaction, &id, now).map_err(NotSpent::Store)? {
                return Err(NotSpent::Already);
            }
            gateway.redeemable(transaction, &approval).map_err(NotSpent::Gateway)
        });
        spent.await
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

fn pending() -> OAuthError {
    OAuthError::new(Code::AuthorizationPending, "nobody has answered yet")
}
