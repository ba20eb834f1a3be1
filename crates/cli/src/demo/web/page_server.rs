//! Server of the pages: collects their state, and wakes pages that wait for a change.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_gateway::DeviceState;
use countersign_op::Provider;
use countersign_protocol::push::PushState;
use countersign_protocol::text;
use serde::Serialize;
use tokio::sync::watch;

use super::app_window::{AppWindow, WindowView};
use super::customer_records::CustomerRecords;
use super::device_page_build::{DevicePageBuild, DevicePageView};
use super::enrollment_links::{self, EnrollmentLinks, LinkView};
use super::request_log::{RequestLog, RequestView};
use super::{page_routes, tamper};
use crate::arguments::ProviderConfig;
use crate::commands::op;
use crate::demo::{DemoState, provider_process, terminal_text};
use crate::error_code::ErrorCode;
use crate::failure::Failure;

/// How often the state is collected.
const REFRESH_EVERY: Duration = Duration::from_millis(150);

/// Ports tried after the provider's.
const TRIES: u16 = 50;

/// When the app opens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AppLaunch {
    /// As soon as it is built.
    Automatic,
    /// When a page asks for it.
    OnRequest,
    /// Never: `--no-app`.
    Never,
}

/// The web pages. Cheap to clone; the app ends with the last clone.
#[derive(Clone)]
pub struct PageServer {
    pub(super) pages: Arc<PageState>,
    /// URL of the till; the other pages are below it.
    pub url: String,
}

/// State of the pages, and what changes it.
pub(super) struct PageState {
    state: DemoState,
    provider: Provider,
    pub(super) host: String,
    offer: AppLaunch,
    request_log: Mutex<RequestLog>,
    records: CustomerRecords,
    links: tokio::sync::Mutex<EnrollmentLinks>,
    window: Mutex<AppWindow>,
    device_page: tokio::sync::Mutex<DevicePageBuild>,
    page: watch::Sender<Page>,
    /// Whether a page was opened: only then are links made.
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
    devices: Vec<DeviceRow>,
    window: Option<WindowView>,
    device_page: Option<DevicePageView>,
    /// That an earlier demo's state was moved aside.
    started_anew: Option<String>,
    link: Option<LinkView>,
    requests: Vec<RequestView>,
}

#[derive(Serialize, Clone, PartialEq, Eq)]
struct DeviceRow {
    name: String,
    status: &'static str,
    /// Whether a push wakes it.
    is_woken: bool,
}

impl PageServer {
    /// Serves the pages on the next free port after the provider's.
    ///
    /// # Errors
    /// No free port, or the provider's store can't be opened.
    pub async fn start(
        state: &DemoState,
        provider_at: SocketAddr,
        offer: AppLaunch,
        device_page: DevicePageBuild,
    ) -> Result<PageServer, Failure> {
        let (config, home) = (state.path("provider.toml"), state.path("provider"));
        let provider = op::open(&ProviderConfig::of(config), Some(home), Provider::open_for_admin)?;
        let listener = listen(provider_at)?;
        let host = listener.local_addr().map_err(|error| Failure::usage(ErrorCode::DemoTill, error))?.to_string();
        let page = Page {
            revision: 0,
            issuer: state.issuer.clone(),
            // As it was typed: it may not be on PATH.
            program: std::env::args().next().unwrap_or_else(|| "countersign".to_owned()),
            demo_folder: state.folder().display().to_string(),
            provider_runs: true,
            devices: Vec::new(),
            window: None,
            device_page: None,
            started_anew: state.moved.as_deref().map(terminal_text::started_anew),
            link: None,
            requests: Vec::new(),
        };
        let pages = Arc::new(PageState {
            window: Mutex::new(AppWindow::new(state, offer != AppLaunch::Never)),
            device_page: tokio::sync::Mutex::new(device_page),
            state: state.clone(),
            provider,
            host: host.clone(),
            offer,
            request_log: Mutex::new(RequestLog::new()),
            records: CustomerRecords::new(state)?,
            links: tokio::sync::Mutex::default(),
            page: watch::Sender::new(page),
            looked_at: std::sync::atomic::AtomicBool::new(false),
        });
        let web = PageServer { pages, url: format!("http://{host}/") };
        let router = page_routes::router(web.clone());
        listener.set_nonblocking(true).map_err(|error| Failure::usage(ErrorCode::DemoTill, error))?;
        let listener =
            tokio::net::TcpListener::from_std(listener).map_err(|error| Failure::usage(ErrorCode::DemoTill, error))?;
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the demo's pages are not served any more");
            }
        });
        tokio::spawn(refresh(Arc::downgrade(&web.pages)));
        Ok(web)
    }

    /// What is to come of the app's window, for the first lines in the terminal.
    pub fn window_announcement(&self) -> &'static str {
        lock(&self.pages.window).announcement()
    }

    /// The pages' content, once it is newer than this revision or `at_most` has passed.
    pub(super) async fn page_after(&self, revision: u64, at_most: Duration) -> Page {
        self.pages.looked_at.store(true, std::sync::atomic::Ordering::Relaxed);
        let mut page = self.pages.page.subscribe();
        let newer = page.wait_for(|page| page.revision > revision);
        let _ = tokio::time::timeout(at_most, newer).await;
        self.pages.page.borrow().clone()
    }

    /// URL of a page other than the till.
    pub fn page(&self, name: &str) -> String {
        format!("{}{name}", self.url)
    }

    pub(super) async fn ask(&self, item: &str) -> Result<usize, String> {
        let asked = lock(&self.pages.request_log).ask(&self.pages.state, item);
        self.pages.refresh().await;
        asked
    }

    pub(super) async fn confirm(&self, code: &str) {
        self.pages.links.lock().await.confirm(self.pages.provider.gateway(), code).await;
        self.pages.refresh().await;
    }

    /// The device's page with a link in it; `None` while the page is not built.
    pub(super) async fn phone_in_this_browser(&self) -> Option<Result<String, String>> {
        let is_served = self.pages.device_page.lock().await.is_served();
        let (gateway, issuer) = (self.pages.provider.gateway(), &self.pages.state.issuer);
        if is_served { Some(enrollment_links::for_this_browser(gateway, issuer).await) } else { None }
    }

    pub(super) async fn open_window(&self) {
        let link = self.pages.link_for_window().await;
        let mut window = lock(&self.pages.window);
        if window.is_ready() || window.is_open() {
            window.open(link.as_deref());
        }
    }

    /// Ends the app's process, and returns when it is gone.
    pub async fn close_window(&self) {
        let pages = Arc::clone(&self.pages);
        // Blocks until the process has ended.
        let _ = tokio::task::spawn_blocking(move || lock(&pages.window).close()).await;
    }

    pub(super) fn tamper(&self, id: usize) -> Option<tamper::TamperResult> {
        tamper::multiply_amount(&lock(&self.pages.request_log).recorded_approval(&self.pages.provider, id)?)
    }

    pub(super) fn evidence(&self, id: usize) -> Option<String> {
        let approval = lock(&self.pages.request_log).recorded_approval(&self.pages.provider, id)?;
        approval.is_complete().then(|| approval.evidence().to_file())
    }

    /// The trust file, for `countersign verify --trust`.
    pub(super) async fn trust(&self) -> Result<String, Failure> {
        let path = self.pages.state.path("trust.json");
        if !path.exists() {
            let link = provider_process::enrollment_link(&self.pages.state, "alice").await?;
            self.pages.state.write_trust(&crate::demo::evidence_root(&link)?)?;
        }
        std::fs::read_to_string(&path).map_err(|error| Failure::usage(ErrorCode::DemoState, error))
    }
}

