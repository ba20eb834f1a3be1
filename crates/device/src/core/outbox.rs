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
use super::session::{CallDraft, CallPurpose, problem};
use super::{Core, REPLY_TIMEOUT_MS, earlier};
use crate::core::Tick;
use crate::device_event::DeviceEvent;
use crate::ports::transport::{Method, Reply};
use crate::ports::vault::{Change, OutboxEntry, OutboxId, OutboxPurpose};

/// What failed so often in a row is kept for later.
const KEPT_AFTER: u32 = 3;

/// A provider that said no to an answer, without an outcome, is asked again no sooner than this, in milliseconds.
const AFTER_NO_MS: u64 = 5_000;

/// What is to be sent, oldest first.
#[derive(Default)]
pub(super) struct Outbox {
    entries: BTreeMap<OutboxId, PendingEntry>,
    last: OutboxId,
}

/// One thing to be sent.
struct PendingEntry {
    entry: OutboxEntry,
    backoff: Backoff,
    reported: bool,
}

impl Outbox {
    pub(super) fn open(entries: Vec<OutboxEntry>) -> Outbox {
        let last = entries.iter().map(|entry| entry.id).max().unwrap_or(0);
        let pending =
            |entry: OutboxEntry| (entry.id, PendingEntry { entry, backoff: Backoff::default(), reported: false });
        Outbox { entries: entries.into_iter().map(pending).collect(), last }
    }

    /// Tries everything at once.
    pub(super) fn hurry(&mut self) {
        self.entries.values_mut().for_each(|pending| pending.backoff.hurry());
    }

    /// The next thing of each lane. Answers go one by one in the order of their `seq`; a refusal never waits for an answer.
    fn next(&self) -> impl Iterator<Item = &PendingEntry> {
        let of_lane = |answers: bool| {
            self.entries.values().find(move |pending| (pending.entry.purpose == OutboxPurpose::Answer) == answers)
        };
        of_lane(true).into_iter().chain(of_lane(false))
    }

    pub(super) fn due(&self, now: Tick) -> Vec<OutboxId> {
        self.next().filter(|pending| pending.backoff.is_due(now)).map(|pending| pending.entry.id).collect()
    }

    pub(super) fn deadline(&self) -> Option<Tick> {
        self.next().map(|pending| pending.backoff.next()).fold(None, |least, next| earlier(least, Some(next)))
    }

    /// Whether something about this challenge failed several times since the start.
    fn is_delayed(&self, challenge: &ChallengeId) -> bool {
        self.entries
            .values()
            .any(|pending| pending.entry.challenge == *challenge && pending.backoff.failures() >= KEPT_AFTER)
    }

    pub(super) fn holds(&self, challenge: &ChallengeId, purpose: OutboxPurpose) -> bool {
        self.entries.values().any(|pending| pending.entry.challenge == *challenge && pending.entry.purpose == purpose)
    }
}

impl Core {
    /// Whether what this device has to say about this challenge was sent several times without success: nobody should wait for
    /// it now. It is sent again all the same.
    pub fn is_delayed(&self, challenge: &ChallengeId) -> bool {
        self.outbox.is_delayed(challenge)
    }

    /// Puts something signed into the outbox.
    pub(super) fn post<T: Claims>(&mut self, purpose: OutboxPurpose, challenge: &ChallengeId, compact: &Compact<T>) {
        self.outbox.last += 1;
        let entry = OutboxEntry {
            id: self.outbox.last,
            purpose,
            challenge: challenge.clone(),
            compact: compact.as_str().to_owned(),
        };
        self.change(Change::Enqueue(entry.clone()));
        let pending = PendingEntry { entry, backoff: Backoff::default(), reported: false };
        self.outbox.entries.insert(pending.entry.id, pending);
    }

    pub(super) fn post_refusal(&mut self, at: Moment, id: &ChallengeId, challenge_hash: Hash, code: RefusalCode) {
        if self.outbox.holds(id, OutboxPurpose::Refusal) {
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
            self.post(OutboxPurpose::Refusal, id, &compact);
        }
    }

