//! The provider's configuration: one TOML file, read strictly, every mistake named with its line and remedy.
//!
//! docs/operating.md lists every name with its default and meaning.

mod client;
mod client_authentication;
mod clients;
mod detail_types;
mod egress;
mod entry;
mod error;
mod fapi_client;
mod hashed_secret;
mod hint_issuers;
mod metrics;
mod overrides;
mod policy;
mod proxy;
mod registration;
mod section;
#[cfg(test)]
mod tests;
mod tls;
mod user_code_hash;
mod users;
mod webhook;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use countersign_egress::EgressConfig;
use countersign_protocol::discovery::{Mode, Support};
use countersign_protocol::issuer::{Issuer, IssuerError};
use countersign_protocol::{limits, text};
use toml::de::DeTable;

pub(crate) use client::ClientAuth;
pub(crate) use client::called_addresses;
pub use client::{
    CIBA_GRANT, CertificateSubject, Client, ClientKeys, DeliveryMode, Profile, REFRESH_GRANT, SecretMethod,
    TokenBinding,
};
pub(crate) use entry::{client_entry, hashed_user_entry, user_entry};
pub use error::{ConfigError, ConfigErrors};
pub use hashed_secret::ClientSecret;
pub(crate) use hashed_secret::{HashedSecret, StoredSecret, max_entropy_bits};
pub use hint_issuers::HintIssuer;
pub use overrides::Overrides;
pub(crate) use policy::MAX_TOKEN_LIFETIME;
pub use policy::Policy;
pub use proxy::{ForwardedBy, TrustedProxies};
pub use registration::Registration;
pub use tls::CertificateFiles;
pub use user_code_hash::{UserCode, UserCodeError};
pub(crate) use users::folded;
pub use users::{User, Users};
pub use webhook::Webhook;

use crate::authorization_details::DetailTypes;
use crate::client_certificate::TrustAnchors;
use clients::{ClientContext, PROVIDER_PROFILES};
use section::{ErrorCollector, Found, Section};

/// Everything an operator decides. Has no `Debug`: it holds secrets.
#[derive(Clone)]
pub struct Config {
    /// The provider's name towards clients and devices.
    pub issuer: Issuer,
    /// What people are shown; the issuer's host where the file says nothing.
    pub name: String,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Whether real people depend on it.
    pub mode: Mode,
    /// For clients that have none of their own.
    pub policy: Policy,
    /// Where people get help.
    pub support: Support,
    /// How long approvals that ended, and what was signed about them, are kept.
    pub keep_records: Duration,
    /// Which types of authorization details are taken.
    pub detail_types: DetailTypes,
    /// What connections are made with; `None`: plain HTTP, for loopback or behind a proxy.
    pub tls: Option<CertificateFiles>,
    /// Whose word counts about where a request comes from.
    pub proxies: TrustedProxies,
    /// Whether clients may register themselves.
    pub registration: Registration,
    /// Whom the provider itself may call.
    pub egress: EgressConfig,
    /// The rules that hold for all clients.
    pub profile: Option<Profile>,
    /// Who signs the certificates of clients that authenticate by one.
    pub(crate) client_ca: Option<TrustAnchors>,
    /// Whose `login_hint_token`s are believed.
    pub hint_issuers: Vec<HintIssuer>,
    /// Where the operator is told what happens.
    pub webhook: Option<Webhook>,
    /// Where the provider's counts can be read; never the address that clients and devices call.
    pub metrics: Option<SocketAddr>,
    /// Who can be asked.
    pub users: Users,
    /// Who may ask.
    pub clients: Vec<Client>,
}

