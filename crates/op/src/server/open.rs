//! Opening a provider on its home folder, and assembling its parts.

use std::path::Path;
use std::sync::Arc;

use countersign_egress::{Egress, EgressConfig, SystemResolver};
use countersign_gateway::keys::{self, Keys};
use countersign_gateway::{Gateway, InProcessApprover, Ports, PushSettings, Settings};
use countersign_jose::random;
use countersign_protocol::discovery::Mode;
use countersign_store::{HistoryId, Store};

use super::home::{self, HomeLock};
use super::tls::{Tls, certificate_warnings};
use super::{Endpoints, OpenError, Parts, Provider};
use crate::administration::Administration;
use crate::authentication_request::hint::Hints;
use crate::authentication_request::signed_request::SignedRequests;
use crate::authentication_request::user_code_check::{USER_CODES_SECRET, UserCodes};
use crate::client_auth::ClientAuthentication;
use crate::client_auth::client_keys::ClientSignatures;
use crate::client_auth::failure_limit::FailureLimit;
use crate::client_auth::jwks_cache::JwksCache;
use crate::client_auth::replay::ReplayMemory;
use crate::client_auth::signature_workers::SignatureWorkers;
use crate::config::{Config, unusable_keys};
use crate::delivery::{DeliveryMetrics, DeliveryWorker, Recorder};
use crate::device_page::{CurrentPage, DEVICE_PAGE};
use crate::directory::{ConfiguredClients, Directory};
use crate::endpoints::bc_authorize::BcAuthorize;
use crate::endpoints::discovery;
use crate::endpoints::idempotency::UnderWay;
use crate::endpoints::introspect::Introspect;
use crate::endpoints::pending_limit::PendingLimit;
use crate::endpoints::rate_limit::RateLimit;
use crate::endpoints::register::Register;
use crate::endpoints::revoke::Revoke;
use crate::endpoints::token::TokenEndpoint;
use crate::endpoints::token::failed_polls::FailedPolls;
use crate::endpoints::token::long_poll::LongPolls;
use crate::endpoints::userinfo::Userinfo;
use crate::issuance::Issuance;
use crate::issuance::key_rotation::{KeyFolder, KeyRotation, remove_former_keys};
use crate::issuance::sender_constraint::SenderConstraints;
use crate::issuance::token_signer::TokenSigner;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::store;

impl Provider {
    /// Opens the provider on its home folder, and creates `provider.db` and `keys/` if they are missing. One process at a time can
    /// have it open; others use [`Provider::open_for_admin`].
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(config: Config, home: &Path, ports: Ports) -> Result<Provider, OpenError> {
        home::prepare(home)?;
        let lock = HomeLock::take(home)?;
        Provider::open_with(config, home, ports, None, Some(lock))
    }

    /// As [`Provider::open`], with an in-process approver in place of devices, for benchmarks: tokens then say `in_process`, and
    /// name no device and no user verification. No configuration reaches this; only the benchmark calls it.
    ///
    /// # Errors
    /// As [`Provider::open`].
    pub fn open_with_approver(
        config: Config,
        home: &Path,
        ports: Ports,
        approver: Arc<dyn InProcessApprover>,
    ) -> Result<Provider, OpenError> {
        home::prepare(home)?;
        let lock = HomeLock::take(home)?;
        Provider::open_with(config, home, ports, Some(approver), Some(lock))
    }

    /// Whether this home has a database.
    pub fn exists_at(home: &Path) -> bool {
        home::database(home).exists()
    }

    /// Opens the home beside the process that serves it, for commands such as `op link`. The serving process sees what is written
    /// here within a fraction of a second.
    ///
    /// # Errors
    /// As [`Provider::open`], except [`OpenError::InUse`].
    pub fn open_for_admin(config: Config, home: &Path, ports: Ports) -> Result<Provider, OpenError> {
        home::prepare(home)?;
        Provider::open_with(config, home, ports, None, None)
    }

