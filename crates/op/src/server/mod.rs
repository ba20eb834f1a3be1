//! The provider as a whole: what it is made of, where its files are, and how it serves.

pub(crate) mod client_address;
mod health;
pub(crate) mod home;
mod middleware;
pub(crate) mod tls;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::Connected;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::{IncomingStream, Listener};
use countersign_egress::{Egress, SystemResolver};
use countersign_gateway::keys::{KeyError, Keys};
use countersign_gateway::{Gateway, InProcessApprover, OpenError as GatewayError, Ports, Settings};
use countersign_protocol::id::ApprovalId;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::random;
use countersign_store::{Error as StoreError, HistoryId, Store};
use tokio::net::TcpListener;

use crate::auth0;
use crate::authentication_request::auth_req_id;
use crate::authentication_request::user_code_check::UserCodes;
use crate::client_auth::ConfiguredClients;
use crate::client_auth::jwks_cache::JwksCache;
use crate::config::Config;
use crate::delivery::{DeliveryCount, DeliveryMetrics, Recorder};
use crate::directory::ClientCache;
use crate::endpoints::discovery;
use crate::endpoints::rate_limit::RateLimit;
use crate::endpoints::token::long_poll::LongPolls;
use crate::http::{ErrorCode, OAuthError};
use crate::issuance::key_rotation::{KeyFolder, forget_former_keys};
use crate::issuance::token_signer::TokenSigner;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::store;
use client_address::{Peer, with_client_address};
use home::HomeLock;
use middleware::with_middleware;
use tls::{CertificateError, Tls, TlsListener};

/// How often requests that ended a day ago are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// How long a connection may take to finish what it is doing once the provider stops.
const GRACE: Duration = Duration::from_secs(3);

/// An OpenID provider with CIBA. Cheap to clone.
#[derive(Clone)]
pub struct Provider {
    inner: Arc<Inner>,
}

/// What every endpoint needs.
pub(crate) struct Inner {
    pub(crate) config: Config,
    /// Those in the configuration file.
    pub(crate) clients: ConfiguredClients,
    /// Those beside it.
    pub(crate) kept: ClientCache,
    pub(crate) jwks_cache: JwksCache,
    pub(crate) gateway: Gateway,
    pub(crate) tokens: Arc<TokenSigner>,
    pub(crate) key_folder: KeyFolder,
    pub(crate) home: PathBuf,
    pub(crate) polls: LongPolls,
    pub(crate) budget: RateLimit,
    /// The same for refresh tokens.
    pub(crate) refreshes: RateLimit,
    pub(crate) user_codes: UserCodes,
    /// Notes for the operator what happens to tokens.
    pub(crate) clerk: Arc<Recorder>,
    /// How attempts to tell clients and the operator ended.
    pub(crate) tally: DeliveryMetrics,
    pub(crate) metrics: Arc<Metrics>,
    /// Every call out goes through it.
    pub(crate) egress: Egress,
    pub(crate) ports: Ports,
    pub(crate) stopping: Shutdown,
    tls: Option<Tls>,
    metadata: String,
    /// Held by whoever serves.
    _lock: Option<HomeLock>,
}

/// The provider could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The home's folder can't be made or used.
    #[error("the folder {path} can't be used: {source}; check that it may be written")]
    Home {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process serves from this home.
    #[error("the folder {path} is already served by process {pid}; stop that one, or use another --home")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other process, as far as its file tells.
        pid: String,
    },
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

impl Provider {
    /// Opens the provider over its home folder: `provider.db` and `keys/`, made where they are missing. Only one process
    /// may have it open at a time; see [`Provider::open_for_admin`] for the others.
    ///
    /// # Errors
    /// [`OpenError`], in words that say what to do.
    pub fn open(config: Config, home: &Path, ports: Ports) -> Result<Provider, OpenError> {
        home::make(home).map_err(|source| OpenError::Home { path: home.to_owned(), source })?;
        let lock = HomeLock::take(home)?;
        let provider = Provider::over(config, home, ports, None, Some(lock))?;
        provider.inner.end_families_of_unknown_clients()?;
        Ok(provider)
    }

