//! The refresh grant (RFC 6749 §6): new tokens for an approval that its person gave for a longer time (`offline_access`). Each use
//! makes the next refresh token; one that is used again ends them all (RFC 9700 §4.14.2).

use std::sync::Arc;

use countersign_gateway::Approval;
use countersign_jose::hash::Hash;
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

/// For how long, in seconds, a token that was used may be shown again as long as its successor was not: the reply may have been
/// lost. Its client gets another successor, and the lost one is void.
const REPEATABLE: u64 = 30;

/// What a refresh token brings, and which resources the access token is for; `None` for one that was used before, whose family has ended.
type Shown = Option<(Family, Resources, Approval)>;

impl TokenEndpoint {
    /// New tokens for a refresh token.
    ///
    /// # Errors
    /// `invalid_grant` for a token that is not this client's or worth nothing any more, `invalid_scope` for one that was not granted.
    pub(super) async fn refresh(
        self: &Arc<Self>,
        form: &Form,
        client: &Arc<Client>,
        confirmation: Option<Confirmation>,
    ) -> Result<String, OAuthError> {
        let Some(token) = form.get("refresh_token") else {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "refresh_token is missing"));
        };
        // Each use leaves a row until the family's end.
        let (per_minute, now) = (client.policy.requests_per_minute, self.ports.clock.now());
        self.refresh_limit.check(&client.client_id, per_minute, now).map_err(|seconds| {
            OAuthError::new(ErrorCode::RateLimited, "this client sends too many refresh requests")
                .with_retry_after(seconds)
        })?;
        let wanted = form.get("scope").map(str::to_owned);
        let next = new_token(&*self.ports.random);
        let (used, next_hash) = (Hash::of(token), Hash::of(next.expose()));
        let (inner, asker, narrower) = (self.clone(), client.clone(), wanted.clone());
        let named = Resources::named(form, client);
        let shown = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<Shown, TokenRefusal> {
            let kept = inner.issuance.family_of(tx, &used, &asker, confirmation, now)?;
            let since = match kept.previous {
                _ if used == kept.current => now,
                Some((previous, at)) if used == previous && now < at.plus_seconds(REPEATABLE) => at,
                _ => {
                    store::end_family(tx, kept.id, now)?;
                    let Family { sub, client_id, approval, .. } = &kept.family;
                    let approval = approval.as_str();
                    inner.recorder.note(tx, &Event::RefreshReuse { sub, client_id, approval })?;
                    return Ok(None);
                }
            };
            check_scope(narrower.as_deref(), &kept.family.scope)?;
            let resources = kept.family.resources.narrowed_to(&named).map_err(TokenRefusal::Answer)?;
            let approval = inner.issuance.approval_of_family(tx, &kept.family)?;
            store::rotate(tx, kept.id, (&used, since), &next_hash)?;
            Ok(Some((kept.family, resources, approval)))
        });
        let Some((family, resources, approval)) = shown.await.map_err(|error: TokenRefusal| OAuthError::from(error))?
        else {
            let client_id = client.client_id.as_str();
            tracing::warn!(
                client_id,
                "refresh_reuse: a refresh token was used a second time; all of its family was revoked"
            );
            return Err(invalid("this refresh token was used before: every token of its family is revoked"));
        };
        let grant = Grant {
            auth_req_id: None,
            sub: &family.sub,
            scope: wanted.as_deref().unwrap_or(&family.scope),
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

/// RFC 6749 §6: nothing that was not granted.
fn check_scope(wanted: Option<&str>, granted: &str) -> Result<(), TokenRefusal> {
    let Some(wanted) = wanted else { return Ok(()) };
    let is_granted = |name: &str| granted.split(' ').any(|known| known == name);
    match wanted.split(' ').find(|name| !is_granted(name)) {
        Some(_) => Err(TokenRefusal::Answer(OAuthError::new(
            ErrorCode::InvalidScope,
            "scope has a value that was not granted before",
        ))),
        None if !wanted.split(' ').any(|name| name == "openid") => {
            Err(TokenRefusal::Answer(OAuthError::new(ErrorCode::InvalidScope, "scope must contain openid")))
        }
        None => Ok(()),
    }
}

fn invalid(what: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, what)
}
