//! The tokens for an approval, exactly once: for the client that asks, or into the outbox, from where they are pushed.

use std::sync::Arc;

use countersign_gateway::Approval;
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_store::Transaction;

use super::approval_status::{TokenRefusal, spent};
use super::refresh_token::{family, granted, is_offline, new_token};
use crate::config::Client;
use crate::grant::confirmation::Confirmation;
use crate::grant::resource::Resources;
use crate::http::OAuthError;
use crate::http::failed;
use crate::issuance::Issuance;
use crate::issuance::token_signer::{ApprovalClaim, TokenContents};
use crate::store::{self, AuthRequest, outbox};

/// The tokens were made for an approval that has changed since.
#[derive(Debug, thiserror::Error)]
#[error("the approval changed while its tokens were made")]
struct Changed;

/// What tokens are made of.
pub(crate) struct Grant<'a> {
    /// `None` for tokens that are not a request's first.
    pub(crate) auth_req_id: Option<&'a str>,
    pub(crate) sub: &'a str,
    /// What was granted.
    pub(crate) scope: &'a str,
    /// The client's bytes.
    pub(crate) details: Option<&'a str>,
    /// Which resource servers they are for.
    pub(crate) resources: &'a Resources,
    pub(crate) approval: &'a Approval,
    pub(crate) confirmation: Option<Confirmation>,
    pub(crate) refresh_token: Option<&'a Secret>,
    pub(crate) is_pushed: bool,
}

impl<'a> Grant<'a> {
    /// The first tokens of a request, bound to nobody.
    pub(crate) fn first(
        auth_req_id: &'a str,
        request: &'a AuthRequest,
        scope: &'a str,
        approval: &'a Approval,
    ) -> Grant<'a> {
        Grant {
            auth_req_id: Some(auth_req_id),
            sub: request.approval.as_ref().map(|existing| existing.sub.as_str()).unwrap_or_default(),
            scope,
            details: request.details.as_deref(),
            resources: &request.resources,
            approval,
            confirmation: None,
            refresh_token: None,
            is_pushed: false,
        }
    }
}

impl Issuance {
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
        let scope = granted(&request.scope, client);
        let refresh_token = is_offline(&scope).then(|| new_token(&*self.ports.random));
        let grant = Grant {
            refresh_token: refresh_token.as_ref(),
            is_pushed: true,
            ..Grant::first(auth_req_id, request, &scope, &approval)
        };
        let body = with_auth_req_id(auth_req_id, &self.tokens_for(client, &grant)?);
        let family = refresh_token.zip(family(request, &scope, client, None, self.ports.clock.now()));
        let (inner, id, now) = (self.clone(), request.id, self.ports.clock.now());
        let kept = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<Secret, TokenRefusal> {
            let request = store::find(tx, &id)?.ok_or_else(|| TokenRefusal::Answer(spent()))?;
            if inner.approval_of_request(tx, &request, now)?.as_ref() != Some(&approval) {
                return Err(TokenRefusal::Answer(failed(&Changed)));
            }
            if !store::redeem(tx, &id, now)? {
                return Err(TokenRefusal::Answer(spent()));
            }
            if let Some((token, family)) = &family {
                store::begin_family(tx, family, &Hash::of(token.expose()))?;
            }
            outbox::store_body(tx, row, &body)?.ok_or_else(|| TokenRefusal::Answer(spent()))
        });
        kept.await.map_err(|error: TokenRefusal| OAuthError::from(error))
    }

    /// The body of a token response. A client that never receives the first tokens of a request does not get others: single use
    /// stays single use.
    pub(crate) fn tokens_for(&self, client: &Client, grant: &Grant<'_>) -> Result<String, OAuthError> {
        let (client_id, approval) = (client.client_id.as_str(), grant.approval.id.as_str());
        tracing::info!(client_id, approval, is_pushed = grant.is_pushed, "tokens are issued");
        let signed = grant.approval.signed.as_ref();
        let contents = TokenContents {
            issuer: &self.config.issuer,
            sub: grant.sub,
            client_id: &client.client_id,
            auth_req_id: grant.auth_req_id,
            refresh_token: grant.refresh_token,
            is_pushed: grant.is_pushed,
            scope: grant.scope,
            details: grant.details,
            resources: grant.resources,
            approval: ApprovalClaim::of(grant.approval),
            acr: signed.map(|signed| signed.acr.as_str()),
            amr: signed.map_or(&[], |signed| &signed.amr),
            auth_time: grant.approval.auth_time,
            confirmation: grant.confirmation,
            life: client.policy.token_ttl,
            id_token_alg: client.id_token_alg,
        };
        self.tokens.respond(&contents, self.ports.clock.now(), &*self.ports.random).map_err(|error| failed(&error))
    }
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
