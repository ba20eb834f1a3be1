//! Disputes: "that wasn't me", up to 30 days after an approval. The verdict stays; a second statement replaces the first.

use countersign_jose::hash::Hash;
use countersign_protocol::dispute::Dispute;
use countersign_protocol::fetch::Receipt;
use countersign_protocol::id::{ChallengeId, DeviceId};
use countersign_protocol::jws::Compact;
use countersign_protocol::limits;
use countersign_protocol::outcome::{Ending, Outcome};
use countersign_protocol::problem::ProblemCode;
use countersign_store::Transaction;

use crate::Gateway;
use crate::answer::not_found;
use crate::answer::verify::open_by_device;
use crate::event_sink::GatewayEvent;
use crate::rejection::{Rejection, reject};
use crate::store::approvals::{self, ApprovalRow, Status};
use crate::store::devices::Device;
use crate::store::{challenges, feed, prompt_history};

impl Gateway {
    /// Receives a dispute of an approval that this device was asked about. Idempotent.
    pub(crate) async fn dispute(
        &self,
        device: &Device,
        id: &ChallengeId,
        compact: &Compact<Dispute>,
    ) -> Result<Receipt, Rejection> {
        let (challenge, _) = self.challenge_of(device, id).await?;
        let claims =
            open_by_device(compact, device, &[device.transport_kid]).map_err(|why| invalid(&why.to_string()))?.claims;
        let about_this = claims.iss == device.id
            && claims.aud == self.settings().issuer
            && claims.sub == device.subject
            && claims.challenge == *id
            && claims.challenge_hash == challenge.hash;
        if !about_this {
            return Err(invalid("it is about another challenge, device, user or issuer"));
        }
        let gateway = self.clone();
        let (device, id) = (device.id.clone(), id.clone());
        self.store().write(move |tx| gateway.dispute_in(tx, &device, &id)).await
    }

    fn dispute_in(&self, tx: &Transaction<'_>, device: &DeviceId, id: &ChallengeId) -> Result<Receipt, Rejection> {
        let now = self.now();
        let challenge = challenges::of_device(tx, id, device)?.ok_or_else(not_found)?;
        let approval = approvals::by_id(tx, &challenge.approval)?.ok_or_else(not_found)?;
        let (Status::Approved, Some(decided)) = (approval.status, &approval.resolution) else {
            return Err(invalid("only what was approved can be disputed"));
        };
        if approval.is_practice {
            return Err(invalid("a practice request approved nothing"));
        }
        if approval.disputed_at.is_none() {
            if now.millis_since(decided.at) > limits::DISPUTE_SECONDS * 1000 {
                return Err(invalid("the approval is more than 30 days old"));
            }
            approvals::dispute(tx, &approval.id, now)?;
            self.state_dispute(tx, &approval)?;
            let mut history = prompt_history::load(tx, &approval.subject, &approval.client_id)?;
            history.not_me(now, approval.not_me_hold);
            prompt_history::save(tx, &approval.subject, &approval.client_id, &history)?;
            let (subject, client_id) = (&approval.subject, approval.client_id.as_str());
            self.event_sink()
                .record(tx, &GatewayEvent::Disputed { approval: &approval.id, subject, client_id, device })?;
            tx.notify_after_commit(approval.id.as_str());
            tracing::error!(approval = %approval.id, subject = %approval.subject, client = approval.client_id, %device, "an approval was disputed");
        }
        let outcome = challenges::of_device(tx, id, device)?.ok_or_else(not_found)?.disputed;
        Ok(Receipt { outcome: outcome.map(Compact::from_text) })
    }

    /// Signs the second statement for every device that was asked.
    fn state_dispute(&self, tx: &Transaction<'_>, approval: &ApprovalRow) -> Result<(), Rejection> {
        let now = self.now();
        for challenge in challenges::of_approval(tx, &approval.id)? {
            let outcome = Outcome {
                outcome: Ending::Disputed,
                replaces: challenge.outcome.as_ref().map(Hash::of),
                ..self.outcome_about(approval, &challenge, now)
            };
            let signed = Compact::sign(&outcome, &self.keys().signing).map_err(crate::outcome::EndError::from)?;
            challenges::set_disputed(tx, &challenge.id, signed.as_str())?;
            feed::append(tx, &challenge.device, "disputed", challenge.id.as_str(), now, self.random())?;
        }
        Ok(())
    }
}

fn invalid(why: &str) -> Rejection {
    reject(ProblemCode::InvalidMessage, format!("The dispute does not hold: {why}."))
}
