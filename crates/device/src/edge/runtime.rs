//! Tokio driver of the core: one task per account carries out its effects in order and reports back.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_jose::clock::Clock;
use countersign_jose::key::Signer;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::core::{CallId, Core, DraftId, Effect, Event, KeyRole, Moment, SigningJob, Tick, UnsignedCall};
use crate::device_event::DeviceEvent;
use crate::error::AnswerError;
use crate::home::Home;
use crate::listeners::Listeners;
use crate::ports::key_store::{KeyError, KeyStore};
use crate::ports::transport::{Call, StreamReply, Transport};
use crate::ports::vault::{Change, Vault, VaultError};

/// The ports and listeners that an account's task works with.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) listeners: Listeners,
    /// Held until the last task has ended, so that the home's next process finds no task still writing.
    pub(crate) _home: Option<Arc<Home>>,
}

/// A handle to an account's task. The task ends when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct AccountTask {
    commands: mpsc::UnboundedSender<Command>,
    state: watch::Receiver<Progress>,
}

/// The account's task has ended after a failure of vault or key store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it stopped after an earlier failure; start again")]
pub(crate) struct TaskStopped;

/// The state that callers can wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    busy: bool,
    steps: u64,
}

/// A function to run with the core, which returns effects and what to do when they have been carried out.
type Command = Box<dyn FnOnce(&mut Core, &mut Drafts, Moment) -> (Vec<Effect>, OnDone) + Send>;
type OnDone = Box<dyn FnOnce() + Send>;

/// Decisions whose drafts have not ended.
type Drafts = BTreeMap<DraftId, PendingDecision>;

/// A decision whose draft has not ended.
struct PendingDecision {
    /// The approval key, opened for this decision alone, where it signs.
    key: Option<Arc<dyn Signer>>,
    done: oneshot::Sender<Result<(), AnswerError>>,
}

impl AccountTask {
    /// Starts an account's task.
    ///
    /// `transport`: the account's transport key; `None` for a revoked account.
    pub(crate) fn start(core: Core, transport: Option<Arc<dyn Signer>>, services: Services) -> AccountTask {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (state, watcher) = watch::channel(Progress::default());
        tokio::spawn(Driver::new(core, transport, services, state).run(inbox));
        AccountTask { commands, state: watcher }
    }

    /// Runs a function with the core, and returns when its effects have been carried out: changes are durable.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Core, Moment) -> (T, Vec<Effect>) + Send + 'static,
    ) -> Result<T, TaskStopped> {
        let (done, result) = oneshot::channel();
        let work: Command = Box::new(move |core, _, at| {
            let (value, effects) = work(core, at);
            (effects, Box::new(move || drop(done.send(value))))
        });
        self.commands.send(work).map_err(|_| TaskStopped)?;
        result.await.map_err(|_| TaskStopped)
    }

    /// Gives the core a decision, and returns when its answer is stored, or why there is none. `key`: the approval key,
    /// where it signs. An approval that nobody waits for any more, because this future was dropped, is taken back.
    pub(crate) async fn decide(
        &self,
        key: Option<Arc<dyn Signer>>,
        decide: impl FnOnce(&mut Core, Moment) -> Result<(DraftId, Vec<Effect>), AnswerError> + Send + 'static,
    ) -> Result<(), AnswerError> {
        let (done, result) = oneshot::channel();
        let draft = Arc::new(OnceLock::new());
        let begun = Arc::clone(&draft);
        let work: Command = Box::new(move |core, drafts, at| match decide(core, at) {
            Ok((draft, effects)) => {
                drafts.insert(draft, PendingDecision { key, done });
                // It is set here alone.
                begun.set(draft).ok();
                (effects, Box::new(|| {}))
            }
            Err(error) => (Vec::new(), Box::new(move || drop(done.send(Err(error))))),
        });
        self.commands.send(work).map_err(|_| TaskStopped)?;
        let mut waiting = WithdrawOnDrop { commands: &self.commands, draft: Some(draft) };
        let result = result.await;
        waiting.draft = None;
        result.map_err(|_| TaskStopped)?
    }

    /// Reads from the core.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Core, Moment) -> T + Send + 'static,
    ) -> Result<T, TaskStopped> {
        self.run(|core, at| (read(core, at), Vec::new())).await
    }

    /// Passes an event to the core.
    pub(crate) async fn send(&self, event: Event) -> Result<(), TaskStopped> {
        self.run(|core, at| ((), core.step(at, event))).await
    }

    /// Waits until no call is pending that ends by itself ([`Core::is_busy`]).
    pub(crate) async fn wait_idle(&self) -> Result<(), TaskStopped> {
        let mut state = self.state.clone();
        state.wait_for(|state| !state.busy).await.map(drop).map_err(|_| TaskStopped)
    }

    /// Reads again after every step, until `read` returns something.
    pub(crate) async fn wait_for<T: Send + 'static>(
        &self,
        read: impl Fn(&Core, Moment) -> Option<T> + Clone + Send + 'static,
    ) -> Result<T, TaskStopped> {
        let mut state = self.state.clone();
        loop {
            state.mark_unchanged();
            if let Some(found) = self.read(read.clone()).await? {
                return Ok(found);
            }
            state.changed().await.map_err(|_| TaskStopped)?;
        }
    }
}

