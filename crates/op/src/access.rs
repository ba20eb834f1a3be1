//! An access token that somebody shows: whether it is one of this provider's, and still worth something.

use countersign_gateway::{NotRedeemable, StoreError};
use countersign_protocol::clock::Timestamp;
use countersign_protocol::id::ApprovalId;
use countersign_protocol::json::Json;

use crate::confirmation::Confirmation;
use crate::jose::{SigningAlg, verify};
use crate::provider::Inner;
use crate::store;

/// An access token that is good now.
pub(crate) struct Access {
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

impl Inner {
    /// Reads an access token. `None` for one that is not this provider's, has ended, was revoked, or whose person, client or
    /// approval is not what it was: locked, removed, disputed.
    pub(crate) fn access(&self, token: &str) -> Result<Option<Access>, StoreError> {
        let Some(access) = self.signed_by_us(token) else { return Ok(None) };
        if self.ports.clock.now() >= access.until {
            return Ok(None);
        }
        let revoked = self.gateway.store().read(|connection| store::is_revoked(connection, &access.jti))?;
        let person = self.person(&access.sub)?.filter(|person| !person.locked);
        let client = self.find_client(&access.client_id)?;
        if revoked || person.is_none() || client.is_none() || !self.stands(&access.claims)? {
            return Ok(None);
        }
        Ok(Some(access))
    }

    /// A token by its signature and form alone, over or not.
    pub(crate) fn signed_by_us(&self, token: &str) -> Option<Access> {
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
        Some(Access {
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
    fn stands(&self, claims: &Json) -> Result<bool, StoreError> {
        let id = claims.get("approval").and_then(|approval| approval.get("id")).and_then(Json::as_str);
        let Some(id) = id.and_then(|id| id.parse::<ApprovalId>().ok()) else { return Ok(false) };
        let standing = self.gateway.store().read(|connection| {
            // What was given up, or used twice, takes the access tokens with it.
            let ended = store::has_family_ended(connection, &id)?;
            Ok((!ended).then(|| self.gateway.redeemable(connection, &id)))
        })?;
        let Some(standing) = standing else { return Ok(false) };
        match standing {
            Ok(_) => Ok(true),
            // A device that was revoked later took nothing back of what it had approved.
            Err(NotRedeemable::DeviceRevoked) => Ok(true),
            Err(NotRedeemable::Store(error)) => Err(error.into()),
            Err(_) => Ok(false),
        }
    }
}
