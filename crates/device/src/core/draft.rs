//! Drafts: an answer between its making and its signature. A key may sign late, ask the person, or never answer.
//!
//! An account has one open draft, which reserves the next place of the history (`seq`, `prev`): until it is committed or
//! dropped, nothing else gets a number. What ends, is refused or disputed meanwhile is stored at once and numbered
//! afterwards, after a crash at the start.

use std::collections::VecDeque;

use countersign_protocol::answer::{Answer, Decision};
use countersign_protocol::enrollment::VerifiedEnrollment;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::{Compact, JwsError, Unsigned};
use countersign_protocol::transcript::ShownTranscript;
use countersign_protocol::webauthn::WebAuthnError;

use super::clock::Moment;
use super::effect::{DraftId, Effect, KeyRole, SigningJob};
use super::sign_answer::AuthorizedDecision;
use super::{Core, Tick};
use crate::error::AnswerError;
use crate::history::HistoryEvent;
use crate::ports::key_store::KeyError;
use crate::ports::vault::{Change, Stage, UnnumberedEvent};

/// How long a key may take to sign an answer, the person's touch included, in milliseconds.
const DRAFT_MS: u64 = 120_000;

/// The open draft, those that wait for it, and what waits for a number.
#[derive(Default)]
pub(super) struct Drafts {
    last: u64,
    open: Option<OpenDraft>,
    /// Denials before approvals, each in the order they came.
    waiting: VecDeque<WaitingDraft>,
    /// Stored without a number, oldest first.
    unnumbered: Vec<UnnumberedEvent>,
}

/// The draft that a key is signing.
struct OpenDraft {
    id: DraftId,
    challenge: ChallengeId,
    decision: Decision,
    unsigned: Unsigned<Answer>,
    transcript: ShownTranscript,
    since: Tick,
}

/// A decision that waits for its turn.
struct WaitingDraft {
    id: DraftId,
    challenge: ChallengeId,
    decision: AuthorizedDecision,
    transcript: ShownTranscript,
}

/// An answer to be signed.
pub(super) struct AnswerToSign {
    pub(super) decision: Decision,
    pub(super) unsigned: Unsigned<Answer>,
    pub(super) transcript: ShownTranscript,
    pub(super) key: KeyRole,
}

impl Drafts {
    /// With the events that an earlier run left without a number.
    pub(super) fn open(unnumbered: Vec<UnnumberedEvent>) -> Drafts {
        Drafts { unnumbered, ..Drafts::default() }
    }

    /// Whether the history's next place is reserved.
    pub(super) fn reserves(&self) -> bool {
        self.open.is_some()
    }

    /// The decision about a challenge that is being signed or waits.
    pub(super) fn decision_about(&self, challenge: &ChallengeId) -> Option<Decision> {
        let open = self.open.iter().filter(|draft| draft.challenge == *challenge).map(|draft| draft.decision);
        let waiting = self.waiting.iter().filter(|draft| draft.challenge == *challenge);
        open.chain(waiting.map(|draft| draft.decision.decision())).next()
    }

    /// Adds a decision: a denial before every approval, since it waits for no person.
    pub(super) fn add(
        &mut self,
        challenge: &ChallengeId,
        decision: AuthorizedDecision,
        transcript: ShownTranscript,
    ) -> DraftId {
        self.last += 1;
        let id = DraftId(self.last);
        let is_denial = |decision: &AuthorizedDecision| decision.decision() == Decision::Denied;
        let at = match is_denial(&decision) {
            true => self.waiting.iter().take_while(|waiting| is_denial(&waiting.decision)).count(),
            false => self.waiting.len(),
        };
        self.waiting.insert(at, WaitingDraft { id, challenge: challenge.clone(), decision, transcript });
        id
    }
}