    pub(super) fn post_request(&self, id: OutboxId) -> Option<CallDraft> {
        let entry = &self.outbox.entries.get(&id)?.entry;
        let (place, member) = match entry.purpose {
            OutboxPurpose::Answer => ("answer", "answer"),
            OutboxPurpose::Refusal => ("refuse", "refusal"),
            OutboxPurpose::Dispute => ("dispute", "dispute"),
        };
        let base = self.account.endpoints.challenges.trim_end_matches('/');
        let url = Url::parse(&format!("{base}/{}/{place}", entry.challenge)).ok()?;
        // A compact JWS has no character that JSON would escape.
        let body = format!(r#"{{"{member}":"{}"}}"#, entry.compact);
        Some(CallDraft {
            method: Method::Post,
            url,
            body: Some(("application/json", body)),
            headers: vec![("accept", "application/json".to_owned())],
            timeout_ms: REPLY_TIMEOUT_MS,
        })
    }

    /// Takes the reply to something that was sent.
    pub(super) fn posted(&mut self, at: Moment, id: OutboxId, reply: &Reply) {
        let Some(pending) = self.outbox.entries.get(&id) else { return };
        let (purpose, challenge) = (pending.entry.purpose, pending.entry.challenge.clone());
        let received = match reply.status {
            200 => json::parse::<Received>(&reply.body).ok().map(|received| received.outcome),
            status if (400..500).contains(&status) && status != 429 => problem(reply).map(|problem| problem.outcome),
            _ => None,
        };
        let Some(outcome) = received else {
            self.unexpected_reply(at, reply);
            return self.not_posted(at, id, reply.retry_after.unwrap_or(0) * 1000);
        };
        self.recognised(at);
        let kid = outcome.as_ref().and_then(|outcome| outcome.kid().ok());
        if self.want_manifest_for(kid) {
            // The outcome is by a key this device has yet to learn of; the same bytes will bring it again.
            return self.not_posted(at, id, 0);
        }
        match purpose {
            OutboxPurpose::Answer => {
                if reply.status == 404 && problem(reply).is_some_and(|said| said.title == ProblemCode::NotFound) {
                    // As after a reset that does not list it: its answer is kept until its time is over.
                    self.mark_absent(&challenge);
                }
                self.answer_posted(at, id, &challenge, reply.status, outcome);
            }
            OutboxPurpose::Refusal => {
                self.settle(id);
                if let Some(outcome) = outcome {
                    self.withdrawn(at, &challenge, &outcome);
                }
            }
            OutboxPurpose::Dispute => self.dispute_posted(at, id, challenge, reply.status, outcome),
        }
    }

    /// An answer stays until an outcome was verified, whatever else the provider says; where the provider does not know the
    /// request, until its time is over, so that it does not hold up later answers for good.
    fn answer_posted(
        &mut self,
        at: Moment,
        id: OutboxId,
        challenge: &ChallengeId,
        status: u16,
        outcome: Option<Compact<Outcome>>,
    ) {
        if outcome.is_some_and(|outcome| self.end_by(at, challenge, &outcome)) {
            return;
        }
        if let Some(pending) = self.outbox.entries.get_mut(&id)
            && !std::mem::replace(&mut pending.reported, true)
        {
            let account = self.account.id.clone();
            self.emit(DeviceEvent::AnswerNotTaken { account, id: challenge.clone(), status });
        }
        self.forget_long_expired(at);
        self.not_posted(at, id, AFTER_NO_MS);
    }

    /// A dispute is settled when its second statement is stored, or the provider refused it.
    fn dispute_posted(
        &mut self,
        at: Moment,
        id: OutboxId,
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
                    self.emit(DeviceEvent::AnswerNotTaken { account, id: challenge, status });
                }
            }
        }
    }

    pub(super) fn not_posted(&mut self, at: Moment, id: OutboxId, at_least_ms: u64) {
        if let Some(pending) = self.outbox.entries.get_mut(&id) {
            pending.backoff.failed(at.tick, at_least_ms, &*self.random);
        }
    }

    /// Takes everything of a purpose about a challenge out of the outbox.
    pub(super) fn settle_all(&mut self, challenge: &ChallengeId, purpose: OutboxPurpose) {
        let settled: Vec<OutboxId> = self
            .outbox
            .entries
            .values()
            .filter(|pending| pending.entry.challenge == *challenge && pending.entry.purpose == purpose)
            .map(|pending| pending.entry.id)
            .collect();
        for id in settled {
            self.settle(id);
        }
    }

    fn settle(&mut self, id: OutboxId) {
        if self.outbox.entries.remove(&id).is_some() {
            self.cancel_calls(|purpose| purpose == CallPurpose::Post(id));
            self.change(Change::Dequeue(id));
        }
    }
}