/// Takes an approval back when nobody waits for it any more.
struct WithdrawOnDrop<'t> {
    commands: &'t mpsc::UnboundedSender<Command>,
    draft: Option<Arc<OnceLock<DraftId>>>,
}

impl Drop for WithdrawOnDrop<'_> {
    fn drop(&mut self) {
        let Some(draft) = self.draft.take() else { return };
        // Commands are run in order: by then the draft has its id, or was refused.
        let withdraw: Command = Box::new(move |core, _, at| {
            let effects = draft.get().map(|draft| core.step(at, Event::Withdrawn(*draft)));
            (effects.unwrap_or_default(), Box::new(|| {}))
        });
        self.commands.send(withdraw).ok();
    }
}

/// Why a task has to end: its effects could not be carried out.
#[derive(Debug, thiserror::Error)]
enum StorageError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("the store stopped working")]
    Panicked,
}

/// One account's task.
struct Driver {
    core: Core,
    transport: Option<Arc<dyn Signer>>,
    drafts: Drafts,
    services: Services,
    state: watch::Sender<Progress>,
    began: Instant,
    calls: JoinSet<()>,
    open: BTreeMap<CallId, AbortHandle>,
    report: mpsc::UnboundedSender<Event>,
    reports: mpsc::UnboundedReceiver<Event>,
}

