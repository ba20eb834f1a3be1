//! Harness for the core: effects are carried out one by one, any reply can be lost, and the process can be killed after
//! any effect.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use countersign_jose::clock::Timestamp;
use countersign_jose::secret::Secret;
use countersign_protocol::answer::{DenialReason, VerifiedUser};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::registration::{DeviceClass, KeyProtection};
use futures_util::FutureExt as _;

use super::{CountingRandom, FakeProvider};
use crate::account::{Account, AccountEndpoints, AccountId, AccountStatus, Lifetime};
use crate::core::{
    AuthorizedDecision, CallId, Core, DraftId, Effect, Event, KeyRole, Moment, SigningJob, Tick, UnsignedCall,
};
use crate::device_event::DeviceEvent;
use crate::error::AnswerError;
use crate::pin::Pin;
use crate::ports::key_store::{KeyError, MemoryKeys, SigningKey};
use crate::ports::transport::{Call, Reply, TransportError, Unreached};
use crate::ports::user_verifier::Verified;
use crate::ports::vault::{Change, MemoryVault, Stage, StoredChallenge};
use crate::transcript::Locale;

/// What a key was asked to sign.
pub(crate) struct Prompt {
    pub(crate) job: SigningJob,
    pub(crate) key: KeyRole,
    input: String,
}

/// A core with its vault and keys, a fake provider, and the calls on the wire between them.
pub(crate) struct CoreHarness {
    pub(crate) core: Core,
    pub(crate) vault: Arc<MemoryVault>,
    pub(crate) keys: Arc<MemoryKeys>,
    random: Arc<CountingRandom>,
    pub(crate) provider: FakeProvider,
    pub(crate) at: Moment,
    pub(crate) wire: VecDeque<(CallId, Call)>,
    pub(crate) streams: Vec<CallId>,
    pub(crate) emitted: Vec<DeviceEvent>,
    /// Whether keys wait for [`CoreHarness::touch`] and [`CoreHarness::decline`], instead of signing at once.
    pub(crate) keys_wait: bool,
    /// What keys were asked to sign and have not, oldest first. Holds nothing while they sign at once.
    pub(crate) prompts: VecDeque<Prompt>,
    /// How often the approval key was asked.
    pub(crate) touches_asked: u32,
    /// How decisions went.
    ended: BTreeMap<DraftId, Result<(), AnswerError>>,
    /// The process is killed after so many more effects.
    pub(crate) kill_after: Option<usize>,
    pub(crate) crashes: u32,
}

pub(crate) fn pin() -> Verified {
    Verified::Pin(Pin::parse("123456").unwrap())
}

impl CoreHarness {
    /// A confirmed account that has not fetched yet.
    pub(crate) fn new() -> CoreHarness {
        CoreHarness::seeded(0)
    }

    /// A confirmed account that has not fetched yet, with the randomness of this seed.
    pub(crate) fn seeded(seed: u64) -> CoreHarness {
        let random = Arc::new(CountingRandom::seeded(seed));
        let keys = Arc::new(MemoryKeys::new(random.clone()));
        let vault = Arc::new(MemoryVault::default());
        let mut provider = FakeProvider::open();
        let account = account(&provider, &keys, &random);
        provider.confirm(&account.transport_key, &account.approval_key);
        vault.apply(&account.id, &[Change::PutAccount(Box::new(account.clone()))]).unwrap();
        let at = Moment { wall: provider.now, tick: Tick(1_000) };
        let core = open(&account.id, &vault, &keys, &random);
        let (wire, streams, emitted) = (VecDeque::new(), Vec::new(), Vec::new());
        CoreHarness {
            core,
            vault,
            keys,
            random,
            provider,
            at,
            wire,
            streams,
            emitted,
            keys_wait: false,
            prompts: VecDeque::new(),
            touches_asked: 0,
            ended: BTreeMap::new(),
            kill_after: None,
            crashes: 0,
        }
    }

    /// A confirmed account after its first pull.
    pub(crate) fn pulled() -> CoreHarness {
        let mut harness = CoreHarness::new();
        harness.event(Event::Wake);
        harness.deliver_all();
        harness
    }

    pub(crate) fn event(&mut self, event: Event) {
        let effects = self.core.step(self.at, event);
        self.carry_out(effects);
    }

