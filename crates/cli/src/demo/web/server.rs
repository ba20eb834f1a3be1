//! The pages' server: what is on them now, and who waits for something new.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_gateway::Standing;
use countersign_op::Provider;
use countersign_protocol::text;
use serde::Serialize;
use tokio::sync::watch;

use super::book::{self, Book};
use super::links::{self, Links};
use super::records::Records;
use super::window::{self, Window};
use super::{api, cheat};
use crate::arguments::ProviderConfig;
use crate::commands::op_serve;
use crate::demo::{State, processes};
use crate::failure::Failure;

/// How often the page's state is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// How many ports after the provider's are tried.
const TRIES: u16 = 50;

/// What the demo wants of the window.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It opens by itself as soon as it can.
    ByItself,
    /// It opens when the page asks for it.
    WhenAsked,
    /// It does not open: `--no-app`.
    Never,
}

/// The web pages. Cheap to clone; the window ends with the last clone.
#[derive(Clone)]
pub struct Web {
    pub(super) table: Arc<Table>,
    /// Where the till is served, and the other pages below it.
    pub url: String,
}

/// Everything on the pages, and what changes it.
pub(super) struct Table {
    state: State,
    provider: Provider,
    pub(super) host: String,
    offer: Offer,
    book: Mutex<Book>,
    records: Records,
    links: tokio::sync::Mutex<Links>,
    window: Mutex<Window>,
    page: watch::Sender<Page>,
    /// Whether somebody has looked at a page: only then are links made.
    looked_at: std::sync::atomic::AtomicBool,
}

/// What the pages show.
#[derive(Serialize, Clone, PartialEq)]
pub(super) struct Page {
    pub(super) revision: u64,
    issuer: String,
    program: String,
    demo_folder: String,
    provider_runs: bool,
    devices: Vec<DeviceLine>,
    window: Option<window::Shown>,
    link: Option<links::Shown>,
    requests: Vec<book::Shown>,
}

#[derive(Serialize, Clone, PartialEq, Eq)]
struct DeviceLine {
    name: String,
    status: &'static str,
}

impl Web {
    /// Serves the pages on the next free port after the provider's.
    ///
    /// # Errors
    /// No free port, or the provider's store can't be opened.
    pub async fn start(state: &State, provider_at: SocketAddr, offer: Offer) -> Result<Web, Failure> {
        let (config, home) = (state.path("provider.toml"), state.path("provider"));
        let provider = op_serve::open(&ProviderConfig::of(config), Some(home), Provider::open_for_admin)?;
        let listener = listen(provider_at)?;
        let host = listener.local_addr().map_err(|error| Failure::usage("demo_till", error))?.to_string();
        let page = Page {
            revision: 0,
            issuer: state.issuer.clone(),
            // As it was typed, for it is not on everybody's PATH.
            program: std::env::args().next().unwrap_or_else(|| "countersign".to_owned()),
            demo_folder: state.folder().display().to_string(),
            provider_runs: true,
            devices: Vec::new(),
            window: None,
            link: None,
            requests: Vec::new(),
        };
        let table = Arc::new(Table {
            window: Mutex::new(Window::new(state, offer != Offer::Never)),
            state: state.clone(),
            provider,
            host: host.clone(),
            offer,
            book: Mutex::new(Book::new()),
            records: Records::new(state)?,
            links: tokio::sync::Mutex::default(),
            page: watch::Sender::new(page),
            looked_at: std::sync::atomic::AtomicBool::new(false),
        });
        let web = Web { table, url: format!("http://{host}/") };
        let router = api::router(web.clone());
        listener.set_nonblocking(true).map_err(|error| Failure::usage("demo_till", error))?;
        let listener =
            tokio::net::TcpListener::from_std(listener).map_err(|error| Failure::usage("demo_till", error))?;
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the demo's pages are not served any more");
            }
        });
        tokio::spawn(look(Arc::downgrade(&web.table)));
        Ok(web)
    }

    /// The page as it is, once it is newer than this revision or half a minute has passed.
    pub(super) async fn page_after(&self, revision: u64, at_most: Duration) -> Page {
        self.table.looked_at.store(true, std::sync::atomic::Ordering::Relaxed);
        let mut page = self.table.page.subscribe();
        let newer = page.wait_for(|page| page.revision > revision);
        let _ = tokio::time::timeout(at_most, newer).await;
        self.table.page.borrow().clone()
    }

    /// Where a page other than the till is.
    pub fn page(&self, name: &str) -> String {
        format!("{}{name}", self.url)
    }

    pub(super) async fn ask(&self, item: &str) -> Result<usize, String> {
        let asked = lock(&self.table.book).ask(&self.table.state, item);
        self.table.look().await;
        asked
    }

    pub(super) async fn confirm(&self, code: &str) {
        self.table.links.lock().await.confirm(self.table.provider.gateway(), code).await;
        self.table.look().await;
    }

    pub(super) async fn open_window(&self) {
        let link = self.table.link_for_window().await;
        let mut window = lock(&self.table.window);
        if window.is_ready() || window.is_open() {
            window.open(link.as_deref());
        }
    }

    /// Ends the window's process, and returns when it is gone.
    pub async fn close_window(&self) {
        let table = Arc::clone(&self.table);
        // It waits for a process.
        let _ = tokio::task::spawn_blocking(move || lock(&table.window).close()).await;
    }

    pub(super) fn cheat(&self, id: usize) -> Option<cheat::Cheated> {
        cheat::attempt(&lock(&self.table.book).proof(&self.table.provider, id)?)
    }

    pub(super) fn evidence(&self, id: usize) -> Option<String> {
        let proof = lock(&self.table.book).proof(&self.table.provider, id)?;
        proof.is_complete().then(|| proof.evidence().to_file())
    }

    /// The trust file, for `countersign verify --trust`.
    pub(super) async fn trust(&self) -> Result<String, Failure> {
        let path = self.table.state.path("trust.json");
        if !path.exists() {
            let link = processes::link(&self.table.state, "alice").await?;
            self.table.state.write_trust(&crate::demo::trust(&link)?)?;
        }
        std::fs::read_to_string(&path).map_err(|error| Failure::usage("demo_state", error))
    }
}

