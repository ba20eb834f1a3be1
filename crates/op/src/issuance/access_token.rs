//! Verification of access tokens: signature and claims, then revocation and the state of user, client and approval.

use std::sync::Arc;

use countersign_gateway::NotRedeemable;
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::json::Json;
use countersign_jose::jwt::{SigningAlg, verify};
use countersign_protocol::id::ApprovalId;
use countersign_store::{Error as StoreError, Snapshot};

use crate::grant::confirmation::Confirmation;
use crate::issuance::Issuance;
use crate::store;

/// An access token with a valid signature.
pub(crate) struct VerifiedAccessToken {
    /// The claims, numbers as written.
    pub(crate) claims: Json,
    /// The claims' bytes, as signed.
    pub(crate) payload: Vec<u8>,
    pub(crate) sub: String,
    pub(crate) client_id: String,
    pub(crate) scope: String,
    pub(crate) jti: String,
    pub(crate) until: Timestamp,
    pub(crate) confirmation: Option<Confirmation>,
}

impl Issuance {
    /// Verifies an access token. `None` for another issuer's, an expired or revoked one, or one whose user, client or
    /// approval was locked, removed or disputed.
    ///
    /// # Errors
    /// [`StoreError`] if the store can't be read.
    pub(crate) async fn active_access_token(
        self: &Arc<Self>,
        token: &str,
    ) -> Result<Option<VerifiedAccessToken>, StoreError> {
        let Some(access) = self.verify_signature(token) else { return Ok(None) };
        if self.ports.clock.now() >= access.until {
            return Ok(None);
        }
        let (issuance, hash) = (self.clone(), Hash::of(token));
        let active = self.gateway.store().read(move |snapshot| {
            if !issuance.is_active(snapshot, &access)? {
                return Ok(None);
            }
            Ok(Some((access, store::is_kept(snapshot, &hash)?)))
        });
        let Some((access, is_kept)) = active.await? else { return Ok(None) };
        if is_kept {
            // Whoever uses it has received it.
            self.gateway.store().write(move |tx| store::token_used(tx, &hash)).await?;
        }
        Ok(Some(access))
    }

    /// Whether an unexpired token is neither revoked nor left without user, client or approval, and rests on an approval that began
    /// after everything of its user or client was last ended: an ending ends the approvals before it, and with them whatever would
    /// be issued for them. The approval's id tells its time in milliseconds; `iat`, in whole seconds, could not tell a lock that was
    /// lifted at once from what was approved after it.
    fn is_active(&self, snapshot: &Snapshot<'_>, access: &VerifiedAccessToken) -> Result<bool, StoreError> {
        let id = access.claims.get("approval").and_then(|approval| approval.get("id")).and_then(Json::as_str);
        let Some(approval) = id.and_then(|id| id.parse::<ApprovalId>().ok()) else { return Ok(false) };
        let ended = store::last_ending(snapshot, &access.client_id, &access.sub)?;
        Ok(!store::is_revoked(snapshot, &access.jti)?
            && ended.is_none_or(|at| approval.made_at() > at)
            && self.directory.user_in(snapshot, &access.sub)?.is_some_and(|user| !user.locked)
            && self.directory.client_in(snapshot, &access.client_id)?.is_some()
            && self.approval_holds(snapshot, &approval)?)
    }

    /// Verifies signature and form alone; the token may have expired.
    pub(crate) fn verify_signature(&self, token: &str) -> Option<VerifiedAccessToken> {
        let keys = self.tokens.keys().current();
        let verified = verify(token, keys.verifying(), &SigningAlg::ALL, |typ| typ == Some("at+jwt")).ok()?;
        let claims = verified.claims;
        let string = |name: &str| claims.get(name).and_then(Json::as_str).map(str::to_owned);
        if string("iss")? != self.config.issuer.as_str() {
            return None;
        }
        let seconds = |name: &str| match claims.get(name) {
            Some(Json::Number(literal)) => literal.parse().ok().map(Timestamp::from_seconds),
            _ => None,
        };
        let cnf = |name: &str| claims.get("cnf").and_then(|cnf| cnf.get(name)).and_then(Json::as_str)?.parse().ok();
        let confirmation = cnf("jkt").map(Confirmation::Key).or_else(|| cnf("x5t#S256").map(Confirmation::Certificate));
        // An unknown confirmation method must not count as none.
        if claims.get("cnf").is_some() && confirmation.is_none() {
            return None;
        }
        Some(VerifiedAccessToken {
            sub: string("sub")?,
            client_id: string("client_id")?,
            scope: string("scope")?,
            jti: string("jti")?,
            until: seconds("exp")?,
            confirmation,
            payload: verified.payload,
            claims,
        })
    }

    /// Whether the token's approval is still valid.
    fn approval_holds(&self, snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<bool, StoreError> {
        // Revoking a family revokes its access tokens.
        if store::has_family_ended(snapshot, approval)? {
            return Ok(false);
        }
        match self.gateway.redeemable(snapshot, approval) {
            Ok(_) => Ok(true),
            // Revoking a device later does not withdraw its earlier approvals.
            Err(NotRedeemable::DeviceRevoked) => Ok(true),
            Err(NotRedeemable::Store(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }
}
