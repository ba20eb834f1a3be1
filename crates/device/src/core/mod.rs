//! State machine of one account, without I/O: `step(event) → effects`.
//!
//! The core decides; its driver carries out the effects in order and reports back as events. The state can be rebuilt
//! from the vault at any moment, so that a crash between any two effects loses nothing and repeats nothing that counts.

mod backoff;
mod clock;
mod credential_renewal;
mod draft;
mod effect;
mod event;
mod fetching;
mod gateway_lists;
mod inbox;
mod manifest_refresh;
mod notices;
mod outbox;
mod own_calls;
mod planning;
mod practice;
mod receive;
mod repeats;
mod session;
mod sign_answer;
#[cfg(any(test, feature = "wasm-tests"))]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::enrollment::VerifiedEnrollment;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::manifest::TrustedKeys;

use crate::account::{Account, AccountStatus};
use crate::device_event::{DeviceEvent, OfflineReason};
use crate::error::OpenError;
use crate::history::{Head, HistoryEvent};
use crate::ports::vault::{AccountSnapshot, Change, StoredChallenge};
use crate::transcript::Locale;

pub use crate::tick::Tick;
pub use clock::Moment;
pub use effect::{CallId, DraftId, Effect, KeyRole, SigningJob, UnsignedCall};
pub use event::Event;
pub use own_calls::{OwnCall, OwnCallId};
pub use sign_answer::AuthorizedDecision;

/// The state of one account.
pub struct Core {
    account: Account,
    random: Arc<dyn Random>,
    locale: Locale,
    credential: Secret,
    trusted: TrustedKeys,
    enrollment: Option<VerifiedEnrollment>,
    head: Option<Head>,
    inbox: inbox::Inbox,
    outbox: outbox::Outbox,
    drafts: draft::Drafts,
    practice: practice::EndedPractice,
    own_calls: own_calls::OwnCalls,
    clock: clock::ServerClock,
    session: session::Session,
    fetching: fetching::Fetching,
    manifest_refresh: manifest_refresh::ManifestRefresh,
    credential_renewal: credential_renewal::CredentialRenewal,
    gateway_lists: gateway_lists::GatewayLists,
    offline: Option<(u64, OfflineReason)>,
    checked: Option<u64>,
    sleeps: u64,
    locks: u64,
    step: Step,
}

/// The result of one step. Its changes are one transaction.
#[derive(Default)]
struct Step {
    changes: Vec<Change>,
    account_changed: bool,
    effects: Vec<Effect>,
}

impl Core {
    /// Rebuilds an account from the vault.
    ///
    /// A signature by a key that the provider has revoked since does not keep the account from opening: a request
    /// signed by it can't be answered, and an account whose enrollment statement is signed by it can't answer at all
    /// ([`Core::unusable`]).
    ///
    /// `credential`: the account's device credential, decrypted; empty for a revoked account.
    ///
    /// # Errors
    /// [`OpenError`] where its key manifests do not verify.
    pub fn open(
        account: Account,
        mut snapshot: AccountSnapshot,
        credential: Secret,
        random: Arc<dyn Random>,
        locale: Locale,
    ) -> Result<Core, OpenError> {
        let damaged = |why| OpenError::Account { account: account.id.to_string(), why };
        let trusted = account
            .manifests
            .verify(&account.issuer, &account.root, None)
            .map_err(|_| damaged("its key manifests do not verify"))?;
        let enrollment = VerifiedEnrollment::verify(&account.statements, &trusted).ok();
        let mut step = Step::default();
        if matches!(account.status, AccountStatus::Revoked { .. }) {
            // The program may have ended before they were destroyed.
            step.effects.push(Effect::DestroyKeys);
        }
        let (head, outbox) = (snapshot.head, std::mem::take(&mut snapshot.outbox));
        let unnumbered = std::mem::take(&mut snapshot.unnumbered);
        let inbox = inbox::Inbox::open(&account, &trusted, snapshot);
        let mut core = Core {
            random,
            locale,
            credential,
            trusted,
            enrollment,
            head,
            inbox,
            outbox: outbox::Outbox::open(outbox),
            drafts: draft::Drafts::open(unnumbered),
            practice: practice::EndedPractice::default(),
            own_calls: own_calls::OwnCalls::default(),
            clock: clock::ServerClock::remembering(account.clock_ahead_ms),
            session: session::Session::default(),
            fetching: fetching::Fetching::default(),
            manifest_refresh: manifest_refresh::ManifestRefresh::default(),
            credential_renewal: credential_renewal::CredentialRenewal::default(),
            gateway_lists: gateway_lists::GatewayLists::default(),
            offline: None,
            checked: None,
            sleeps: 0,
            locks: 0,
            step,
            account,
        };
        // A draft was open when the program ended.
        core.number_events();
        Ok(core)
    }

