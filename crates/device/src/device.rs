//! [`Device`]: all accounts of one home, as an app or a terminal uses them.

use std::collections::BTreeMap;
#[cfg(feature = "edge")]
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_jose::clock::Clock;
use countersign_jose::random::Random;
use countersign_jose::secret::Secret;
use countersign_protocol::id::ChallengeId;

use crate::account::{Account, AccountId, AccountStatus};
use crate::account_task::{AccountTask, TaskStopped};
use crate::core::{Core, Event};
use crate::device_event::{DeviceEvent, OfflineReason};
use crate::driver::{HomeLock, Services};
#[cfg(feature = "edge")]
use crate::edge::{
    http::HttpTransport,
    key_file::{FileKeys, KeyChoice, PinCosts},
    tokio_runtime::TokioRuntime,
    vault_sqlite::SqliteVault,
};
use crate::error::OpenError;
#[cfg(feature = "edge")]
use crate::home::Home;
use crate::listeners::{Events, Listeners};
use crate::ports::key_store::KeyStore;
#[cfg(feature = "edge")]
use crate::ports::keyring::Keyring;
use crate::ports::runtime::Runtime;
use crate::ports::transport::Transport;
use crate::ports::vault::Vault;
use crate::ports::wake::{PullNow, Wake};
use crate::transcript::Locale;
use crate::unlock::{PinGate, UnlockCache};
use crate::view::{AccountView, ChallengeView};

/// A device: every account of one home, each with a task of its own. Cheap to clone; the tasks end with the last clone.
#[derive(Clone)]
pub struct Device {
    pub(crate) inner: Arc<Inner>,
}

/// Clock, randomness, transport, runtime and settings of a device.
#[derive(Clone)]
pub struct Ports {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness, for keys and ids.
    pub random: Arc<dyn Random>,
    /// The transport to providers.
    pub transport: Arc<dyn Transport>,
    /// Tasks, delays and monotonic time.
    pub runtime: Arc<dyn Runtime>,
    /// The language of transcripts.
    pub locale: Locale,
    /// The origin of the page that is the device (`https://id.example`); `None` for a program.
    pub code_origin: Option<String>,
    /// The cost of one guess of a PIN.
    #[cfg(feature = "edge")]
    pub costs: PinCosts,
    /// The session's keyring, if this program can use one.
    #[cfg(feature = "edge")]
    pub keyring: Option<Arc<dyn Keyring>>,
    /// What protects the approval keys of new accounts.
    #[cfg(feature = "edge")]
    pub key_choice: KeyChoice,
}

#[cfg(feature = "edge")]
impl Ports {
    /// HTTP, tokio, English, the default cost of a PIN, and the system's keyring where this build can use it.
    ///
    /// # Errors
    /// [`OpenError::Http`] where the system's certificates cannot be loaded.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Ports, OpenError> {
        let transport = HttpTransport::new().map_err(|error| OpenError::Http(error.to_string()))?;
        Ok(Ports {
            clock,
            random,
            transport: Arc::new(transport),
            runtime: Arc::new(TokioRuntime::new()),
            locale: Locale::default(),
            code_origin: None,
            costs: PinCosts::default(),
            keyring: system_keyring(),
            key_choice: KeyChoice::default(),
        })
    }
}

/// iOS has no keyring for programs: its keys are in hardware, which is another key store.
#[cfg(all(feature = "keyring", not(target_os = "ios")))]
fn system_keyring() -> Option<Arc<dyn Keyring>> {
    Some(Arc::new(crate::edge::system_keyring::SystemKeyring))
}

#[cfg(all(feature = "edge", any(not(feature = "keyring"), target_os = "ios")))]
fn system_keyring() -> Option<Arc<dyn Keyring>> {
    None
}

pub(crate) struct Inner {
    pub(crate) services: Services,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) locale: Locale,
    pub(crate) code_origin: Option<String>,
    accounts: Mutex<BTreeMap<AccountId, AccountHandle>>,
    /// Held while a PIN opens a key: each derivation takes 64 MiB, and many requests may be answered at once.
    pub(crate) unlock_turn: Arc<tokio::sync::Mutex<()>>,
    /// Whether accounts keep fetching by themselves ([`Device::run`]), those that are enrolled later included.
    pub(crate) watching: AtomicBool,
    /// Accounts that could not be opened, and why, in English.
    pub(crate) closed: BTreeMap<AccountId, String>,
}

