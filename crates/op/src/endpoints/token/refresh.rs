//! The refresh grant (RFC 6749 §6): new tokens for an approval that its person gave for a longer time (`offline_access`). Each use
//! makes the next refresh token; one that is used again ends them all (RFC 9700 §4.14.2).

use std::sync::Arc;

use countersign_gateway::{Approval, NotRedeemable};
use countersign_protocol::clock::Timestamp;
use countersign_protocol::hash::Hash;
use countersign_store::{Error as StoreError, Transaction};

use crate::config::Client;
use crate::delivery::Event;
use crate::grant::resource::Resources;
use crate::http::{ErrorCode, Form, OAuthError};
use crate::issuance::approval_status::TokenRefusal;
use crate::issuance::redeem::Grant;
use crate::issuance::refresh_token::new_token;
use crate::issuance::sender_constraint::Confirmation;
use crate::server::Inner;
use crate::store::{self, Family, KeptFamily, directory_entries};

/// For how long, in seconds, a token that was used may be shown again as long as its successor was not: the reply may have been
/// lost. Its client gets another successor, and the lost one is void.
const REPEATABLE: u64 = 30;

/// What a refresh token brings, and which resources the access token is for; `None` for one that was used before, whose family has ended.
type Shown = Option<(Family, Resources, Approval)>;

