//! Driver of the core: one task per account carries out its effects in order and reports back.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, pending};
use std::sync::Arc;

use countersign_jose::clock::Clock;
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};

use crate::account_task::{Command, Drafts, Progress};
use crate::core::{CallId, Core, Effect, Event, KeyRole, Moment, SigningJob, UnsignedCall};
use crate::device_event::DeviceEvent;
use crate::listeners::Listeners;
use crate::ports::key_store::{KeyError, KeyStore, SigningKey};
use crate::ports::maybe_send::MaybeSend;
use crate::ports::runtime::{Runtime, ScopedTask, timeout};
use crate::ports::transport::{Call, StreamReply, Transport, TransportError};
use crate::ports::vault::{Vault, VaultError};

/// The ports and listeners that an account's task works with.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) listeners: Listeners,
    /// Held until the last task has ended, so that the home's next process finds no task still writing.
    pub(crate) _home: Option<Arc<HomeLock>>,
}

/// What keeps other processes out of the home.
#[cfg(feature = "edge")]
pub(crate) type HomeLock = crate::home::Home;
/// Without files there is no home: whoever brings the stores keeps others out of them.
#[cfg(not(feature = "edge"))]
pub(crate) type HomeLock = ();

/// How long the key store may take to encrypt a credential, in milliseconds.
const SEALING_MS: u64 = 15_000;

/// Why a task has to end: its effects could not be carried out.
#[derive(Debug, thiserror::Error)]
enum StorageError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// One account's task.
pub(crate) struct Driver {
    core: Core,
    /// The transport key; `None` for a revoked account.
    transport: Option<Arc<dyn SigningKey>>,
    drafts: Drafts,
    services: Services,
    state: watch::Sender<Progress>,
    calls: BTreeMap<CallId, ScopedTask>,
    /// What keys have been asked to sign and have not yet.
    signing: BTreeMap<SigningJob, ScopedTask>,
    report: mpsc::UnboundedSender<Event>,
    reports: mpsc::UnboundedReceiver<Event>,
}

impl Driver {
    pub(crate) fn new(
        core: Core,
        transport: Option<Arc<dyn SigningKey>>,
        services: Services,
        state: watch::Sender<Progress>,
    ) -> Driver {
        let (report, reports) = mpsc::unbounded_channel();
        let (calls, signing, drafts) = (BTreeMap::new(), BTreeMap::new(), Drafts::new());
        Driver { core, transport, drafts, services, state, calls, signing, report, reports }
    }

    pub(crate) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            let deadline = self.wait_for_deadline();
            let (effects, finish) = tokio::select! {
                work = commands.recv() => match work {
                    Some(work) => {
                        let at = self.moment();
                        let (effects, finish) = work(&mut self.core, &mut self.drafts, at);
                        (effects, Some(finish))
                    }
                    None => return,
                },
                Some(event) = self.reports.recv() => (self.reported(event), None),
                () = deadline => (self.step(Event::Tick), None),
            };
            // A mere read is no step: a reader that waits for steps would otherwise wake itself for ever.
            let is_step = finish.is_none() || !effects.is_empty();
            if let Err(error) = self.carry_out(effects).await {
                let (account, message) = (self.core.account().id.clone(), error.to_string());
                return self.services.listeners.emit(&DeviceEvent::Stopped { account, message });
            }
            let busy = self.core.is_busy();
            self.state.send_if_modified(|state| {
                let next = Progress { busy, steps: state.steps.wrapping_add(u64::from(is_step)) };
                std::mem::replace(state, next) != next
            });
            if let Some(finish) = finish {
                finish();
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment { wall: self.services.clock.now(), tick: self.services.runtime.now() }
    }

    fn wait_for_deadline(&self) -> impl Future<Output = ()> + MaybeSend + use<> {
        let deadline = self.core.deadline().map(|tick| {
            let left = tick.millis_since(self.services.runtime.now());
            self.services.runtime.sleep(left)
        });
        async move {
            match deadline {
                Some(deadline) => deadline.await,
                None => pending().await,
            }
        }
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let at = self.moment();
        self.core.step(at, event)
    }

    /// Passes what a task reported to the core, and forgets a task that has ended.
    fn reported(&mut self, event: Event) -> Vec<Effect> {
        match &event {
            Event::Replied { id, .. } | Event::Failed { id, .. } | Event::NotSent { id } => {
                drop(self.calls.remove(id));
            }
            Event::Signed { job, .. } | Event::NotSigned { job, .. } => drop(self.signing.remove(job)),
            _ => {}
        }
        self.step(event)
    }