impl Inner {
    async fn start(&self, account: Account) -> Result<AccountHandle, OpenError> {
        let services = self.services.clone();
        let snapshot = services.vault.load(&account.id).await?;
        let id = account.id.clone();
        let keys = &services.keys;
        let (transport, credential) = match account.status {
            AccountStatus::Revoked { .. } => (None, Secret::new(String::new())),
            _ => (Some(keys.transport(&id).await?), keys.unseal(&id, &account.credential).await?),
        };
        let core = Core::open(account, snapshot, credential, Arc::clone(&self.random), self.locale)?;
        if let Some(why) = core.unusable() {
            self.tell_unusable(&id, why.to_owned());
        }
        let handle =
            AccountHandle { task: AccountTask::start(core, transport, services), unlock_cache: UnlockCache::default() };
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(id, handle.clone());
        Ok(handle)
    }

    fn tell_unusable(&self, account: &AccountId, why: String) {
        self.services.listeners.emit(&DeviceEvent::AccountUnusable { account: account.clone(), why });
    }
}

/// An account's task, and the cache of its unlocked approval key.
#[derive(Clone)]
pub(crate) struct AccountHandle {
    pub(crate) task: AccountTask,
    pub(crate) unlock_cache: UnlockCache,
}

/// The result of a pull for one account.
#[derive(Clone, Debug)]
pub struct PullResult {
    /// The account.
    pub account: AccountId,
    /// Since when (seconds since the epoch, this device's clock) and why the provider counts as offline, if it does.
    pub offline: Option<(u64, OfflineReason)>,
}

impl Device {
    /// Opens a home: takes its lock, opens vault and key files, and starts a task for every account. Nothing is sent
    /// before [`Device::pull`] or [`Device::run`].
    ///
    /// An account that can't be opened does not keep the others from working: [`Device::accounts`] says why.
    ///
    /// # Errors
    /// [`OpenError`]. Where another process holds the home, it is named by its pid.
    #[cfg(feature = "edge")]
    pub async fn open(home: &Path, ports: Ports) -> Result<Device, OpenError> {
        let home = Home::open(home)?;
        let vault = Arc::new(SqliteVault::open(&home.vault()).await?);
        let Ports { random, costs, keyring, key_choice, .. } = ports.clone();
        let keys = Arc::new(FileKeys::open(&home.keys(), random, costs, keyring, key_choice).await?);
        Device::assemble(ports, vault, keys, Some(Arc::new(home))).await
    }

    /// Whether this folder holds a device: something was enrolled in it, or was about to be. For commands that only look, since
    /// [`Device::open`] makes one.
    #[cfg(feature = "edge")]
    pub fn exists_at(home: &Path) -> bool {
        home.join(crate::home::VAULT).exists()
    }

    /// A device on another vault and key store, for platforms and tests.
    ///
    /// # Errors
    /// [`OpenError`] where the vault cannot be read.
    pub async fn with_stores(
        ports: Ports,
        vault: Arc<dyn Vault>,
        keys: Arc<dyn KeyStore>,
    ) -> Result<Device, OpenError> {
        Device::assemble(ports, vault, keys, None).await
    }

    async fn assemble(
        ports: Ports,
        vault: Arc<dyn Vault>,
        keys: Arc<dyn KeyStore>,
        home: Option<Arc<HomeLock>>,
    ) -> Result<Device, OpenError> {
        let Ports { clock, random, transport, runtime, locale, code_origin, .. } = ports;
        let services =
            Services { vault, keys, transport, runtime, clock, listeners: Listeners::default(), _home: home };
        let mut inner = Inner {
            services,
            random,
            locale,
            code_origin,
            accounts: Mutex::default(),
            unlock_turn: Arc::default(),
            watching: AtomicBool::new(false),
            closed: BTreeMap::new(),
        };
        for account in inner.services.vault.accounts().await? {
            let id = account.id.clone();
            if account.unenrolled_at.is_some() {
                // The program may have ended before they were destroyed.
                inner.services.keys.destroy(&id).await?;
                continue;
            }
            if let Err(error) = inner.start(account).await {
                inner.tell_unusable(&id, error.why());
                inner.closed.insert(id, error.why());
            }
        }
        Ok(Device { inner: Arc::new(inner) })
    }

    /// Starts an account's task.
    pub(crate) async fn start(&self, account: Account) -> Result<AccountHandle, OpenError> {
        self.inner.start(account).await
    }

    /// Events from now on.
    pub fn events(&self) -> Events {
        self.inner.services.listeners.listen()
    }

    /// Fetches at once and keeps fetching, by stream or long poll, until the device is dropped or [`Device::rest`] is
    /// called. The first caller also gets the events since the device was opened.
    pub async fn run(&self) -> Events {
        let events = self.inner.services.listeners.listen_from_the_start();
        self.inner.watching.store(true, Ordering::SeqCst);
        for handle in self.handles().into_values() {
            // A stopped account has emitted `Stopped` already.
            handle.task.send(Event::Wake).await.ok();
            handle.task.send(Event::Watch(true)).await.ok();
        }
        events
    }

