//! Acknowledgement of an authentication request (CIBA Core §7.3), and the rows that a request takes beside its approval: its
//! own, that of the notification which its verdict triggers, and that of an `Idempotency-Key`.

use countersign_gateway::{AcceptedRequest, Reach};
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::interaction::{self, InteractionType};
use countersign_store::{Error as StoreError, Transaction};
use serde::{Deserialize, Serialize};

use super::idempotency::IdempotencyKey;
use crate::grant::resource::Resources;
use crate::store::outbox::{self, NewNotification};
use crate::store::{self, AuthRequest, ExistingApproval, KeptAcknowledgement};

/// How long a push may be tried after its request expired, in seconds: a verdict just before counts. A ping is of use for
/// as long as the request can be redeemed.
const PUSH_GRACE_SECONDS: u64 = 300;

/// Authentication request acknowledgement (CIBA Core §7.3).
#[derive(Serialize, Deserialize)]
pub(super) struct Acknowledgement {
    auth_req_id: String,
    r#ref: ApprovalRef,
    expires_in: u64,
    /// Seconds; omitted in push mode (CIBA Core §7.3).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    interval: Option<u64>,
    interaction_type: InteractionType,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    interaction_value: Option<String>,
    /// How the best of the person's devices is reached: `push`, `stream`, `open_app`. For clients that may know.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    wake: Option<String>,
}

impl Acknowledgement {
    /// A kept one as it is repeated: with what is left of the request's life, 0 after its end. `None` for unreadable bytes.
    pub(super) fn repeated(kept: &KeptAcknowledgement, opened: &Secret, now: Timestamp) -> Option<Acknowledgement> {
        let first: Acknowledgement = serde_json::from_str(opened.expose()).ok()?;
        Some(Acknowledgement { expires_in: kept.expires_at.millis_since(now) / 1000, ..first })
    }
}

/// What the client displays.
pub(super) struct ClientInteraction {
    pub(super) interaction: InteractionType,
    pub(super) value: Option<String>,
    /// The approval's.
    pub(super) reference: ApprovalRef,
    /// How the best of the person's devices is reached.
    pub(super) wake: Option<Reach>,
}

impl ClientInteraction {
    /// What devices of the user ask for, or what the client `expected` where it must not learn that they ask for less: then a
    /// number that no device displays.
    pub(super) fn of(
        accepted: &AcceptedRequest,
        expected: Option<InteractionType>,
        wake: Option<Reach>,
        random: &dyn Random,
    ) -> ClientInteraction {
        let reference = ApprovalRef::of(&accepted.approval);
        match expected.filter(|expected| *expected != accepted.interaction) {
            Some(expected) => {
                let value = interaction::generate(expected, random).map(|(_, opening)| opening.value);
                ClientInteraction { interaction: expected, value, reference, wake }
            }
            None => ClientInteraction {
                interaction: accepted.interaction,
                value: accepted.interaction_value.clone(),
                reference,
                wake,
            },
        }
    }
}

/// A request to store, and how it is acknowledged.
pub(super) struct NewRequest {
    /// SHA-256 of the `auth_req_id`.
    pub(super) id: Hash,
    pub(super) client_id: String,
    pub(super) scope: String,
    pub(super) resources: Resources,
    pub(super) requested_at: Timestamp,
    pub(super) auth_req_id: Secret,
    /// Seconds.
    pub(super) expires_in: u64,
    /// Seconds between two polls.
    pub(super) interval: u64,
    /// The client's notification token, in ping and push mode.
    pub(super) notification_token: Option<Secret>,
    pub(super) is_push: bool,
    /// The key under which the acknowledgement is kept, and the digest of the parameters.
    pub(super) idempotency: Option<(IdempotencyKey, Hash)>,
}

impl NewRequest {
    /// Inserts the request with its notification and its kept acknowledgement.
    pub(super) fn insert(
        &self,
        transaction: &Transaction<'_>,
        approval: ExistingApproval,
        displayed: &ClientInteraction,
        random: &dyn Random,
    ) -> Result<(), StoreError> {
        let request = self.request(approval);
        store::insert(transaction, &request)?;
        if let Some(token) = &self.notification_token {
            self.await_verdict(transaction, &request, token)?;
        }
        let Some((key, parameters)) = &self.idempotency else { return Ok(()) };
        let acknowledgement = serde_json::to_string(&self.acknowledgement(displayed)).expect("strings serialize");
        let kept = key.keep(&acknowledgement, *parameters, request.expires_at, random);
        store::keep_acknowledgement(transaction, &key.id, &kept)
    }

    fn request(&self, approval: ExistingApproval) -> AuthRequest {
        AuthRequest {
            id: self.id,
            client_id: self.client_id.clone(),
            approval,
            scope: self.scope.clone(),
            details: None,
            resources: self.resources.clone(),
            requested_at: self.requested_at,
            expires_at: self.requested_at.plus_seconds(self.expires_in),
            // The policy allows at most a minute.
            interval: u32::try_from(self.interval).unwrap_or(u32::MAX),
            redeemed: false,
            cancelled: false,
            refused: None,
            ended: false,
        }
    }

    pub(super) fn acknowledgement(&self, displayed: &ClientInteraction) -> Acknowledgement {
        Acknowledgement {
            auth_req_id: self.auth_req_id.expose().to_owned(),
            r#ref: displayed.reference,
            expires_in: self.expires_in,
            interval: Some(self.interval).filter(|_| !self.is_push),
            interaction_type: displayed.interaction,
            interaction_value: displayed.value.clone(),
            wake: displayed.wake.map(|reach| reach.as_str().to_owned()),
        }
    }

    fn await_verdict(
        &self,
        transaction: &Transaction<'_>,
        request: &AuthRequest,
        token: &Secret,
    ) -> Result<(), StoreError> {
        let (expires_at, push) = (request.expires_at, self.is_push);
        outbox::add_notification(
            transaction,
            &NewNotification {
                client_id: &request.client_id,
                push,
                request: request.id,
                approval: &request.approval.id,
                auth_req_id: &self.auth_req_id,
                token,
                expires_at,
                give_up_at: if push { expires_at.plus_seconds(PUSH_GRACE_SECONDS) } else { request.redeemable_until() },
            },
        )
    }
}