impl Inner {
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
        self.refreshes.check(&client.client_id, per_minute, now).map_err(|seconds| {
            OAuthError::new(ErrorCode::RateLimited, "this client refreshes too often").with_retry_after(seconds)
        })?;
        let wanted = form.get("scope").map(str::to_owned);
        let next = new_token(&*self.ports.random);
        let (used, next_hash) = (Hash::of(token), Hash::of(next.expose()));
        let (inner, asker, narrower) = (self.clone(), client.clone(), wanted.clone());
        let named = Resources::named(form, client);
        let shown = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<Shown, TokenRefusal> {
            let kept = inner.family_of(tx, &used, &asker, confirmation, now)?;
            let since = match kept.previous {
                _ if used == kept.current => now,
                Some((previous, at)) if used == previous && now < at.plus_seconds(REPEATABLE) => at,
                _ => {
                    store::end_family(tx, kept.id, now)?;
                    let Family { sub, client_id, approval, .. } = &kept.family;
                    let approval = approval.as_str();
                    inner.clerk.note(tx, &Event::RefreshReuse { sub, client_id, approval })?;
                    return Ok(None);
                }
            };
            check_scope(narrower.as_deref(), &kept.family.scope)?;
            let resources = kept.family.resources.narrowed_to(&named).map_err(TokenRefusal::Answer)?;
            let approval = inner.approval_of_family(tx, &kept.family)?;
            store::rotate(tx, kept.id, (&used, since), &next_hash)?;
            Ok(Some((kept.family, resources, approval)))
        });
        let Some((family, resources, approval)) = shown.await.map_err(|error: TokenRefusal| OAuthError::from(error))?
        else {
            let client_id = client.client_id.as_str();
            tracing::warn!(client_id, "refresh_reuse: a refresh token was used a second time; all of its family ended");
            return Err(invalid(
                "this refresh token was used before: whoever has it, none of its family is worth anything now",
            ));
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
        self.tokens_for(client, &grant)
    }

    /// The family of a token that this client shows, if it is worth something still.
    fn family_of(
        &self,
        tx: &Transaction<'_>,
        token: &Hash,
        client: &Client,
        confirmation: Option<Confirmation>,
        now: Timestamp,
    ) -> Result<KeptFamily, TokenRefusal> {
        let found = store::family_of(tx, token)?.filter(|kept| kept.family.client_id == client.client_id);
        let Some(kept) = found else { return refused("the refresh token is not known, or belongs to another client") };
        if kept.has_ended {
            return refused("this refresh token was given up, or one of its family was used twice");
        }
        if now >= kept.family.ends_at {
            return refused("the time of this refresh token is over: make a new authentication request");
        }
        // A key of another is no proof; a family without a binding may be shown with any.
        if kept.family.binding.is_some() && kept.family.binding != confirmation {
            return refused("this refresh token is bound to another key or certificate than came with the request");
        }
        Ok(kept)
    }

    /// The approval that a family rests on, if person and device are still good and nobody disputed it.
    fn approval_of_family(&self, tx: &Transaction<'_>, family: &Family) -> Result<Approval, TokenRefusal> {
        if self.user_in(tx, &family.sub)?.is_none_or(|person| person.locked) {
            return refused("the user was locked or removed since the approval");
        }
        match self.gateway.redeemable(tx, &family.approval) {
            Ok(approval) => Ok(approval),
            Err(NotRedeemable::Disputed) => refused("the user disputed the approval"),
            Err(NotRedeemable::DeviceRevoked) => refused("the device that approved was revoked"),
            Err(NotRedeemable::Store(StoreError::MissingRow)) => {
                refused("the approval is forgotten: make a new authentication request")
            }
            Err(other) => Err(TokenRefusal::Gateway(other)),
        }
    }

    /// Ends what clients had that stand neither in the configuration nor beside it any more, so that another of the same name
    /// finds nothing.
    pub(crate) fn end_families_of_unknown_clients(&self) -> Result<(), StoreError> {
        let gone = self.gateway.store().read_blocking(|snapshot| {
            let mut gone = store::clients_with_families(snapshot)?;
            gone.retain(|client_id| self.clients.get(client_id).is_none());
            let beside = gone.iter().map(|client_id| directory_entries::client(snapshot, client_id));
            let beside = beside.collect::<Result<Vec<_>, StoreError>>()?;
            Ok(gone.into_iter().zip(beside).filter(|(_, row)| row.is_none()).map(|(client_id, _)| client_id).collect())
        });
        let (gone, now): (Vec<String>, _) = (gone?, self.ports.clock.now());
        if gone.is_empty() {
            return Ok(());
        }
        let ended = self.gateway.store().write_blocking(move |tx: &Transaction<'_>| {
            gone.iter().try_for_each(|client_id| store::end_families_of_client(tx, client_id, now))
        });
        ended.map_err(StoreError::from)
    }

    /// Gives up a refresh token of this client, and with it its family (RFC 7009 §2.1).
    pub(crate) async fn end_family_of(&self, token: &str, client: &Client) -> Result<(), OAuthError> {
        let (token, client_id, now) = (Hash::of(token), client.client_id.clone(), self.ports.clock.now());
        let ended = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<(), StoreError> {
            match store::family_of(tx, &token)?.filter(|kept| kept.family.client_id == client_id) {
                Some(kept) => store::end_family(tx, kept.id, now),
                None => Ok(()),
            }
        });
        ended.await.map_err(|error| crate::server::failed(&error))
    }

    /// What introspection says of a refresh token of this client that would be taken now (RFC 7662 §2.2).
    pub(crate) async fn introspected_family(
        self: &Arc<Self>,
        token: &str,
        client: &Arc<Client>,
    ) -> Result<Option<String>, OAuthError> {
        let (inner, asker, token, now) = (self.clone(), client.clone(), Hash::of(token), self.ports.clock.now());
        let found = self.gateway.store().read(move |snapshot| {
            let found = store::family_of(snapshot, &token)?.filter(|kept| {
                let is_current = kept.current == token && !kept.has_ended && now < kept.family.ends_at;
                is_current && kept.family.client_id == asker.client_id
            });
            let Some(kept) = found else { return Ok(None) };
            let person = inner.user_in(snapshot, &kept.family.sub)?.filter(|person| !person.locked);
            let stands = inner.gateway.redeemable(snapshot, &kept.family.approval).is_ok();
            Ok(person.filter(|_| stands).map(|_| kept.family))
        });
        let family = found.await.map_err(|error| crate::server::failed(&error))?;
        Ok(family.map(|family| {
            let mut members = serde_json::json!({
                "active": true,
                "iss": self.config.issuer.as_str(),
                "client_id": family.client_id,
                "sub": family.sub,
                "scope": family.scope,
                "exp": family.ends_at.seconds(),
            });
            if let Some(binding) = family.binding {
                members["cnf"] = serde_json::json!(binding);
            }
            members.to_string()
        }))
    }
}

/// RFC 6749 §6: nothing that was not granted.
fn check_scope(wanted: Option<&str>, granted: &str) -> Result<(), TokenRefusal> {
    let Some(wanted) = wanted else { return Ok(()) };
    let is_granted = |name: &str| granted.split(' ').any(|known| known == name);
    match wanted.split(' ').find(|name| !is_granted(name)) {
        Some(_) => Err(TokenRefusal::Answer(OAuthError::new(
            ErrorCode::InvalidScope,
            "scope has a name in it that was not granted before",
        ))),
        None if !wanted.split(' ').any(|name| name == "openid") => {
            Err(TokenRefusal::Answer(OAuthError::new(ErrorCode::InvalidScope, "scope must have openid in it")))
        }
        None => Ok(()),
    }
}

fn refused<T>(what: &str) -> Result<T, TokenRefusal> {
    Err(TokenRefusal::Answer(invalid(what)))
}

fn invalid(what: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, what)
}
