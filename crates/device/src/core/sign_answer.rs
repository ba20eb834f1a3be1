//! Signing answers and disputes: checked, signed once, and stored in the outbox before anything is sent.

use countersign_jose::hash::Hash;
use countersign_jose::key::Signer;
use countersign_protocol::answer::{
    AnswerDraft, ApprovalKey, Decision, DenialReason, HistoryPosition, TransportKey, VerifiedUser,
};
use countersign_protocol::challenge::VerifiedChallenge;
use countersign_protocol::dispute::Dispute;
use countersign_protocol::id::{ChallengeId, MessageId};
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::jws::Compact;

use super::Core;
use super::clock::Moment;
use super::effect::Effect;
use crate::error::AnswerError;
use crate::history::HistoryEvent;
use crate::ports::key_store::KeyError;
use crate::ports::vault::{OutboxPurpose, Stage, StoredChallenge};

/// A decision together with what authorizes it.
pub enum AuthorizedDecision<'k> {
    /// Approve, by the approval key, after user verification.
    Approve {
        /// The number that was typed or chosen.
        value: Option<String>,
        /// The verified user.
        user: &'k VerifiedUser,
        /// The unlocked approval key.
        key: &'k dyn Signer,
    },
    /// Approve, by the transport key, where the challenge's `user_verification` is `discouraged`.
    ApproveUnverified {
        /// The number that was typed or chosen.
        value: Option<String>,
    },
    /// Deny, by the transport key.
    Deny {
        /// Why, if the person said so.
        reason: Option<DenialReason>,
    },
}

impl Core {
    /// Checks that this request can be approved with this number. Returns whether that needs user verification.
    ///
    /// # Errors
    /// [`AnswerError`] as [`Core::answer`] would return it, before the person is asked for a PIN.
    pub fn may_approve(
        &self,
        at: Moment,
        id: &ChallengeId,
        value: Option<&str>,
    ) -> Result<UserVerification, AnswerError> {
        let challenge = self.answerable(at, id)?;
        check_value(challenge, value)?;
        Ok(challenge.claims().user_verification)
    }

    /// The challenge's `user_verification`, where the challenge is open.
    pub fn verification_of(&self, id: &ChallengeId) -> Option<UserVerification> {
        Some(self.inbox.open.get(id)?.verified.as_ref()?.claims().user_verification)
    }

    /// Answers a request, once and for good. The effects store answer, history and outbox in one transaction, then
    /// send.
    ///
    /// # Errors
    /// [`AnswerError`]; then nothing was signed or stored.
    pub fn answer(
        &mut self,
        at: Moment,
        id: &ChallengeId,
        authorized: AuthorizedDecision<'_>,
    ) -> Result<Vec<Effect>, AnswerError> {
        let challenge = self.answerable(at, id)?;
        if let AuthorizedDecision::Approve { value, .. } | AuthorizedDecision::ApproveUnverified { value } = &authorized
        {
            check_value(challenge, value.as_deref())?;
        }
        let head = self.head_or_beginning().ok_or(AnswerError::NotConfirmed)?;
        let transport = self.transport.as_ref().ok_or(AnswerError::Keys(KeyError::Gone))?;
        let first_request = self.inbox.open.get(id).is_some_and(|open| open.first_request);
        let statement = self.account.statement().ok_or(AnswerError::NotConfirmed)?;
        let test = self.account.test;
        let rendered = crate::transcript::render(challenge, &statement, test, first_request, self.locale);
        let transcript = rendered.transcript.freeze();
        let place = HistoryPosition { seq: head.seq + 1, prev: head.hash };
        let jti = MessageId::random(&*self.random);
        let draft = AnswerDraft::new(challenge, &transcript, jti, place, self.clock.or_own(at))
            .expect("the transcript was rendered from this challenge");
        let transport_key = TransportKey::new(transport.public_key());
        let (decision, signed) = match authorized {
            AuthorizedDecision::Approve { value, user, key } => {
                let answer = ApprovalKey::new(key.public_key()).approve(draft, user, value);
                (Decision::Approved, answer.sign(key))
            }
            AuthorizedDecision::ApproveUnverified { value } => {
                let answer = transport_key.approve_unverified(draft, value).map_err(|_| AnswerError::NotVerified)?;
                (Decision::Approved, answer.sign(&**transport))
            }
            AuthorizedDecision::Deny { reason } => {
                (Decision::Denied, transport_key.deny(draft, reason).sign(&**transport))
            }
        };
        let compact = signed.map_err(|_| AnswerError::Keys(KeyError::Gone))?;
        self.append_history(
            at,
            HistoryEvent::Answered {
                challenge: id.clone(),
                challenge_hash: *self.answerable(at, id)?.hash(),
                answer_hash: compact.hash(),
                decision: decision_name(decision).to_owned(),
            },
        );
        self.post_answer(id, &compact, &transcript);
        if let Some(open) = self.inbox.open.get_mut(id) {
            open.kept.stage = Stage::Answering;
            open.kept.transcript = Some(transcript.text().to_owned());
            open.kept.answer = Some(compact.into_string());
            let kept = open.kept.clone();
            self.put(kept);
        }
        Ok(self.finish(at))
    }