    fn open_with(
        mut config: Config,
        home: &Path,
        ports: Ports,
        approver: Option<Arc<dyn InProcessApprover>>,
        lock: Option<HomeLock>,
    ) -> Result<Provider, OpenError> {
        let key_folder = home.join("keys");
        let will_serve = lock.is_some();
        if will_serve {
            remove_former_keys(&key_folder, ports.clock.now())?;
        }
        let folder = KeyFolder::new(&key_folder);
        let keys = Keys::load_or_create(&key_folder, &*ports.random)?;
        let tokens = Arc::new(TokenSigner::open(&key_folder, &*ports.random)?);
        // Before there is a database: one without it counts as a home that lost a key.
        keys::load_or_create_secret(&key_folder, USER_CODES_SECRET, &*ports.random)?;
        let fresh = HistoryId::from_bytes(random::bytes(&*ports.random));
        let store = Store::open(&home::database(home), &[countersign_gateway::SCHEMA, store::SCHEMA], &fresh)?;
        let egress = Egress::new(config.egress.clone(), Arc::new(SystemResolver));
        let metrics = Arc::new(Metrics::default());
        let mut settings = settings(&config);
        settings.push = push_settings(&config, &egress, &metrics);
        let recorder = Arc::new(Recorder {
            metrics: metrics.clone(),
            issuer: config.issuer.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            webhook: config.webhook.is_some(),
        });
        let gateway = match approver {
            #[expect(clippy::disallowed_methods, reason = "passes on its own parameter")]
            Some(approver) => {
                Gateway::open_with_approver(settings, store, keys, ports.clone(), recorder.clone(), approver)?
            }
            None => Gateway::open_with_event_sink(settings, store, keys, ports.clone(), recorder.clone())?,
        };
        if will_serve {
            for warning in unusable_keys(&config).into_iter().chain(certificate_warnings(&config, ports.clock.now())) {
                tracing::warn!("{warning}");
            }
        }
        for client in &config.clients {
            tokens.prepare(client.id_token_alg, &*ports.random)?;
        }
        let metadata = discovery::metadata(&config);
        let tls = config.tls.as_ref().map(|files| Tls::read(files, &config.cipher_suites)).transpose()?;
        config.users.hash_codes(&*ports.random);
        let clients = ConfiguredClients::new(std::mem::take(&mut config.clients), &*ports.random);
        let config = Arc::new(config);
        let user_codes = Arc::new(UserCodes::open(config.clone(), gateway.store().clone(), &key_folder, &ports)?);
        user_codes.count_user_codes()?;
        let base = Base { config, ports, gateway, tokens, egress, metrics, recorder, user_codes };
        let parts = Arc::new(base.assemble(clients, folder, ServerParts { home, metadata, tls, lock }));
        if will_serve {
            // Before anything is served: serving moves the mark on, by which a restored copy is told.
            parts.end_after_restore()?;
            parts.issuance.end_everything_of_removed_and_locked()?;
            if let Err(error) = parts.administration.relabel_configured_users() {
                tracing::warn!(%error, "devices still show the former names of users; tried again at the next start");
            }
        }
        Ok(Provider { parts, device_page: CurrentPage::default() })
    }
}

/// What the other parts depend on.
struct Base {
    config: Arc<Config>,
    ports: Ports,
    gateway: Gateway,
    tokens: Arc<TokenSigner>,
    egress: Egress,
    metrics: Arc<Metrics>,
    recorder: Arc<Recorder>,
    user_codes: Arc<UserCodes>,
}

/// Parts that only the serving process uses.
struct ServerParts<'h> {
    home: &'h Path,
    metadata: String,
    tls: Option<Tls>,
    lock: Option<HomeLock>,
}

impl Base {
    fn assemble(self, clients: ConfiguredClients, folder: KeyFolder, server: ServerParts<'_>) -> Parts {
        let Base { config, ports, gateway, tokens, egress, metrics, recorder, user_codes } = self;
        let (store, clock) = (gateway.store().clone(), ports.clock.clone());
        let shutdown = Shutdown::default();
        let directory = Arc::new(Directory::new(config.clone(), store.clone(), clients));
        let keys =
            Arc::new(KeyRotation { folder, gateway: gateway.clone(), tokens: tokens.clone(), ports: ports.clone() });
        let replay = Arc::new(ReplayMemory { store: store.clone(), clock: clock.clone() });
        let workers = SignatureWorkers::default();
        let signatures = Arc::new(ClientSignatures {
            jwks_cache: JwksCache::new(egress.clone()),
            clock: clock.clone(),
            workers: workers.clone(),
        });
        let client_auth = Arc::new(ClientAuthentication {
            config: config.clone(),
            clock: clock.clone(),
            directory: directory.clone(),
            signatures: signatures.clone(),
            replay: replay.clone(),
            failures: FailureLimit::default(),
            endpoints: [discovery::TOKEN, discovery::BC_AUTHORIZE].map(|path| config.issuer.endpoint(path)),
        });
        let sender_constraints = Arc::new(SenderConstraints {
            config: config.clone(),
            clock: clock.clone(),
            replay: replay.clone(),
            workers,
        });
        let issuance = Arc::new(Issuance {
            config: config.clone(),
            gateway: gateway.clone(),
            directory: directory.clone(),
            tokens: tokens.clone(),
            ports: ports.clone(),
        });
        let administration = Arc::new(Administration {
            config: config.clone(),
            directory: directory.clone(),
            gateway: gateway.clone(),
            tokens: tokens.clone(),
            egress: egress.clone(),
            ports: ports.clone(),
        });
        let delivery = Arc::new(DeliveryWorker {
            config: config.clone(),
            gateway: gateway.clone(),
            directory: directory.clone(),
            issuance: issuance.clone(),
            egress,
            metrics: DeliveryMetrics::default(),
            ports: ports.clone(),
            shutdown: shutdown.clone(),
        });
        let rate_limit = Arc::new(RateLimit::default());
        let endpoints = Endpoints {
            bc_authorize: Arc::new(BcAuthorize {
                client_auth: client_auth.clone(),
                directory: directory.clone(),
                signed_requests: SignedRequests {
                    config: config.clone(),
                    clock: clock.clone(),
                    signatures: signatures.clone(),
                    replay,
                },
                hints: Hints { config: config.clone(), clock: clock.clone(), keys: keys.clone(), signatures },
                user_codes: user_codes.clone(),
                rate_limit: rate_limit.clone(),
                pending_limit: PendingLimit::default(),
                under_way: UnderWay::default(),
                gateway: gateway.clone(),
                metrics: metrics.clone(),
                config: config.clone(),
                ports: ports.clone(),
            }),
            token: Arc::new(TokenEndpoint {
                client_auth: client_auth.clone(),
                sender_constraints: sender_constraints.clone(),
                issuance: issuance.clone(),
                gateway: gateway.clone(),
                recorder,
                refresh_limit: RateLimit::default(),
                polls: LongPolls::default(),
                failed_polls: FailedPolls::default(),
                shutdown: shutdown.clone(),
                metrics: metrics.clone(),
                ports: ports.clone(),
            }),
            introspect: Arc::new(Introspect { client_auth: client_auth.clone(), issuance: issuance.clone() }),
            revoke: Arc::new(Revoke { client_auth, issuance: issuance.clone(), gateway: gateway.clone(), clock }),
            userinfo: Arc::new(Userinfo { directory, issuance: issuance.clone(), sender_constraints }),
            register: Arc::new(Register {
                administration: administration.clone(),
                rate_limit,
                config: config.clone(),
                store,
                ports: ports.clone(),
            }),
        };
        Parts {
            config,
            ports,
            gateway,
            home: server.home.to_owned(),
            keys,
            issuance,
            user_codes,
            administration,
            delivery,
            metrics,
            shutdown,
            endpoints,
            metadata: server.metadata,
            tls: server.tls,
            _lock: server.lock,
        }
    }
}

