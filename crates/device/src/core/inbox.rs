//! Inbox: challenges on this device, received → shown → answering → ended. Only a verified outcome ends one that was
//! answered.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Not as _;

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::answer::Decision;
use countersign_protocol::challenge::{Challenge, VerifiedChallenge};
use countersign_protocol::enrollment::EnrollmentStatement;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::manifest::TrustedKeys;
use countersign_protocol::outcome::{Ending, ExpectedOutcome, Outcome, VerifiedOutcome};
use countersign_protocol::refusal::RefusalCode;

use super::clock::Moment;
use super::effect::Effect;
use super::repeats::{RecentApprovals, client_of};
use super::{Core, KnownChallenges};
use crate::account::Account;
use crate::device_event::DeviceEvent;
use crate::error::AnswerError;
use crate::history::HistoryEvent;
use crate::ports::vault::{AccountSnapshot, ApprovedClient, OutboxPurpose, Stage, StoredChallenge};
use crate::transcript::{DeviceFacts, RenderedRequest, Repeat};
use crate::view::ChallengeView;

/// So long after its expiry, in seconds, a challenge without answer and outcome counts as ended.
const LONG_EXPIRED_SECONDS: u64 = 3600;

/// Challenges that have not ended, and ids and hashes for recognising repeated ones.
pub(super) struct Inbox {
    pub(super) open: BTreeMap<ChallengeId, OpenChallenge>,
    pub(super) known: KnownChallenges,
    /// Hashes of what was refused since the start.
    pub(super) refused: BTreeSet<Hash>,
    /// The clients that this account has approved something for.
    pub(super) approved: BTreeSet<ApprovedClient>,
    pub(super) recent: RecentApprovals,
}

/// A challenge that has not ended.
pub(super) struct OpenChallenge {
    pub(super) kept: StoredChallenge,
    /// The verified challenge; `None` for one that this device refused, and for one that no longer verifies because the
    /// provider has revoked the key that signed it.
    pub(super) verified: Option<VerifiedChallenge>,
    /// Emitted to the listeners since the start.
    announced: bool,
    /// A reset did not list it, or the provider did not know it when the answer was sent.
    absent: bool,
    /// Nothing of its client had been approved when it came. Fixed while it is open: its lines must not change before a
    /// person's eyes.
    pub(super) first_request: bool,
    /// The approval that it is like; fixed as soon as there is one.
    pub(super) repeat: Option<Repeat>,
    /// Whether the provider that the gateway names had confirmed the gateway when it came; fixed as well.
    pub(super) is_confirmed: bool,
    /// The enrollment statement that was in force when it came, fixed as well; `None` before the account is confirmed.
    pub(super) statement: Option<EnrollmentStatement>,
}

impl Inbox {
    pub(super) fn open(account: &Account, keys: &TrustedKeys, snapshot: AccountSnapshot) -> Inbox {
        let AccountSnapshot { open, known, approved, recent, .. } = snapshot;
        let recent = RecentApprovals::open(account, keys, &recent);
        let (statement, on_behalf_of) = (account.statement(), account.on_behalf_of());
        let open = open.into_iter().map(|kept| {
            let compact = Compact::from_text(kept.compact.clone());
            let verified = match kept.stage {
                Stage::Refused => None,
                _ => {
                    let (device, subject) = (&account.device_id, &account.subject);
                    Challenge::verify_signed(&compact, device, subject, &on_behalf_of, keys).ok()
                }
            };
            (kept.id.clone(), OpenChallenge::new(kept, verified, statement.clone(), (&approved, &recent)))
        });
        let open = open.collect();
        Inbox { open, known: known.into_iter().collect(), refused: BTreeSet::new(), approved, recent }
    }
}

impl OpenChallenge {
    /// A challenge that has just come or was loaded.
    pub(super) fn new(
        kept: StoredChallenge,
        verified: Option<VerifiedChallenge>,
        statement: Option<EnrollmentStatement>,
        (approved, recent): (&BTreeSet<ApprovedClient>, &RecentApprovals),
    ) -> OpenChallenge {
        let is_first = |asked: &VerifiedChallenge| !asked.claims().practice && !approved.contains(&client_of(asked));
        let first_request = verified.as_ref().is_some_and(is_first);
        let repeat = verified.as_ref().and_then(|challenge| recent.repeated_by(challenge));
        OpenChallenge {
            kept,
            verified,
            announced: false,
            absent: false,
            first_request,
            repeat,
            is_confirmed: false,
            statement,
        }
    }