    /// Disputes a request that has ended: "that wasn't me". `kept`: the stored challenge.
    ///
    /// # Errors
    /// [`AnswerError`]; then nothing was signed or stored.
    pub fn dispute(&mut self, at: Moment, kept: &StoredChallenge) -> Result<Vec<Effect>, AnswerError> {
        let transport = self.transport.as_ref().ok_or(AnswerError::Keys(KeyError::Gone))?;
        if self.outbox.holds(&kept.id, OutboxPurpose::Dispute) {
            return Err(AnswerError::Answered);
        }
        let dispute = Dispute {
            iss: self.account.device_id.clone(),
            aud: self.account.issuer.clone(),
            sub: self.account.subject.clone(),
            jti: MessageId::random(&*self.random),
            iat: self.clock.or_own(at).seconds(),
            challenge: kept.id.clone(),
            challenge_hash: kept.hash(),
            outcome_hash: kept.outcomes.last().map(Hash::of),
        };
        let compact = Compact::sign(&dispute, &**transport).map_err(|_| AnswerError::Keys(KeyError::Gone))?;
        self.append_history(at, HistoryEvent::Disputed { challenge: kept.id.clone(), dispute_hash: compact.hash() });
        self.post(OutboxPurpose::Dispute, &kept.id, &compact);
        Ok(self.finish(at))
    }

    fn answerable(&self, at: Moment, id: &ChallengeId) -> Result<&VerifiedChallenge, AnswerError> {
        let open = self.inbox.open.get(id).ok_or(AnswerError::Unknown)?;
        if let Some(why) = self.unusable() {
            return Err(AnswerError::Unusable { why: why.to_owned() });
        }
        if self.account.status.no_part().is_some() {
            return Err(AnswerError::NoPart { status: self.account.status.clone() });
        }
        match open.kept.stage {
            Stage::Received | Stage::Shown => {}
            Stage::Answering => return Err(AnswerError::Answered),
            Stage::Refused | Stage::Ended => return Err(AnswerError::Ended),
        }
        if self.is_expired(at, open) {
            return Err(AnswerError::Expired);
        }
        if self.enrollment.is_none() {
            return Err(AnswerError::NotConfirmed);
        }
        open.verified.as_ref().ok_or(AnswerError::Ended)
    }
}

/// Whether the number has the form the request asks for. Only the gateway knows whether it is the right one.
fn check_value(challenge: &VerifiedChallenge, value: Option<&str>) -> Result<(), AnswerError> {
    let interaction = &challenge.claims().interaction;
    let fits = match (interaction.kind, value) {
        (InteractionType::Boolean, None) => return Ok(()),
        (InteractionType::Boolean, Some(_)) => {
            return Err(AnswerError::ValueUnfit { expected: "no number".to_owned() });
        }
        (_, None) => return Err(AnswerError::ValueNeeded),
        (InteractionType::NumberChoose, Some(value)) => {
            let choices = interaction.choices.as_deref().unwrap_or_default();
            (choices.iter().any(|choice| choice == value), format!("one of {}", choices.join(", ")))
        }
        (_, Some(value)) => {
            let length = interaction.length.unwrap_or_default();
            let digits = value.bytes().all(|byte| byte.is_ascii_digit());
            (digits && value.len() == length as usize, format!("{length} digits"))
        }
    };
    match fits {
        (true, _) => Ok(()),
        (false, expected) => Err(AnswerError::ValueUnfit { expected }),
    }
}

fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Approved => "approved",
        Decision::Denied => "denied",
    }
}
