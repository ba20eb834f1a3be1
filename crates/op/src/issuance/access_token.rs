//! An access token that somebody shows: whether it is one of this provider's, and still worth something.

use std::sync::Arc;

use countersign_gateway::NotRedeemable;
use countersign_jose::clock::Timestamp;
use countersign_jose::json::Json;
use countersign_jose::jwt::{SigningAlg, verify};
use countersign_protocol::id::ApprovalId;
use countersign_store::{Error as StoreError, Snapshot};

use crate::grant::confirmation::Confirmation;
use crate::issuance::Issuance;
use crate::store;

/// An access token that is good now.
pub(crate) struct VerifiedAccessToken {
    /// Its claims, with every number as it was written.
    pub(crate) claims: Json,
    /// The same as they were signed.
    pub(crate) payload: Vec<u8>,
    pub(crate) sub: String,
    pub(crate) client_id: String,
    pub(crate) scope: String,
    pub(crate) jti: String,
    pub(crate) until: Timestamp,
    pub(crate) confirmation: Option<Confirmation>,
}

impl Issuance {
    /// Reads an access token. `None` for one that is not this provider's, has ended, was revoked, or whose person, client or
    /// approval is not what it was: locked, removed, disputed.
    pub(crate) async fn access(self: &Arc<Self>, token: &str) -> Result<Option<VerifiedAccessToken>, StoreError> {
        let Some(access) = self.verify_signature(token) else { return Ok(None) };
        if self.ports.clock.now() >= access.until {
            return Ok(None);
        }
        let inner = self.clone();
        let good = self.gateway.store().read(move |snapshot| Ok(inner.is_good(snapshot, &access)?.then_some(access)));
        good.await
    }

    /// Whether a token that is not over by itself may still be used.
    fn is_good(&self, snapshot: &Snapshot<'_>, access: &VerifiedAccessToken) -> Result<bool, StoreError> {
        Ok(!store::is_revoked(snapshot, &access.jti)?
            && self.directory.user_in(snapshot, &access.sub)?.is_some_and(|person| !person.locked)
            && self.directory.client_in(snapshot, &access.client_id)?.is_some()
            && self.stands(snapshot, &access.claims)?)
    }

    /// A token by its signature and form alone, over or not.
    pub(crate) fn verify_signature(&self, token: &str) -> Option<VerifiedAccessToken> {
        let held = self.tokens.keys().held();
        let verified = verify(token, held.verifying(), &SigningAlg::ALL, |typ| typ == Some("at+jwt")).ok()?;
        let claims = verified.claims;
        let text = |name: &str| claims.get(name).and_then(Json::as_str).map(str::to_owned);
        if text("iss")? != self.config.issuer.as_str() {
            return None;
        }
        let Some(Json::Number(exp)) = claims.get("exp") else { return None };
        let cnf = |name: &str| claims.get("cnf").and_then(|cnf| cnf.get(name)).and_then(Json::as_str)?.parse().ok();
        let confirmation = cnf("jkt").map(Confirmation::Key).or_else(|| cnf("x5t#S256").map(Confirmation::Certificate));
        // A binding of a kind that is not known here must not count as none.
        if claims.get("cnf").is_some() && confirmation.is_none() {
            return None;
        }
        Some(VerifiedAccessToken {
            sub: text("sub")?,
            client_id: text("client_id")?,
            scope: text("scope")?,
            jti: text("jti")?,
            until: Timestamp::from_seconds(exp.parse().ok()?),
            confirmation,
            payload: verified.payload,
            claims,
        })
    }

    /// Whether the approval that a token rests on still stands.
    fn stands(&self, snapshot: &Snapshot<'_>, claims: &Json) -> Result<bool, StoreError> {
        let id = claims.get("approval").and_then(|approval| approval.get("id")).and_then(Json::as_str);
        let Some(id) = id.and_then(|id| id.parse::<ApprovalId>().ok()) else { return Ok(false) };
        // What was given up, or used twice, takes the access tokens with it.
        if store::has_family_ended(snapshot, &id)? {
            return Ok(false);
        }
        match self.gateway.redeemable(snapshot, &id) {
            Ok(_) => Ok(true),
            // A device that was revoked later took nothing back of what it had approved.
            Err(NotRedeemable::DeviceRevoked) => Ok(true),
            Err(NotRedeemable::Store(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }
}
