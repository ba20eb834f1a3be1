//! Gives the tokens for an approval exactly once.

use countersign_gateway::{Approval, NotRedeemable, WriteError};
use countersign_protocol::hash::Hash;
use countersign_protocol::id::ApprovalId;

use crate::config::Client;
use crate::confirmation::Confirmation;
use crate::http::{Code, OAuthError};
use crate::provider::{Inner, failed};
use crate::store::{self, AuthRequest, Real};
use crate::tokens::{ApprovalClaim, Grant};

/// Why an approved request gave no tokens.
enum NotSpent {
    /// Somebody was faster.
    Already,
    Gateway(NotRedeemable),
    Store(rusqlite::Error),
}

impl Inner {
    /// Gives the tokens, to one caller only. Whether user, client, device and key are still good is asked once more, in the
    /// same transaction. A client that never receives the answer does not get another: single use stays single use.
    pub(super) async fn redeem(
        &self,
        auth_req_id: &str,
        request: &AuthRequest,
        real: Real,
        client: &Client,
        confirmation: Option<Confirmation>,
    ) -> Result<String, OAuthError> {
        let gone = |what: &str, reason| OAuthError::new(Code::AccessDenied, what).with_denial_reason(reason);
        let person = self.person(&real.sub).map_err(|error| failed(&error))?;
        let Some(user) = person.filter(|user| !user.locked) else {
            return Err(gone("the user was locked or removed since the approval", None));
        };
        let now = self.ports.clock.now();
        let approval = self.spend(request.id, real.approval).await.map_err(|error| match error {
            WriteError::Refused(NotSpent::Already) => {
                OAuthError::new(Code::InvalidGrant, "the tokens for this auth_req_id were given out already")
            }
            WriteError::Refused(NotSpent::Gateway(NotRedeemable::Disputed)) => {
                gone("the user disputed the approval", Some("disputed"))
            }
            WriteError::Refused(NotSpent::Gateway(NotRedeemable::DeviceRevoked)) => {
                gone("the device that approved was revoked", Some("device_revoked"))
            }
            WriteError::Refused(NotSpent::Gateway(other)) => failed(&other),
            WriteError::Refused(NotSpent::Store(error)) => failed(&error),
            WriteError::Store(error) => failed(&error),
        })?;
        let scope = granted(&request.scope);
        let grant = Grant {
            issuer: &self.config.issuer,
            sub: user.sub.as_str(),
            client_id: &client.client_id,
            auth_req_id,
            scope: &scope,
            details: request.details.as_deref(),
            approval: ApprovalClaim::of(&approval),
            acr: approval.signed.as_ref().map(|signed| signed.acr.as_str()),
            amr: approval.signed.as_ref().map_or(&[], |signed| &signed.amr),
            auth_time: approval.auth_time,
            confirmation,
            life: client.policy.token_ttl,
        };
        self.tokens.respond(&grant, now, &*self.ports.random).map_err(|error| failed(&error))
    }

    async fn spend(&self, id: Hash, approval: ApprovalId) -> Result<Approval, WriteError<NotSpent>> {
        let (gateway, now) = (self.gateway.clone(), self.ports.clock.now());
        let spent = self.gateway.store().write(move |transaction| {
            if !store::redeem(transaction, &id, now).map_err(NotSpent::Store)? {
                return Err(NotSpent::Already);
            }
            gateway.redeemable(transaction, &approval).map_err(NotSpent::Gateway)
        });
        spent.await
    }
}

/// What was asked for, less `offline_access`: this version gives no refresh tokens (RFC 6749 §5.1 tells the client so).
fn granted(scope: &str) -> String {
    scope.split(' ').filter(|name| *name != "offline_access").collect::<Vec<_>>().join(" ")
}
