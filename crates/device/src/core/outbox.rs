//! Outbox: signed messages that are sent until they are delivered, always as the same bytes, never signed again.

use std::collections::BTreeMap;

use countersign_jose::hash::Hash;
use countersign_jose::jws;
use countersign_jose::key::SIGNATURE_BYTES;
use countersign_protocol::answer::Answer;
use countersign_protocol::fetch::Receipt;
use countersign_protocol::id::{ChallengeId, MessageId};
use countersign_protocol::json;
use countersign_protocol::jws::{Claims, Compact, Unsigned};
use countersign_protocol::outcome::Outcome;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::refusal::{Refusal, RefusalCode};
use countersign_protocol::transcript::ShownTranscript;
use url::Url;

use super::backoff::Backoff;
use super::clock::Moment;
use super::effect::{Effect, KeyRole, SigningJob};
use super::session::{CallDraft, CallPurpose, problem};
use super::{Core, REPLY_TIMEOUT_MS, earlier};
use crate::core::Tick;
use crate::device_event::DeviceEvent;
use crate::history::HistoryEvent;
use crate::ports::transport::{Method, Reply};
use crate::ports::vault::{Change, OutboxEntry, OutboxId, OutboxMessage, OutboxPurpose};

/// After so many failures in a row an entry counts as delayed.
const KEPT_AFTER: u32 = 3;

/// The shortest wait after a provider refused an answer without an outcome, in milliseconds.
const AFTER_NO_MS: u64 = 5_000;

/// How long the transport key may take to sign a message, in milliseconds.
const SIGNING_MS: u64 = 15_000;

/// The shortest wait before a key that did not sign is asked again, in milliseconds.
const NOT_SIGNED_MS: u64 = 5_000;

/// Messages to be delivered, oldest first.
#[derive(Default)]
pub(super) struct Outbox {
    entries: BTreeMap<OutboxId, PendingEntry>,
    last: OutboxId,
}

/// A message to be delivered.
struct PendingEntry {
    entry: OutboxEntry,
    backoff: Backoff,
    reported: bool,
    /// Since when the transport key is signing it.
    signing: Option<Tick>,
}

impl PendingEntry {
    fn new(entry: OutboxEntry) -> PendingEntry {
        PendingEntry { entry, backoff: Backoff::default(), reported: false, signing: None }
    }

    fn is_signed(&self) -> bool {
        matches!(self.entry.message, OutboxMessage::Compact(_))
    }
}

impl Outbox {
    pub(super) fn open(entries: Vec<OutboxEntry>) -> Outbox {
        let last = entries.iter().map(|entry| entry.id).max().unwrap_or(0);
        let pending = |entry: OutboxEntry| (entry.id, PendingEntry::new(entry));
        Outbox { entries: entries.into_iter().map(pending).collect(), last }
    }

    /// Makes every entry due at once.
    pub(super) fn hurry(&mut self) {
        self.entries.values_mut().for_each(|pending| pending.backoff.hurry());
    }

    /// The next entry of each lane. Answers go one by one in the order of their `seq`; a refusal never waits for an
    /// answer. What is not signed yet holds nothing up.
    fn next(&self) -> impl Iterator<Item = &PendingEntry> {
        let of_lane = |answers: bool| {
            let is_of_lane = move |purpose| (purpose == OutboxPurpose::Answer) == answers;
            self.entries.values().find(move |pending| pending.is_signed() && is_of_lane(pending.entry.purpose))
        };
        of_lane(true).into_iter().chain(of_lane(false))
    }

    pub(super) fn due(&self, now: Tick) -> Vec<OutboxId> {
        self.next().filter(|pending| pending.backoff.is_due(now)).map(|pending| pending.entry.id).collect()
    }

    pub(super) fn deadline(&self) -> Option<Tick> {
        self.next().map(|pending| pending.backoff.next()).fold(None, |least, next| earlier(least, Some(next)))
    }

    fn unsigned(&self) -> impl Iterator<Item = &PendingEntry> {
        self.entries.values().filter(|pending| !pending.is_signed())
    }

    /// When a message is to be signed, or a key has taken too long for one.
    pub(super) fn signing_deadline(&self) -> Option<Tick> {
        let due = |pending: &PendingEntry| match pending.signing {
            Some(since) => since.plus_millis(SIGNING_MS),
            None => pending.backoff.next(),
        };
        self.unsigned().map(due).min()
    }

