//! What is to be sent until it has arrived: the same bytes again and again, never signed twice.

use std::collections::BTreeMap;

use countersign_protocol::fetch::Received;
use countersign_protocol::hash::Hash;
use countersign_protocol::id::{ChallengeId, MessageId};
use countersign_protocol::json;
use countersign_protocol::jws::{Claims, Compact};
use countersign_protocol::outcome::Outcome;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::refusal::{Refusal, RefusalCode};
use url::Url;

use super::backoff::Backoff;
use super::clock::Moment;
use super::effect::Effect;
use super::session::{Errand, Request, problem};
use super::{Core, PATIENCE_MS, earlier};
use crate::core::Tick;
use crate::events::DeviceEvent;
use crate::ports::provider::{Method, Reply};
use crate::ports::vault::{Change, Posting, PostingId, Purpose};

/// What failed so often in a row is kept for later.
const KEPT_AFTER: u32 = 3;

/// A provider that said no to an answer, without an outcome, is asked again no sooner than this, in milliseconds.
const AFTER_NO_MS: u64 = 5_000;

/// What is to be sent, oldest first.
#[derive(Default)]
pub(super) struct Outbox {
    postings: BTreeMap<PostingId, Pending>,
    last: PostingId,
}

/// One thing to be sent.
struct Pending {
    posting: Posting,
    backoff: Backoff,
    told: bool,
}

impl Outbox {
    pub(super) fn open(postings: Vec<Posting>) -> Outbox {
        let last = postings.iter().map(|posting| posting.id).max().unwrap_or(0);
        let pending = |posting: Posting| (posting.id, Pending { posting, backoff: Backoff::default(), told: false });
        Outbox { postings: postings.into_iter().map(pending).collect(), last }
    }

    /// Tries everything at once.
    pub(super) fn hurry(&mut self) {
        self.postings.values_mut().for_each(|pending| pending.backoff.hurry());
    }

    /// The next thing of each lane. Answers go one by one in the order of their `seq`; a refusal never waits for an answer.
    fn next(&self) -> impl Iterator<Item = &Pending> {
        let of_lane = |answers: bool| {
            self.postings.values().find(move |pending| (pending.posting.purpose == Purpose::Answer) == answers)
        };
        of_lane(true).into_iter().chain(of_lane(false))
    }

    pub(super) fn due(&self, now: Tick) -> Vec<PostingId> {
        self.next().filter(|pending| pending.backoff.is_due(now)).map(|pending| pending.posting.id).collect()
    }

    pub(super) fn deadline(&self) -> Option<Tick> {
        self.next().map(|pending| pending.backoff.next()).fold(None, |least, next| earlier(least, Some(next)))
    }

    /// Whether something about this challenge failed several times since the start.
    fn is_kept_back(&self, challenge: &ChallengeId) -> bool {
        self.postings
            .values()
            .any(|pending| pending.posting.challenge == *challenge && pending.backoff.failures() >= KEPT_AFTER)
    }

    pub(super) fn holds(&self, challenge: &ChallengeId, purpose: Purpose) -> bool {
        self.postings
            .values()
            .any(|pending| pending.posting.challenge == *challenge && pending.posting.purpose == purpose)
    }
}

impl Core {
    /// Whether what this device has to say about this challenge was sent several times without success: nobody should wait for
    /// it now. It is sent again all the same.
    pub fn is_kept_back(&self, challenge: &ChallengeId) -> bool {
        self.outbox.is_kept_back(challenge)
    }

    /// Puts something signed into the outbox.
    pub(super) fn post<T: Claims>(&mut self, purpose: Purpose, challenge: &ChallengeId, compact: &Compact<T>) {
        self.outbox.last += 1;
        let posting = Posting {
            id: self.outbox.last,
            purpose,
            challenge: challenge.clone(),
            compact: compact.as_str().to_owned(),
        };
        self.change(Change::Post(posting.clone()));
        let pending = Pending { posting, backoff: Backoff::default(), told: false };
        self.outbox.postings.insert(pending.posting.id, pending);
    }

    pub(super) fn post_refusal(&mut self, at: Moment, id: &ChallengeId, challenge_hash: Hash, code: RefusalCode) {
        if self.outbox.holds(id, Purpose::Refusal) {
            return;
        }
        let refusal = Refusal {
            iss: self.account.device_id.clone(),
            aud: self.account.issuer.clone(),
            sub: self.account.subject.clone(),
            jti: MessageId::random(&*self.random),
            iat: self.clock.or_own(at).seconds(),
            challenge: id.clone(),
            challenge_hash,
            code,
        };
        if let Some(transport) = &self.transport
            && let Ok(compact) = Compact::sign(&refusal, &**transport)
        {
            self.post(Purpose::Refusal, id, &compact);
        }
    }

