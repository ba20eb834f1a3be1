//! Client metadata (OpenID Connect Registration §2, CIBA Core §4, RFC 8705, RFC 9449).

use std::sync::Arc;

use countersign_jose::jwt::{JwkSet, SigningAlg};
use countersign_protocol::interaction::InteractionType;
use url::Url;

use super::Config;
use super::hashed_secret::StoredSecret;
use super::policy::Policy;

/// Grant type of authentication requests (CIBA Core §4).
pub const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

/// Grant type of refresh tokens (RFC 6749 §6).
pub const REFRESH_GRANT: &str = "refresh_token";

/// A registered client. Has no `Debug`: it holds a secret.
#[derive(Clone)]
pub struct Client {
    /// `client_id`.
    pub client_id: String,
    /// Display name on devices.
    pub name: String,
    /// Its one authentication method, with the secret or certificate subject.
    pub(crate) auth: ClientAuth,
    /// Its public keys, for assertions, signed requests and certificates.
    pub keys: Option<ClientKeys>,
    /// Whether it belongs to the provider itself.
    pub first_party: bool,
    /// Whether the operator confirms the name; otherwise the device says "calls itself …".
    pub verified: bool,
    /// Whether it registered itself (RFC 7591), and the operator did not enter it.
    pub is_self_registered: bool,
    /// Interactions that it supports (it displays the number); `boolean` by default.
    pub interaction_types: Vec<InteractionType>,
    /// Whether [`CIBA_GRANT`] is among its `grant_types`.
    pub may_ask: bool,
    /// Whether it is a resource server, which may introspect every client's tokens (RFC 7662).
    pub may_introspect: bool,
    /// Whether it gets refresh tokens where it asks for `offline_access`: `refresh_token` is among its `grant_types`.
    pub may_refresh: bool,
    /// Token delivery mode.
    pub delivery: DeliveryMode,
    /// Whether it may send a `user_code` (`backchannel_user_code_parameter`).
    pub user_code: bool,
    /// The only algorithm its requests may be signed by; a client that has one must sign
    /// (`backchannel_authentication_request_signing_alg`).
    pub request_signing_alg: Option<SigningAlg>,
    /// Signing algorithm of its ID tokens (`id_token_signed_response_alg`).
    pub id_token_alg: SigningAlg,
    /// Sender constraint of its access tokens.
    pub binding: TokenBinding,
    /// Accepted `aud` of its assertions: its own setting, or the provider's.
    pub assertion_audience: AssertionAudience,
    /// Profile that applies to it: its own, or the provider's.
    pub profile: Option<Profile>,
    /// Types of authorization details that it may send, of those that the provider accepts.
    pub authorization_details_types: Vec<String>,
    /// Types of `login_hint_token` that it may send, of those of the configured issuers (FAPI-CIBA, metadata); `None`: any.
    pub hint_token_types: Option<Vec<String>>,
    /// Resource servers, beside this provider, that its access tokens may be for (RFC 8707).
    pub resources: Vec<String>,
    /// Scopes that it may request; `None`: any.
    pub scope: Option<Vec<String>>,
    /// The till or counter that its requests come from, where they name none.
    pub terminal: Option<String>,
    /// The provider's policy, overridden by the client's own.
    pub policy: Policy,
}

/// Client authentication method (`token_endpoint_auth_method`).
#[derive(Clone)]
pub(crate) enum ClientAuth {
    /// `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1); `only` allows one of them.
    Secret { secret: StoredSecret, only: Option<SecretMethod> },
    /// `private_key_jwt` (OpenID Connect Core §9) by one of the client's keys; `alg` allows one algorithm only.
    PrivateKeyJwt { alg: Option<SigningAlg> },
    /// `tls_client_auth` (RFC 8705 §2.1): a certificate for this subject, issued by an authority of `client_ca`.
    Tls(CertificateSubject),
    /// `self_signed_tls_client_auth` (RFC 8705 §2.2): a certificate with one of the client's keys.
    SelfSignedTls,
}

impl ClientAuth {
    /// The method's name in registration and discovery; `None` for a secret that may be sent either way.
    pub(crate) fn method(&self) -> Option<&'static str> {
        match self {
            ClientAuth::Secret { only: None, .. } => None,
            ClientAuth::Secret { only: Some(SecretMethod::Basic), .. } => Some("client_secret_basic"),
            ClientAuth::Secret { only: Some(SecretMethod::Post), .. } => Some("client_secret_post"),
            ClientAuth::PrivateKeyJwt { .. } => Some("private_key_jwt"),
            ClientAuth::Tls(_) => Some("tls_client_auth"),
            ClientAuth::SelfSignedTls => Some("self_signed_tls_client_auth"),
        }
    }
}

/// Accepted `aud` of a client assertion (`client_assertion_audience`): one string in either case, never a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssertionAudience {
    /// This provider's issuer alone.
    #[default]
    Issuer,
    /// The issuer, the token endpoint or the backchannel authentication endpoint (CIBA Core §7.1).
    Endpoints,
}

/// How a client sends its secret (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretMethod {
    /// In the `Authorization` header.
    Basic,
    /// In the body.
    Post,
}

