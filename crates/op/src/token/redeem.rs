//! The tokens for an approval, exactly once: for the client that asks, or into the outbox, from where they are pushed.

use std::sync::Arc;

use countersign_gateway::{Approval, Transaction};
use countersign_protocol::secret::Secret;

use super::standing::{NotGiven, spent};
use crate::config::Client;
use crate::confirmation::Confirmation;
use crate::http::OAuthError;
use crate::provider::{Inner, failed};
use crate::store::{self, AuthRequest, outbox};
use crate::tokens::{ApprovalClaim, Grant};

/// The tokens were made for an approval that has changed since.
#[derive(Debug, thiserror::Error)]
#[error("the approval changed while its tokens were made")]
struct Changed;

impl Inner {
    /// Makes what is pushed for an approval: the tokens, kept in the outbox's row in the transaction that spends the request.
    /// They are made before and kept only if nothing has changed, so that no crash can spend a request without its tokens.
    ///
    /// # Errors
    /// As a poll's; `invalid_grant` where the tokens were given out already, or nobody is to be told any more.
    pub(crate) async fn redeem_for_push(
        self: &Arc<Self>,
        row: i64,
        auth_req_id: &str,
        request: &AuthRequest,
        approval: Approval,
        client: &Client,
    ) -> Result<Secret, OAuthError> {
        let body = with_auth_req_id(auth_req_id, &self.tokens_for(auth_req_id, request, &approval, client, None)?);
        let (inner, id, now) = (self.clone(), request.id, self.ports.clock.now());
        let kept = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<Secret, NotGiven> {
            let request = store::find(tx, &id)?.ok_or_else(|| NotGiven::Told(spent()))?;
            if inner.approval_of_request(tx, &request, now)?.as_ref() != Some(&approval) {
                return Err(NotGiven::Told(failed(&Changed)));
            }
            if !store::redeem(tx, &id, now)? {
                return Err(NotGiven::Told(spent()));
            }
            outbox::keep_body(tx, row, &body)?.ok_or_else(|| NotGiven::Told(spent()))
        });
        kept.await.map_err(NotGiven::told)
    }

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

/// The token response with `auth_req_id` as its first member (CIBA Core §10.3.1); the rest stays byte for byte.
fn with_auth_req_id(auth_req_id: &str, response: &str) -> Secret {
    let members = response.strip_prefix('{').unwrap_or(response);
    let id = serde_json::to_string(auth_req_id).expect("a text is JSON");
    Secret::new(format!("{{\"auth_req_id\":{id},{members}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_the_token_response_and_the_id() {
        let response = r#"{"access_token":"a","authorization_details": [ ] }"#;
        let pushed = with_auth_req_id("ar_\"1", response);
        assert_eq!(pushed.expose(), r#"{"auth_req_id":"ar_\"1","access_token":"a","authorization_details": [ ] }"#);
    }
}