impl PageState {
    /// Collects the state, and publishes a new revision if it changed.
    async fn refresh(&self) {
        lock(&self.request_log).drain();
        self.open_records().await;
        let link = if self.looked_at.load(std::sync::atomic::Ordering::Relaxed) {
            let shown = self.links.lock().await.view(self.provider.gateway()).await;
            shown.inspect_err(|error| tracing::warn!(error, "the pages have no link")).ok()
        } else {
            None
        };
        let devices = match "alice".parse() {
            Ok(alice) => self.provider.gateway().devices(&alice).unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let devices = devices.into_iter().filter_map(|device| {
            let status = match device.state {
                DeviceState::Active => "active",
                DeviceState::Unconfirmed => "unconfirmed",
                DeviceState::Suspended => "suspended",
                _ => return None,
            };
            let is_woken = device.push.state == PushState::Ok;
            Some(DeviceRow { name: text::escape(&device.name), status, is_woken })
        });
        let devices: Vec<DeviceRow> = devices.collect();
        let requests = lock(&self.request_log).views(&self.provider, &self.state.issuer);
        let window = lock(&self.window).view();
        let device_page = {
            let mut device_page = self.device_page.lock().await;
            device_page.join().await;
            device_page.view()
        };
        self.page.send_if_modified(|page| {
            let new =
                Page { devices, requests, window: Some(window), device_page: Some(device_page), link, ..page.clone() };
            let is_new = new != *page;
            if is_new {
                *page = Page { revision: page.revision + 1, ..new };
            }
            is_new
        });
    }

    /// Uses new access tokens of the call centre to open customer records.
    async fn open_records(&self) {
        let tokens = lock(&self.request_log).untried_tokens();
        for (id, token) in tokens {
            let record = self.records.open(&token).await;
            lock(&self.request_log).opened(id, record);
        }
    }

    /// A link for the app, if it has no account yet.
    async fn link_for_window(&self) -> Option<String> {
        if lock(&self.window).is_enrolled() {
            return None;
        }
        let shown = self.links.lock().await.view(self.provider.gateway()).await.ok()?;
        (!shown.waits_for_code()).then(|| shown.link().to_owned())
    }

    /// Opens the app when it may and can; passes on a renewed link.
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
        if (ready && self.offer == AppLaunch::Automatic && handed.is_none()) || (open && !enrolled && handed.is_some())
        {
            let link = self.link_for_window().await;
            lock(&self.window).open(link.as_deref());
        }
    }
}

/// Refreshes until the demo ends.
async fn refresh(pages: std::sync::Weak<PageState>) {
    let mut opened = false;
    let mut ticks = tokio::time::interval(REFRESH_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(pages) = pages.upgrade() else { return };
        pages.refresh().await;
        // It opens automatically once; a person who closes it wants it closed.
        let is_open = lock(&pages.window).is_open();
        if is_open || !opened {
            pages.tend_window().await;
        }
        opened |= lock(&pages.window).is_open();
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
    Err(Failure::usage(ErrorCode::Listen, what))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