    /// Carries out effects in order, until the process is killed.
    pub(crate) fn carry_out(&mut self, effects: Vec<Effect>) {
        let account = self.core.account().id.clone();
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            if let Some(left) = &mut self.kill_after {
                if *left == 0 {
                    return self.crash();
                }
                *left -= 1;
            }
            match effect {
                Effect::Write(changes) => self.vault.apply(&account, &changes).unwrap(),
                Effect::Emit(event) => self.emitted.push(event),
                Effect::Call { id, call } => match self.signed(call) {
                    Some(call) => self.wire.push_back((id, call)),
                    None => effects.extend(self.core.step(self.at, Event::NotSent { id })),
                },
                Effect::Sign { job, key, input } => {
                    self.touches_asked += u32::from(key == KeyRole::Approval);
                    let prompt = Prompt { job, key, input };
                    if self.keys_wait {
                        self.prompts.push_back(prompt);
                    } else {
                        let event = self.signature(&prompt);
                        effects.extend(self.core.step(self.at, event));
                    }
                }
                Effect::Abort(job) => self.prompts.retain(|prompt| prompt.job != job),
                Effect::DraftEnded { draft, result } => drop(self.ended.insert(draft, result)),
                Effect::Seal(credential) => {
                    let sealed = self.keys.seal(&account, &credential);
                    effects.extend(self.core.step(self.at, Event::Sealed(sealed)));
                }
                Effect::OpenStream { id, .. } => self.streams.push(id),
                Effect::Cancel(id) => {
                    self.wire.retain(|(call, _)| *call != id);
                    self.streams.retain(|stream| *stream != id);
                }
                Effect::Recall { challenge, outcome } => {
                    let kept = self.vault.challenge(&account, &challenge).unwrap().map(Box::new);
                    effects.extend(self.core.step(self.at, Event::Recalled { outcome, kept }));
                }
                Effect::DestroyKeys => self.keys.destroy(&account).unwrap(),
            }
        }
    }

    fn signed(&self, call: UnsignedCall) -> Option<Call> {
        let signature = match call.signing_input() {
            Some(input) => sign_now(&*self.keys.transport(&self.core.account().id).ok()?, input).ok()?,
            None => Vec::new(),
        };
        call.signed(&signature).ok()
    }

    /// What the key reports once it has signed.
    pub(crate) fn signature(&self, prompt: &Prompt) -> Event {
        let account = &self.core.account().id;
        let key = match prompt.key {
            KeyRole::Transport => self.keys.transport(account),
            KeyRole::Approval => self.keys.open_approval(account, &pin()),
        };
        match key.and_then(|key| sign_now(&*key, &prompt.input)) {
            Ok(signature) => Event::Signed { job: prompt.job, signature },
            Err(why) => Event::NotSigned { job: prompt.job, why },
        }
    }

    /// The key that was asked first signs. Returns whether there was one.
    pub(crate) fn touch(&mut self) -> bool {
        let Some(prompt) = self.prompts.pop_front() else { return false };
        let event = self.signature(&prompt);
        self.event(event);
        true
    }

    /// The person declines what was asked first.
    pub(crate) fn decline(&mut self) {
        if let Some(prompt) = self.prompts.pop_front() {
            self.event(Event::NotSigned { job: prompt.job, why: KeyError::Declined });
        }
    }

    /// How a decision went; `None` while its draft waits.
    pub(crate) fn result(&mut self, draft: DraftId) -> Option<Result<(), AnswerError>> {
        self.ended.remove(&draft)
    }

    /// `kill -9` and a restart: only vault and keys are left.
    pub(crate) fn crash(&mut self) {
        self.kill_after = None;
        self.crashes += 1;
        self.wire.clear();
        self.streams.clear();
        self.prompts.clear();
        self.core = open(&self.core.account().id.clone(), &self.vault, &self.keys, &self.random);
        self.event(Event::Wake);
    }

    /// Delivers the oldest call and its reply. Returns whether there was one.
    pub(crate) fn deliver(&mut self) -> bool {
        let Some((id, call)) = self.wire.pop_front() else { return false };
        let reply = self.provider.reply(&call);
        self.event(Event::Replied { id, reply });
        true
    }

    /// Delivers the oldest call, and loses its reply.
    pub(crate) fn lose_reply(&mut self) {
        if let Some((id, call)) = self.wire.pop_front() {
            self.provider.reply(&call);
            self.event(Event::Failed { id, why: Some(TransportError::TimedOut) });
        }
    }

    /// Loses the oldest call.
    pub(crate) fn lose_call(&mut self) {
        if let Some((id, _)) = self.wire.pop_front() {
            self.event(Event::Failed { id, why: Some(TransportError::Unreachable(Unreached::default())) });
        }
    }

    /// Delivers everything, until nothing is on the wire.
    pub(crate) fn deliver_all(&mut self) {
        for _ in 0..200 {
            if !self.deliver() {
                return;
            }
        }
        panic!("the device never stops calling, lately {:?}", self.provider.calls.last());
    }

    /// Delivers everything that is on the wire now, except for long polls, and nothing that follows from it.
    pub(crate) fn deliver_pending(&mut self) {
        for _ in 0..self.wire.len() {
            match self.wire.front() {
                Some((_, call)) if !call.url.contains("wait=") => drop(self.deliver()),
                _ => self.wire.rotate_left(1.min(self.wire.len())),
            }
        }
    }

    /// A stream that has been opened, and the pull that follows.
    pub(crate) fn open_stream(&mut self) -> CallId {
        let stream = *self.streams.last().expect("a stream is being opened");
        self.event(Event::Opened { id: stream, head: Reply { status: 200, ..Reply::default() } });
        self.deliver_pending();
        stream
    }

    /// Advances the time of both sides.
    pub(crate) fn pass_ms(&mut self, millis: u64) {
        self.provider.now = self.provider.now.plus_millis(millis);
        self.at.wall = self.at.wall.plus_millis(millis);
        self.at.tick = self.at.tick.plus_millis(millis);
        self.event(Event::Tick);
    }

    pub(crate) fn approve(&mut self, id: &ChallengeId, value: Option<&str>) -> Result<(), AnswerError> {
        let draft = self.begin_approval(id, value)?;
        self.result(draft).unwrap_or(Ok(()))
    }

    pub(crate) fn deny(&mut self, id: &ChallengeId) -> Result<(), AnswerError> {
        let draft = self.decide(id, AuthorizedDecision::Deny { reason: Some(DenialReason::NotMe) })?;
        self.result(draft).unwrap_or(Ok(()))
    }

    /// Approves by a person whose PIN opened the key.
    pub(crate) fn begin_approval(&mut self, id: &ChallengeId, value: Option<&str>) -> Result<DraftId, AnswerError> {
        #[expect(clippy::disallowed_methods, reason = "a test's person")]
        let user = VerifiedUser::by_pin(self.at.wall);
        self.decide(id, AuthorizedDecision::Approve { value: value.map(str::to_owned), user })
    }

    pub(crate) fn decide(&mut self, id: &ChallengeId, decision: AuthorizedDecision) -> Result<DraftId, AnswerError> {
        let (draft, effects) = self.core.answer(self.at, id, decision)?;
        self.carry_out(effects);
        Ok(draft)
    }

    pub(crate) fn dispute(&mut self, id: &ChallengeId) -> Result<(), AnswerError> {
        let kept = self.kept(id).unwrap();
        let effects = self.core.dispute(self.at, &kept)?;
        self.carry_out(effects);
        Ok(())
    }

    pub(crate) fn kept(&self, id: &ChallengeId) -> Option<StoredChallenge> {
        self.vault.challenge(&self.core.account().id, id).unwrap()
    }

    pub(crate) fn stage(&self, id: &ChallengeId) -> Option<Stage> {
        self.kept(id).map(|kept| kept.stage)
    }

    pub(crate) fn set_wall(&mut self, wall: Timestamp) {
        self.at.wall = wall;
    }
}