impl Core {
    /// Begins the next waiting draft, where none is open: the answer is final but for its signature.
    pub(super) fn begin_draft(&mut self, at: Moment) {
        while self.drafts.open.is_none()
            && let Some(WaitingDraft { id, challenge, decision, transcript }) = self.drafts.waiting.pop_front()
        {
            match self.answer_to_sign(at, &challenge, decision, transcript) {
                Ok(AnswerToSign { decision, unsigned, transcript, key }) => {
                    let input = unsigned.signing_input().to_owned();
                    self.step.effects.push(Effect::Sign { job: SigningJob::Draft(id), key, input });
                    let since = at.tick;
                    self.drafts.open = Some(OpenDraft { id, challenge, decision, unsigned, transcript, since });
                }
                Err(error) => self.draft_ended(id, Err(error)),
            }
        }
    }

    /// Commits the open draft: answer, history and outbox are one transaction. A signature of a draft that was dropped is
    /// thrown away.
    pub(super) fn draft_signed(&mut self, at: Moment, id: DraftId, signature: &[u8]) {
        let Some(draft) = self.drafts.open.take_if(|draft| draft.id == id) else { return };
        let OpenDraft { challenge, decision, unsigned, transcript, .. } = draft;
        let Ok(compact) = unsigned.attach(signature) else {
            return self.end_open_draft(id, AnswerError::Keys(KeyError::Unreadable));
        };
        if let Err(why) = self.check_passkey(&compact) {
            return self.end_open_draft(id, why);
        }
        let Some(open) = self.inbox.open.get_mut(&challenge) else {
            return self.end_open_draft(id, AnswerError::Ended);
        };
        open.kept.stage = Stage::Answering;
        open.kept.transcript = Some(transcript.text().to_owned());
        open.kept.answer = Some(compact.as_str().to_owned());
        let (kept, practice) = (open.kept.clone(), open.is_practice());
        let answered = match practice {
            true => HistoryEvent::Practised,
            false => HistoryEvent::Answered {
                challenge: challenge.clone(),
                challenge_hash: kept.hash(),
                answer_hash: compact.hash(),
                decision: decision_name(decision).to_owned(),
            },
        };
        self.append_history(at, answered);
        self.post_answer(&challenge, &compact, &transcript);
        self.put(kept);
        if decision == Decision::Approved {
            self.inbox.remember_approved(&challenge, self.clock.or_own(at).millis());
        }
        self.number_events();
        self.draft_ended(id, Ok(()));
    }

    /// Verifies what a passkey signed as the gateway will. The bytes come from a browser and an authenticator, and an answer that
    /// the gateway refuses would be in the history for good.
    fn check_passkey(&self, answer: &Compact<Answer>) -> Result<(), AnswerError> {
        let Some((statement, _)) = self.enrollment.as_ref().map(VerifiedEnrollment::current) else { return Ok(()) };
        if statement.webauthn.is_none() || answer.kid().ok() != Some(*statement.approval_key.thumbprint()) {
            return Ok(());
        }
        match answer.verify_by(|_| Some(statement.approval_verifying_key())) {
            Ok(_) => Ok(()),
            Err(JwsError::WebAuthn(WebAuthnError::UserVerification | WebAuthnError::UserPresence)) => {
                Err(AnswerError::NotVerified)
            }
            Err(error) => {
                tracing::warn!(%error, "the passkey's signature does not hold");
                Err(AnswerError::Keys(KeyError::Unreadable))
            }
        }
    }

    /// The key did not sign: there is no answer.
    pub(super) fn draft_not_signed(&mut self, id: DraftId, why: KeyError) {
        if self.drafts.open.take_if(|draft| draft.id == id).is_some() {
            self.end_open_draft(id, AnswerError::Keys(why));
        }
    }

    /// The person took an approval back before it was signed.
    pub(super) fn withdraw_draft(&mut self, id: DraftId) {
        let is_approval = |decision: Decision| decision == Decision::Approved;
        self.drop_drafts(|draft, _, decision| draft == id && is_approval(decision), || AnswerError::NotVerified);
    }

    /// Drops every draft that the approval key is to sign: the device was locked.
    pub(super) fn lock(&mut self) {
        self.locks += 1;
        let locked = |_, _: &ChallengeId, decision| decision == Decision::Approved;
        self.drop_drafts(locked, || AnswerError::Locked);
    }

