//! `redeem_grace`: the token response of a request is kept, and the very same bytes are sent again to the same client and
//! sender key for a short time, until one of its tokens was used. A lost response is then no lost approval.

use std::sync::Arc;

use countersign_gateway::{Approval, Verdict};
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_store::Transaction;
use serde::Deserialize;

use super::TokenEndpoint;
use super::ciba::Poll;
use crate::auth0;
use crate::http::{OAuthError, server_error};
use crate::issuance::approval_status::{TokenRefusal, already_redeemed};
use crate::issuance::redeem::ApprovalChanged;
use crate::issuance::refresh_token::{family, granted, is_offline};
use crate::sealed::{self, Purpose};
use crate::store::{self, AuthRequest, KeptResponse};

/// The members of a token response that count as used.
#[derive(Deserialize)]
struct ResponseTokens {
    access_token: String,
    refresh_token: Option<String>,
    id_token: Option<String>,
}

impl TokenEndpoint {
    /// Makes the tokens of an approval, then redeems the request and keeps the response in one transaction, if the approval
    /// is unchanged: no crash redeems a request without a response that can be had again.
    ///
    /// # Errors
    /// Those of a poll.
    pub(super) async fn redeem_and_keep(
        self: &Arc<Self>,
        poll: &Poll<'_>,
        request: &AuthRequest,
        approval: Approval,
    ) -> Result<String, OAuthError> {
        let client = poll.client;
        let scope = granted(&request.scope, client);
        let response = self.issuance.tokens_for(client, &poll.grant(request, &scope, &approval))?;
        let now = self.ports.clock.now();
        let kept = self.kept(poll, &response, now)?;
        let (endpoint, requester, id) = (self.clone(), client.clone(), request.id);
        let details = request.details.clone();
        let (refresh, binding) = (Hash::of(poll.refresh.expose()), poll.confirmation);
        let redeemed = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<bool, TokenRefusal> {
            let request = endpoint.request_of(tx, &id, &requester)?;
            if request.redeemed {
                return Ok(false);
            }
            if endpoint.issuance.approval_of_request(tx, &request, now)?.as_ref() != Some(&approval) {
                return Err(TokenRefusal::OAuth(server_error(&ApprovalChanged)));
            }
            if !store::redeem(tx, &id, now)? {
                return Ok(false);
            }
            let request = AuthRequest { details: details.clone(), ..request };
            if is_offline(&scope) {
                store::begin_family(tx, &family(&request, &scope, &requester, binding, now), &refresh)?;
            }
            store::keep_response(tx, &kept)?;
            Ok(true)
        });
        let refused = |error: TokenRefusal| {
            auth0::translate_expired(OAuthError::from(error).with_reference(request.reference()), client)
        };
        if redeemed.await.map_err(refused)? {
            return Ok(response);
        }
        // Another poll was faster: its response is the one.
        let (endpoint, requester) = (self.clone(), client.clone());
        let sealed = self.gateway.store().write(move |tx: &Transaction<'_>| {
            let request = endpoint.request_of(tx, &id, &requester)?;
            endpoint.kept_response_of(tx, &request, now)
        });
        poll.repeated(&sealed.await.map_err(refused)?)
    }

    /// The sealed response of a redeemed request, if it may be repeated: within the client's `redeem_grace`, none of its
    /// tokens used, and the approval as good as it was.
    ///
    /// # Errors
    /// `invalid_grant`, or why the approval counts no more.
    pub(super) fn kept_response_of(
        &self,
        tx: &Transaction<'_>,
        request: &AuthRequest,
        now: Timestamp,
    ) -> Result<Vec<u8>, TokenRefusal> {
        let kept = store::kept_response(tx, &request.id, now)?;
        let Some(sealed) = kept else { return Err(TokenRefusal::OAuth(already_redeemed())) };
        match self.gateway.verdict(tx, &request.approval.id)? {
            Verdict::Approved(approval) => self.issuance.check_holds(tx, request, &approval)?,
            _ => return Err(TokenRefusal::OAuth(already_redeemed())),
        }
        Ok(sealed)
    }

    fn kept(&self, poll: &Poll<'_>, response: &str, now: Timestamp) -> Result<KeptResponse, OAuthError> {
        let tokens: ResponseTokens = serde_json::from_str(response).map_err(|error| server_error(&error))?;
        Ok(KeptResponse {
            request: poll.id,
            sealed: sealed::seal(
                Purpose::Tokens,
                poll.auth_req_id,
                poll.context().as_bytes(),
                response,
                &*self.ports.random,
            ),
            access_token: Hash::of(&tokens.access_token),
            refresh_token: tokens.refresh_token.as_ref().map(Hash::of),
            id_token: tokens.id_token.as_ref().map(Hash::of),
            until: now.plus_millis(u64::try_from(poll.client.policy.redeem_grace.as_millis()).unwrap_or(0)),
        })
    }
}

impl Poll<'_> {
    /// What a repeated response is bound to: the sender's key or certificate, and the resources it asks for.
    fn context(&self) -> String {
        let sender = serde_json::to_string(&self.confirmation).expect("hashes serialize");
        format!("{sender} {}", self.resources.to_column().unwrap_or_default())
    }

    /// Opens a kept response for this client.
    ///
    /// # Errors
    /// `invalid_grant` for another sender key or other resources than it was made for.
    pub(super) fn repeated(&self, sealed: &[u8]) -> Result<String, OAuthError> {
        let context = self.context();
        let response = sealed::open(Purpose::Tokens, self.auth_req_id, context.as_bytes(), sealed);
        let response: Secret = response.ok_or_else(already_redeemed)?;
        let client_id = self.client.client_id.as_str();
        tracing::info!(client_id, "a token response is repeated within redeem_grace");
        Ok(response.expose().to_owned())
    }
}
