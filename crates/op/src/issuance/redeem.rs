//! Redemption: tokens for an approval, exactly once; to the polling client, or into the outbox to be pushed.

use std::sync::Arc;

use countersign_gateway::Approval;
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_store::Transaction;

use super::approval_status::{TokenRefusal, already_redeemed};
use super::refresh_token::{family, granted, is_offline, new_token};
use crate::config::Client;
use crate::grant::confirmation::Confirmation;
use crate::grant::resource::Resources;
use crate::http::{OAuthError, server_error};
use crate::issuance::Issuance;
use crate::issuance::token_signer::{ApprovalClaim, TokenContents};
use crate::store::{self, AuthRequest, outbox};

/// The approval changed between making its tokens and storing them.
#[derive(Debug, thiserror::Error)]
#[error("the approval changed while its tokens were made")]
pub(crate) struct ApprovalChanged;

/// Input to a token response.
pub(crate) struct Grant<'a> {
    /// `None` in the refresh grant.
    pub(crate) auth_req_id: Option<&'a str>,
    pub(crate) sub: &'a str,
    /// The granted scope.
    pub(crate) scope: &'a str,
    /// The client's JSON, unchanged.
    pub(crate) details: Option<&'a str>,
    /// Resource servers of the access token.
    pub(crate) resources: &'a Resources,
    pub(crate) approval: &'a Approval,
    pub(crate) confirmation: Option<Confirmation>,
    pub(crate) refresh_token: Option<&'a Secret>,
    pub(crate) is_pushed: bool,
}

impl<'a> Grant<'a> {
    /// First tokens of a request, without sender constraint or refresh token.
    pub(crate) fn first(
        auth_req_id: &'a str,
        request: &'a AuthRequest,
        scope: &'a str,
        approval: &'a Approval,
    ) -> Grant<'a> {
        Grant {
            auth_req_id: Some(auth_req_id),
            sub: &request.approval.sub,
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
    /// Redeems an approval for push: makes the tokens, then stores them in the outbox's row in the transaction that
    /// redeems the request, if the approval is unchanged. No crash can redeem a request without its tokens.
    ///
    /// # Errors
    /// Those of a poll; `invalid_grant` if the tokens were issued already, or the notification was dropped.
    pub(crate) async fn redeem_for_push(
        self: &Arc<Self>,
        row: i64,
        auth_req_id: &str,
        request: &AuthRequest,
        approval: Approval,
        client: &Client,
    ) -> Result<Secret, OAuthError> {
        let (gateway, approved) = (self.gateway.clone(), approval.id.clone());
        let details = self.gateway.store().read(move |snapshot| gateway.details(snapshot, &approved)).await;
        let details = details.map_err(|error| server_error(&error))?;
        let request = &AuthRequest { details, ..request.clone() };
        let scope = granted(&request.scope, client);
        let refresh_token = is_offline(&scope).then(|| new_token(&*self.ports.random));
        let grant = Grant {
            refresh_token: refresh_token.as_ref(),
            is_pushed: true,
            ..Grant::first(auth_req_id, request, &scope, &approval)
        };
        let body = with_auth_req_id(auth_req_id, &self.tokens_for(client, &grant)?);
        let now = self.ports.clock.now();
        let family = refresh_token.map(|token| (token, family(request, &scope, client, None, now)));
        let (issuance, id) = (self.clone(), request.id);
        let stored = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<Secret, TokenRefusal> {
            let request = store::find(tx, &id)?.ok_or_else(|| TokenRefusal::OAuth(already_redeemed()))?;
            if issuance.approval_of_request(tx, &request, now)?.as_ref() != Some(&approval) {
                return Err(TokenRefusal::OAuth(server_error(&ApprovalChanged)));
            }
            if !store::redeem(tx, &id, now)? {
                return Err(TokenRefusal::OAuth(already_redeemed()));
            }
            if let Some((token, family)) = &family {
                store::begin_family(tx, family, &Hash::of(token.expose()))?;
            }
            outbox::store_body(tx, row, &body)?.ok_or_else(|| TokenRefusal::OAuth(already_redeemed()))
        });
        stored.await.map_err(|error: TokenRefusal| OAuthError::from(error))
    }

    /// The body of a token response. If a client never receives the first tokens of a request, it gets no others: an
    /// auth_req_id is redeemed once.
    ///
    /// # Errors
    /// `server_error` if signing fails.
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
        self.tokens
            .respond(&contents, self.ports.clock.now(), &*self.ports.random)
            .map_err(|error| server_error(&error))
    }
}

/// The token response with `auth_req_id` as its first member (CIBA Core §10.3.1); other bytes are unchanged.
fn with_auth_req_id(auth_req_id: &str, response: &str) -> Secret {
    let members = response.strip_prefix('{').unwrap_or(response);
    let id = serde_json::to_string(auth_req_id).expect("a string serialises");
    Secret::new(format!("{{\"auth_req_id\":{id},{members}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_the_token_response_with_the_auth_req_id() {
        let response = r#"{"access_token":"a","authorization_details": [ ] }"#;
        let pushed = with_auth_req_id("ar_\"1", response);
        assert_eq!(pushed.expose(), r#"{"auth_req_id":"ar_\"1","access_token":"a","authorization_details": [ ] }"#);
    }
}
