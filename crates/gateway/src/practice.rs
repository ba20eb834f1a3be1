//! Practice requests: a device asks for a challenge that moves nothing, so that its person sees once how a request comes and ends
//! (docs/protocol.md section 20).

use countersign_protocol::challenge::{Challenge, Client, PRACTICE, Party};
use countersign_protocol::id::{ApprovalId, ChallengeId, DeviceId};
use countersign_protocol::interaction::{Interaction, InteractionType, UserVerification};
use countersign_protocol::kind::{self, Kind};
use countersign_protocol::problem::ProblemCode;
use countersign_store::Transaction;

use crate::Gateway;
use crate::answer::not_found;
use crate::rejection::{Rejection, reject};
use crate::request::AcceptError;
use crate::store::approvals::{self, ApprovalRow, Status};
use crate::store::challenge_contents;
use crate::store::devices::{self, Device, DeviceState};

/// How long a practice request may be answered, in seconds.
const LIFETIME: u64 = 300;

impl Gateway {
    /// Sends the device a practice request, by push in any case. No other device is asked, no limit counts it, and no row but the
    /// gateway's own is about it.
    pub(crate) async fn practise(&self, device: &DeviceId) -> Result<(), Rejection> {
        let (gateway, id) = (self.clone(), device.clone());
        let asked = self.store().write(move |tx| -> Result<bool, AcceptError> {
            match devices::by_id(tx, &id)?.filter(|device| device.state == DeviceState::Active) {
                Some(device) => gateway.ask_to_practise(tx, &device).map(|()| true),
                None => Ok(false),
            }
        });
        match asked.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(not_found()),
            Err(AcceptError::Store(error)) => Err(error.into()),
            Err(error) => {
                tracing::error!(%error, %device, "a practice request could not be made");
                Err(reject(ProblemCode::Internal, "Something went wrong at the provider. Try again in a moment."))
            }
        }
    }

    fn ask_to_practise(&self, transaction: &Transaction<'_>, device: &Device) -> Result<(), AcceptError> {
        let now = self.now();
        let (issuer, name) = (&self.settings().issuer, &self.settings().name);
        let answer_until = now.plus_seconds(LIFETIME);
        let approval = ApprovalRow {
            id: ApprovalId::new(now, self.random()),
            is_decoy: false,
            subject: device.subject.clone(),
            client_id: issuer.as_str().to_owned(),
            status: Status::Pending,
            held: false,
            terminal: None,
            unvouched: false,
            is_practice: true,
            interaction: InteractionType::Boolean,
            opening: None,
            user_verification: UserVerification::Required,
            // Nothing comes of it, whoever answers.
            allow_automated: true,
            details_hash: None,
            requested_at: now,
            expires_at: answer_until,
            answer_until,
            not_me_hold: 0,
            resolution: None,
            disputed_at: None,
        };
        approvals::insert(transaction, &approval)?;
        let challenge = Challenge {
            iss: issuer.clone(),
            aud: device.id.clone(),
            sub: device.subject.clone(),
            jti: ChallengeId::new(now, self.random()),
            iat: now.seconds(),
            exp: answer_until.seconds(),
            approval: approval.id.clone(),
            kind: Kind::Other,
            kind_table: kind::TABLE_VERSION,
            provider: Party { issuer: issuer.clone(), name: name.clone() },
            client: Client { id: issuer.as_str().to_owned(), name: name.clone(), verified: true },
            binding_message: None,
            scope: None,
            acr_values: None,
            authorization_details_json: None,
            interaction: Interaction::boolean(),
            user_verification: UserVerification::Required,
            held: false,
            context: None,
            practice: true,
            requested_at: now.seconds(),
            must_understand: Some(vec![PRACTICE.to_owned()]),
        };
        let shared = self.issue_challenge(transaction, &challenge)?;
        challenge_contents::insert(transaction, &approval.id, &shared, None)?;
        // Also where a stream brings it: the person is to see that the device can be woken.
        self.wake_in_any_case(transaction, &device.id, answer_until)?;
        Ok(())
    }
}
