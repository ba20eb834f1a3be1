//! [`App`]: a device, and the state that a window needs beside it.

use std::collections::BTreeMap;
#[cfg(feature = "edge")]
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use countersign_device::account::AccountStatus;
use countersign_device::device_event::DeviceEvent;
use countersign_device::error::OpenError;
use countersign_device::ports::push_service::PushService;
use countersign_device::ports::runtime::Runtime;
use countersign_device::ports::vault::Stage;
use countersign_device::transcript::Locale;
use countersign_device::view::AccountView;
use countersign_device::{Device, Ports, PushWatch};
use countersign_jose::clock::Clock;
use countersign_protocol::answer::Decision;
use countersign_protocol::id::ChallengeId;
use tokio::sync::watch;

use crate::app_state::{AppState, KeptState};
use crate::appearance::Appearance;
#[cfg(feature = "edge")]
use crate::edge::StateFile;
use crate::enrollment::EnrollmentState;
use crate::failure::Failure;
use crate::ports::{Downloads, StateStore};
use crate::results::RequestResults;
use crate::snapshot::{AccountLine, PendingRequest, Snapshot};
use crate::waking_state::Waking;

/// Properties of the machine and the program that the app runs in.
pub struct Options {
    /// The version to show.
    pub version: String,
    /// A suggestion for the device's name.
    pub device_name: String,
    /// Where evidence is saved to.
    pub downloads: Arc<dyn Downloads>,
    /// What can wake this app; `None` where nothing does, as a window that stays open.
    pub push: Option<Arc<dyn PushService>>,
    /// Milliseconds of a monotonic clock.
    pub ticks: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// The app. Cheap to clone; the device is closed with the last clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

/// The app, held by nobody.
#[derive(Clone)]
pub(crate) struct WeakApp(Weak<Inner>);

impl WeakApp {
    pub(crate) fn upgrade(&self) -> Option<App> {
        Some(App { inner: self.0.upgrade()? })
    }
}

struct Inner {
    device: Result<Device, Failure>,
    options: Options,
    locale: Locale,
    clock: Arc<dyn Clock>,
    changes: watch::Sender<u64>,
    enrollment: Mutex<EnrollmentState>,
    kept_state: Mutex<KeptState>,
    results: Mutex<RequestResults>,
    shown: Mutex<BTreeMap<ChallengeId, u64>>,
    runtime: Arc<dyn Runtime>,
    /// One look to the subscription at a time: two would subscribe twice.
    push_turn: tokio::sync::Mutex<()>,
    push_watches: Mutex<Vec<PushWatch>>,
}

impl App {
    /// Opens the device in this home and starts fetching. Where it can't be opened, every snapshot says why. Call it
    /// within a tokio runtime.
    #[cfg(feature = "edge")]
    pub async fn open(home: &Path, ports: Ports, options: Options) -> App {
        let device = Device::open(home, ports.clone()).await;
        App::with_device(device, &ports, Arc::new(StateFile::at(home)), options).await
    }

    /// The app on a device that the caller opened on stores of its own, with these ports. Starts fetching. Where the device
    /// could not be opened, every snapshot says why.
    pub async fn with_device(
        device: Result<Device, OpenError>,
        ports: &Ports,
        state: Arc<dyn StateStore>,
        options: Options,
    ) -> App {
        let app = App {
            inner: Arc::new(Inner {
                device: device.map_err(Failure::from),
                options,
                locale: ports.locale,
                clock: Arc::clone(&ports.clock),
                changes: watch::Sender::new(1),
                enrollment: Mutex::default(),
                kept_state: Mutex::new(KeptState::read(state).await),
                results: Mutex::default(),
                shown: Mutex::default(),
                runtime: Arc::clone(&ports.runtime),
                push_turn: tokio::sync::Mutex::default(),
                push_watches: Mutex::default(),
            }),
        };
        app.listen(&*ports.runtime).await;
        app
    }

    async fn listen(&self, runtime: &dyn Runtime) {
        let Ok(device) = self.device() else { return };
        // Answers of an earlier run without an outcome. A history that can't be read is reported by `activity`.
        for item in device.history().await.unwrap_or_default().iter().filter(|item| item.stage == Stage::Answering) {
            lock(&self.inner.results).track_answered(item);
        }
        let mut events = device.run().await;
        for view in device.accounts().await.unwrap_or_default() {
            self.watch_push(device, &view.account);
        }
        let inner = Arc::downgrade(&self.inner);
        runtime.spawn(Box::pin(async move {
            while let Some(event) = events.next().await {
                let Some(inner) = inner.upgrade() else { return };
                App { inner }.handle_event(&event);
            }
        }));
    }

    fn handle_event(&self, event: &DeviceEvent) {
        lock(&self.inner.results).handle_event(event, self.now_seconds());
        if let DeviceEvent::Ended { id, .. } | DeviceEvent::Answered { id, .. } = event {
            lock(&self.inner.shown).remove(id);
        }
        self.changed();
    }