impl Table {
    /// Looks at everything, and tells the page where something is new.
    async fn look(&self) {
        lock(&self.book).listen();
        self.open_records().await;
        let link = if self.looked_at.load(std::sync::atomic::Ordering::Relaxed) {
            let shown = self.links.lock().await.shown(self.provider.gateway()).await;
            shown.inspect_err(|error| tracing::warn!(error, "the pages have no link")).ok()
        } else {
            None
        };
        let devices = match "alice".parse() {
            Ok(alice) => self.provider.gateway().devices(&alice).unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let devices = devices.into_iter().filter_map(|device| {
            let status = match device.standing {
                Standing::Active => "active",
                Standing::Unconfirmed => "unconfirmed",
                Standing::Suspended => "suspended",
                _ => return None,
            };
            Some(DeviceLine { name: text::escape(&device.name), status })
        });
        let devices: Vec<DeviceLine> = devices.collect();
        let requests = lock(&self.book).shown(&self.provider, &self.state.issuer);
        let window = lock(&self.window).shown();
        self.page.send_if_modified(|page| {
            let new = Page { devices, requests, window: Some(window), link, ..page.clone() };
            let is_new = new != *page;
            if is_new {
                *page = Page { revision: page.revision + 1, ..new };
            }
            is_new
        });
    }

    /// Tries new access tokens at the call centre's records.
    async fn open_records(&self) {
        let tokens = lock(&self.book).untried_tokens();
        for (id, token) in tokens {
            let record = self.records.open(&token).await;
            lock(&self.book).opened(id, record);
        }
    }

    /// A link for the window, where it has no account yet.
    async fn link_for_window(&self) -> Option<String> {
        if lock(&self.window).is_enrolled() {
            return None;
        }
        let shown = self.links.lock().await.shown(self.provider.gateway()).await.ok()?;
        (!shown.waits_for_code()).then(|| shown.link().to_owned())
    }

    /// Opens the window when it may and can; a link that was renewed is handed on.
    async fn tend_window(&self) {
        let (ready, open, enrolled, handed) = {
            let mut window = lock(&self.window);
            (window.is_ready(), window.is_open(), window.is_enrolled(), window.handed().map(str::to_owned))
        };
        if !enrolled
            && let Some(handed) = &handed
            && self.links.lock().await.was_confirmed(handed)
        {
            lock(&self.window).enrolled();
            return;
        }
        if (ready && self.offer == Offer::ByItself && handed.is_none()) || (open && !enrolled && handed.is_some()) {
            let link = self.link_for_window().await;
            lock(&self.window).open(link.as_deref());
        }
    }
}

/// Looks until the demo ends.
async fn look(table: std::sync::Weak<Table>) {
    let mut opened = false;
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(table) = table.upgrade() else { return };
        table.look().await;
        // By itself it opens once; a person who closes it wants it closed.
        let is_open = lock(&table.window).is_open();
        if is_open || !opened {
            table.tend_window().await;
        }
        opened |= lock(&table.window).is_open();
    }
}

fn listen(provider_at: SocketAddr) -> Result<TcpListener, Failure> {
    let mut address = provider_at;
    for _ in 0..TRIES {
        match address.port().checked_add(1) {
            Some(next) => address.set_port(next),
            None => break,
        }
        if let Ok(listener) = TcpListener::bind(address) {
            return Ok(listener);
        }
    }
    let what = format!("none of the {TRIES} ports after {provider_at} is free for the demo's pages");
    Err(Failure::usage("listen", what))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