    /// Carries out effects in order. After a failure the core is ahead of the vault, and the task must end.
    async fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), StorageError> {
        let account = self.core.account().id.clone();
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Write(changes) => self.services.vault.apply(&account, changes).await?,
                Effect::Emit(event) => self.services.listeners.emit(&event),
                Effect::Call { id, call } => self.call(id, call),
                Effect::OpenStream { id, call } => self.watch(id, call),
                Effect::Cancel(id) => drop(self.calls.remove(&id)),
                Effect::Sign { job, key, input } => effects.extend(self.sign(job, key, input)),
                Effect::Abort(job) => drop(self.signing.remove(&job)),
                Effect::DraftEnded { draft, result } => {
                    if let Some(decision) = self.drafts.remove(&draft) {
                        // Who waited may be gone.
                        decision.done.send(result).ok();
                    }
                }
                Effect::Seal(credential) => {
                    let (services, report, account) = (self.services.clone(), self.report.clone(), account.clone());
                    self.services.runtime.spawn(Box::pin(async move {
                        let sealing = services.keys.seal(&account, &credential);
                        let sealed = timeout(&*services.runtime, SEALING_MS, sealing).await;
                        // The driver may be gone.
                        report.send(Event::Sealed(sealed.unwrap_or(Err(KeyError::TimedOut)))).ok();
                    }));
                }
                Effect::Recall { challenge, outcome } => {
                    let kept = self.services.vault.challenge(&account, &challenge).await?;
                    effects.extend(self.step(Event::Recalled { outcome, kept: kept.map(Box::new) }));
                }
                Effect::DestroyKeys => {
                    self.transport = None;
                    self.services.keys.destroy(&account).await?;
                }
            }
        }
        Ok(())
    }

    /// Has a key sign. One that signs at once costs no task; of another, the signature is reported later, and the task is
    /// stopped where it is not wanted any more.
    fn sign(&mut self, job: SigningJob, key: KeyRole, input: String) -> Vec<Effect> {
        let approval = match job {
            SigningJob::Draft(draft) => self.drafts.get(&draft).and_then(|decision| decision.key.as_ref()),
            SigningJob::Message(_) => None,
        };
        let key = match key {
            KeyRole::Approval => approval,
            KeyRole::Transport => self.transport.as_ref(),
        };
        let Some(key) = key else { return self.step(Event::NotSigned { job, why: KeyError::Gone }) };
        let mut signing = key.sign(input);
        if let Some(signed) = (&mut signing).now_or_never() {
            return self.step(signing_event(job, signed));
        }
        let report = self.report.clone();
        let task = async move {
            // The driver may be gone.
            report.send(signing_event(job, signing.await)).ok();
        };
        self.signing.insert(job, ScopedTask::spawn(&*self.services.runtime, task));
        Vec::new()
    }

    fn call(&mut self, id: CallId, call: UnsignedCall) {
        let (services, key, report) = (self.services.clone(), self.transport.clone(), self.report.clone());
        let task = async move {
            let event = match signed(&services, key, call).await {
                None => Event::NotSent { id },
                Some(call) => match services.transport.call(call).await {
                    Ok(reply) => Event::Replied { id, reply },
                    Err(why) => Event::Failed { id, why: Some(why) },
                },
            };
            report.send(event).ok();
        };
        self.calls.insert(id, ScopedTask::spawn(&*self.services.runtime, task));
    }

    fn watch(&mut self, id: CallId, call: UnsignedCall) {
        let (services, key, report) = (self.services.clone(), self.transport.clone(), self.report.clone());
        let task = async move {
            let Some(call) = signed(&services, key, call).await else {
                return drop(report.send(Event::NotSent { id }));
            };
            let failed = |why: Option<TransportError>| Event::Failed { id, why };
            let mut stream = match services.transport.open_stream(call).await {
                Ok(StreamReply::Open { head, stream }) => {
                    report.send(Event::Opened { id, head }).ok();
                    stream
                }
                Ok(StreamReply::Refused(reply)) => return drop(report.send(Event::Replied { id, reply })),
                Err(why) => return drop(report.send(failed(Some(why)))),
            };
            loop {
                let event = match stream.next().await {
                    Some(Ok(event)) => Event::StreamEvent { id, event },
                    Some(Err(why)) => return drop(report.send(failed(Some(why)))),
                    None => return drop(report.send(failed(None))),
                };
                report.send(event).ok();
            }
        };
        self.calls.insert(id, ScopedTask::spawn(&*self.services.runtime, task));
    }
}

fn signing_event(job: SigningJob, signed: Result<Vec<u8>, KeyError>) -> Event {
    match signed {
        Ok(signature) => Event::Signed { job, signature },
        Err(why) => Event::NotSigned { job, why },
    }
}

/// A call with its proof; `None` where the transport key does not sign within the call's time.
async fn signed(services: &Services, key: Option<Arc<dyn SigningKey>>, call: UnsignedCall) -> Option<Call> {
    let signature = match call.signing_input() {
        Some(input) => {
            let signing = key?.sign(input.to_owned());
            timeout(&*services.runtime, call.timeout_ms(), signing).await?.ok()?
        }
        None => Vec::new(),
    };
    call.signed(&signature).ok()
}
