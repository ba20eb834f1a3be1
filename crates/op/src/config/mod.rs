//! Configuration: one TOML file, read strictly; every error names its line and what to write instead.
//!
//! Settings come from the file, overridden by environment variables, overridden by `--configure`. docs/operating.md lists every
//! key with its default and meaning.

mod client;
mod client_authentication;
mod clients;
mod detail_types;
mod devices;
mod egress;
mod entry;
mod error;
mod fapi_client;
mod first;
mod hashed_secret;
mod hint_issuers;
mod metrics;
mod overrides;
mod policy;
mod proxy;
mod push;
mod registration;
mod section;
mod spelling;
#[cfg(test)]
mod tests;
mod tls;
mod trusted_file;
mod user_code_hash;
mod users;
mod web_device;
mod webhook;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use countersign_egress::EgressConfig;
use countersign_private_files::{SecretError, read_settings};
use countersign_protocol::discovery::{Mode, Support};
use countersign_protocol::issuer::{Issuer, IssuerError, LOCALHOST};
use countersign_protocol::{limits, text};
use toml::de::DeTable;

pub(crate) use client::ClientAuth;
pub(crate) use client::called_addresses;
pub use client::unusable_keys;
pub use client::{
    AssertionAudience, CIBA_GRANT, CertificateSubject, Client, ClientKeys, DeliveryMode, Profile, REFRESH_GRANT,
    SecretMethod, TokenBinding,
};
pub use devices::DeviceRules;
pub(crate) use entry::{client_entry, hashed_user_entry, user_entry};
pub use error::{ConfigError, ConfigErrors};
pub use first::{FIRST_CLIENT, FIRST_SECRETS, FIRST_USER, first_config};
pub use hashed_secret::ClientSecret;
pub(crate) use hashed_secret::{HashedSecret, StoredSecret, max_entropy_bits};
pub use hint_issuers::HintIssuer;
pub use overrides::{OverrideError, Overrides};
pub(crate) use policy::MAX_TOKEN_LIFETIME;
pub use policy::Policy;
pub use proxy::{ForwardedBy, TrustedProxies};
pub use push::Push;
pub use registration::Registration;
pub use tls::{CertificateFiles, CipherSuites};
pub use user_code_hash::{UserCode, UserCodeError};
pub(crate) use users::folded;
pub use users::{User, Users};
pub use web_device::{Icon, IconFormat, WebDevice};
pub use webhook::Webhook;

use crate::authorization_details::DetailTypes;
use crate::client_certificate::TrustAnchors;
use clients::{AUDIENCES, ClientContext, PROVIDER_PROFILES};
use error::ErrorCollector;
use section::{Found, Section};
use tls::TlsSettings;

/// A valid configuration. Has no `Debug`: it holds secrets.
#[derive(Clone)]
pub struct Config {
    /// Issuer identifier towards clients and devices.
    pub issuer: Issuer,
    /// Display name of the provider on devices; the issuer's host by default.
    pub name: String,
    /// Listening address of the server.
    pub listen: SocketAddr,
    /// Production or test.
    pub mode: Mode,
    /// Policy of clients without one of their own.
    pub policy: Policy,
    /// Rules for the devices that register.
    pub devices: DeviceRules,
    /// Contact that devices display for help.
    pub support: Support,
    /// Retention of ended approvals and their evidence.
    pub keep_records: Duration,
    /// How long the bytes of a request that expired without an answer are kept.
    pub keep_unanswered: Duration,
    /// Accepted types of authorization details (RFC 9396).
    pub detail_types: DetailTypes,
    /// TLS certificate and key; `None`: plain HTTP, for loopback or behind a proxy.
    pub tls: Option<CertificateFiles>,
    /// Cipher suites of the provider's own TLS.
    pub cipher_suites: CipherSuites,
    /// Whether discovery lists an authorization endpoint, which answers every request by `unsupported_response_type`.
    pub authorization_endpoint: bool,
    /// Proxies whose forwarding headers are trusted.
    pub proxies: TrustedProxies,
    /// Dynamic client registration (RFC 7591).
    pub registration: Registration,
    /// Addresses that the provider may call.
    pub egress: EgressConfig,
    /// Accepted `aud` of assertions of clients without a setting of their own.
    pub assertion_audience: AssertionAudience,
    /// Profile of all clients.
    pub profile: Option<Profile>,
    /// Authorities of client certificates (`tls_client_auth`, RFC 8705 §2.1).
    pub(crate) client_ca: Option<TrustAnchors>,
    /// Trusted issuers of `login_hint_token`s.
    pub hint_issuers: Vec<HintIssuer>,
    /// The operator's endpoint for security events.
    pub webhook: Option<Webhook>,
    /// Waking devices by Web Push.
    pub push: Push,
    /// The device in a browser.
    pub web_device: WebDevice,
    /// Listening address of `/metrics`; never the one that clients and devices call.
    pub metrics: Option<SocketAddr>,
    /// Users in the file.
    pub users: Users,
    /// Clients in the file.
    pub clients: Vec<Client>,
}