/// Devices choose their push addresses: what `[egress]` allows for the operator's own endpoints is for them only where `services`
/// names the hosts. In test mode a push service may be on this machine.
fn push_settings(config: &Config, egress: &Egress, metrics: &Arc<Metrics>) -> Option<PushSettings> {
    let is_restricted = config.push.services.is_some() || config.mode == Mode::Test;
    let egress = match is_restricted || config.egress.allow.is_empty() {
        true => egress.clone(),
        false => {
            let public_alone = EgressConfig { allow: Vec::new(), ..config.egress.clone() };
            Egress::new(public_alone, Arc::new(SystemResolver))
        }
    };
    config.push.enabled.then(|| PushSettings {
        egress,
        contact: config.push.contact.clone(),
        services: config.push.services.clone(),
        title: config.web_device.name(&config.name).to_owned(),
        navigate: config.issuer.endpoint(DEVICE_PAGE),
        observer: metrics.clone(),
    })
}

fn settings(config: &Config) -> Settings {
    let mut settings = Settings::new(config.issuer.clone(), config.mode);
    settings.support = Some(config.support.clone()).filter(|support| support.phone.is_some() || support.url.is_some());
    settings.name.clone_from(&config.name);
    settings.keep_records = config.keep_records;
    settings.keep_unanswered = config.keep_unanswered;
    settings.passkeys = config.devices.passkeys;
    settings.attestation_roots = config.devices.attestation_roots.clone();
    settings.resume = config.devices.resume;
    settings.shared = config.devices.shared;
    settings.minimum_interaction = config.policy.interaction_minimum;
    settings
}

#[cfg(test)]
mod tests {
    use countersign_egress::CallError;

    use super::*;

    #[test]
    fn attack_15_what_egress_allows_is_for_push_addresses_only_where_services_name_the_host() {
        let may_push_to = |services: &str, address: &str| {
            let text = format!(
                "issuer = \"https://id.example\"\nname = \"Example Bank\"\n\
                 [egress]\nallow = [\"10.0.0.0/8\"]\n\
                 [push]\ncontact = \"mailto:ops@example.com\"\n{services}"
            );
            let config = Config::parse(&text, Path::new("/")).unwrap_or_else(|errors| panic!("{errors:?}"));
            let egress = Egress::new(config.egress.clone(), Arc::new(SystemResolver));
            let url = address.parse().expect("a URL");
            assert_eq!(egress.check(&url), Ok(()), "the operator's own webhook may be there");
            push_settings(&config, &egress, &Arc::default()).expect("it pushes").egress.check(&url)
        };
        let inside = "https://10.1.2.3/any/path";
        assert_eq!(may_push_to("", inside), Err(CallError::Blocked));
        assert_eq!(may_push_to("", "https://push.example.net/"), Ok(()));
        assert_eq!(may_push_to("services = [\"10.1.2.3\"]", inside), Ok(()));
    }
}