/// The subject of a client's certificate (RFC 8705 §2.1.2); exactly one is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSubject {
    /// `tls_client_auth_subject_dn`, as RFC 4514 writes it.
    Dn(String),
    /// `tls_client_auth_san_dns`.
    Dns(String),
    /// `tls_client_auth_san_uri`.
    Uri(String),
}

/// A client's public keys, by value or by reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientKeys {
    /// `jwks`.
    Set(Arc<JwkSet>),
    /// `jwks_uri`, an https address.
    At(Url),
}

impl ClientKeys {
    /// The listed keys that can't be used and that somebody should know of, in one line.
    fn unusable(&self) -> Option<String> {
        match self {
            ClientKeys::Set(set) => set.unusable(),
            ClientKeys::At(_) => None,
        }
    }
}

/// Token delivery mode (`backchannel_token_delivery_mode`, CIBA Core §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryMode {
    /// The client polls the token endpoint.
    Poll,
    /// The client is notified at its `backchannel_client_notification_endpoint`, then fetches the tokens.
    Ping(Url),
    /// The tokens are sent to its `backchannel_client_notification_endpoint`.
    Push(Url),
}

impl DeliveryMode {
    /// The name on the wire.
    pub const fn as_str(&self) -> &'static str {
        match self {
            DeliveryMode::Poll => "poll",
            DeliveryMode::Ping(_) => "ping",
            DeliveryMode::Push(_) => "push",
        }
    }

    /// Whether the tokens themselves are sent.
    pub const fn is_push(&self) -> bool {
        matches!(self, DeliveryMode::Push(_))
    }

    /// The `backchannel_client_notification_endpoint`; `None` for poll.
    pub const fn endpoint(&self) -> Option<&Url> {
        match self {
            DeliveryMode::Poll => None,
            DeliveryMode::Ping(endpoint) | DeliveryMode::Push(endpoint) => Some(endpoint),
        }
    }
}

/// Sender constraint of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenBinding {
    /// None required; a token is bound if the client sends a DPoP proof.
    None,
    /// A key by DPoP (`dpop_bound_access_tokens`, RFC 9449 §5.2).
    Dpop,
    /// Its TLS certificate (`tls_client_certificate_bound_access_tokens`, RFC 8705 §3.4).
    Certificate,
}

/// A set of rules for one client or for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The dialect of Auth0's clients.
    Auth0,
    /// FAPI-CIBA: signed requests, strong client authentication, bound tokens, no push.
    FapiCiba,
}

impl Profile {
    /// The name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Profile::Auth0 => "auth0",
            Profile::FapiCiba => "fapi-ciba",
        }
    }
}

impl Client {
    /// Whether this client can't tell an unknown user from one who doesn't answer.
    pub fn hides_unknown_users(&self) -> bool {
        self.policy.hide_unknown_users.unwrap_or(!self.first_party)
    }

    /// Whether it hears how the person is reached: it is the operator's own, vouched for, and may know who exists.
    pub fn hears_of_delivery(&self) -> bool {
        self.first_party && self.verified && !self.hides_unknown_users()
    }

    /// Whether a request about a user with a user code needs the code.
    pub fn needs_user_code(&self) -> bool {
        self.user_code || self.policy.require_user_code
    }

    /// Whether the FAPI-CIBA profile applies.
    pub fn is_fapi(&self) -> bool {
        self.profile == Some(Profile::FapiCiba)
    }

    /// Algorithms accepted for its assertions.
    pub(crate) fn assertion_algs(&self) -> &'static [SigningAlg] {
        match self.auth {
            ClientAuth::PrivateKeyJwt { alg: Some(alg) } => alg.as_slice(),
            _ => self.algs(),
        }
    }

    /// Algorithms accepted for its signed requests.
    pub(crate) fn request_algs(&self) -> &'static [SigningAlg] {
        self.request_signing_alg.map_or(self.algs(), SigningAlg::as_slice)
    }

    /// Whether its unsigned requests are refused.
    pub(crate) fn must_sign(&self) -> bool {
        self.request_signing_alg.is_some() || self.is_fapi()
    }

    fn algs(&self) -> &'static [SigningAlg] {
        if self.is_fapi() { &SigningAlg::FAPI } else { &SigningAlg::ALL }
    }
}

/// Keys in the file that can't be used, a sentence for each set: whoever signs by one is refused, though the file is valid.
pub fn unusable_keys(config: &Config) -> Vec<String> {
    let of_clients = config.clients.iter().map(|client| (format!("client {}", client.client_id), client.keys.as_ref()));
    let of_issuers = config.hint_issuers.iter().map(|by| (format!("hint issuer {}", by.issuer), Some(&by.keys)));
    let described = |(owner, keys): (String, Option<&ClientKeys>)| {
        let unusable = keys.and_then(ClientKeys::unusable)?;
        Some(format!("{owner}: not used of its JWK set: {unusable}"))
    };
    of_clients.chain(of_issuers).filter_map(described).collect()
}

/// Addresses in a client's entry that the provider calls, with the name of their member.
pub(crate) fn called_addresses(client: &Client) -> impl Iterator<Item = (&'static str, &Url)> {
    let notified = client.delivery.endpoint().map(|url| ("backchannel_client_notification_endpoint", url));
    let keys = match &client.keys {
        Some(ClientKeys::At(url)) => Some(("jwks_uri", url)),
        _ => None,
    };
    notified.into_iter().chain(keys)
}
