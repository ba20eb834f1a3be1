//! Acknowledgement of an authentication request (CIBA Core §7.3), and the rows that a request takes beside its approval: its
//! own, that of the notification which its verdict triggers, and that of an `Idempotency-Key`.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::id::ApprovalId;
use countersign_protocol::interaction::{self, InteractionType};
use countersign_store::{Error as StoreError, Transaction};
use serde::{Deserialize, Serialize};

use super::idempotency::IdempotencyKey;
use crate::store::outbox::{self, NewNotification};
use crate::store::{self, AuthRequest, KeptAcknowledgement};

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
}

impl Acknowledgement {
    /// A kept one as it is repeated: with what is left of the request's life, 0 after its end. `None` for unreadable bytes.
    pub(super) fn repeated(kept: &KeptAcknowledgement, opened: &Secret, now: Timestamp) -> Option<Acknowledgement> {
        let first: Acknowledgement = serde_json::from_str(opened.expose()).ok()?;
        Some(Acknowledgement { expires_in: kept.expires_at.millis_since(now) / 1000, ..first })
    }
}

/// The interaction that the client displays.
pub(super) struct ClientInteraction {
    pub(super) interaction: InteractionType,
    pub(super) value: Option<String>,
    /// For the log.
    pub(super) approval: Option<ApprovalId>,
    /// What people call it: random where there is no approval, for a client that must not learn it.
    pub(super) reference: ApprovalRef,
}

impl ClientInteraction {
    /// A generated interaction that no device displays.
    pub(super) fn decoy(kind: InteractionType, random: &dyn Random) -> ClientInteraction {
        let generated = interaction::generate(kind, random);
        let value = generated.map(|(_, opening)| opening.value);
        ClientInteraction { interaction: kind, value, approval: None, reference: ApprovalRef::random(random) }
    }
}

/// A request to store, and how it is acknowledged.
pub(super) struct NewRequest {
    pub(super) request: AuthRequest,
    pub(super) auth_req_id: Secret,
    pub(super) expires_in: u64,
    /// `None` in push mode.
    pub(super) interval: Option<u64>,
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
        displayed: &ClientInteraction,
        random: &dyn Random,
    ) -> Result<(), StoreError> {
        store::insert(transaction, &self.request)?;
        if let Some(token) = &self.notification_token {
            self.await_verdict(transaction, token)?;
        }
        let Some((key, parameters)) = &self.idempotency else { return Ok(()) };
        let acknowledgement = serde_json::to_string(&self.acknowledgement(displayed)).expect("strings serialize");
        let kept = key.keep(&acknowledgement, *parameters, self.request.expires_at, random);
        store::keep_acknowledgement(transaction, &key.id, &kept)
    }

    pub(super) fn acknowledgement(&self, displayed: &ClientInteraction) -> Acknowledgement {
        Acknowledgement {
            auth_req_id: self.auth_req_id.expose().to_owned(),
            r#ref: displayed.reference,
            expires_in: self.expires_in,
            interval: self.interval,
            interaction_type: displayed.interaction,
            interaction_value: displayed.value.clone(),
        }
    }

    fn await_verdict(&self, transaction: &Transaction<'_>, token: &Secret) -> Result<(), StoreError> {
        let (request, push) = (&self.request, self.is_push);
        let expires_at = request.expires_at;
        outbox::add_notification(
            transaction,
            &NewNotification {
                client_id: &request.client_id,
                push,
                request: request.id,
                approval: request.approval.as_ref().map(|existing| &existing.id),
                auth_req_id: &self.auth_req_id,
                token,
                expires_at,
                give_up_at: if push { expires_at.plus_seconds(PUSH_GRACE_SECONDS) } else { request.redeemable_until() },
            },
        )
    }
}
