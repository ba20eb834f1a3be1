//! Challenges on this device: received → shown → answering → ended. Only a verified outcome ends one that was answered.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Not as _;

use countersign_protocol::answer::Decision;
use countersign_protocol::challenge::{Challenge, VerifiedChallenge};
use countersign_protocol::hash::Hash;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::manifest::TrustedKeys;
use countersign_protocol::outcome::{Concerned, Ending, Outcome, VerifiedOutcome};
use countersign_protocol::refusal::RefusalCode;

use super::clock::Moment;
use super::effect::Effect;
use super::{Core, Known};
use crate::account::Account;
use crate::device_event::DeviceEvent;
use crate::history::HistoryEvent;
use crate::ports::vault::{ApprovedClient, Change, OutboxPurpose, Stage, StoredChallenge};
use crate::view::ChallengeView;

/// HistoryItem its end by so many seconds and without an outcome, a request that nobody answered here is given up.
const LONG_EXPIRED_SECONDS: u64 = 3600;

/// Challenges that have not ended, and what may not come again in another form.
pub(super) struct Inbox {
    pub(super) open: BTreeMap<ChallengeId, OpenChallenge>,
    pub(super) known: Known,
    /// What was refused since the start, by its hash.
    pub(super) refused: BTreeSet<Hash>,
    /// The clients that something was approved for on this account.
    pub(super) approved: BTreeSet<ApprovedClient>,
}

/// A challenge that has not ended.
pub(super) struct OpenChallenge {
    pub(super) kept: StoredChallenge,
    /// What was verified; `None` for one that this device refused, and for one that no longer verifies since the provider
    /// revoked the key that signed it.
    pub(super) verified: Option<VerifiedChallenge>,
    /// Listeners were told since the start.
    announced: bool,
    /// A reset did not list it, or the provider did not know it when it was answered.
    absent: bool,
    /// Nothing of its client was approved when it came. It stays so while it is open, for its lines may not change under a
    /// person's eyes.
    pub(super) first_request: bool,
}

impl Inbox {
    pub(super) fn open(
        account: &Account,
        keys: &TrustedKeys,
        open: Vec<StoredChallenge>,
        known: Vec<(ChallengeId, Hash)>,
        approved: BTreeSet<ApprovedClient>,
    ) -> Inbox {
        let open = open.into_iter().map(|kept| {
            let compact = Compact::from_text(kept.compact.clone());
            let verified = match kept.stage {
                Stage::Refused => None,
                _ => Challenge::verify_signed(&compact, &account.device_id, &account.subject, keys).ok(),
            };
            (kept.id.clone(), OpenChallenge::new(kept, verified, &approved))
        });
        let open = open.collect();
        Inbox { open, known: known.into_iter().collect(), refused: BTreeSet::new(), approved }
    }
}

impl OpenChallenge {
    /// One that has just come.
    pub(super) fn new(
        kept: StoredChallenge,
        verified: Option<VerifiedChallenge>,
        approved: &BTreeSet<ApprovedClient>,
    ) -> OpenChallenge {
        let first_request = verified.as_ref().is_some_and(|challenge| !approved.contains(&client_of(challenge)));
        OpenChallenge { kept, verified, announced: false, absent: false, first_request }
    }
}

impl Core {
    /// What waits for an answer, the oldest deadline first. What has expired by the provider's clock is left out.
    pub fn pending(&self, at: Moment) -> Vec<ChallengeView> {
        if !self.may_answer() {
            return Vec::new();
        }
        let waiting =
            self.inbox.open.values().filter(|open| open.kept.stage <= Stage::Shown && !self.is_over(at, open));
        let mut views: Vec<ChallengeView> = waiting.filter_map(|open| self.view(at, open)).collect();
        views.sort_by_key(|view| view.expires_at);
        views
    }

