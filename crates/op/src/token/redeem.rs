//! Gives the tokens for an approval exactly once: to the client that asks, or into the outbox, from where they are pushed.

use std::sync::Arc;

use countersign_gateway::{Approval, NotRedeemable, WriteError};
use countersign_protocol::hash::Hash;
use countersign_protocol::id::ApprovalId;
use countersign_protocol::secret::Secret;

use crate::config::{Client, User};
use crate::confirmation::Confirmation;
use crate::http::{Code, OAuthError};
use crate::provider::{Inner, failed};
use crate::store::{self, AuthRequest, Real, outbox};
use crate::tokens::{ApprovalClaim, Grant};

/// The tokens were made for an approval that has changed since.
#[derive(Debug, thiserror::Error)]
#[error("the approval changed while its tokens were made")]
struct Changed;

/// Why an approved request gave no tokens.
enum NotSpent {
    /// Somebody was faster.
    Already,
    /// It is not the approval any more that the tokens were made for.
    Changed,
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
        let user = self.still_good(&real)?;
        let approval = self.spend(request.id, real.approval).await.map_err(explain)?;
        self.respond(auth_req_id, request, &user, &approval, client, confirmation)
    }

    /// Makes what is pushed for an approval: the tokens, kept in the outbox's row in the transaction that spends the request.
    /// They are made before and kept only if nothing has changed, so that no crash can spend a request without its tokens.
    pub(crate) async fn redeem_for_push(
        &self,
        row: i64,
        auth_req_id: &str,
        request: &AuthRequest,
        real: Real,
        client: &Client,
    ) -> Result<Secret, OAuthError> {
        let user = self.still_good(&real)?;
        let store = self.gateway.store();
        let found = store.read(|connection| Ok(self.gateway.redeemable(connection, &real.approval)));
        let approval = found.map_err(|error| failed(&error))?;
        let approval = approval.map_err(|error| explain(WriteError::Refused(NotSpent::Gateway(error))))?;
        let body = self.respond(auth_req_id, request, &user, &approval, client, None)?;
        let body = with_auth_req_id(auth_req_id, &body);
        let (gateway, id, now, kept) = (self.gateway.clone(), request.id, self.ports.clock.now(), body.clone());
        let spent = store.write(move |transaction| {
            if !store::redeem(transaction, &id, now).map_err(NotSpent::Store)? {
                return Err(NotSpent::Already);
            }
            if gateway.redeemable(transaction, &approval.id).map_err(NotSpent::Gateway)? != approval {
                return Err(NotSpent::Changed);
            }
            outbox::keep_body(transaction, row, &kept).map_err(NotSpent::Store)?.ok_or(NotSpent::Already)
        });
        spent.await.map_err(explain)
    }

    /// The user of a request, unless locked or removed since.
    fn still_good(&self, real: &Real) -> Result<Arc<User>, OAuthError> {
        let user = self.person(&real.sub).map_err(|error| failed(&error))?.filter(|user| !user.locked);
        user.ok_or_else(|| gone("the user was locked or removed since the approval", None))
    }

    /// The body of the token response.
    fn respond(
        &self,
        auth_req_id: &str,
        request: &AuthRequest,
        user: &User,
        approval: &Approval,
        client: &Client,
        confirmation: Option<Confirmation>,
    ) -> Result<String, OAuthError> {
        let scope = granted(&request.scope);
        let grant = Grant {
            issuer: &self.config.issuer,
            sub: user.sub.as_str(),
            client_id: &client.client_id,
            auth_req_id,
            scope: &scope,
            details: request.details.as_deref(),
            approval: ApprovalClaim {
                id: approval.id.as_str(),
                challenge_hash: approval.challenge_hash,
                answer_hash: approval.answer_hash,
                details_hash: approval.details_hash,
                interaction: approval.interaction.as_str(),
                device_class: approval.device_class.as_str(),
            },
            acr: &approval.acr,
            amr: &approval.amr,
            auth_time: approval.auth_time,
            confirmation,
            life: client.policy.token_ttl,
        };
        self.tokens.respond(&grant, self.ports.clock.now(), &*self.ports.random).map_err(|error| failed(&error))
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

fn gone(what: &str, reason: Option<&'static str>) -> OAuthError {
    OAuthError::new(Code::AccessDenied, what).with_denial_reason(reason)
}

fn explain(error: WriteError<NotSpent>) -> OAuthError {
    match error {
        WriteError::Refused(NotSpent::Already) => {
            OAuthError::new(Code::InvalidGrant, "the tokens for this auth_req_id were given out already")
        }
        WriteError::Refused(NotSpent::Gateway(NotRedeemable::Disputed)) => {
            gone("the user disputed the approval", Some("disputed"))
        }
        WriteError::Refused(NotSpent::Gateway(NotRedeemable::DeviceRevoked)) => {
            gone("the device that approved was revoked", Some("device_revoked"))
        }
        WriteError::Refused(NotSpent::Changed) => failed(&Changed),
        WriteError::Refused(NotSpent::Gateway(other)) => failed(&other),
        WriteError::Refused(NotSpent::Store(error)) => failed(&error),
        WriteError::Store(error) => failed(&error),
    }
}

/// What was asked for, less `offline_access`: this version gives no refresh tokens (RFC 6749 §5.1 tells the client so).
fn granted(scope: &str) -> String {
    scope.split(' ').filter(|name| *name != "offline_access").collect::<Vec<_>>().join(" ")
}

/// The token response with `auth_req_id` as its first member (CIBA Core §10.3.1); the rest stays byte for byte.
fn with_auth_req_id(auth_req_id: &str, response: &str) -> Secret {
    let members = response.strip_prefix('{').unwrap_or(response);
    let id = serde_json::to_string(auth_req_id).expect("a text is JSON");
    Secret::new(format!("{{\"auth_req_id\":{id},{members}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_the_token_response_and_the_id() {
        let response = r#"{"access_token":"a","authorization_details": [ ] }"#;
        let pushed = with_auth_req_id("ar_\"1", response);
        assert_eq!(pushed.expose(), r#"{"auth_req_id":"ar_\"1","access_token":"a","authorization_details": [ ] }"#);
    }
}