impl Driver {
    fn new(
        core: Core,
        transport: Option<Arc<dyn Signer>>,
        services: Services,
        state: watch::Sender<Progress>,
    ) -> Driver {
        let (report, reports) = mpsc::unbounded_channel();
        let (calls, open, drafts) = (JoinSet::new(), BTreeMap::new(), Drafts::new());
        Driver { core, transport, drafts, services, state, began: Instant::now(), calls, open, report, reports }
    }

    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            let deadline = self.core.deadline().map(|tick| self.began + Duration::from_millis(tick.0));
            let (effects, finish) = tokio::select! {
                work = commands.recv() => match work {
                    Some(work) => {
                        let at = self.moment();
                        let (effects, finish) = work(&mut self.core, &mut self.drafts, at);
                        (effects, Some(finish))
                    }
                    None => return,
                },
                Some(event) = self.reports.recv() => (self.step(event), None),
                () = sleep_until(deadline) => (self.step(Event::Tick), None),
            };
            // A mere read is no step: a reader that waits for steps would otherwise wake itself for ever.
            let is_step = finish.is_none() || !effects.is_empty();
            if let Err(error) = self.carry_out(effects).await {
                let (account, message) = (self.core.account().id.clone(), error.to_string());
                return self.services.listeners.emit(&DeviceEvent::Stopped { account, message });
            }
            while self.calls.try_join_next().is_some() {}
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
        let ticks = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Moment { wall: self.services.clock.now(), tick: Tick(ticks) }
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let at = self.moment();
        self.core.step(at, event)
    }

    /// Carries out effects in order. After a failure the core is ahead of the vault, and the task must end.
    async fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), StorageError> {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Write(changes) => self.write(changes).await?,
                Effect::Emit(event) => self.services.listeners.emit(&event),
                Effect::Call { id, call } => self.call(id, call),
                Effect::OpenStream { id, call } => self.watch(id, call),
                Effect::Cancel(id) => {
                    if let Some(call) = self.open.remove(&id) {
                        call.abort();
                    }
                }
                Effect::Sign { job, key, input } => effects.extend(self.sign(job, key, &input)),
                // A key that signs at once has no prompt.
                Effect::Abort(_) => {}
                Effect::DraftEnded { draft, result } => {
                    if let Some(decision) = self.drafts.remove(&draft) {
                        // Who waited may be gone.
                        decision.done.send(result).ok();
                    }
                }
                Effect::Seal(credential) => {
                    let account = self.core.account().id.clone();
                    let sealed =
                        self.blocking(move |services| Ok::<_, KeyError>(services.keys.seal(&account, &credential)));
                    let sealed = sealed.await?;
                    effects.extend(self.step(Event::Sealed(sealed)));
                }
                Effect::Recall { challenge, outcome } => {
                    let account = self.core.account().id.clone();
                    let kept = self.blocking(move |services| services.vault.challenge(&account, &challenge)).await?;
                    effects.extend(self.step(Event::Recalled { outcome, kept: kept.map(Box::new) }));
                }
                Effect::DestroyKeys => {
                    self.transport = None;
                    let account = self.core.account().id.clone();
                    self.blocking(move |services| services.keys.destroy(&account)).await?;
                }
            }
        }
        Ok(())
    }

    async fn write(&self, changes: Vec<Change>) -> Result<(), StorageError> {
        let account = self.core.account().id.clone();
        self.blocking(move |services| services.vault.apply(&account, &changes)).await
    }

    async fn blocking<T: Send + 'static, E: Into<StorageError> + Send + 'static>(
        &self,
        work: impl FnOnce(&Services) -> Result<T, E> + Send + 'static,
    ) -> Result<T, StorageError> {
        let services = self.services.clone();
        let done = tokio::task::spawn_blocking(move || work(&services).map_err(Into::into)).await;
        done.unwrap_or(Err(StorageError::Panicked))
    }

    /// Has a key sign, and reports to the core.
    fn sign(&mut self, job: SigningJob, key: KeyRole, input: &str) -> Vec<Effect> {
        let approval = match job {
            SigningJob::Draft(draft) => self.drafts.get(&draft).and_then(|decision| decision.key.as_ref()),
            SigningJob::Message(_) => None,
        };
        let signer = match key {
            KeyRole::Approval => approval,
            KeyRole::Transport => self.transport.as_ref(),
        };
        let signed = signer.and_then(|signer| signer.sign(input.as_bytes()).ok());
        self.step(match signed {
            Some(signature) => Event::Signed { job, signature: signature.to_vec() },
            None => Event::NotSigned { job, why: KeyError::Gone },
        })
    }

    fn call(&mut self, id: CallId, call: UnsignedCall) {
        let (transport, report) = (Arc::clone(&self.services.transport), self.report.clone());
        let key = self.transport.clone();
        let handle = self.calls.spawn(async move {
            let Some(call) = signed(call, key.as_deref()) else {
                return drop(report.send(Event::NotSent { id }));
            };
            let event = match transport.call(call).await {
                Ok(reply) => Event::Replied { id, reply },
                Err(why) => Event::Failed { id, why: Some(why) },
            };
            report.send(event).ok();
        });
        self.track(id, handle);
    }

    fn watch(&mut self, id: CallId, call: UnsignedCall) {
        let (transport, report) = (Arc::clone(&self.services.transport), self.report.clone());
        let key = self.transport.clone();
        let handle = self.calls.spawn(async move {
            let Some(call) = signed(call, key.as_deref()) else {
                return drop(report.send(Event::NotSent { id }));
            };
            let mut stream = match transport.open_stream(call).await {
                Ok(StreamReply::Open { head, stream }) => {
                    report.send(Event::Opened { id, head }).ok();
                    stream
                }
                Ok(StreamReply::Refused(reply)) => return drop(report.send(Event::Replied { id, reply })),
                Err(why) => return drop(report.send(Event::Failed { id, why: Some(why) })),
            };
            loop {
                let event = match stream.next().await {
                    Some(Ok(event)) => Event::StreamEvent { id, event },
                    Some(Err(why)) => return drop(report.send(Event::Failed { id, why: Some(why) })),
                    None => return drop(report.send(Event::Failed { id, why: None })),
                };
                report.send(event).ok();
            }
        });
        self.track(id, handle);
    }

    fn track(&mut self, id: CallId, handle: AbortHandle) {
        self.open.retain(|_, call| !call.is_finished());
        self.open.insert(id, handle);
    }
}

/// A call with its proof; `None` where the key does not sign.
fn signed(call: UnsignedCall, transport: Option<&dyn Signer>) -> Option<Call> {
    let signature = match call.signing_input() {
        Some(input) => transport?.sign(input.as_bytes()).ok()?.to_vec(),
        None => Vec::new(),
    };
    call.signed(&signature).ok()
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => pending().await,
    }
}