    /// Handles one event. Returns the effects to carry out, in order.
    pub fn step(&mut self, at: Moment, event: Event) -> Vec<Effect> {
        if self.clock.slept(at) {
            self.sleeps += 1;
            self.after_sleep();
        }
        self.expire_drafts(at);
        match event {
            Event::Wake => self.wake(),
            Event::Watch(on) => self.set_watching(on),
            Event::Tick => {}
            Event::Shown(id) => self.shown(&id),
            Event::Unenroll => self.unenroll(at),
            Event::Lock => self.lock(),
            Event::Withdrawn(draft) => self.withdraw_draft(draft),
            Event::Signed { job: SigningJob::Draft(id), signature } => self.draft_signed(at, id, &signature),
            Event::NotSigned { job: SigningJob::Draft(id), why } => self.draft_not_signed(id, why),
            Event::Signed { job: SigningJob::Message(id), signature } => self.message_signed(at, id, &signature),
            Event::NotSigned { job: SigningJob::Message(id), .. } => self.message_not_signed(at, id),
            Event::Sealed(sealed) => self.sealed(at, sealed),
            Event::NotSent { id } => self.not_sent(at, id),
            Event::Replied { id, reply } => self.replied(at, id, reply),
            Event::Failed { id, why } => self.failed(at, id, why),
            Event::Opened { id, head } => self.opened(at, id, &head),
            Event::StreamEvent { id, event } => self.stream_event(at, id, event),
            Event::Recalled { outcome, kept } => self.recalled(at, &outcome, kept),
        }
        self.finish(at)
    }

    /// The account's record.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Why this account can't answer anything, in English, where it can't although the provider did not revoke it.
    pub fn unusable(&self) -> Option<&'static str> {
        let lost = self.enrollment.is_none() && !self.account.statements.is_empty() && !self.has_left();
        lost.then_some(
            "its enrollment does not verify: the provider has revoked the key that signed it; enroll this device again",
        )
    }

    /// The language of transcripts.
    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// Since when (seconds since the epoch, this device's clock) and why the provider counts as offline, if it does.
    pub fn offline(&self) -> Option<(u64, OfflineReason)> {
        self.offline
    }

    /// When the provider last replied since the start, by this device's clock (seconds since the epoch).
    pub fn checked(&self) -> Option<u64> {
        self.checked
    }

    /// How often the machine has slept since the start: an unlocked key does not survive a sleep.
    pub fn sleeps(&self) -> u64 {
        self.sleeps
    }

    /// How often the device has been locked since the start: an unlocked key does not survive a lock.
    pub fn locks(&self) -> u64 {
        self.locks
    }

    /// The provider's time by the best estimate; `None` before the first reply since the enrollment.
    pub fn server_time(&self, at: Moment) -> Option<Timestamp> {
        self.clock.estimate(at)
    }

    /// Schedules calls and returns the step's effects, its changes first.
    fn finish(&mut self, at: Moment) -> Vec<Effect> {
        self.begin_draft(at);
        self.plan(at);
        let mut step = std::mem::take(&mut self.step);
        if step.account_changed {
            step.changes.push(Change::PutAccount(Box::new(self.account.clone())));
        }
        if !step.changes.is_empty() {
            step.effects.insert(0, Effect::Write(step.changes));
        }
        step.effects
    }

    fn change(&mut self, change: Change) {
        self.step.changes.push(change);
    }

    fn change_account(&mut self) {
        self.step.account_changed = true;
    }

    fn emit(&mut self, event: DeviceEvent) {
        self.step.effects.push(Effect::Emit(event));
    }

    fn ignore(&mut self, what: &'static str) {
        let account = self.account.id.clone();
        self.emit(DeviceEvent::Ignored { account, what });
    }

    /// Appends to the history, or stores the event without a number while a draft reserves the next one. Before the
    /// device is confirmed there is no statement to chain to, and nothing is written.
    fn append_history(&mut self, at: Moment, what: HistoryEvent) {
        if self.drafts.reserves() {
            return self.store_unnumbered(self.clock.or_own(at).millis(), what);
        }
        if let Some(mut head) = self.head_or_beginning() {
            let entry = head.append(self.clock.or_own(at).millis(), what);
            self.head = Some(head);
            self.change(Change::Append(entry));
        }
    }

    fn head_or_beginning(&self) -> Option<Head> {
        let beginning = || self.enrollment.as_ref().map(|chain| Head { seq: 0, hash: *chain.first_hash() });
        self.head.or_else(beginning)
    }

    fn put(&mut self, kept: StoredChallenge) {
        self.change(Change::PutChallenge(Box::new(kept)));
    }

    /// Takes the account off this device: its keys are destroyed, its history stays, and nothing is sent any more.
    fn unenroll(&mut self, at: Moment) {
        if self.account.unenrolled_at.is_none() {
            self.account.unenrolled_at = Some(at.wall.seconds());
            self.end_account();
        }
    }

    fn end_account(&mut self) {
        self.change_account();
        self.cancel_calls(|_| true);
        self.drop_all_drafts();
        self.step.effects.push(Effect::DestroyKeys);
    }

    /// Whether the issuer has signed that this device is revoked, or the person took the account off it.
    fn has_left(&self) -> bool {
        matches!(self.account.status, AccountStatus::Revoked { .. }) || self.account.unenrolled_at.is_some()
    }
}

/// Challenge ids with the hash of their bytes: the same id must not come again with other bytes.
type KnownChallenges = BTreeMap<ChallengeId, Hash>;

/// How long a reply may take, in milliseconds.
const REPLY_TIMEOUT_MS: u64 = 15_000;

/// How often a provider that does not recognise this device is asked again, in milliseconds.
const HOURLY_MS: u64 = 3_600_000;

/// The earlier of two optional ticks.
fn earlier(one: Option<Tick>, other: Option<Tick>) -> Option<Tick> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
