//! A party that asks, with the members of OpenID registration (OpenID Connect Registration §2, CIBA Core §4, RFC 8705, RFC 9449).

use countersign_jose::jwt::{JwkSet, SigningAlg};
use countersign_protocol::interaction::InteractionType;
use url::Url;

use super::hashed_secret::StoredSecret;
use super::policy::Policy;

/// The grant a client needs to ask for approvals (CIBA Core §4).
pub const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

/// The grant for new tokens without a new approval (RFC 6749 §6).
pub const REFRESH_GRANT: &str = "refresh_token";

/// A party that asks. Has no `Debug`: it holds a secret.
#[derive(Clone)]
pub struct Client {
    /// What it calls itself to the provider.
    pub client_id: String,
    /// What the person is shown.
    pub name: String,
    /// How it proves who it is.
    pub(crate) auth: ClientAuth,
    /// Its public keys, for assertions, signed requests and certificates.
    pub keys: Option<ClientKeys>,
    /// Belongs to the provider itself.
    pub first_party: bool,
    /// The operator vouches for the name; otherwise the device says "calls itself …".
    pub verified: bool,
    /// Which interactions it can take part in (it shows the number); boolean where nothing is registered.
    pub interaction_types: Vec<InteractionType>,
    /// Whether [`CIBA_GRANT`] is among its `grant_types`.
    pub may_ask: bool,
    /// Whether it is a resource server, which is told about every client's tokens.
    pub may_introspect: bool,
    /// Whether it gets refresh tokens where it asks for `offline_access`: `refresh_token` is among its `grant_types`.
    pub may_refresh: bool,
    /// How it learns of a verdict.
    pub delivery: DeliveryMode,
    /// Whether it may send a `user_code` (`backchannel_user_code_parameter`).
    pub user_code: bool,
    /// The only algorithm its requests may be signed by; a client that has one must sign
    /// (`backchannel_authentication_request_signing_alg`).
    pub request_signing_alg: Option<SigningAlg>,
    /// The algorithm of its ID tokens (`id_token_signed_response_alg`).
    pub id_token_alg: SigningAlg,
    /// What its access tokens are bound to.
    pub binding: TokenBinding,
    /// The dialect or rules that hold for it.
    pub profile: Option<Profile>,
    /// Which of the provider's types of authorization details it may send.
    pub authorization_details_types: Vec<String>,
    /// The types of `login_hint_token` that it sends, of those that the operator's issuers have (FAPI-CIBA, metadata); `None`: any.
    pub hint_token_types: Option<Vec<String>>,
    /// The resource servers that its access tokens may be for (RFC 8707), beside this provider.
    pub resources: Vec<String>,
    /// The scopes it may ask for; `None`: any.
    pub scope: Option<Vec<String>>,
    /// The provider's policy with this client's own on top.
    pub policy: Policy,
}

/// How a client proves who it is (`token_endpoint_auth_method`).
#[derive(Clone)]
pub(crate) enum ClientAuth {
    /// `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1); `only` allows one of them.
    Secret { secret: StoredSecret, only: Option<SecretMethod> },
    /// `private_key_jwt` (OpenID Connect Core §9) by one of the client's keys; `alg` allows one algorithm only.
    PrivateKeyJwt { alg: Option<SigningAlg> },
    /// `tls_client_auth` (RFC 8705 §2.1): a certificate for this subject, by an authority that the operator trusts.
    Tls(CertificateSubject),
    /// `self_signed_tls_client_auth` (RFC 8705 §2.2): a certificate with one of the client's keys.
    SelfSignedTls,
}

impl ClientAuth {
    /// The name of the method in registration and discovery; `None` where a secret may be sent either way.
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

/// How a client shows its secret (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretMethod {
    /// In the `Authorization` header.
    Basic,
    /// In the body.
    Post,
}

/// What a certificate must be for (RFC 8705 §2.1.2); exactly one is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSubject {
    /// `tls_client_auth_subject_dn`, as RFC 4514 writes it.
    Dn(String),
    /// `tls_client_auth_san_dns`.
    Dns(String),
    /// `tls_client_auth_san_uri`.
    Uri(String),
}

/// A client's public keys, in the configuration or at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientKeys {
    /// `jwks`.
    Set(JwkSet),
    /// `jwks_uri`, an https address.
    At(Url),
}

/// How a client learns of a verdict (`backchannel_token_delivery_mode`, CIBA Core §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryMode {
    /// It asks at the token endpoint.
    Poll,
    /// It is told at its `backchannel_client_notification_endpoint`, and fetches the tokens.
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

    /// Where the client is told, unless it polls.
    pub const fn endpoint(&self) -> Option<&Url> {
        match self {
            DeliveryMode::Poll => None,
            DeliveryMode::Ping(endpoint) | DeliveryMode::Push(endpoint) => Some(endpoint),
        }
    }
}

/// What access tokens are bound to, so that nobody but their client can use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenBinding {
    /// Nothing, unless the client sends a DPoP proof of its own accord.
    None,
    /// A key by DPoP (`dpop_bound_access_tokens`, RFC 9449 §5.2).
    Dpop,
    /// Its TLS certificate (`tls_client_certificate_bound_access_tokens`, RFC 8705 §3.4).
    Certificate,
}

/// A set of rules that a client, or all of them, are held to.
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
    /// Whether people unknown to the provider are hidden from this client.
    pub fn hides_unknown_users(&self) -> bool {
        self.policy.hide_unknown_users.unwrap_or(!self.first_party)
    }

    /// Whether a person who has a user code is asked only with it.
    pub fn needs_user_code(&self) -> bool {
        self.user_code || self.policy.require_user_code
    }

    /// Whether the rules of FAPI-CIBA hold.
    pub fn is_fapi(&self) -> bool {
        self.profile == Some(Profile::FapiCiba)
    }

    /// What its assertions may be signed by.
    pub(crate) fn assertion_algs(&self) -> &'static [SigningAlg] {
        match self.auth {
            ClientAuth::PrivateKeyJwt { alg: Some(alg) } => alg.as_slice(),
            _ => self.algs(),
        }
    }

    /// What its requests may be signed by.
    pub(crate) fn request_algs(&self) -> &'static [SigningAlg] {
        self.request_signing_alg.map_or(self.algs(), SigningAlg::as_slice)
    }

    /// Whether unsigned requests of it are refused.
    pub(crate) fn must_sign(&self) -> bool {
        self.request_signing_alg.is_some() || self.is_fapi()
    }

    fn algs(&self) -> &'static [SigningAlg] {
        if self.is_fapi() { &SigningAlg::FAPI } else { &SigningAlg::ALL }
    }
}

/// The addresses in a client's entry that the provider calls.
pub(crate) fn called_addresses(client: &Client) -> impl Iterator<Item = (&'static str, &Url)> {
    let notified = client.delivery.endpoint().map(|url| ("backchannel_client_notification_endpoint", url));
    let keys = match &client.keys {
        Some(ClientKeys::At(url)) => Some(("jwks_uri", url)),
        _ => None,
    };
    notified.into_iter().chain(keys)
}
