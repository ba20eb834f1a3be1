//! The tokens for an approval that was spent.

use countersign_gateway::Approval;

use crate::config::Client;
use crate::confirmation::Confirmation;
use crate::http::OAuthError;
use crate::provider::{Inner, failed};
use crate::store::AuthRequest;
use crate::tokens::{ApprovalClaim, Grant};

impl Inner {
    /// The tokens of a request that a poll has spent. A client that never receives them does not get others: single use stays
    /// single use.
    pub(super) fn tokens_for(
        &self,
        auth_req_id: &str,
        request: &AuthRequest,
        approval: &Approval,
        client: &Client,
        confirmation: Option<Confirmation>,
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
            confirmation,
            life: client.policy.token_ttl,
            id_token_alg: client.id_token_alg,
        };
        self.tokens.respond(&grant, now, &*self.ports.random).map_err(|error| failed(&error))
    }
}

/// What was asked for, less `offline_access`: this version gives no refresh tokens (RFC 6749 §5.1 tells the client so).
fn granted(scope: &str) -> String {
    scope.split(' ').filter(|name| *name != "offline_access").collect::<Vec<_>>().join(" ")
}