    /// Drops what waits for an answer to this challenge.
    pub(super) fn drop_drafts_about(&mut self, challenge: &ChallengeId, why: fn() -> AnswerError) {
        self.drop_drafts(|_, about, _| about == challenge, why);
    }

    /// Drops every draft: the account takes no part any more.
    pub(super) fn drop_all_drafts(&mut self) {
        let status = self.account.status.clone();
        self.drop_drafts(|_, _, _| true, || AnswerError::NoPart { status: status.clone() });
    }

    /// Drops drafts whose challenge has expired by the provider's clock, and one that a key takes too long for.
    pub(super) fn expire_drafts(&mut self, at: Moment) {
        let Some(open) = &self.drafts.open else { return };
        if at.tick.millis_since(open.since) >= DRAFT_MS {
            let late = open.id;
            self.drop_drafts(|draft, _, _| draft == late, || AnswerError::TimedOut);
        }
        let of_open = self.drafts.open.iter().map(|draft| &draft.challenge);
        let all = of_open.chain(self.drafts.waiting.iter().map(|draft| &draft.challenge));
        let is_over = |id: &&ChallengeId| self.inbox.open.get(id).is_some_and(|open| self.is_expired(at, open));
        for expired in all.filter(is_over).cloned().collect::<Vec<_>>() {
            self.drop_drafts_about(&expired, || AnswerError::Expired);
        }
    }

    /// When [`Core::expire_drafts`] is due.
    pub(super) fn drafts_deadline(&self) -> Option<Tick> {
        let open = self.drafts.open.as_ref()?;
        let all = std::iter::once(&open.challenge).chain(self.drafts.waiting.iter().map(|draft| &draft.challenge));
        let expiries = all.filter_map(|id| self.clock.tick_at(self.inbox.open.get(id)?.kept.expires_at));
        let own = open.since.plus_millis(DRAFT_MS);
        Some(expiries.fold(own, |least, next| least.min(next)))
    }

    fn drop_drafts(
        &mut self,
        unwanted: impl Fn(DraftId, &ChallengeId, Decision) -> bool,
        why: impl Fn() -> AnswerError,
    ) {
        let is_unwanted = |draft: &mut OpenDraft| unwanted(draft.id, &draft.challenge, draft.decision);
        if let Some(draft) = self.drafts.open.take_if(is_unwanted) {
            self.step.effects.push(Effect::Abort(SigningJob::Draft(draft.id)));
            self.end_open_draft(draft.id, why());
        }
        for draft in std::mem::take(&mut self.drafts.waiting) {
            match unwanted(draft.id, &draft.challenge, draft.decision.decision()) {
                true => self.draft_ended(draft.id, Err(why())),
                false => self.drafts.waiting.push_back(draft),
            }
        }
    }

    fn end_open_draft(&mut self, id: DraftId, why: AnswerError) {
        self.number_events();
        self.draft_ended(id, Err(why));
    }

    fn draft_ended(&mut self, draft: DraftId, result: Result<(), AnswerError>) {
        self.step.effects.push(Effect::DraftEnded { draft, result });
    }

    /// Stores an event without a number, while the next number is reserved.
    pub(super) fn store_unnumbered(&mut self, at_millis: u64, what: HistoryEvent) {
        let id = self.drafts.unnumbered.last().map_or(1, |newest| newest.id + 1);
        let event = UnnumberedEvent { id, at: at_millis, what };
        self.change(Change::AddUnnumbered(event.clone()));
        self.drafts.unnumbered.push(event);
    }

    /// Numbers what was stored without a number, in order. After a start, where there is no enrollment to chain to, it
    /// stays as it is.
    pub(super) fn number_events(&mut self) {
        let Some(mut head) = self.head_or_beginning() else { return };
        for UnnumberedEvent { id, at, what } in std::mem::take(&mut self.drafts.unnumbered) {
            let entry = head.append(at, what);
            self.change(Change::Append(entry));
            self.change(Change::DeleteUnnumbered(id));
            self.head = Some(head);
        }
    }
}

fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Approved => "approved",
        Decision::Denied => "denied",
    }
}