    /// Whether a message is being signed.
    pub(super) fn is_signing(&self) -> bool {
        self.entries.values().any(|pending| pending.signing.is_some())
    }

    /// Whether a message about this challenge has failed several times since the start.
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
    /// Whether messages about this challenge have failed several times, so that a caller should not wait any longer.
    /// They are still sent.
    pub fn is_delayed(&self, challenge: &ChallengeId) -> bool {
        self.outbox.is_delayed(challenge)
    }

    /// Adds a message to the outbox that the transport key is still to sign. It is stored as it is: a crash before it is
    /// signed loses nothing.
    pub(super) fn post_unsigned<T: Claims>(
        &mut self,
        purpose: OutboxPurpose,
        challenge: &ChallengeId,
        unsigned: &Unsigned<T>,
    ) {
        let message = OutboxMessage::Unsigned(unsigned.signing_input().to_owned());
        self.enqueue(purpose, challenge, message, None);
    }

    /// Adds a signed answer and the transcript whose hash it has.
    pub(super) fn post_answer(&mut self, challenge: &ChallengeId, answer: &Compact<Answer>, shown: &ShownTranscript) {
        let message = OutboxMessage::Compact(answer.as_str().to_owned());
        self.enqueue(OutboxPurpose::Answer, challenge, message, Some(shown.text().to_owned()));
    }

    fn enqueue(
        &mut self,
        purpose: OutboxPurpose,
        challenge: &ChallengeId,
        message: OutboxMessage,
        transcript: Option<String>,
    ) {
        self.outbox.last += 1;
        let id = self.outbox.last;
        let entry = OutboxEntry { id, purpose, challenge: challenge.clone(), message, transcript };
        self.change(Change::Enqueue(entry.clone()));
        self.outbox.entries.insert(id, PendingEntry::new(entry));
    }

    /// Hands out what is to be signed, and gives up on what a key has taken too long for.
    pub(super) fn sign_messages(&mut self, at: Moment) {
        let late =
            |pending: &PendingEntry| pending.signing.is_some_and(|since| at.tick.millis_since(since) >= SIGNING_MS);
        let late: Vec<OutboxId> = self.outbox.unsigned().filter(|one| late(one)).map(|one| one.entry.id).collect();
        for id in late {
            self.step.effects.push(Effect::Abort(SigningJob::Message(id)));
            self.message_not_signed(at, id);
        }
        for pending in self.outbox.entries.values_mut() {
            if let OutboxMessage::Unsigned(input) = &pending.entry.message
                && pending.signing.is_none()
                && pending.backoff.is_due(at.tick)
            {
                pending.signing = Some(at.tick);
                let (job, input) = (SigningJob::Message(pending.entry.id), input.clone());
                self.step.effects.push(Effect::Sign { job, key: KeyRole::Transport, input });
            }
        }
    }

    /// Stores a signed message; a dispute's history entry names its bytes and comes with them. The transport key is a
    /// P-256 key: its signatures have one form.
    pub(super) fn message_signed(&mut self, at: Moment, id: OutboxId, signature: &[u8]) {
        let Some(pending) = self.outbox.entries.get_mut(&id).filter(|pending| pending.signing.is_some()) else {
            return;
        };
        let OutboxMessage::Unsigned(input) = &pending.entry.message else { return };
        if signature.len() != SIGNATURE_BYTES {
            return self.message_not_signed(at, id);
        }
        let compact = jws::attach(input.clone(), signature);
        let hash = Hash::of(&compact);
        pending.entry.message = OutboxMessage::Compact(compact);
        *pending = PendingEntry::new(pending.entry.clone());
        let entry = pending.entry.clone();
        let (purpose, challenge) = (entry.purpose, entry.challenge.clone());
        self.change(Change::Enqueue(entry));
        if purpose == OutboxPurpose::Dispute {
            self.append_history(at, HistoryEvent::Disputed { challenge, dispute_hash: hash });
        }
    }