    /// The request as it is shown and signed. `None` for one that does not verify, and before the account is confirmed: nobody has
    /// said for whom it is.
    pub(super) fn rendered(&self, account: &Account) -> Option<RenderedRequest<'_>> {
        let facts = DeviceFacts {
            test: account.test,
            first_request: self.first_request,
            is_confirmed: self.is_confirmed,
            repeat: self.repeat,
        };
        Some(RenderedRequest { challenge: self.verified.as_ref()?, statement: self.statement.as_ref()?, facts })
    }
}

impl Core {
    /// Marks the requests of providers that have confirmed the gateway. Called for one that has just come, and after a start.
    pub(super) fn mark_confirmed(&mut self, at: Moment) {
        let unmarked = |open: &&OpenChallenge| !open.announced && !open.is_confirmed;
        let confirmed = self.inbox.open.values().filter(unmarked).filter(|open| {
            let provider = open.verified.as_ref().map(|challenge| &challenge.claims().provider.issuer);
            provider.is_some_and(|provider| self.is_confirmed(at, provider))
        });
        let confirmed: Vec<ChallengeId> = confirmed.map(|open| open.kept.id.clone()).collect();
        for id in confirmed {
            if let Some(open) = self.inbox.open.get_mut(&id) {
                open.is_confirmed = true;
            }
        }
    }

    /// Requests that wait for an answer, the earliest expiry first, without those expired by the provider's clock.
    pub fn pending(&self, at: Moment) -> Vec<ChallengeView> {
        if !self.may_answer() {
            return Vec::new();
        }
        let waiting =
            self.inbox.open.values().filter(|open| open.kept.stage <= Stage::Shown && !self.is_expired(at, open));
        let mut views: Vec<ChallengeView> = waiting.filter_map(|open| self.view(at, open)).collect();
        views.sort_by_key(|view| view.expires_at);
        views
    }

    /// Whether this device has this challenge and it has not ended.
    pub fn is_open(&self, id: &ChallengeId) -> bool {
        self.inbox.open.contains_key(id)
    }

    /// Whether this device has received this challenge, whatever became of it.
    pub fn has_received(&self, id: &ChallengeId) -> bool {
        self.inbox.known.contains_key(id)
    }

    pub(super) fn shown(&mut self, id: &ChallengeId) {
        if let Some(open) = self.inbox.open.get_mut(id)
            && open.kept.stage == Stage::Received
        {
            open.kept.stage = Stage::Shown;
            let kept = open.kept.clone();
            self.put(kept);
        }
    }

    /// Whether this account can answer anything. Requests of one that can't are not shown.
    fn may_answer(&self) -> bool {
        self.unusable().is_none() && !self.has_left()
    }

    /// Emits requests that wait, each once per start.
    pub(super) fn announce(&mut self, at: Moment) {
        if !self.may_answer() {
            return;
        }
        self.refuse_what_no_longer_verifies(at);
        self.mark_confirmed(at);
        let due: Vec<ChallengeId> = self
            .inbox
            .open
            .values()
            .filter(|open| !open.announced && open.kept.stage <= Stage::Shown && !self.is_expired(at, open))
            .map(|open| open.kept.id.clone())
            .collect();
        for id in due {
            if let Some(open) = self.inbox.open.get_mut(&id) {
                open.announced = true;
            }
            if let Some(view) = self.inbox.open.get(&id).and_then(|open| self.view(at, open)) {
                self.emit(DeviceEvent::Challenge(Box::new(view)));
            }
        }
    }

    /// Refuses stored challenges that no longer verify, as if they came now.
    fn refuse_what_no_longer_verifies(&mut self, at: Moment) {
        let unverified = |open: &&OpenChallenge| {
            open.verified.is_none() && open.kept.stage <= Stage::Shown && !self.is_expired(at, open)
        };
        let lost: Vec<ChallengeId> =
            self.inbox.open.values().filter(unverified).map(|open| open.kept.id.clone()).collect();
        for id in lost {
            self.drop_drafts_about(&id, || AnswerError::Ended);
            if let Some(open) = self.inbox.open.get_mut(&id) {
                open.kept.stage = Stage::Refused;
                let kept = open.kept.clone();
                self.refuse_kept(at, kept, RefusalCode::Unverifiable);
            }
        }
    }