fn sign_now(key: &dyn SigningKey, input: &str) -> Result<Vec<u8>, KeyError> {
    key.sign(input.to_owned()).now_or_never().expect("a key in memory signs at once")
}

fn open(id: &AccountId, vault: &Arc<MemoryVault>, keys: &Arc<MemoryKeys>, random: &Arc<CountingRandom>) -> Core {
    let account = vault.accounts().unwrap().into_iter().find(|account| account.id == *id).unwrap();
    let snapshot = vault.load(id).unwrap();
    let credential = keys.unseal(id, &account.credential).unwrap();
    Core::open(account, snapshot, credential, random.clone(), Locale::En).unwrap()
}

/// An account at the provider, as an enrollment makes it.
pub(crate) fn account(provider: &FakeProvider, keys: &MemoryKeys, random: &CountingRandom) -> Account {
    let id = AccountId::random(random);
    let made = keys.make(&id, &pin()).unwrap();
    let endpoint = |path: &str| provider.issuer.endpoint(path);
    Account {
        device_name: "Desk".into(),
        issuer: provider.issuer.clone(),
        test: false,
        support: None,
        endpoints: AccountEndpoints {
            challenges: endpoint("/push/challenges"),
            stream: endpoint("/push/stream"),
            manifest: endpoint("/push/manifests"),
            credential: endpoint("/push/credential"),
            revocation: endpoint("/push/revoke"),
            device: Some(endpoint("/push/device")),
        },
        subject: provider.subject.clone(),
        subject_label: "Alice".into(),
        device_id: provider.device.clone(),
        device_class: DeviceClass::Interactive,
        key_protection: KeyProtection::Memory,
        transport_key: made.transport,
        approval_key: made.approval,
        shared: false,
        root: provider.root(),
        manifests: provider.manifests.clone(),
        statements: Vec::new(),
        credential: keys.seal(&id, &Secret::new(provider.credential.clone())).unwrap(),
        credential_lifetime: Lifetime { from: provider.now.seconds(), seconds: 2_592_000 },
        cursor: None,
        clock_ahead_ms: None,
        push_told: None,
        listed: Vec::new(),
        unenrolled_at: None,
        status: AccountStatus::Unconfirmed,
        id,
    }
}