    /// The transport key did not sign a message: it is asked again later.
    pub(super) fn message_not_signed(&mut self, at: Moment, id: OutboxId) {
        if let Some(pending) = self.outbox.entries.get_mut(&id)
            && pending.signing.take().is_some()
        {
            pending.backoff.failed(at.tick, NOT_SIGNED_MS, &*self.random);
        }
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
        if !self.has_left() {
            let unsigned = Unsigned::new(&refusal, &self.account.transport_key);
            self.post_unsigned(OutboxPurpose::Refusal, id, &unsigned);
        }
    }

    pub(super) fn post_request(&self, id: OutboxId) -> Option<CallDraft> {
        let entry = &self.outbox.entries.get(&id)?.entry;
        let OutboxMessage::Compact(compact) = &entry.message else { return None };
        let (place, member) = match entry.purpose {
            OutboxPurpose::Answer => ("answer", "answer"),
            OutboxPurpose::Refusal => ("refuse", "refusal"),
            OutboxPurpose::Dispute => ("dispute", "dispute"),
        };
        let base = self.account.endpoints.challenges.trim_end_matches('/');
        let url = Url::parse(&format!("{base}/{}/{place}", entry.challenge)).ok()?;
        // A compact JWS has no character that JSON would escape.
        let transcript = entry.transcript.as_ref().map(|text| {
            let text = serde_json::to_string(text).expect("a string is JSON");
            format!(r#","transcript":{text}"#)
        });
        let body = format!(r#"{{"{member}":"{compact}"{}}}"#, transcript.unwrap_or_default());
        Some(CallDraft {
            method: Method::Post,
            url,
            body: Some(("application/json", body)),
            headers: vec![("accept", "application/json".to_owned())],
            timeout_ms: REPLY_TIMEOUT_MS,
        })
    }

    /// Handles the reply to a message.
    pub(super) fn posted(&mut self, at: Moment, id: OutboxId, reply: &Reply) {
        let Some(pending) = self.outbox.entries.get(&id) else { return };
        let (purpose, challenge) = (pending.entry.purpose, pending.entry.challenge.clone());
        let received = match reply.status {
            200 => json::parse::<Receipt>(&reply.body).ok().map(|received| received.outcome),
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
            // The outcome is signed by a key that this device does not know yet; sending the same bytes again brings it
            // again.
            return self.not_posted(at, id, 0);
        }
        match purpose {
            OutboxPurpose::Answer => {
                if reply.status == 404 && problem(reply).is_some_and(|said| said.title == ProblemCode::NotFound) {
                    // As after a reset that does not list it: the answer is kept until the challenge expires.
                    self.mark_absent(&challenge);
                }
                self.answer_posted(at, id, &challenge, reply.status, outcome);
            }
            OutboxPurpose::Refusal => {
                self.dequeue(id);
                if let Some(outcome) = outcome {
                    self.withdrawn(at, &challenge, &outcome);
                }
            }
            OutboxPurpose::Dispute => self.dispute_posted(at, id, challenge, reply.status, outcome),
        }
    }

    /// An answer stays until an outcome is verified, whatever else the provider replies; where the provider does not
    /// know the challenge, until it expires, so that it does not hold up later answers for good.
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

    /// A dispute is delivered when its second outcome is stored, or the provider has refused it.
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
                // Where it does not verify, the dispute is sent again later.
                self.not_posted(at, id, AFTER_NO_MS);
                self.step.effects.push(Effect::Recall { challenge, outcome });
            }
            None => {
                self.dequeue(id);
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

    /// Removes all messages of a purpose about a challenge.
    pub(super) fn dequeue_all(&mut self, challenge: &ChallengeId, purpose: OutboxPurpose) {
        let delivered: Vec<OutboxId> = self
            .outbox
            .entries
            .values()
            .filter(|pending| pending.entry.challenge == *challenge && pending.entry.purpose == purpose)
            .map(|pending| pending.entry.id)
            .collect();
        for id in delivered {
            self.dequeue(id);
        }
    }

    fn dequeue(&mut self, id: OutboxId) {
        if let Some(pending) = self.outbox.entries.remove(&id) {
            if pending.signing.is_some() {
                self.step.effects.push(Effect::Abort(SigningJob::Message(id)));
            }
            self.cancel_calls(|purpose| purpose == CallPurpose::Post(id));
            self.change(Change::Dequeue(id));
        }
    }
}
