//! Refresh grant (RFC 6749 §6): new tokens for an approval with `offline_access`. Refresh tokens rotate with each use;
//! reuse of an old one revokes its whole family (RFC 9700 §4.14.2).

use std::sync::Arc;

use countersign_gateway::Approval;
use countersign_jose::hash::Hash;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_store::Transaction;

use super::TokenEndpoint;
use crate::config::Client;
use crate::delivery::Event;
use crate::grant::confirmation::Confirmation;
use crate::grant::resource::Resources;
use crate::http::{ErrorCode, Form, OAuthError};
use crate::issuance::approval_status::TokenRefusal;
use crate::issuance::redeem::Grant;
use crate::issuance::refresh_token::new_token;
use crate::store::{self, Family};

/// How long a used token is accepted again while its successor is unused, in seconds: the response may have been lost.
/// The client gets another successor; the lost one is void.
const RETRY_SECONDS: u64 = 30;

/// What a refresh token is worth.
enum RefreshedGrant {
    /// The family, the access token's resources and the approval.
    Fresh(Box<(Family, Resources, Approval)>),
    /// It was used a second time, which ended its family.
    Reused,
    /// Nothing any more, which ended its family: what is told is final.
    Ended(&'static str),
}

impl TokenEndpoint {
    /// The token response for a refresh token.
    ///
    /// # Errors
    /// `invalid_grant` for an unknown, expired or revoked token or another client's, `invalid_scope` for a scope that
    /// was not granted, `rate_limited`.
    pub(super) async fn refresh(
        self: &Arc<Self>,
        form: &Form,
        client: &Arc<Client>,
        confirmation: Option<Confirmation>,
    ) -> Result<String, OAuthError> {
        let Some(token) = form.get("refresh_token") else {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "refresh_token is missing"));
        };
        // Each use stores a row until the family ends.
        let (per_minute, now) = (client.policy.requests_per_minute, self.ports.clock.now());
        self.refresh_limit.check(&client.client_id, per_minute, now).map_err(|seconds| {
            OAuthError::new(ErrorCode::RateLimited, "this client sends too many refresh requests")
                .with_retry_after(seconds)
        })?;
        let requested_scope = form.get("scope").map(str::to_owned);
        let next = new_token(&*self.ports.random);
        let (used, next_hash) = (Hash::of(token), Hash::of(next.expose()));
        let (endpoint, requester, narrowed_scope) = (self.clone(), client.clone(), requested_scope.clone());
        let named = Resources::in_form(form, client);
        let rotated = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<RefreshedGrant, TokenRefusal> {
            let stored = endpoint.issuance.family_of(tx, &used, &requester, confirmation, now)?;
            let since = match stored.previous {
                _ if used == stored.current => now,
                Some((previous, at)) if used == previous && now < at.plus_seconds(RETRY_SECONDS) => at,
                _ => {
                    store::end_family(tx, stored.id, now)?;
                    let Family { sub, client_id, approval, .. } = &stored.family;
                    let r#ref = ApprovalRef::of(approval);
                    let approval = approval.as_str();
                    endpoint.recorder.note(tx, &Event::RefreshReuse { sub, client_id, approval, r#ref })?;
                    return Ok(RefreshedGrant::Reused);
                }
            };
            check_scope(narrowed_scope.as_deref(), &stored.family.scope)?;
            let resources = stored.family.resources.narrowed_to(&named).map_err(TokenRefusal::OAuth)?;
            let approval = match endpoint.issuance.approval_of_family(tx, &stored)? {
                Ok(approval) => approval,
                Err(why) => {
                    store::end_family(tx, stored.id, now)?;
                    return Ok(RefreshedGrant::Ended(why));
                }
            };
            store::token_used(tx, &used)?;
            store::rotate(tx, stored.id, (&used, since), &next_hash)?;
            Ok(RefreshedGrant::Fresh(Box::new((stored.family, resources, approval))))
        });
        let (family, resources, approval) =
            match rotated.await.map_err(|error: TokenRefusal| OAuthError::from(error))? {
                RefreshedGrant::Fresh(fresh) => *fresh,
                RefreshedGrant::Reused => {
                    let client_id = client.client_id.as_str();
                    tracing::warn!(
                        client_id,
                        "refresh_reuse: a refresh token was used a second time; all of its family was revoked"
                    );
                    return Err(invalid("this refresh token was used before: every token of its family is revoked"));
                }
                RefreshedGrant::Ended(why) => return Err(invalid(why)),
            };
        let grant = Grant {
            auth_req_id: None,
            sub: &family.sub,
            scope: requested_scope.as_deref().unwrap_or(&family.scope),
            details: family.details.as_deref(),
            resources: &resources,
            approval: &approval,
            confirmation: confirmation.or(family.binding),
            refresh_token: Some(&next),
            is_pushed: false,
        };
        self.issuance.tokens_for(client, &grant)
    }
}

/// Refuses a scope beyond the granted one (RFC 6749 §6).
fn check_scope(wanted: Option<&str>, granted: &str) -> Result<(), TokenRefusal> {
    let Some(wanted) = wanted else { return Ok(()) };
    let is_granted = |name: &str| granted.split(' ').any(|known| known == name);
    match wanted.split(' ').find(|name| !is_granted(name)) {
        Some(_) => Err(TokenRefusal::OAuth(OAuthError::new(
            ErrorCode::InvalidScope,
            "scope has a value that was not granted before",
        ))),
        None if !wanted.split(' ').any(|name| name == "openid") => {
            Err(TokenRefusal::OAuth(OAuthError::new(ErrorCode::InvalidScope, "scope must contain openid")))
        }
        None => Ok(()),
    }
}

fn invalid(description: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, description)
}