impl Config {
    /// Whether client certificates reach the provider: by its own TLS, or in the header of a trusted proxy.
    pub(crate) fn sees_certificates(&self) -> bool {
        self.tls.is_some() || (self.proxies.certificate_header.is_some() && !self.proxies.networks.is_empty())
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// Every error in it, in the order of its lines, or that it can't be read.
    pub fn read(path: &Path) -> Result<Config, ConfigErrors> {
        Config::read_with(path, &Overrides::default())
    }

    /// As [`Config::read`], with `overrides` applied to the file.
    ///
    /// # Errors
    /// As [`Config::read`]; an error in an override names its source in place of a line.
    pub fn read_with(path: &Path, overrides: &Overrides) -> Result<Config, ConfigErrors> {
        let text = read_settings(path).and_then(|text| {
            let not_text = |error| SecretError::Unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, error));
            String::from_utf8(text).map_err(not_text)
        });
        let text = text.map_err(|error| ConfigErrors::unreadable(path, &error))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Config::parse_with(&text, folder, overrides).map_err(|errors| ConfigErrors { file: path.to_owned(), errors })
    }

    /// Parses a configuration; relative paths begin at `folder`.
    ///
    /// # Errors
    /// Every error in it, in the order of its lines.
    pub fn parse(text: &str, folder: &Path) -> Result<Config, Vec<ConfigError>> {
        Config::parse_with(text, folder, &Overrides::default())
    }

    /// As [`Config::parse`], with `overrides` applied.
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
                    _ => "strings are written in quotes, lists in [ ]",
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

    /// `None` only if an error was reported.
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
        let keep_unanswered = top
            .duration("keep_unanswered", MIN_UNANSWERED..=MAX_RETENTION)
            .map_or(DEFAULT_UNANSWERED, |found| found.value);
        let support = top.section("support", " in [support]").map(support).unwrap_or_default();
        let devices =
            top.section("devices", " in [devices]").map(|section| devices::read(section, folder)).unwrap_or_default();
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
        let assertion_audience = top.choice("client_assertion_audience", AUDIENCES);
        let assertion_audience = assertion_audience.map_or_else(AssertionAudience::default, |found| found.value);
        let tls = match top.section("tls", " in [tls]") {
            Some(section) => tls::read(section, folder),
            None => TlsSettings::default(),
        };
        let authorization_endpoint = top.section("discovery", " in [discovery]").is_some_and(|section| {
            let listed = section.flag("authorization_endpoint").unwrap_or(false);
            section.finish();
            listed
        });
        let hint_issuers = hint_issuers::read(top.sections("login_hint_issuers", " in [[login_hint_issuers]]"), folder);
        let webhook = top.section("webhook", " in [webhook]").map(|section| Webhook::read(section, folder));
        let push = match top.section("push", " in [push]") {
            Some(section) => Push::read(section, mode),
            None => Push::absent(mode),
        };
        let web_device = top.section("web_device", " in [web_device]");
        let web_device = web_device.map(|section| web_device::read(section, folder)).unwrap_or_default();
        let metrics = top.section("metrics", " in [metrics]").map(metrics::read);
        let users = Users::read(top.sections("users", " in [[users]]"));
        let context = ClientContext {
            folder,
            policy: &policy,
            keep_records,
            detail_types: &detail_types,
            hint_issuers: &hint_issuers,
            stored_secret: None,
            assertion_audience,
            profile,
            client_ca: tls.client_ca.is_some(),
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
            devices,
            support,
            keep_records,
            keep_unanswered,
            detail_types,
            tls: tls.certificate,
            cipher_suites: tls.suites,
            proxies,
            registration,
            egress: egress.unwrap_or_default(),
            assertion_audience,
            profile,
            client_ca: tls.client_ca,
            authorization_endpoint,
            hint_issuers,
            webhook: webhook.flatten(),
            push,
            web_device,
            metrics: metrics.flatten(),
            users,
            clients,
        })
    }
}

/// Where the server listens unless `listen` says otherwise.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8787);

/// How long the bytes of an unanswered request are kept, and at least.
const DEFAULT_UNANSWERED: Duration = Duration::from_secs(86_400);
const MIN_UNANSWERED: Duration = Duration::from_secs(3600);

/// Payments can be contested for 13 months (PSD2 art. 71).
const DEFAULT_RETENTION: Duration = Duration::from_secs(400 * DAY);
/// Disputes are accepted for 30 days.
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
        return (!top.has("listen")).then_some(DEFAULT_LISTEN);
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
        IssuerError::NotHttps => "must begin with https:// (plain http only for 127.x.y.z, [::1] and localhost)",
        IssuerError::QueryOrFragment => "can't have a query (?...) or a fragment (#...); leave that part out",
        IssuerError::UserInfo => "can't have a user name or password; leave that part out",
        _ => "must be a whole address such as \"https://id.example.com\"",
    };
    top.report(&found.at, format!("`issuer` {remedy}"));
    None
}

/// An https URL; plain http only for 127.0.0.0/8, `[::1]` and `localhost`, as for the issuer. `None` if an error was reported.
fn https(section: &Section<'_>, key: &str, found: &Found<&str>) -> Option<url::Url> {
    let address = url::Url::parse(found.value).ok().filter(|address| {
        let loopback = match address.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == LOCALHOST,
            None => false,
        };
        let scheme = address.scheme() == "https" || (address.scheme() == "http" && loopback);
        scheme && address.has_host() && address.fragment().is_none() && address.username().is_empty()
    });
    if address.is_none() {
        let name = section.name(key);
        section.report(&found.at, format!("{name} must be an https address without user name and fragment (plain http only for 127.x.y.z, [::1] and localhost)"));
    }
    address
}

/// Reports a name that a device could not display unchanged.
fn check_displayable(section: &Section<'_>, key: &str, found: &Found<&str>) {
    if let Err(error) = text::check(found.value, limits::NAME_CHARACTERS) {
        section.report(&found.at, format!("{} can't be shown to people: {error}; choose another", section.name(key)));
    }
}

const MODES: &[(&str, Mode)] = &[("production", Mode::Production), ("test", Mode::Test)];
