//! Handle to an account's task: commands to run with its core, and what callers can wait for.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot, watch};

use crate::core::{Core, DraftId, Effect, Event, Moment};
use crate::driver::{Driver, Services};
use crate::error::AnswerError;
use crate::ports::key_store::SigningKey;
use crate::ports::maybe_send::MaybeSend;

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
pub(crate) struct Progress {
    pub(crate) busy: bool,
    pub(crate) steps: u64,
}

/// A function to run with the core, which returns effects and what to do when they have been carried out.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) type Command = Box<dyn FnOnce(&mut Core, &mut Drafts, Moment) -> (Vec<Effect>, OnDone) + Send>;
#[cfg(not(target_arch = "wasm32"))]
type OnDone = Box<dyn FnOnce() + Send>;
/// A function to run with the core, which returns effects and what to do when they have been carried out.
#[cfg(target_arch = "wasm32")]
pub(crate) type Command = Box<dyn FnOnce(&mut Core, &mut Drafts, Moment) -> (Vec<Effect>, OnDone)>;
#[cfg(target_arch = "wasm32")]
type OnDone = Box<dyn FnOnce()>;

/// Decisions whose drafts have not ended.
pub(crate) type Drafts = BTreeMap<DraftId, PendingDecision>;

/// A decision whose draft has not ended.
pub(crate) struct PendingDecision {
    /// The approval key, opened for this decision alone, where it signs.
    pub(crate) key: Option<Arc<dyn SigningKey>>,
    pub(crate) done: oneshot::Sender<Result<(), AnswerError>>,
}

impl AccountTask {
    /// Starts an account's task.
    ///
    /// `transport`: the account's transport key; `None` for a revoked account.
    pub(crate) fn start(core: Core, transport: Option<Arc<dyn SigningKey>>, services: Services) -> AccountTask {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (state, watcher) = watch::channel(Progress::default());
        let runtime = Arc::clone(&services.runtime);
        runtime.spawn(Box::pin(Driver::new(core, transport, services, state).run(inbox)));
        AccountTask { commands, state: watcher }
    }

    /// Runs a function with the core, and returns when its effects have been carried out: changes are durable.
    pub(crate) async fn run<T: MaybeSend + 'static>(
        &self,
        work: impl FnOnce(&mut Core, Moment) -> (T, Vec<Effect>) + MaybeSend + 'static,
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
        key: Option<Arc<dyn SigningKey>>,
        decide: impl FnOnce(&mut Core, Moment) -> Result<(DraftId, Vec<Effect>), AnswerError> + MaybeSend + 'static,
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
    pub(crate) async fn read<T: MaybeSend + 'static>(
        &self,
        read: impl FnOnce(&Core, Moment) -> T + MaybeSend + 'static,
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
    pub(crate) async fn wait_for<T: MaybeSend + 'static>(
        &self,
        read: impl Fn(&Core, Moment) -> Option<T> + Clone + MaybeSend + 'static,
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