    /// Handles an outcome that the provider sent.
    pub(super) fn withdrawn(&mut self, at: Moment, id: &ChallengeId, outcome: &Compact<Outcome>) {
        if self.inbox.open.contains_key(id) {
            self.end_by(at, id, outcome);
        } else {
            self.step.effects.push(Effect::Recall { challenge: id.clone(), outcome: outcome.clone() });
        }
    }

    /// Ends a challenge if the outcome verifies. Returns whether it did.
    pub(super) fn end_by(&mut self, at: Moment, id: &ChallengeId, outcome: &Compact<Outcome>) -> bool {
        let Some(open) = self.inbox.open.get(id) else { return false };
        let Some(verified) = self.verified_outcome(&open.kept, outcome) else {
            self.ignore("an outcome");
            return false;
        };
        self.end(at, id, Some(&verified));
        true
    }

    /// Handles an outcome about a challenge that ended before: after a dispute, or after a reset that did not list it.
    pub(super) fn recalled(&mut self, at: Moment, outcome: &Compact<Outcome>, kept: Option<Box<StoredChallenge>>) {
        let Some(mut kept) = kept.filter(|kept| kept.stage == Stage::Ended) else { return };
        let known = kept.outcomes.iter().any(|known| known == outcome.as_str());
        let verified = self.verified_outcome(&kept, outcome);
        let Some(verified) = verified else { return self.ignore("an outcome") };
        if verified.ending() == Ending::Disputed {
            self.dequeue_all(&kept.id, OutboxPurpose::Dispute);
        }
        let continues = verified.claims().replaces == kept.outcomes.last().map(Hash::of);
        if known || !continues {
            return;
        }
        kept.outcomes.push(outcome.as_str().to_owned());
        let (account, id) = (self.account.id.clone(), kept.id.clone());
        self.append_history(
            at,
            HistoryEvent::Ended {
                challenge: id.clone(),
                challenge_hash: kept.hash(),
                outcome: verified.ending().as_str().to_owned(),
                outcome_hash: Some(*verified.hash()),
            },
        );
        let approval_ref = kept.approval_ref();
        self.put(*kept);
        let (outcome, by) = (Some(verified.ending()), verified.claims().by.clone());
        self.emit(DeviceEvent::Ended { account, id, approval_ref, outcome, by, practice: false });
    }

    fn verified_outcome(&self, kept: &StoredChallenge, outcome: &Compact<Outcome>) -> Option<VerifiedOutcome> {
        let claims = Compact::<Challenge>::from_text(kept.compact.clone()).peek().ok();
        let commitment = claims.and_then(|claims| claims.interaction.commitment);
        let answer = kept.answer.as_ref().map(Hash::of);
        let about = ExpectedOutcome {
            device: &self.account.device_id,
            subject: &self.account.subject,
            challenge: &kept.id,
            challenge_hash: &kept.hash(),
            commitment: commitment.as_ref(),
            answer_hash: answer.as_ref(),
        };
        let verified = Outcome::verify(outcome, &self.trusted, &about).ok()?;
        contradicts(decision_of(kept), verified.ending()).not().then_some(verified)
    }

