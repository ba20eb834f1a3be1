//! The CIBA grant (CIBA Core §10.1): tells a client how its request stands, and holds its poll while there is nothing to tell.

use std::time::Duration;

use countersign_gateway::Verdict;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::hash::Hash;
use tokio::time::Instant;

use crate::config::Client;
use crate::confirmation::Confirmation;
use crate::http::{Code, Form, OAuthError};
use crate::polls::Place;
use crate::provider::{Inner, failed};
use crate::store::{self, AuthRequest, Pace, Real};

/// How a request stands.
pub(crate) enum Standing {
    Pending,
    Approved(Real),
    Ended(OAuthError),
}

/// A poll that is being held, and until when.
struct Held {
    place: Place,
    until: Instant,
}

impl Inner {
    /// Tells a client how its request stands, or gives it the tokens.
    ///
    /// # Errors
    /// The codes of CIBA Core §11.
    pub(super) async fn poll(
        &self,
        form: &Form,
        client: &Client,
        confirmation: Option<Confirmation>,
    ) -> Result<String, OAuthError> {
        let Some(auth_req_id) = form.get("auth_req_id") else {
            return Err(OAuthError::new(Code::InvalidRequest, "auth_req_id is missing"));
        };
        let id = Hash::of(auth_req_id);
        let mut held: Option<Held> = None;
        loop {
            let request = self.request_of(&id, client)?;
            // Listening begins before the verdict is read, so that none in between is missed.
            let wakes = self.gateway.store().wakes();
            let listener = request.real.as_ref().map(|real| wakes.listen(real.approval.as_str()));
            let changed = listener.as_ref().map(|listener| listener.changed());
            match self.standing(&request)? {
                Standing::Approved(real) => {
                    return self.redeem(auth_req_id, &request, real, client, confirmation).await;
                }
                Standing::Ended(error) => return Err(error),
                Standing::Pending => {}
            }
            let waiting = match &held {
                Some(waiting) if Instant::now() >= waiting.until => return Err(pending()),
                Some(waiting) => waiting,
                None => held.insert(self.hold(&request, client).await?),
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
    pub(crate) fn standing(&self, request: &AuthRequest) -> Result<Standing, OAuthError> {
        if self.ports.clock.now() >= request.expires_at {
            let what = "nobody answered in time: make a new authentication request";
            return Ok(Standing::Ended(OAuthError::new(Code::ExpiredToken, what)));
        }
        if request.cancelled {
            let error = OAuthError::new(Code::AccessDenied, "this client called the request off");
            return Ok(Standing::Ended(error.with_denial_reason(Some("cancelled"))));
        }
        let Some(real) = &request.real else { return Ok(Standing::Pending) };
        let verdict = self.gateway.store().read(|connection| self.gateway.verdict(connection, &real.approval));
        let denied = |what: &str, reason| {
            let error = OAuthError::new(Code::AccessDenied, what).with_denial_reason(reason);
            Ok(Standing::Ended(error))
        };
        match verdict.map_err(|error| failed(&error))? {
            Verdict::Pending | Verdict::Expired => Ok(Standing::Pending),
            // Nobody answered: that there were devices is not told to a client that must not know.
            Verdict::Refused | Verdict::DeviceRevoked if self.hides_from(&request.client_id) => Ok(Standing::Pending),
            Verdict::Approved(_) => Ok(Standing::Approved(real.clone())),
            Verdict::Denied { reason } => denied("the user denied the request", self.told(request, reason)),
            Verdict::Mismatch => denied("the number that was entered is wrong", Some("mismatch")),
            Verdict::Refused => denied("no device of the user could show the request", Some("refused")),
            Verdict::DeviceRevoked => denied("the device that was asked was revoked", Some("device_revoked")),
            Verdict::Cancelled => denied("the request was withdrawn", Some("cancelled")),
            _ => denied("the request ended without an approval", None),
        }
    }

    fn hides_from(&self, client_id: &str) -> bool {
        self.find_client(client_id).ok().flatten().is_none_or(|client| client.hides_unknown_users())
    }

    /// What the client is told of why a person denied.
    fn told(&self, request: &AuthRequest, reason: Option<DenialReason>) -> Option<&'static str> {
        let policy = &self.find_client(&request.client_id).ok()??.policy;
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
}

/// Waits for ever where there is nothing to wait for: nobody was asked.
async fn if_any(changed: Option<impl Future<Output = ()>>) {
    match changed {
        Some(changed) => changed.await,
        None => std::future::pending().await,
    }
}

fn pending() -> OAuthError {
    OAuthError::new(Code::AuthorizationPending, "nobody has answered yet")
}
