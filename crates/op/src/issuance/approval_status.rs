//! Status of an authentication request, as polls and notifications report it (CIBA Core §11).

use std::sync::Arc;

use countersign_gateway::{Approval, NotRedeemable, Verdict};
use countersign_jose::clock::Timestamp;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_store::{Error as StoreError, Snapshot};

use crate::http::{ErrorCode, OAuthError, server_error};
use crate::issuance::Issuance;
use crate::store::{AuthRequest, FinalRefusal};

/// Why no tokens are issued; the transaction is rolled back.
pub(crate) enum TokenRefusal {
    OAuth(OAuthError),
    /// Never any more: stored, once the client is told.
    Final(FinalRefusal),
    Gateway(NotRedeemable),
    Store(StoreError),
}

impl From<StoreError> for TokenRefusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<TokenRefusal> for OAuthError {
    fn from(error: TokenRefusal) -> OAuthError {
        match error {
            TokenRefusal::OAuth(error) => error,
            TokenRefusal::Final(FinalRefusal::UserGone) => {
                denied("the user was locked or removed since the approval", None)
            }
            TokenRefusal::Final(FinalRefusal::Ended) => {
                denied("the provider ended this request since: make a new authentication request", Some("cancelled"))
            }
            TokenRefusal::Final(FinalRefusal::DeviceRevoked) => {
                denied("the device that approved was revoked", Some("device_revoked"))
            }
            TokenRefusal::Gateway(NotRedeemable::Disputed) => {
                denied("the user disputed the approval", Some("disputed"))
            }
            TokenRefusal::Gateway(NotRedeemable::DeviceRevoked) => {
                denied("the device that approved was revoked", Some("device_revoked"))
            }
            TokenRefusal::Gateway(other) => server_error(&other),
            TokenRefusal::Store(error) => server_error(&error),
        }
    }
}

impl TokenRefusal {
    /// The same, naming the request; a final one is named when it is told.
    fn about(self, reference: ApprovalRef) -> TokenRefusal {
        match self {
            TokenRefusal::OAuth(error) => TokenRefusal::OAuth(error.with_reference(reference)),
            TokenRefusal::Gateway(NotRedeemable::Disputed | NotRedeemable::DeviceRevoked) => {
                TokenRefusal::OAuth(OAuthError::from(self).with_reference(reference))
            }
            other => other,
        }
    }
}

impl Issuance {
    /// As [`Issuance::approval_of_request`], in a read transaction of its own.
    ///
    /// # Errors
    /// The client's error, if the request ended without tokens.
    pub(crate) async fn approval_status(
        self: &Arc<Self>,
        request: &AuthRequest,
    ) -> Result<Option<Approval>, OAuthError> {
        let (issuance, request, now) = (self.clone(), request.clone(), self.ports.clock.now());
        let reference = request.reference();
        let found =
            self.gateway.store().read(move |snapshot| Ok(issuance.approval_of_request(snapshot, &request, now)));
        let found = found.await.map_err(|error| server_error(&error))?;
        found.map_err(|refusal| OAuthError::from(refusal).with_reference(reference))
    }

