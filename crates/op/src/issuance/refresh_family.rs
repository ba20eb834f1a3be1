//! Families of refresh tokens: validity, introspection (RFC 7662) and revocation (RFC 7009 §2.1).

use std::sync::Arc;

use countersign_gateway::{Approval, NotRedeemable};
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_store::{Error as StoreError, Transaction};

use crate::config::Client;
use crate::grant::confirmation::Confirmation;
use crate::http::{ErrorCode, OAuthError, server_error};
use crate::issuance::Issuance;
use crate::issuance::approval_status::TokenRefusal;
use crate::store::{self, Owner, StoredFamily, directory_entries};

impl Issuance {
    /// The family of this client's token, unless it is revoked or expired.
    ///
    /// # Errors
    /// `invalid_grant`, as [`TokenRefusal`].
    pub(crate) fn family_of(
        &self,
        tx: &Transaction<'_>,
        token: &Hash,
        client: &Client,
        confirmation: Option<Confirmation>,
        now: Timestamp,
    ) -> Result<StoredFamily, TokenRefusal> {
        let found = store::family_of(tx, token)?.filter(|stored| stored.family.client_id == client.client_id);
        let Some(stored) = found else {
            return refused("the refresh token is not known, or belongs to another client");
        };
        if stored.has_ended {
            return refused("this refresh token was revoked, or one of its family was used twice");
        }
        if now >= stored.family.ends_at {
            return refused("this refresh token has expired: make a new authentication request");
        }
        // A family without a binding may be used with any key.
        if stored.family.binding.is_some() && stored.family.binding != confirmation {
            return refused("this refresh token is bound to a key or certificate that did not come with the request");
        }
        Ok(stored)
    }

    /// The family's approval; otherwise why it gives no tokens any more: disputed, its device revoked, its user locked or
    /// removed, or ended with everything of its user or client.
    ///
    /// # Errors
    /// The store's error, as [`TokenRefusal`].
    pub(crate) fn approval_of_family(
        &self,
        tx: &Transaction<'_>,
        stored: &StoredFamily,
    ) -> Result<Result<Approval, &'static str>, TokenRefusal> {
        let family = &stored.family;
        if self.directory.user_in(tx, &family.sub)?.is_none_or(|user| user.locked) {
            return Ok(Err("the user was locked or removed since the approval"));
        }
        if stored.ended_with_all {
            return Ok(Err("this refresh token was revoked, or everything of its user or client was ended"));
        }
        match self.gateway.redeemable(tx, &family.approval) {
            Ok(approval) => Ok(Ok(approval)),
            Err(NotRedeemable::Disputed) => Ok(Err("the user disputed the approval")),
            Err(NotRedeemable::DeviceRevoked) => Ok(Err("the device that approved was revoked")),
            Err(NotRedeemable::Store(StoreError::MissingRow)) => {
                Ok(Err("the approval is no longer stored: make a new authentication request"))
            }
            Err(other) => Err(TokenRefusal::Gateway(other)),
        }
    }

    /// Ends everything that clients which exist neither in the configuration nor in the store, and users whom the
    /// configuration locks, have not redeemed: a later client with the same id can't use it, and the end of a lock does not
    /// give it back. Blocks the thread.
    pub(crate) fn end_everything_of_removed_and_locked(&self) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        let removed = self.gateway.store().read_blocking(|snapshot| {
            let mut unknown = store::clients_with_grants(snapshot, now)?;
            unknown.retain(|client_id| self.directory.configured_clients().get(client_id).is_none());
            let rows = unknown.iter().map(|client_id| directory_entries::client(snapshot, client_id));
            let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
            Ok(unknown.into_iter().zip(rows).filter(|(_, row)| row.is_none()).map(|(client_id, _)| client_id).collect())
        });
        let removed: Vec<String> = removed?;
        let locked = self.config.users.iter().filter(|user| user.locked);
        let locked: Vec<String> = locked.map(|user| user.sub.as_str().to_owned()).collect();
        if removed.is_empty() && locked.is_empty() {
            return Ok(());
        }
        self.gateway.store().write_blocking(move |tx: &Transaction<'_>| {
            let removed = removed.iter().map(|client_id| Owner::Client(client_id));
            let mut owners = removed.chain(locked.iter().map(|sub| Owner::User(sub)));
            owners.try_for_each(|owner| store::end_everything_of(tx, owner, now))
        })
    }

    /// Revokes the family of this client's token (RFC 7009 §2.1); no error for an unknown one.
    pub(crate) async fn end_family_of(&self, token: &str, client: &Client) -> Result<(), OAuthError> {
        let (token, client_id, now) = (Hash::of(token), client.client_id.clone(), self.ports.clock.now());
        let ended = self.gateway.store().write(move |tx: &Transaction<'_>| -> Result<(), StoreError> {
            match store::family_of(tx, &token)?.filter(|stored| stored.family.client_id == client_id) {
                Some(stored) => {
                    store::token_used(tx, &token)?;
                    store::end_family(tx, stored.id, now)
                }
                None => Ok(()),
            }
        });
        ended.await.map_err(|error| server_error(&error))
    }

    /// Introspection response for this client's refresh token (RFC 7662 §2.2); `None` if it is not active.
    pub(crate) async fn introspected_family(
        self: &Arc<Self>,
        token: &str,
        client: &Arc<Client>,
    ) -> Result<Option<String>, OAuthError> {
        let (issuance, requester, token, now) = (self.clone(), client.clone(), Hash::of(token), self.ports.clock.now());
        let found = self.gateway.store().read(move |snapshot| {
            let found = store::family_of(snapshot, &token)?.filter(|stored| {
                let has_ended = stored.has_ended || stored.ended_with_all;
                let is_current = stored.current == token && !has_ended && now < stored.family.ends_at;
                is_current && stored.family.client_id == requester.client_id
            });
            let Some(stored) = found else { return Ok(None) };
            let user = issuance.directory.user_in(snapshot, &stored.family.sub)?.filter(|user| !user.locked);
            let holds = issuance.gateway.redeemable(snapshot, &stored.family.approval).is_ok();
            Ok(user.filter(|_| holds).map(|_| stored.family))
        });
        let family = found.await.map_err(|error| server_error(&error))?;
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

fn refused<T>(description: &str) -> Result<T, TokenRefusal> {
    Err(TokenRefusal::OAuth(OAuthError::new(ErrorCode::InvalidGrant, description)))
}