    pub(super) fn post_request(&self, id: PostingId) -> Option<Request> {
        let posting = &self.outbox.postings.get(&id)?.posting;
        let (place, member) = match posting.purpose {
            Purpose::Answer => ("answer", "answer"),
            Purpose::Refusal => ("refuse", "refusal"),
            Purpose::Dispute => ("dispute", "dispute"),
        };
        let base = self.account.addresses.challenges.trim_end_matches('/');
        let url = Url::parse(&format!("{base}/{}/{place}", posting.challenge)).ok()?;
        // A compact JWS has no character that JSON would escape.
        let body = format!(r#"{{"{member}":"{}"}}"#, posting.compact);
        Some(Request {
            method: Method::Post,
            url,
            body: Some(("application/json", body)),
            headers: vec![("accept", "application/json".to_owned())],
            patience_ms: PATIENCE_MS,
        })
    }

    /// Takes the reply to something that was sent.
    pub(super) fn posted(&mut self, at: Moment, id: PostingId, reply: &Reply) {
        let Some(pending) = self.outbox.postings.get(&id) else { return };
        let (purpose, challenge) = (pending.posting.purpose, pending.posting.challenge.clone());
        let received = match reply.status {
            200 => json::parse::<Received>(&reply.body).ok().map(|received| received.outcome),
            status if (400..500).contains(&status) && status != 429 => problem(reply).map(|problem| problem.outcome),
            _ => None,
        };
        let Some(outcome) = received else {
            self.trouble_with(at, reply);
            return self.not_posted(at, id, reply.retry_after.unwrap_or(0) * 1000);
        };
        self.known_again(at);
        let kid = outcome.as_ref().and_then(|outcome| outcome.kid().ok());
        if self.want_manifest_for(kid) {
            // The outcome is by a key this device has yet to learn of; the same bytes will bring it again.
            return self.not_posted(at, id, 0);
        }
        match purpose {
            Purpose::Answer => {
                if reply.status == 404 && problem(reply).is_some_and(|said| said.title == ProblemCode::NotFound) {
                    // As after a reset that does not list it: its answer is kept until its time is over.
                    self.mark_absent(&challenge);
                }
                self.answer_posted(at, id, &challenge, reply.status, outcome);
            }
            Purpose::Refusal => {
                self.settle(id);
                if let Some(outcome) = outcome {
                    self.withdrawn(at, &challenge, &outcome);
                }
            }
            Purpose::Dispute => self.dispute_posted(at, id, challenge, reply.status, outcome),
        }
    }

    /// An answer stays until an outcome was verified, whatever else the provider says; where the provider does not know the
    /// request, until its time is over, so that it does not hold up later answers for good.
    fn answer_posted(
        &mut self,
        at: Moment,
        id: PostingId,
        challenge: &ChallengeId,
        status: u16,
        outcome: Option<Compact<Outcome>>,
    ) {
        if outcome.is_some_and(|outcome| self.end_by(at, challenge, &outcome)) {
            return;
        }
        if let Some(pending) = self.outbox.postings.get_mut(&id)
            && !std::mem::replace(&mut pending.told, true)
        {
            let account = self.account.id.clone();
            self.tell(DeviceEvent::AnswerNotTaken { account, id: challenge.clone(), status });
        }
        self.forget_long_expired(at);
        self.not_posted(at, id, AFTER_NO_MS);
    }

    /// A dispute is settled when its second statement is stored, or the provider refused it.
    fn dispute_posted(
        &mut self,
        at: Moment,
        id: PostingId,
        challenge: ChallengeId,
        status: u16,
        outcome: Option<Compact<Outcome>>,
    ) {
        match outcome {
            Some(outcome) => {
                // Should it not verify, the dispute is sent again, in a while.
                self.not_posted(at, id, AFTER_NO_MS);
                self.step.effects.push(Effect::Recall { challenge, outcome });
            }
            None => {
                self.settle(id);
                if status != 200 {
                    let account = self.account.id.clone();
                    self.tell(DeviceEvent::AnswerNotTaken { account, id: challenge, status });
                }
            }
        }
    }

    pub(super) fn not_posted(&mut self, at: Moment, id: PostingId, at_least_ms: u64) {
        if let Some(pending) = self.outbox.postings.get_mut(&id) {
            pending.backoff.failed(at.tick, at_least_ms, &*self.random);
        }
    }

    /// Takes everything of a purpose about a challenge out of the outbox.
    pub(super) fn settle_all(&mut self, challenge: &ChallengeId, purpose: Purpose) {
        let settled: Vec<PostingId> = self
            .outbox
            .postings
            .values()
            .filter(|pending| pending.posting.challenge == *challenge && pending.posting.purpose == purpose)
            .map(|pending| pending.posting.id)
            .collect();
        for id in settled {
            self.settle(id);
        }
    }

    fn settle(&mut self, id: PostingId) {
        if self.outbox.postings.remove(&id).is_some() {
            self.hang_up(|errand| errand == Errand::Post(id));
            self.change(Change::Settle(id));
        }
    }
}