    /// As [`Provider::open`], with somebody who approves in a device's place, for measuring: tokens then say `in_process`,
    /// and nothing of a device or a person. No configuration reaches this, and no program but the one that measures calls it.
    ///
    /// # Errors
    /// As [`Provider::open`].
    pub fn open_with_approver(
        config: Config,
        home: &Path,
        ports: Ports,
        approver: Arc<dyn InProcessApprover>,
    ) -> Result<Provider, OpenError> {
        home::make(home).map_err(|source| OpenError::Home { path: home.to_owned(), source })?;
        let lock = HomeLock::take(home)?;
        Provider::over(config, home, ports, Some(approver), Some(lock))
    }

    /// Whether some provider was opened over this home before.
    pub fn is_at(home: &Path) -> bool {
        home::database(home).exists()
    }

    /// Opens the same home beside a process that serves it, for commands such as `op link`. What is written here wakes the
    /// serving process within a fraction of a second.
    ///
    /// # Errors
    /// As [`Provider::open`], except [`OpenError::InUse`].
    pub fn open_for_admin(config: Config, home: &Path, ports: Ports) -> Result<Provider, OpenError> {
        home::make(home).map_err(|source| OpenError::Home { path: home.to_owned(), source })?;
        Provider::over(config, home, ports, None, None)
    }

    /// The approval behind an authentication request, for an operator's own look; `None` for one that is not known, or that
    /// only pretends.
    ///
    /// # Errors
    /// What the store said.
    pub fn approval_of(&self, auth_req_id: &str) -> Result<Option<ApprovalId>, StoreError> {
        let found = self
            .inner
            .gateway
            .store()
            .read_blocking(|snapshot| store::find(snapshot, &auth_req_id::key(auth_req_id)))?;
        Ok(found.and_then(|request| request.approval).map(|existing| existing.id))
    }