impl Config {
    /// Whether clients' certificates come this far: by TLS of the provider's own, or from a proxy that is trusted with them.
    pub(crate) fn sees_certificates(&self) -> bool {
        self.tls.is_some() || (self.proxies.certificate_header.is_some() && !self.proxies.networks.is_empty())
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// Every mistake in it, in the order of its lines, or that it can't be read.
    pub fn read(path: &Path) -> Result<Config, ConfigErrors> {
        Config::read_with(path, &Overrides::default())
    }

    /// As [`Config::read`]; what `overrides` say goes before the file.
    ///
    /// # Errors
    /// As [`Config::read`]; a mistake that was made elsewhere is named by where.
    pub fn read_with(path: &Path, overrides: &Overrides) -> Result<Config, ConfigErrors> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigErrors::unreadable(path, &error))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Config::parse_with(&text, folder, overrides).map_err(|errors| ConfigErrors { file: path.to_owned(), errors })
    }

    /// Reads a configuration from its text; paths of secret files begin at `folder`.
    ///
    /// # Errors
    /// Every mistake in it, in the order of its lines.
    pub fn parse(text: &str, folder: &Path) -> Result<Config, Vec<ConfigError>> {
        Config::parse_with(text, folder, &Overrides::default())
    }

    /// As [`Config::parse`]; what `overrides` say goes before the text.
    ///
    /// # Errors
    /// As [`Config::read_with`].
    pub fn parse_with(text: &str, folder: &Path, overrides: &Overrides) -> Result<Config, Vec<ConfigError>> {
        let lines = overrides.lines(text.len());
        let errors = ErrorCollector::with(text, &lines);
        let document = match DeTable::parse(text) {
            Ok(mut document) => {
                overrides::apply(document.get_mut(), &lines, &errors);
                document
            }
            Err(error) => {
                let at = error.span().unwrap_or(0..0);
                let remedy = match error.message() {
                    "duplicate key" => "remove one of the two",
                    _ => "texts stand in quotes, lists in [ ]",
                };
                errors.add(&at, format!("this is not TOML: {}; {remedy}", error.message()));
                return Err(errors.into_sorted());
            }
        };
        let config = Config::from_document(Section::top(&document, &errors), folder);
        let errors = errors.into_sorted();
        match config {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(errors),
        }
    }

    /// `None` only where a mistake was recorded.
    fn from_document(top: Section<'_>, folder: &Path) -> Option<Config> {
        let issuer = top.required_string("issuer", "https://id.example.com");
        let issuer = issuer.and_then(|found| parse_issuer(&top, &found));
        let name = top.string("name");
        if let Some(name) = &name {
            check_displayable(&top, "name", name);
        }
        let listen = listen(&top);
        let mode = top.choice("mode", MODES).map_or(Mode::Production, |found| found.value);
        let detail_types = detail_types::read(&top, folder);
        let keep_records =
            top.duration("keep_records", MIN_RETENTION..=MAX_RETENTION).map_or(DEFAULT_RETENTION, |found| found.value);
        let support = top.section("support", " in [support]").map(support).unwrap_or_default();
        let policy = match top.section("policy", " in [policy]") {
            Some(policy) => Policy::read(policy, &Policy::default(), keep_records),
            None => Policy::default(),
        };
        let proxies = top.section("proxy", " in [proxy]").map(proxy::read).unwrap_or_default();
        let registration = match top.section("registration", " in [registration]") {
            Some(section) => Registration::read(section, folder),
            None => Registration::default(),
        };
        let egress = top.section("egress", " in [egress]").map(|section| egress::read(section, folder));
        let profile = top.choice("profile", PROVIDER_PROFILES).map(|found| found.value);
        let (tls, client_ca) = match top.section("tls", " in [tls]") {
            Some(section) => tls::read(section, folder),
            None => (None, None),
        };
        let hint_issuers = hint_issuers::read(top.sections("login_hint_issuers", " in [[login_hint_issuers]]"), folder);
        let webhook = top.section("webhook", " in [webhook]").map(|section| Webhook::read(section, folder));
        let metrics = top.section("metrics", " in [metrics]").map(metrics::read);
        let users = Users::read(top.sections("users", " in [[users]]"));
        let context = ClientContext {
            folder,
            policy: &policy,
            keep_records,
            detail_types: &detail_types,
            hint_issuers: &hint_issuers,
            stored_secret: None,
            profile,
            client_ca: client_ca.is_some(),
        };
        let clients = clients::read(top.sections("clients", " in [[clients]]"), &context);
        top.finish();
        let issuer = issuer?;
        Some(Config {
            name: name.map_or_else(|| issuer.host(), |name| name.value.to_owned()),
            issuer,
            listen: listen?,
            mode,
            policy,
            support,
            keep_records,
            detail_types,
            tls,
            proxies,
            registration,
            egress: egress.unwrap_or_default(),
            profile,
            client_ca,
            hint_issuers,
            webhook: webhook.flatten(),
            metrics: metrics.flatten(),
            users,
            clients,
        })
    }
}

