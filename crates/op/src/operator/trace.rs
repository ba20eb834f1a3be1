//! `op trace`: one request's story, from the client's question to the tokens.

use countersign_gateway::ApprovalTrace;
use countersign_protocol::id::{ApprovalId, ChallengeId};
use countersign_store::Error as StoreError;

use crate::Provider;
use crate::authentication_request::auth_req_id;
use crate::store::{self, RequestTrace};

/// What is known about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// The client's side; forgotten a day after the request's end.
    pub request: Option<RequestTrace>,
    /// The devices' side; `None` where nobody was asked: somebody unknown or locked, or without a device.
    pub approval: Option<ApprovalTrace>,
}

impl Provider {
    /// The story behind an id: of an approval (`ap_…`), a challenge (`ch_…`), or an `auth_req_id`. `None` for one that is not known.
    /// For an operator's own look; it reads many rows.
    ///
    /// # Errors
    /// What the store said.
    pub fn trace(&self, id: &str) -> Result<Option<Trace>, StoreError> {
        let gateway = self.gateway();
        gateway.store().read_blocking(|snapshot| {
            let by_challenge = match id.parse::<ChallengeId>() {
                Ok(challenge) => gateway.approval_of(snapshot, &challenge)?,
                Err(_) => None,
            };
            let approval = by_challenge.or_else(|| id.parse::<ApprovalId>().ok());
            let request = match &approval {
                Some(approval) => store::trace_of_approval(snapshot, approval)?,
                None => store::trace_of_request(snapshot, &auth_req_id::key(id))?,
            };
            let approval = approval.or_else(|| request.as_ref().and_then(|(_, approval)| approval.clone()));
            let approval = match approval {
                Some(approval) => gateway.trace(snapshot, &approval)?,
                None => None,
            };
            let request = request.map(|(request, _)| request);
            Ok((request.is_some() || approval.is_some()).then_some(Trace { request, approval }))
        })
    }
}