    /// Counts changes: a new value means that there is a new snapshot.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Everything a page shows, at this moment.
    pub async fn snapshot(&self) -> Snapshot {
        // Read first: a change while the rest is read makes another snapshot.
        let revision = *self.inner.changes.borrow();
        let (accounts, requests, trouble) = match self.device() {
            Ok(device) => match device.accounts().await {
                Ok(accounts) => (self.lines(accounts), self.requests(device).await, None),
                Err(error) => (Vec::new(), Vec::new(), Some(Failure::from(error))),
            },
            Err(failure) => (Vec::new(), Vec::new(), Some(failure)),
        };
        let (kept, results) = {
            let results = lock(&self.inner.results);
            (results.kept(), results.ended())
        };
        let (link_waiting, link_revision) =
            self.enrollment(|enrollment| (enrollment.waiting.is_some(), enrollment.revision));
        Snapshot {
            revision,
            version: self.inner.options.version.clone(),
            locale: self.inner.locale,
            appearance: self.appearance(),
            trouble,
            link_waiting,
            link_revision,
            suggested_device_name: self.inner.options.device_name.clone(),
            accounts,
            requests,
            kept,
            results,
        }
    }

    fn lines(&self, accounts: Vec<AccountView>) -> Vec<AccountLine> {
        let mut codes = lock(&self.inner.kept_state).state.codes.clone();
        let is_open =
            |id: &_| accounts.iter().any(|view| view.account == *id && view.status == AccountStatus::Unconfirmed);
        if codes.keys().any(|id| !is_open(id)) {
            codes.retain(|id, _| is_open(id));
            self.update_state(|state| state.codes.clone_from(&codes));
        }
        let is_replaced = |view: &AccountView| {
            let same = |other: &&AccountView| other.issuer == view.issuer && other.subject == view.subject;
            accounts.iter().filter(same).any(|other| other.account != view.account && other.no_part().is_none())
        };
        let permission = self.push_service().map(|push| push.permission());
        let line = |view: &AccountView| {
            let waking = permission.map(|permission| Waking::of(permission, view.push));
            AccountLine::render(view.clone(), is_replaced(view), codes.get(&view.account).cloned(), waking)
        };
        accounts.iter().map(line).collect()
    }

    async fn requests(&self, device: &Device) -> Vec<PendingRequest> {
        let mut requests = Vec::new();
        for view in device.pending().await {
            let needs_pin = device.asks_for_pin(&view.account, &view.id).await;
            requests.push(PendingRequest::render(view, needs_pin));
        }
        requests
    }

    /// Sends what is in the outboxes and fetches what is new, for all accounts.
    ///
    /// # Errors
    /// [`Failure`] `not_open` or the reason.
    pub async fn check_now(&self) -> Result<(), Failure> {
        self.device()?.pull().await;
        self.changed();
        Ok(())
    }

    /// The window's appearance.
    pub fn appearance(&self) -> Appearance {
        lock(&self.inner.kept_state).state.appearance
    }

    /// Sets the window's appearance.
    pub fn set_appearance(&self, appearance: Appearance) {
        self.update_state(|state| state.appearance = appearance);
        self.changed();
    }

    /// How many requests wait for an answer, without those held back.
    pub async fn waiting_count(&self) -> usize {
        match self.device() {
            Ok(device) => device.pending().await.iter().filter(|view| !view.held).count(),
            Err(_) => 0,
        }
    }

    pub(crate) fn device(&self) -> Result<&Device, Failure> {
        self.inner.device.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn changed(&self) {
        self.inner.changes.send_modify(|revision| *revision += 1);
    }

    pub(crate) fn enrollment<T>(&self, look: impl FnOnce(&mut EnrollmentState) -> T) -> T {
        look(&mut lock(&self.inner.enrollment))
    }

    pub(crate) fn update_state(&self, change: impl FnOnce(&mut AppState)) {
        lock(&self.inner.kept_state).change(change);
    }

    pub(crate) fn note_shown(&self, id: &ChallengeId) {
        let now = (self.inner.options.ticks)();
        lock(&self.inner.shown).entry(id.clone()).or_insert(now);
    }

    pub(crate) fn was_shown_for(&self, id: &ChallengeId, millis: u64) -> bool {
        let now = (self.inner.options.ticks)();
        lock(&self.inner.shown).get(id).is_some_and(|since| now.saturating_sub(*since) >= millis)
    }

    pub(crate) fn note_answered(&self, id: &ChallengeId, decision: Decision) {
        let at = self.now_seconds();
        lock(&self.inner.results).answered(id, decision, at);
        self.changed();
    }

    pub(crate) fn downloads(&self) -> &dyn Downloads {
        &*self.inner.options.downloads
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.inner.runtime)
    }

    pub(crate) fn push_turn(&self) -> &tokio::sync::Mutex<()> {
        &self.inner.push_turn
    }

    pub(crate) fn keep_push_watch(&self, watch: PushWatch) {
        lock(&self.inner.push_watches).push(watch);
    }

    /// The app, as long as somebody has it.
    pub(crate) fn downgrade(&self) -> WeakApp {
        WeakApp(Arc::downgrade(&self.inner))
    }

    pub(crate) fn now_seconds(&self) -> u64 {
        self.inner.clock.now().seconds()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