    fn over(
        mut config: Config,
        home: &Path,
        ports: Ports,
        approver: Option<Arc<dyn InProcessApprover>>,
        lock: Option<HomeLock>,
    ) -> Result<Provider, OpenError> {
        let directory = home.join("keys");
        if lock.is_some() {
            forget_former_keys(&directory, ports.clock.now())?;
        }
        let key_folder = KeyFolder::new(&directory);
        let keys = Keys::load_or_create(&directory, &*ports.random)?;
        let tokens = TokenSigner::open(&directory, &*ports.random)?;
        let fresh = HistoryId::from_bytes(random::bytes(&*ports.random));
        let store = Store::open(&home::database(home), &[countersign_gateway::SCHEMA, store::SCHEMA], &fresh)?;
        let settings = settings(&config);
        let metrics = Arc::new(Metrics::default());
        let clerk = Arc::new(Recorder {
            metrics: metrics.clone(),
            issuer: config.issuer.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            webhook: config.webhook.is_some(),
        });
        let gateway = match approver {
            #[expect(clippy::disallowed_methods, reason = "hands on what it was handed")]
            Some(approver) => {
                Gateway::open_with_approver(settings, store, keys, ports.clone(), clerk.clone(), approver)?
            }
            None => Gateway::open_with_event_sink(settings, store, keys, ports.clone(), clerk.clone())?,
        };
        for client in &config.clients {
            tokens.prepare(client.id_token_alg, &*ports.random)?;
        }
        let metadata = discovery::metadata(&config);
        let egress = Egress::new(config.egress.clone(), Arc::new(SystemResolver));
        let tls = config.tls.as_ref().map(Tls::read).transpose()?;
        config.users.keep_codes_hashed(&*ports.random);
        let clients = ConfiguredClients::new(std::mem::take(&mut config.clients), &*ports.random);
        let inner = Inner {
            metadata,
            clients,
            kept: ClientCache::default(),
            jwks_cache: JwksCache::new(egress.clone()),
            gateway,
            tokens: Arc::new(tokens),
            key_folder,
            home: home.to_owned(),
            polls: LongPolls::default(),
            budget: RateLimit::default(),
            refreshes: RateLimit::default(),
            user_codes: UserCodes::open(&directory, &*ports.random)?,
            stopping: Shutdown::default(),
            clerk,
            tally: DeliveryMetrics::default(),
            metrics,
            egress,
            tls,
            config,
            ports,
            _lock: lock,
        };
        inner.count_user_codes()?;
        Ok(Provider { inner: Arc::new(inner) })
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn inner_arc(&self) -> Arc<Inner> {
        self.inner.clone()
    }

    /// The gateway, for enrollment links and devices.
    pub fn gateway(&self) -> &Gateway {
        &self.inner.gateway
    }

    /// The configuration; its clients' secrets are no longer in it.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Everything the provider answers to, the gateway's routes included, below the issuer's path.
    pub fn router(&self) -> Router {
        let issuer = &self.inner.config.issuer;
        let path = issuer.path();
        let routes = documents(issuer, &self.inner)
            .route(&format!("{path}{}", discovery::BC_AUTHORIZE), {
                let inner = self.inner.clone();
                post(async move |request: Request| inner.bc_authorize(request).await).fallback(only_post)
            })
            .route(&format!("{path}{}", discovery::REVOKE), {
                let inner = self.inner.clone();
                post(async move |request: Request| inner.revoke(request).await).fallback(only_post)
            })
            .route(&format!("{path}{}", discovery::INTROSPECT), {
                let inner = self.inner.clone();
                post(async move |request: Request| inner.introspect(request).await).fallback(only_post)
            })
            .route(&format!("{path}{}", discovery::USERINFO), {
                let (one, other) = (self.inner.clone(), self.inner.clone());
                get(async move |request: Request| one.userinfo(request).await)
                    .post(async move |request: Request| other.userinfo(request).await)
            })
            .route(&format!("{path}{}", discovery::TOKEN), {
                let inner = self.inner.clone();
                post(async move |request: Request| inner.token(request).await).fallback(only_post)
            })
            .route(&format!("{path}{}", auth0::TOKEN), {
                let inner = self.inner.clone();
                post(async move |request: Request| inner.token_of_auth0(request).await).fallback(only_post)
            });
        let routes = match self.inner.config.registration.enabled {
            true => routes.route(&format!("{path}{}", discovery::REGISTER), {
                let inner = self.inner.clone();
                post(async move |request: Request| inner.register(request).await).fallback(only_post)
            }),
            false => routes,
        };
        let routes = routes.merge(self.inner.gateway.router()).merge(health::routes(&self.inner));
        with_client_address(
            with_middleware(routes, &self.inner.metrics, &self.inner.ports.random),
            &self.inner.config.proxies,
        )
    }

    /// Serves until `shutdown` resolves: held polls are answered at once, other connections get a few seconds to finish.
    ///
    /// # Errors
    /// What the system said about the listener.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) -> io::Result<()> {
        match &self.inner.tls {
            None => self.serve_on(listener, shutdown).await,
            Some(tls) => {
                let keeping_up = tls.keep_up();
                let listener = TlsListener::over(listener, tls.config.clone())?;
                let result = self.serve_on(listener, shutdown).await;
                keeping_up.abort();
                result
            }
        }
    }

