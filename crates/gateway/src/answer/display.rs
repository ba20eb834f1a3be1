//! The transcript of an answer: it must be the one that was signed, and say what was asked, before there is a verdict.

use std::collections::BTreeSet;

use countersign_jose::hash::Hash;
use countersign_protocol::answer::{Answer, Decision};
use countersign_protocol::details::Details;
use countersign_protocol::id::{ChallengeId, DeviceId};
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::transcript::{self, DisplayError, TranscriptBasis};
use countersign_store::Transaction;

use crate::Gateway;
use crate::answer::verify::{VerifiedAnswer, invalid};
use crate::event_sink::GatewayEvent;
use crate::rejection::{Rejection, reject};
use crate::store::approvals::ApprovalRow;
use crate::store::challenges::SignedTexts;

/// How many of a device's latest enrollment statements its transcripts are checked by, so that an answer costs no more however many
/// there are.
pub(super) const STATEMENTS_READ: u32 = 16;

/// The transcript, if its hash is the one that the answer signs. A denial counts without it.
pub(super) fn signed(transcript: Option<String>, claims: &Answer) -> Result<Option<String>, Rejection> {
    let is_signed = |text: &String| Hash::of(text) == claims.display_hash;
    match (transcript, claims.decision) {
        (Some(text), _) if is_signed(&text) => Ok(Some(text)),
        (_, Decision::Denied) => Ok(None),
        (Some(_), Decision::Approved) => Err(invalid("display_hash is not that of its transcript")),
        (None, Decision::Approved) => Err(invalid("an approval comes with its transcript")),
    }
}

/// The hash of the enrollment statement by which a transcript says what was asked; else why it does not by the one in force. A
/// device may have shown what an earlier one says, if that was replaced after the challenge was signed. Of those that name the
/// user alike, which is all that a transcript quotes, one is checked.
pub(super) fn check(
    id: &ChallengeId,
    texts: Option<SignedTexts>,
    checked: &VerifiedAnswer,
) -> Result<Result<Hash, DisplayError>, Rejection> {
    let text = checked.transcript.as_deref().unwrap_or_default();
    let unreadable = || {
        tracing::error!(challenge = %id, "the gateway's own challenge or statement can't be read");
        reject(ProblemCode::Internal, "Something went wrong at the provider. Try again in a moment.")
    };
    let (challenge, statements) = texts.ok_or_else(unreadable)?;
    let challenge = challenge.reread().map_err(|_| unreadable())?;
    let details = challenge.authorization_details_json.as_deref().map(Details::parse).transpose();
    let details = details.map_err(|_| unreadable())?;
    let (mut by_latest, mut checked_labels) = (None, BTreeSet::new());
    for statement in statements {
        let claims = statement.reread().map_err(|_| unreadable())?;
        if checked_labels.insert(claims.subject_label.clone()) {
            let asked = TranscriptBasis::by_issuer(&challenge, details.as_ref(), &claims);
            match transcript::check(text, &asked, &checked.claims.locale) {
                Ok(_) => return Ok(Ok(statement.hash())),
                Err(why) => by_latest.get_or_insert(why),
            };
        }
        if claims.iat < challenge.iat {
            break;
        }
    }
    Ok(Err(by_latest.ok_or_else(unreadable)?))
}

impl Gateway {
    /// Tells the operator: a device that shows something else than it was sent is faulty or hostile.
    pub(super) fn record_display_mismatch(
        &self,
        tx: &Transaction<'_>,
        approval: &ApprovalRow,
        device: &DeviceId,
        why: &DisplayError,
    ) -> Result<(), Rejection> {
        let (subject, client_id) = (&approval.subject, approval.client_id.as_str());
        let mismatch =
            GatewayEvent::DisplayMismatch { approval: &approval.id, subject, client_id, device, why: why.code() };
        self.event_sink().record(tx, &mismatch)?;
        tracing::error!(approval = %approval.id, %device, why = why.code(), "a device approved by a transcript that does not say what was asked: its client gets access_denied");
        Ok(())
    }
}
