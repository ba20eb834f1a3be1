//! Client authentication (RFC 6749 §2.3, OpenID Connect Core §9, RFC 8705): only the client's registered
//! `token_endpoint_auth_method` is accepted.
//!
//! Shared by every endpoint that clients post to. One file for each method: `client_secret.rs`, `assertion.rs`,
//! `tls_client_auth.rs`.

mod assertion;
pub(crate) mod client_keys;
pub(crate) mod client_secret;
pub(crate) mod failure_limit;
pub(crate) mod jwks_cache;
pub(crate) mod replay;
pub(crate) mod signature_workers;
pub(crate) mod signed_claims;
mod tls_client_auth;

use std::net::IpAddr;
use std::sync::Arc;

use countersign_jose::clock::Clock;
use countersign_protocol::discovery::Mode;

use crate::config::{Client, ClientAuth, Config, SecretMethod};
use crate::directory::Directory;
use crate::http::{ClientAddress, ErrorCode, OAuthError, PostedForm, server_error};
use client_keys::ClientSignatures;
use failure_limit::FailureLimit;
use replay::ReplayMemory;

/// Credentials that a request carries.
enum PresentedCredentials<'r> {
    /// A secret in the header or in the body.
    Secret(client_secret::Credentials),
    /// `client_assertion`, and the client that it is said to be of.
    Assertion { jwt: &'r str, client_id: String },
    /// A `client_id` alone, authenticated by the connection's certificate.
    ClientId(&'r str),
}

/// Authenticates the clients that post to this provider.
pub(crate) struct ClientAuthentication {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) signatures: Arc<ClientSignatures>,
    pub(crate) replay: Arc<ReplayMemory>,
    pub(crate) failures: FailureLimit,
    /// Addresses of the token and the backchannel authentication endpoint.
    pub(crate) endpoints: [String; 2],
}

impl ClientAuthentication {
    /// Authenticates the sender of a request.
    ///
    /// # Errors
    /// `invalid_client` (401) for an unknown client, wrong credentials, or another method than the registered one;
    /// `invalid_request` for several methods at once; `rate_limited` after too many failures.
    pub(crate) async fn authenticate(self: &Arc<Self>, posted: &PostedForm) -> Result<Arc<Client>, OAuthError> {
        let credentials = PresentedCredentials::read(posted)?;
        let address = posted.address.and_then(|address| self.counted_address(address));
        let attempt = self.failures.begin(credentials.client_id(), address, self.clock.now())?;
        let client = match &credentials {
            PresentedCredentials::Secret(credentials) => self.by_secret(credentials).await,
            PresentedCredentials::Assertion { jwt, client_id } => self.by_assertion(jwt, client_id).await,
            PresentedCredentials::ClientId(client_id) => {
                self.by_certificate(client_id, posted.certificate.as_ref()).await
            }
        };
        attempt.end(&client);
        if let (Ok(_), Some(connection)) = (&client, &posted.connection) {
            connection.key_proven();
        }
        client
    }

    /// The address by which failures are counted; `None` for one that stands for many senders: a trusted proxy's where it names
    /// nobody else, and loopback in test mode.
    fn counted_address(&self, ClientAddress(address): ClientAddress) -> Option<IpAddr> {
        let is_of_many = self.config.proxies.trusts(address)
            || (self.config.mode == Mode::Test && address.to_canonical().is_loopback());
        (!is_of_many).then_some(address)
    }

    /// Looks up a client for methods without a secret, where the response may reveal that it does not exist.
    async fn client_by_id(self: &Arc<Self>, client_id: &str) -> Result<Arc<Client>, OAuthError> {
        let found = self.directory.find_client(client_id).await.map_err(|error| server_error(&error))?;
        found.ok_or_else(|| invalid_client("the client is not known"))
    }
}

impl PresentedCredentials<'_> {
    /// The client that they are said to be of.
    fn client_id(&self) -> &str {
        match self {
            PresentedCredentials::Secret(credentials) => &credentials.client_id,
            PresentedCredentials::Assertion { client_id, .. } => client_id,
            PresentedCredentials::ClientId(client_id) => client_id,
        }
    }

    fn read(posted: &PostedForm) -> Result<PresentedCredentials<'_>, OAuthError> {
        let (form, authorization) = (&posted.form, posted.authorization.as_deref());
        let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
        if [authorization.is_some(), secret.is_some(), assertion.is_some()]
            .into_iter()
            .filter(|present| *present)
            .count()
            > 1
        {
            let description = "the client uses more than one authentication method: keep one of the Authorization header, client_secret and client_assertion";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
        }
        if assertion.is_none() && form.get("client_assertion_type").is_some() {
            return Err(invalid_client("client_assertion_type came without client_assertion"));
        }
        if let Some(jwt) = assertion {
            let client_id = assertion::claimed_client(jwt, form)?;
            return Ok(PresentedCredentials::Assertion { jwt, client_id });
        }
        if authorization.is_some() || secret.is_some() {
            return client_secret::Credentials::read(authorization, form).map(PresentedCredentials::Secret);
        }
        form.get("client_id").map(PresentedCredentials::ClientId).ok_or_else(|| {
            invalid_client(
                "the client did not authenticate: use client_secret_basic, client_secret_post, private_key_jwt or a certificate",
            )
        })
    }
}

/// The error for another method than the registered one; it names the right one.
fn wrong_method(auth: &ClientAuth) -> OAuthError {
    invalid_client(match auth {
        ClientAuth::Secret { only: None, .. } => {
            "this client is registered with a secret: use client_secret_basic or client_secret_post"
        }
        ClientAuth::Secret { only: Some(SecretMethod::Basic), .. } => {
            "this client is registered for client_secret_basic: send the secret in the Authorization header"
        }
        ClientAuth::Secret { only: Some(SecretMethod::Post), .. } => {
            "this client is registered for client_secret_post: send the secret in the body"
        }
        ClientAuth::PrivateKeyJwt { .. } => {
            "this client is registered for private_key_jwt: send client_assertion, signed by its key, and nothing else"
        }
        ClientAuth::Tls(_) => {
            "this client is registered for tls_client_auth: connect with its certificate and send client_id, and nothing else"
        }
        ClientAuth::SelfSignedTls => {
            "this client is registered for self_signed_tls_client_auth: connect with its certificate and send client_id, and nothing else"
        }
    })
}

/// `invalid_client` with this description.
fn invalid_client(description: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, description)
}
