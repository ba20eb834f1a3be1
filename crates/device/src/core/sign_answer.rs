//! Making answers and disputes: checked, then handed out for signing, and stored before anything is sent.

use countersign_jose::hash::Hash;
use countersign_protocol::answer::{
    AnswerDraft, ApprovalKey, Decision, DenialReason, HistoryPosition, TransportKey, VerifiedUser,
};
use countersign_protocol::challenge::VerifiedChallenge;
use countersign_protocol::dispute::Dispute;
use countersign_protocol::id::{ChallengeId, MessageId};
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::jws::Unsigned;
use countersign_protocol::transcript::ShownTranscript;

use super::Core;
use super::clock::Moment;
use super::draft::AnswerToSign;
use super::effect::{DraftId, Effect, KeyRole};
use crate::error::AnswerError;
use crate::ports::vault::{OutboxPurpose, Stage, StoredChallenge};

/// A decision together with what authorizes it.
#[derive(Clone)]
pub enum AuthorizedDecision {
    /// Approve, by the approval key, after user verification.
    Approve {
        /// The number that was typed or chosen.
        value: Option<String>,
        /// The verified user.
        user: VerifiedUser,
    },
    /// Approve, by the passkey, whose own signature says that the person was verified for exactly this.
    ApproveByPasskey {
        /// The number that was typed or chosen.
        value: Option<String>,
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

impl AuthorizedDecision {
    pub(super) fn decision(&self) -> Decision {
        match self {
            AuthorizedDecision::Approve { .. }
            | AuthorizedDecision::ApproveByPasskey { .. }
            | AuthorizedDecision::ApproveUnverified { .. } => Decision::Approved,
            AuthorizedDecision::Deny { .. } => Decision::Denied,
        }
    }
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

    /// Answers a request, once and for good: makes a draft that reserves the history's next place, or waits for its
    /// turn. [`Effect::Sign`] hands it out; [`Effect::DraftEnded`] says
    /// that answer, history and outbox were stored, or why there is no answer. A denial drops an approval of the same
    /// request that is not signed yet.
    ///
    /// # Errors
    /// [`AnswerError`]; then nothing was begun or dropped.
    pub fn answer(
        &mut self,
        at: Moment,
        id: &ChallengeId,
        decision: AuthorizedDecision,
    ) -> Result<(DraftId, Vec<Effect>), AnswerError> {
        self.check(at, id, &decision)?;
        let transcript = self.transcript_of(at, id)?;
        match self.drafts.decision_about(id) {
            None => {}
            Some(Decision::Approved) if decision.decision() == Decision::Denied => {
                self.drop_drafts_about(id, || AnswerError::Answered);
            }
            Some(_) => return Err(AnswerError::Answering),
        }
        let draft = self.drafts.add(id, decision, transcript);
        Ok((draft, self.finish(at)))
    }

    /// What the person was shown when she decided: fixed then, whatever is approved before this answer's turn.
    fn transcript_of(&self, at: Moment, id: &ChallengeId) -> Result<ShownTranscript, AnswerError> {
        self.answerable(at, id)?;
        let open = self.inbox.open.get(id).ok_or(AnswerError::Unknown)?;
        let asked = open.rendered(&self.account).ok_or(AnswerError::NotConfirmed)?;
        Ok(crate::transcript::render(&asked, self.locale).transcript.freeze())
    }

    /// The answer to a request, in the history's next place.
    ///
    /// # Errors
    /// [`AnswerError`], where it can't be given any more.
    pub(super) fn answer_to_sign(
        &mut self,
        at: Moment,
        id: &ChallengeId,
        decision: AuthorizedDecision,
        transcript: ShownTranscript,
    ) -> Result<AnswerToSign, AnswerError> {
        self.check(at, id, &decision)?;
        let challenge = self.answerable(at, id)?;
        let head = self.head_or_beginning().ok_or(AnswerError::NotConfirmed)?;
        let place = HistoryPosition { seq: head.seq + 1, prev: head.hash };
        let jti = MessageId::random(&*self.random);
        let draft = AnswerDraft::new(challenge, &transcript, jti, place, self.clock.or_own(at))
            .expect("the transcript was rendered from the challenge of this id");
        let transport = TransportKey::new(&self.account.transport_key);
        let decided = decision.decision();
        let (key, unsigned) = match decision {
            AuthorizedDecision::Approve { value, user } => {
                let approval = ApprovalKey::new(&self.account.approval_key);
                (KeyRole::Approval, approval.approve(draft, &user, value))
            }
            AuthorizedDecision::ApproveByPasskey { value } => {
                let answer = Unsigned::for_passkey(&draft.passkey_claims(value), &self.account.approval_key);
                (KeyRole::Approval, answer.expect("approval keys sign answers"))
            }
            AuthorizedDecision::ApproveUnverified { value } => {
                let answer = transport.approve_unverified(draft, value).map_err(|_| AnswerError::NotVerified)?;
                (KeyRole::Transport, answer)
            }
            AuthorizedDecision::Deny { reason } => (KeyRole::Transport, transport.deny(draft, reason)),
        };
        Ok(AnswerToSign { decision: decided, unsigned, transcript, key })
    }

    fn check(&self, at: Moment, id: &ChallengeId, decision: &AuthorizedDecision) -> Result<(), AnswerError> {
        let challenge = self.answerable(at, id)?;
        let discouraged = challenge.claims().user_verification == UserVerification::Discouraged;
        match decision {
            // A passkey signs in no other way, and nothing else signs in its way.
            AuthorizedDecision::Approve { .. } if self.account.has_passkey() => Err(AnswerError::NotVerified),
            AuthorizedDecision::ApproveByPasskey { .. } if !self.account.has_passkey() => Err(AnswerError::NotVerified),
            AuthorizedDecision::Approve { value, .. } | AuthorizedDecision::ApproveByPasskey { value } => {
                check_value(challenge, value.as_deref())
            }
            AuthorizedDecision::ApproveUnverified { .. } if !discouraged => Err(AnswerError::NotVerified),
            AuthorizedDecision::ApproveUnverified { value } => check_value(challenge, value.as_deref()),
            AuthorizedDecision::Deny { .. } => Ok(()),
        }
    }

    /// Disputes a request that has ended: "that wasn't me". `kept`: the stored challenge. The effects store the dispute,
    /// then have it signed, then send it.
    ///
    /// # Errors
    /// [`AnswerError`]; then nothing was stored.
    pub fn dispute(&mut self, at: Moment, kept: &StoredChallenge) -> Result<Vec<Effect>, AnswerError> {
        self.may_speak()?;
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
        let unsigned = Unsigned::new(&dispute, &self.account.transport_key);
        self.post_unsigned(OutboxPurpose::Dispute, &kept.id, &unsigned);
        Ok(self.finish(at))
    }

    /// Whether the provider would take anything of this account.
    fn may_speak(&self) -> Result<(), AnswerError> {
        match (self.unusable(), &self.account.status) {
            (Some(why), _) => Err(AnswerError::Unusable { why: why.to_owned() }),
            (None, status) if status.no_part().is_some() => Err(AnswerError::NoPart { status: status.clone() }),
            _ => Ok(()),
        }
    }

    fn answerable(&self, at: Moment, id: &ChallengeId) -> Result<&VerifiedChallenge, AnswerError> {
        let open = self.inbox.open.get(id).ok_or(AnswerError::Unknown)?;
        self.may_speak()?;
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