    /// Stops fetching by itself.
    pub async fn rest(&self) {
        self.inner.watching.store(false, Ordering::SeqCst);
        for handle in self.handles().into_values() {
            handle.task.send(Event::Watch(false)).await.ok();
        }
    }

    /// Sends what is in the outboxes and fetches what is new, for all accounts at once. Returns when everything was
    /// tried once.
    pub async fn pull(&self) -> Vec<PullResult> {
        let handles = self.handles();
        for handle in handles.values() {
            handle.task.send(Event::Wake).await.ok();
        }
        let mut all = Vec::with_capacity(handles.len());
        for (account, handle) in handles {
            handle.task.wait_idle().await.ok();
            let offline = handle.task.read(|core, _| core.offline()).await.unwrap_or(None);
            all.push(PullResult { account, offline });
        }
        all
    }

    /// Pulls at every wake. A wake carries nothing: a forged one costs one call and shows nothing.
    pub fn wake_by(&self, mut wake: Box<dyn Wake>) {
        let device = Arc::downgrade(&self.inner);
        self.inner.services.runtime.spawn(Box::pin(async move {
            while let Some(PullNow) = wake.next().await {
                let Some(inner) = device.upgrade() else { return };
                for handle in (Device { inner }).handles().into_values() {
                    handle.task.send(Event::Wake).await.ok();
                }
            }
        }));
    }

    /// All accounts in the order of their enrollment, unusable ones included ([`AccountView::unusable`]).
    ///
    /// # Errors
    /// [`OpenError::Vault`].
    pub async fn accounts(&self) -> Result<Vec<AccountView>, OpenError> {
        let mut views = Vec::new();
        for kept in self.inner.services.vault.accounts().await? {
            if kept.unenrolled_at.is_some() {
                continue;
            }
            let can_approve = self.inner.services.keys.has_approval(&kept.id).await;
            let Some(handle) = self.handles().remove(&kept.id) else {
                // An account that is being enrolled is in the vault before it has a task.
                let why = self.inner.closed.get(&kept.id);
                views.extend(
                    why.map(|why| AccountView::render(&kept, can_approve, None, 0).unusable(Some(why.clone()))),
                );
                continue;
            };
            let view = handle.task.read(move |core, at| {
                AccountView::render(core.account(), can_approve, core.offline(), core.pending(at).len())
                    .checked(core.checked())
                    .at(core.server_time(at))
                    .pushed(core.push_status().map(|status| status.state))
                    .unusable(core.unusable().map(str::to_owned))
            });
            let stopped = |stopped: TaskStopped| {
                AccountView::render(&kept, can_approve, None, 0).unusable(Some(stopped.to_string()))
            };
            views.push(view.await.unwrap_or_else(stopped));
        }
        Ok(views)
    }

    /// Requests that wait for an answer, of all accounts, the earliest expiry first. Call [`Device::pull`] before for
    /// new ones.
    pub async fn pending(&self) -> Vec<ChallengeView> {
        let mut all = Vec::new();
        for handle in self.handles().into_values() {
            all.extend(handle.task.read(Core::pending).await.unwrap_or_default());
        }
        all.sort_by_key(|view| view.expires_at);
        all
    }

    /// Forgets every unlocked key, as when the screen is locked: the next approval asks for the PIN again, and one that
    /// is not signed yet is dropped.
    pub async fn lock(&self) {
        for handle in self.handles().into_values() {
            handle.task.send(Event::Lock).await.ok();
            // Where a PIN is being tried, what it opens is too old to be used: [`UnlockTime`] counts locks.
            if let Ok(mut unlocked) = handle.unlock_cache.try_lock() {
                *unlocked = None;
            }
        }
    }

    /// Records that a person saw a request.
    pub async fn shown(&self, id: &ChallengeId) {
        for handle in self.handles().into_values() {
            handle.task.send(Event::Shown(id.clone())).await.ok();
        }
    }

    /// Takes an account's handle away: nobody finds it any more.
    pub(crate) fn take_handle(&self, account: &AccountId) -> Option<AccountHandle> {
        self.inner.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(account)
    }

    pub(crate) fn handles(&self) -> BTreeMap<AccountId, AccountHandle> {
        self.inner.accounts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn pin_gate(&self) -> PinGate {
        let services = &self.inner.services;
        PinGate {
            vault: Arc::clone(&services.vault),
            keys: Arc::clone(&services.keys),
            clock: Arc::clone(&services.clock),
        }
    }
}

impl From<TaskStopped> for crate::error::AnswerError {
    fn from(TaskStopped: TaskStopped) -> Self {
        crate::error::AnswerError::Stopped
    }
}