    /// Ends a challenge, with its outcome or because the provider no longer knows it.
    fn end(&mut self, at: Moment, id: &ChallengeId, outcome: Option<&VerifiedOutcome>) {
        // Before its end is written: an answer that is not signed yet gives its number back.
        self.drop_drafts_about(id, || AnswerError::Ended);
        let Some(ended) = self.inbox.open.remove(id) else { return };
        let practice = ended.is_practice();
        let OpenChallenge { mut kept, verified, .. } = ended;
        if practice {
            // Nothing of it is kept.
        } else if let Some(challenge) =
            verified.filter(|_| outcome.is_some_and(|outcome| outcome.ending() == Ending::Approved))
        {
            self.know_client(client_of(&challenge));
        } else if outcome.is_some_and(|outcome| outcome.ending() != Ending::Approved) {
            self.inbox.forget_approved(id);
        }
        self.fetching.from_stream.remove(id);
        let before = kept.stage;
        kept.stage = Stage::Ended;
        kept.outcomes.extend(outcome.map(|outcome| outcome.compact().as_str().to_owned()));
        self.dequeue_all(id, OutboxPurpose::Answer);
        self.dequeue_all(id, OutboxPurpose::Refusal);
        if !practice {
            let challenge_hash = kept.hash();
            let ended = outcome.map_or("absent", |outcome| outcome.ending().as_str()).to_owned();
            let outcome_hash = outcome.map(|outcome| *outcome.hash());
            let challenge = id.clone();
            self.append_history(at, HistoryEvent::Ended { challenge, challenge_hash, outcome: ended, outcome_hash });
        }
        let ending = outcome.map(VerifiedOutcome::ending);
        let by = outcome.and_then(|outcome| outcome.claims().by.clone());
        let (account, id, approval_ref) = (self.account.id.clone(), id.clone(), kept.approval_ref());
        match decision_of(&kept) {
            Some(decision) => {
                self.emit(DeviceEvent::Answered { account, id, approval_ref, decision, outcome: ending, by, practice });
            }
            // Nothing of a refused request was shown.
            None if before == Stage::Refused => {}
            None => self.emit(DeviceEvent::Ended { account, id, approval_ref, outcome: ending, by, practice }),
        }
        self.put_ended(kept, practice);
    }

    /// Ends what a reset did not list. One that was answered ends only when it has expired, too.
    pub(super) fn absent_after_reset(&mut self, at: Moment, listed: &BTreeSet<ChallengeId>) {
        let missing: Vec<ChallengeId> = self.inbox.open.keys().filter(|id| !listed.contains(id)).cloned().collect();
        for id in missing {
            if let Some(open) = self.inbox.open.get_mut(&id) {
                open.absent = true;
                if open.kept.stage != Stage::Answering {
                    self.end(at, &id, None);
                }
            }
        }
    }

    /// Records that the provider does not know a challenge.
    pub(super) fn mark_absent(&mut self, id: &ChallengeId) {
        if let Some(open) = self.inbox.open.get_mut(id) {
            open.absent = true;
        }
    }

    /// Ends challenges that the provider will not send an outcome for any more.
    pub(super) fn forget_long_expired(&mut self, at: Moment) {
        let Some(now) = self.clock.now(at) else { return };
        let gone: Vec<ChallengeId> = self
            .inbox
            .open
            .values()
            .filter(|open| match open.kept.stage {
                Stage::Answering => open.absent && now.seconds() >= open.kept.expires_at,
                _ => now.seconds() >= open.kept.expires_at.saturating_add(LONG_EXPIRED_SECONDS),
            })
            .map(|open| open.kept.id.clone())
            .collect();
        for id in gone {
            self.end(at, &id, None);
        }
    }

    /// Whether it has expired by the provider's clock. While that is not known, it has not.
    pub(super) fn is_expired(&self, at: Moment, open: &OpenChallenge) -> bool {
        self.clock.now(at).is_some_and(|now| now.seconds() >= open.kept.expires_at)
    }

    fn view(&self, at: Moment, open: &OpenChallenge) -> Option<ChallengeView> {
        let asked = open.rendered(&self.account)?;
        // A clock of an earlier run can be trusted to say how long is left, not that a request is over.
        let is_sure = |now: &Timestamp| self.clock.is_of_this_run() || now.seconds() < open.kept.expires_at;
        let now = self.clock.estimate(at).filter(is_sure);
        Some(ChallengeView::render(&self.account.id, &asked, open.kept.stage, self.locale, now))
    }
}

/// Whether an ending contradicts this device's own decision.
fn contradicts(decision: Option<Decision>, ending: Ending) -> bool {
    match ending {
        Ending::Approved => decision != Some(Decision::Approved),
        Ending::Denied => decision != Some(Decision::Denied),
        _ => false,
    }
}

/// The decision of the stored answer, if there is one.
fn decision_of(kept: &StoredChallenge) -> Option<Decision> {
    let answer = Compact::<countersign_protocol::answer::Answer>::from_text(kept.answer.clone()?);
    answer.peek().ok().map(|answer| answer.decision)
}
