//! `op trace`: one request's story, from the client's question to the tokens.

use countersign_gateway::{ApprovalTrace, StoreError};
use countersign_protocol::clock::Timestamp;
use countersign_protocol::id::{ApprovalId, ChallengeId};

use crate::Provider;
use crate::auth_req_id;
use crate::store;

/// What is known about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// The client's side; forgotten a day after the request's end.
    pub request: Option<RequestTrace>,
    /// The devices' side; `None` where nobody was asked: somebody unknown or locked, or without a device.
    pub approval: Option<ApprovalTrace>,
}

/// A request as its client knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestTrace {
    /// Who asks.
    pub client_id: String,
    /// When.
    pub requested_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// The pause in seconds that holds between two polls.
    pub interval: u32,
    /// When it last polled.
    pub polled_at: Option<Timestamp>,
    /// When its tokens were given out.
    pub redeemed_at: Option<Timestamp>,
    /// When its client called it off.
    pub cancelled_at: Option<Timestamp>,
    /// What is still to be told to the client: `ping` or `push`, and how often it was tried.
    pub untold: Option<(String, u32)>,
    /// Until when refresh tokens bring new ones, and when that ended early.
    pub refresh: Option<(Timestamp, Option<Timestamp>)>,
}

impl Provider {
    /// The story behind an id: of an approval (`ap_…`), a challenge (`ch_…`), or an `auth_req_id`. `None` for one that is not known.
    /// For an operator's own look; it reads many rows.
    ///
    /// # Errors
    /// What the store said.
    pub fn trace(&self, id: &str) -> Result<Option<Trace>, StoreError> {
        let gateway = self.gateway();
        gateway.store().read(|connection| {
            let by_challenge = match id.parse::<ChallengeId>() {
                Ok(challenge) => gateway.approval_of(connection, &challenge)?,
                Err(_) => None,
            };
            let approval = by_challenge.or_else(|| id.parse::<ApprovalId>().ok());
            let request = match &approval {
                Some(approval) => store::trace_of_approval(connection, approval)?,
                None => store::trace_of_request(connection, &auth_req_id::key(id))?,
            };
            let approval = approval.or_else(|| request.as_ref().and_then(|(_, approval)| approval.clone()));
            let approval = match approval {
                Some(approval) => gateway.trace(connection, &approval)?,
                None => None,
            };
            let request = request.map(|(request, _)| request);
            Ok((request.is_some() || approval.is_some()).then_some(Trace { request, approval }))
        })
    }
}