    /// Whether this challenge is here and has not ended.
    pub fn is_open(&self, id: &ChallengeId) -> bool {
        self.inbox.open.contains_key(id)
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

    /// Whether this account can answer anything: requests of one that can't are nobody's business.
    fn may_answer(&self) -> bool {
        self.unusable().is_none() && !self.is_revoked()
    }

    /// Tells listeners what waits, once per start.
    pub(super) fn announce(&mut self, at: Moment) {
        if !self.may_answer() {
            return;
        }
        self.refuse_what_no_longer_verifies(at);
        let due: Vec<ChallengeId> = self
            .inbox
            .open
            .values()
            .filter(|open| !open.announced && open.kept.stage <= Stage::Shown && !self.is_over(at, open))
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

    /// What was kept and no longer verifies is refused as it would be if it came now.
    fn refuse_what_no_longer_verifies(&mut self, at: Moment) {
        let unverified = |open: &&OpenChallenge| {
            open.verified.is_none() && open.kept.stage <= Stage::Shown && !self.is_over(at, open)
        };
        let lost: Vec<ChallengeId> =
            self.inbox.open.values().filter(unverified).map(|open| open.kept.id.clone()).collect();
        for id in lost {
            if let Some(open) = self.inbox.open.get_mut(&id) {
                open.kept.stage = Stage::Refused;
                let kept = open.kept.clone();
                self.refuse_kept(at, kept, RefusalCode::Unverifiable);
            }
        }
    }

    /// A challenge ended, says the provider.
    pub(super) fn withdrawn(&mut self, at: Moment, id: &ChallengeId, outcome: &Compact<Outcome>) {
        if self.inbox.open.contains_key(id) {
            self.end_by(at, id, outcome);
        } else {
            self.step.effects.push(Effect::Recall { challenge: id.clone(), outcome: outcome.clone() });
        }
    }

    /// Ends a challenge by an outcome that verifies. Says whether it did.
    pub(super) fn end_by(&mut self, at: Moment, id: &ChallengeId, outcome: &Compact<Outcome>) -> bool {
        let Some(open) = self.inbox.open.get(id) else { return false };
        let Some(verified) = self.verified_outcome(&open.kept, outcome) else {
            self.ignore("an outcome");
            return false;
        };
        self.end(at, id, Some(&verified));
        true
    }

    /// Takes an outcome about a challenge that ended earlier: after a dispute, or after a reset had lost it.
    pub(super) fn recalled(&mut self, at: Moment, outcome: &Compact<Outcome>, kept: Option<Box<StoredChallenge>>) {
        let Some(mut kept) = kept.filter(|kept| kept.stage == Stage::Ended) else { return };
        let known = kept.outcomes.iter().any(|known| known == outcome.as_str());
        let verified = self.verified_outcome(&kept, outcome);
        let Some(verified) = verified else { return self.ignore("an outcome") };
        if verified.ending() == Ending::Disputed {
            self.settle_all(&kept.id, OutboxPurpose::Dispute);
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
        self.put(*kept);
        let (ending, by) = (verified.ending(), verified.claims().by.clone());
        self.emit(DeviceEvent::Ended { account, id, outcome: Some(ending), by });
    }

    fn verified_outcome(&self, kept: &StoredChallenge, outcome: &Compact<Outcome>) -> Option<VerifiedOutcome> {
        let claims = Compact::<Challenge>::from_text(kept.compact.clone()).peek().ok();
        let commitment = claims.and_then(|claims| claims.interaction.commitment);
        let answer = kept.answer.as_ref().map(Hash::of);
        let about = Concerned {
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

    /// Ends a challenge, with an outcome or because the provider no longer knows it.
    fn end(&mut self, at: Moment, id: &ChallengeId, outcome: Option<&VerifiedOutcome>) {
        let Some(OpenChallenge { mut kept, verified, .. }) = self.inbox.open.remove(id) else { return };
        if let Some(challenge) =
            verified.filter(|_| outcome.is_some_and(|outcome| outcome.ending() == Ending::Approved))
        {
            self.know_client(client_of(&challenge));
        }
        self.fetching.beside.remove(id);
        let before = kept.stage;
        kept.stage = Stage::Ended;
        kept.outcomes.extend(outcome.map(|outcome| outcome.compact().as_str().to_owned()));
        self.settle_all(id, OutboxPurpose::Answer);
        self.settle_all(id, OutboxPurpose::Refusal);
        self.append_history(
            at,
            HistoryEvent::Ended {
                challenge: id.clone(),
                challenge_hash: kept.hash(),
                outcome: outcome.map_or("absent", |outcome| outcome.ending().as_str()).to_owned(),
                outcome_hash: outcome.map(|outcome| *outcome.hash()),
            },
        );
        let ending = outcome.map(VerifiedOutcome::ending);
        let by = outcome.and_then(|outcome| outcome.claims().by.clone());
        let (account, id) = (self.account.id.clone(), id.clone());
        match decision_of(&kept) {
            Some(decision) => self.emit(DeviceEvent::Answered { account, id, decision, outcome: ending, by }),
            // Nothing of a refused request was ever shown.
            None if before == Stage::Refused => {}
            None => self.emit(DeviceEvent::Ended { account, id, outcome: ending, by }),
        }
        self.put(kept);
    }

    /// After a reset, what is not listed has ended. An answer under way is given up only when its time is over, too.
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

    /// Notes that the provider does not know a request.
    pub(super) fn mark_absent(&mut self, id: &ChallengeId) {
        if let Some(open) = self.inbox.open.get_mut(id) {
            open.absent = true;
        }
    }

    /// Gives up what the provider will not speak of any more.
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

    /// Whether its time is over by the provider's clock; unknown time is not over.
    pub(super) fn is_over(&self, at: Moment, open: &OpenChallenge) -> bool {
        self.clock.now(at).is_some_and(|now| now.seconds() >= open.kept.expires_at)
    }

    /// Remembers that something of this client was approved.
    fn know_client(&mut self, client: ApprovedClient) {
        if self.inbox.approved.insert(client.clone()) {
            self.change(Change::AddApprovedClient(client));
        }
    }

    fn view(&self, at: Moment, open: &OpenChallenge) -> Option<ChallengeView> {
        let verified = open.verified.as_ref()?;
        let now = self.clock.or_own(at);
        Some(ChallengeView::render(&self.account, verified, open.kept.stage, open.first_request, self.locale, now))
    }
}

fn client_of(challenge: &VerifiedChallenge) -> ApprovedClient {
    let claims = challenge.claims();
    ApprovedClient { provider: claims.provider.issuer.as_str().to_owned(), id: claims.client.id.clone() }
}

/// Whether an ending says that this device decided otherwise than it did.
fn contradicts(decision: Option<Decision>, ending: Ending) -> bool {
    match ending {
        Ending::Approved => decision != Some(Decision::Approved),
        Ending::Denied => decision != Some(Decision::Denied),
        _ => false,
    }
}

/// What this device answered, if it did.
pub(crate) fn decision_of(kept: &StoredChallenge) -> Option<Decision> {
    let answer = Compact::<countersign_protocol::answer::Answer>::from_text(kept.answer.clone()?);
    answer.peek().ok().map(|answer| answer.decision)
}
