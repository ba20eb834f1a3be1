//! Refusals: a device can't show a challenge. When no device is left that can, the request ends as refused.

use countersign_protocol::fetch::Receipt;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::refusal::Refusal;

use crate::Gateway;
use crate::answer::not_found;
use crate::answer::verify::open_by_device;
use crate::rejection::{Rejection, reject};
use crate::store::approvals::Status;
use crate::store::challenges;
use crate::store::devices::Device;

impl Gateway {
    /// Receives a device's refusal of one of its challenges. Idempotent.
    pub(crate) async fn refuse(
        &self,
        device: &Device,
        id: &ChallengeId,
        compact: &Compact<Refusal>,
    ) -> Result<Receipt, Rejection> {
        let invalid = |why: String| reject(ProblemCode::InvalidMessage, format!("The refusal does not hold: {why}."));
        let (challenge, _) = self.challenge_of(device, id).await?;
        let claims =
            open_by_device(compact, device, &[device.transport_kid]).map_err(|why| invalid(why.to_string()))?.claims;
        // Its hash is of what arrived there, which may be the very reason; it is not compared.
        let about_this = claims.iss == device.id
            && claims.aud == self.settings().issuer
            && claims.sub == device.subject
            && claims.challenge == *id;
        if !about_this {
            return Err(invalid("it is about another challenge, device, user or issuer".to_owned()));
        }
        let gateway = self.clone();
        let (device, id) = (device.id.clone(), id.clone());
        let as_sent = claims.challenge_hash == challenge.hash;
        let refused = self.store().write(move |tx| -> Result<Receipt, Rejection> {
            let challenge = challenges::of_device(tx, &id, &device)?.ok_or_else(not_found)?;
            gateway.confirm_challenge(tx, &device, &id)?;
            if challenge.outcome.is_none() && challenge.refused.is_none() {
                challenges::set_refused(tx, &id, claims.code.as_str())?;
                let code = claims.code.as_str();
                tracing::warn!(%device, challenge = %id, code, as_sent, "a device can't show a challenge");
                let (can_answer, _) = challenges::still_asked(tx, &challenge.approval)?;
                if can_answer == 0 && gateway.end_if_pending(tx, &challenge.approval, Status::Refused)? {
                    tracing::error!(approval = %challenge.approval, code, "every device refused to show a request: its client gets access_denied");
                }
            }
            let outcome = challenges::of_device(tx, &id, &device)?.ok_or_else(not_found)?.outcome;
            Ok(Receipt { outcome: outcome.map(Compact::from_text) })
        });
        refused.await
    }
}