/// Payments can be contested for 13 months (PSD2 art. 71).
const DEFAULT_RETENTION: Duration = Duration::from_secs(400 * DAY);
/// Disputes are taken for 30 days.
const MIN_RETENTION: Duration = Duration::from_secs(31 * DAY);
const MAX_RETENTION: Duration = Duration::from_secs(3650 * DAY);
const DAY: u64 = 86_400;

fn support(section: Section<'_>) -> Support {
    let phone = section.string("phone");
    if let Some(phone) = &phone {
        let dialled = |c: char| c.is_ascii_digit() || "+-()/. ".contains(c);
        if phone.value.is_empty() || phone.value.len() > 40 || !phone.value.chars().all(dialled) {
            section.report(&phone.at, "`phone` in [support] must be a phone number such as \"+49 30 1234567\"");
        }
    }
    let url = section.string("url");
    if let Some(url) = &url {
        let https = url::Url::parse(url.value).is_ok_and(|parsed| parsed.scheme() == "https" && parsed.has_host());
        if !https {
            section.report(&url.at, "`url` in [support] must be an https address such as \"https://help.example.com\"");
        }
    }
    section.finish();
    let owned = |found: Found<&str>| found.value.to_owned();
    Support { phone: phone.map(owned), url: url.map(owned) }
}

fn listen(top: &Section<'_>) -> Option<SocketAddr> {
    let Some(found) = top.string("listen") else {
        return (!top.has("listen")).then_some(SocketAddr::from(([127, 0, 0, 1], 8787)));
    };
    let address = found.value.parse().ok();
    if address.is_none() {
        let value = found.value;
        top.report(
            &found.at,
            format!("`listen` must be an IP address and a port such as \"127.0.0.1:8787\", not \"{value}\""),
        );
    }
    address
}

fn parse_issuer(top: &Section<'_>, found: &Found<&str>) -> Option<Issuer> {
    let why = match found.value.parse::<Issuer>() {
        Ok(issuer) => return Some(issuer),
        Err(why) => why,
    };
    let remedy = match why {
        IssuerError::NotHttps => "must begin with https:// (plain http only for 127.x.y.z and [::1])",
        IssuerError::QueryOrFragment => "can't have a query (?...) or a fragment (#...); leave that part out",
        IssuerError::UserInfo => "can't have a user name or password; leave that part out",
        _ => "must be a whole address such as \"https://id.example.com\"",
    };
    top.report(&found.at, format!("`issuer` {remedy}"));
    None
}

/// An https address; plain http only for 127.0.0.0/8 and `[::1]`, as for the issuer. `None` where a mistake was recorded.
fn https(section: &Section<'_>, key: &str, found: &Found<&str>) -> Option<url::Url> {
    let address = url::Url::parse(found.value).ok().filter(|address| {
        let loopback = match address.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            _ => false,
        };
        let scheme = address.scheme() == "https" || (address.scheme() == "http" && loopback);
        scheme && address.has_host() && address.fragment().is_none() && address.username().is_empty()
    });
    if address.is_none() {
        let name = section.name(key);
        section.report(&found.at, format!("{name} must be an https address without user name and fragment (plain http only for 127.x.y.z and [::1])"));
    }
    address
}

/// Refuses names that a device could not show as they are.
fn check_displayable(section: &Section<'_>, key: &str, found: &Found<&str>) {
    if let Err(error) = text::check(found.value, limits::NAME_CHARACTERS) {
        section.report(&found.at, format!("{} can't be shown to people: {error}; choose another", section.name(key)));
    }
}

const MODES: &[(&str, Mode)] = &[("production", Mode::Production), ("test", Mode::Test)];