    async fn serve_on<L>(&self, listener: L, shutdown: impl Future<Output = ()> + Send) -> io::Result<()>
    where
        L: Listener<Addr: std::fmt::Debug>,
        for<'a> Peer: Connected<IncomingStream<'a, L>>,
    {
        let keeping_up = Provider::watch_key_folder(self.inner.clone());
        let background = [self.gateway().run_background(), self.forget_old_requests(), keeping_up];
        let telling = self.run_outbox();
        let stopping = self.inner.stopping.clone();
        let service = self.router().into_make_service_with_connect_info::<Peer>();
        let (stopped, stopping_for_good) = (stopping.clone(), stopping.clone());
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move { stopped.wait().await });
        let serving = serving.into_future();
        tokio::pin!(serving);
        let result = tokio::select! {
            result = &mut serving => result,
            () = shutdown => {
                stopping.begin();
                self.gateway().close();
                tokio::time::timeout(GRACE, serving).await.unwrap_or(Ok(()))
            }
        };
        // What it is telling gets its few seconds too; a task that panicked has said so itself.
        stopping_for_good.begin();
        let _ = telling.await;
        background.iter().for_each(|task| task.abort());
        result
    }

    /// Starts telling clients that are pinged or pushed to, and the operator's webhook; ends when the provider stops.
    /// [`Provider::serve`] does this by itself; call it where [`Provider::router`] is served in another way.
    pub fn run_outbox(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.inner.clone().run_outbox())
    }

    /// How attempts to tell clients and the operator have ended since the provider was opened.
    pub fn delivery_counts(&self) -> Vec<DeliveryCount> {
        self.inner.tally.all()
    }

    fn forget_old_requests(&self) -> tokio::task::JoinHandle<()> {
        let inner = self.inner.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(FORGET_EVERY);
            loop {
                ticks.tick().await;
                let now = inner.ports.clock.now();
                let forgotten = inner.gateway.store().write(move |transaction| {
                    store::forget_used(transaction, now)?;
                    store::forget_revoked(transaction, now)?;
                    store::forget_guesses(transaction, now)?;
                    store::forget_families(transaction, now)?;
                    store::forget_old(transaction, now)
                });
                if let Err(error) = inner.recount_user_codes().await {
                    tracing::warn!(%error, "people with a user code could not be counted");
                }
                if let Err(error) = forgotten.await {
                    tracing::warn!(%error, "old requests could not be forgotten");
                }
            }
        })
    }
}

fn settings(config: &Config) -> Settings {
    let mut settings = Settings::new(config.issuer.clone(), config.mode);
    settings.support = Some(config.support.clone()).filter(|support| support.phone.is_some() || support.url.is_some());
    settings.keep_records = config.keep_records;
    settings.minimum_interaction = config.policy.interaction_minimum;
    settings
}

/// Discovery at both places where clients look (appended, and between host and path), and the keys.
fn documents(issuer: &Issuer, inner: &Arc<Inner>) -> Router {
    let path = issuer.path();
    let mut places = vec![];
    for name in discovery::WELL_KNOWN {
        places.push(format!("{path}/.well-known/{name}"));
        if !path.is_empty() {
            places.push(format!("/.well-known/{name}{path}"));
        }
    }
    let mut routes = Router::new();
    for place in places {
        let inner = inner.clone();
        routes = routes.route(&place, get(async move || discovery::document(inner.metadata.clone())));
    }
    for name in [discovery::JWKS, auth0::JWKS] {
        let inner = inner.clone();
        let keys = get(async move || discovery::document(inner.published_keys().await));
        routes = routes.route(&format!("{path}{name}"), keys);
    }
    routes
}

/// 405 for everything but POST (RFC 6749 §3.2, CIBA Core §7.1).
async fn only_post() -> Response {
    let error = OAuthError::new(ErrorCode::InvalidRequest, "this endpoint takes POST only");
    let mut response = error.with_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// When a client may try again after the store did not take its request, in seconds.
const RETRY_AFTER: u64 = 5;

/// What a client is told when the provider itself fails: 503 where that passes (the disk is full, somebody holds the store), else
/// 500. What happened is in the log.
pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> OAuthError {
    tracing::error!(%error, "a request failed");
    if passes(error) {
        let what = "this provider can't store anything at the moment: try again later";
        return OAuthError::new(ErrorCode::TemporarilyUnavailable, what).with_retry_after(RETRY_AFTER);
    }
    OAuthError::new(ErrorCode::ServerError, "something went wrong in this provider; its log says what")
}

fn passes(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient) {
            return true;
        }
        cause = error.source();
    }
    false
}
