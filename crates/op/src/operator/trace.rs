//! `op trace`: the history of one request, from `/bc-authorize` to the tokens.

use countersign_gateway::ApprovalTrace;
use countersign_protocol::id::{ApprovalId, ChallengeId};
use countersign_store::Error as StoreError;

use crate::Provider;
use crate::authentication_request::auth_req_id;
use crate::store::{self, RequestTrace};

/// Everything stored about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// The client's side; deleted a day after the request's end.
    pub request: Option<RequestTrace>,
    /// The devices' side; `None` for a user who is unknown, locked or has no device.
    pub approval: Option<ApprovalTrace>,
}

impl Provider {
    /// Finds a request by the id of its approval (`ap_…`), of a challenge (`ch_…`), or by its `auth_req_id`. `None` for an unknown
    /// id. For the operator; reads many rows.
    ///
    /// # Errors
    /// The store's error.
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
            let approval = approval.or_else(|| request.as_ref().map(|(_, approval)| approval.clone()));
            let approval = match approval {
                Some(approval) => gateway.trace(snapshot, &approval)?,
                None => None,
            };
            let request = request.map(|(request, _)| request);
            Ok((request.is_some() || approval.is_some()).then_some(Trace { request, approval }))
        })
    }
}
