//! Families of refresh tokens: whether one is still good, what introspection tells of it, and its end (RFC 6749 §6, RFC 7009 §2.1).

use std::sync::Arc;

use countersign_gateway::{Approval, NotRedeemable};
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_store::{Error as StoreError, Transaction};

use crate::config::Client;
use crate::grant::confirmation::Confirmation;
use crate::http::{ErrorCode, OAuthError};
use crate::issuance::Issuance;
use crate::issuance::approval_status::TokenRefusal;
use crate::store::{self, Family, StoredFamily, directory_entries};

impl Issuance {
    /// The family of a token that this client shows, if it is worth something still.
    pub(crate) fn family_of(
        &self,
        tx: &Transaction<'_>,
        token: &Hash,
        client: &Client,
        confirmation: Option<Confirmation>,
        now: Timestamp,
    ) -> Result<StoredFamily, TokenRefusal> {
        let found = store::family_of(tx, token)?.filter(|kept| kept.family.client_id == client.client_id);
        let Some(kept) = found else { return refused("the refresh token is not known, or belongs to another client") };
        if kept.has_ended {
            return refused("this refresh token was revoked, or one of its family was used twice");
        }
        if now >= kept.family.ends_at {
            return refused("this refresh token has expired: make a new authentication request");
        }
        // A key of another is no proof; a family without a binding may be shown with any.
        if kept.family.binding.is_some() && kept.family.binding != confirmation {
            return refused("this refresh token is bound to a key or certificate that did not come with the request");
        }
        Ok(kept)
    }

    /// The approval that a family rests on, if person and device are still good and nobody disputed it.
    pub(crate) fn approval_of_family(&self, tx: &Transaction<'_>, family: &Family) -> Result<Approval, TokenRefusal> {
        if self.directory.user_in(tx, &family.sub)?.is_none_or(|person| person.locked) {
            return refused("the user was locked or removed since the approval");
        }
        match self.gateway.redeemable(tx, &family.approval) {
            Ok(approval) => Ok(approval),
            Err(NotRedeemable::Disputed) => refused("the user disputed the approval"),
            Err(NotRedeemable::DeviceRevoked) => refused("the device that approved was revoked"),
            Err(NotRedeemable::Store(StoreError::MissingRow)) => {
                refused("the approval is no longer stored: make a new authentication request")
            }
            Err(other) => Err(TokenRefusal::Gateway(other)),
        }
    }

    /// Ends what clients had that stand neither in the configuration nor beside it any more, so that another of the same name
    /// finds nothing.
    pub(crate) fn end_families_of_unknown_clients(&self) -> Result<(), StoreError> {
        let gone = self.gateway.store().read_blocking(|snapshot| {
            let mut gone = store::clients_with_families(snapshot)?;
            gone.retain(|client_id| self.directory.configured_clients().get(client_id).is_none());
            let beside = gone.iter().map(|client_id| directory_entries::client(snapshot, client_id));
            let beside = beside.collect::<Result<Vec<_>, StoreError>>()?;
            Ok(gone.into_iter().zip(beside).filter(|(_, row)| row.is_none()).map(|(client_id, _)| client_id).collect())
        });
        let (gone, now): (Vec<String>, _) = (gone?, self.ports.clock.now());
        if gone.is_empty() {
            return Ok(());
        }
        self.gateway.store().write_blocking(move |tx: &Transaction<'_>| {
            gone.iter().try_for_each(|client_id| store::end_families_of_client(tx, client_id, now))
        })
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
        ended.await.map_err(|error| crate::http::failed(&error))
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
            let person = inner.directory.user_in(snapshot, &kept.family.sub)?.filter(|person| !person.locked);
            let stands = inner.gateway.redeemable(snapshot, &kept.family.approval).is_ok();
            Ok(person.filter(|_| stands).map(|_| kept.family))
        });
        let family = found.await.map_err(|error| crate::http::failed(&error))?;
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

fn refused<T>(what: &str) -> Result<T, TokenRefusal> {
    Err(TokenRefusal::Answer(OAuthError::new(ErrorCode::InvalidGrant, what)))
}