    /// The redeemable approval; `None` while the request is pending. A request whose approval expired stays pending
    /// until its own expiry, whatever the interval took from the approval's time. User, device and key are
    /// checked now. What ended in time is reported as it ended, however late the client asks.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub(crate) fn approval_of_request(
        &self,
        snapshot: &Snapshot<'_>,
        request: &AuthRequest,
        now: Timestamp,
    ) -> Result<Option<Approval>, TokenRefusal> {
        self.approval_or_end(snapshot, request, now).map_err(|refusal| refusal.about(request.reference()))
    }

    fn approval_or_end(
        &self,
        snapshot: &Snapshot<'_>,
        request: &AuthRequest,
        now: Timestamp,
    ) -> Result<Option<Approval>, TokenRefusal> {
        let refused = |error| Err(TokenRefusal::OAuth(error));
        if request.cancelled {
            return refused(denied("this client cancelled the request", Some("cancelled")));
        }
        if let Some(why) = request.refused {
            return Err(TokenRefusal::Final(why));
        }
        let unanswered = || match now >= request.expires_at {
            true => refused(expired("the request was not answered in time: make a new authentication request")),
            false => Ok(None),
        };
        match self.gateway.verdict(snapshot, &request.approval.id)? {
            Verdict::Approved(approval) => {
                self.check_holds(snapshot, request, &approval)?;
                match now >= request.redeemable_until() {
                    true => refused(expired(
                        "the request was approved in time, but its tokens were not fetched until too late: make a new authentication request",
                    )),
                    false => Ok(Some(approval)),
                }
            }
            // The end by a lock would reveal that the user exists.
            Verdict::Pending | Verdict::Expired | Verdict::Cancelled
                if request.ended && self.hides_users_from(snapshot, &request.client_id) =>
            {
                unanswered()
            }
            Verdict::Pending | Verdict::Expired if request.ended => Err(TokenRefusal::Final(FinalRefusal::Ended)),
            Verdict::Pending | Verdict::Expired => unanswered(),
            // Would reveal that the user has devices.
            Verdict::Refused | Verdict::DeviceRevoked if self.hides_users_from(snapshot, &request.client_id) => {
                unanswered()
            }
            Verdict::Denied { reason } => {
                refused(denied("the user denied the request", self.denial_reason(snapshot, request, reason)))
            }
            Verdict::Mismatch => refused(denied("the number that was entered is wrong", Some("mismatch"))),
            Verdict::DisplayMismatch => {
                refused(denied("what the user's device showed is not what was asked", Some("refused")))
            }
            Verdict::Refused => refused(denied("no device of the user could show the request", Some("refused"))),
            Verdict::DeviceRevoked => refused(denied("the device that was asked was revoked", Some("device_revoked"))),
            Verdict::Cancelled => refused(denied("the request was withdrawn", Some("cancelled"))),
            _ => refused(denied("the request ended without an approval", None)),
        }
    }

    /// Whether an approval that was given still counts: its user, device and key are there, nobody disputed it, and nothing
    /// ended it.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub(crate) fn check_holds(
        &self,
        snapshot: &Snapshot<'_>,
        request: &AuthRequest,
        approval: &Approval,
    ) -> Result<(), TokenRefusal> {
        if self.directory.user_in(snapshot, &request.approval.sub)?.is_none_or(|user| user.locked) {
            return Err(TokenRefusal::Final(FinalRefusal::UserGone));
        }
        if request.ended {
            return Err(TokenRefusal::Final(FinalRefusal::Ended));
        }
        self.gateway.still_valid(snapshot, approval).map_err(|why| match why {
            NotRedeemable::DeviceRevoked => TokenRefusal::Final(FinalRefusal::DeviceRevoked),
            other => TokenRefusal::Gateway(other),
        })
    }

    fn hides_users_from(&self, snapshot: &Snapshot<'_>, client_id: &str) -> bool {
        self.directory.client_in(snapshot, client_id).ok().flatten().is_none_or(|client| client.hides_unknown_users())
    }

    /// `denial_reason`, as far as the policy lets the client know.
    fn denial_reason(
        &self,
        snapshot: &Snapshot<'_>,
        request: &AuthRequest,
        reason: Option<DenialReason>,
    ) -> Option<&'static str> {
        let policy = &self.directory.client_in(snapshot, &request.client_id).ok()??.policy;
        match reason? {
            DenialReason::NotMe if policy.hide_not_me => None,
            DenialReason::NotMe => Some("not_me"),
            DenialReason::Mistake => Some("mistake"),
            _ => Some("other"),
        }
    }
}

fn expired(description: &str) -> OAuthError {
    OAuthError::new(ErrorCode::ExpiredToken, description)
}

fn denied(description: &str, reason: Option<&'static str>) -> OAuthError {
    OAuthError::new(ErrorCode::AccessDenied, description).with_denial_reason(reason)
}

/// `invalid_grant`: tokens are issued once for each request.
pub(crate) fn already_redeemed() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, "the tokens for this auth_req_id were issued already")
}
