//! Client authentication (RFC 6749 §2.3, OpenID Connect Core §9, RFC 8705): only the client's registered
//! `token_endpoint_auth_method` is accepted.
//!
//! Shared by every endpoint that clients post to. One file for each method: `client_secret.rs`, `assertion.rs`,
//! `tls_client_auth.rs`.

mod assertion;
pub(crate) mod client_keys;
pub(crate) mod client_secret;
pub(crate) mod detached;
pub(crate) mod failure_limit;
pub(crate) mod jwks_cache;
pub(crate) mod replay;
pub(crate) mod signature_workers;
pub(crate) mod signed_claims;
mod tls_client_auth;

use std::net::IpAddr;
use std::sync::Arc;

use countersign_gateway::KeyOwner;
use countersign_jose::clock::Clock;

use crate::config::{Client, ClientAuth, Config, SecretMethod};
use crate::directory::Directory;
use crate::http::{ClientAddress, ErrorCode, OAuthError, PeerCertificate, PostedForm, server_error};
use client_keys::ClientSignatures;
use failure_limit::FailureLimit;
use replay::ReplayMemory;

/// Credentials that a request carries.
enum PresentedCredentials {
    /// A secret in the header or in the body.
    Secret(client_secret::Credentials),
    /// `client_assertion`, and the client that it is said to be of.
    Assertion { jwt: String, client_id: String },
    /// A `client_id` alone, authenticated by the connection's certificate.
    ClientId { client_id: String, certificate: Option<PeerCertificate> },
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
    /// Authenticates the sender of a request. Once begun it goes on to its end, also if the request breaks off: otherwise a
    /// forgery that nobody waits for would be verified and never counted.
    ///
    /// # Errors
    /// `invalid_client` (401) for an unknown client, wrong credentials, or another method than the registered one;
    /// `invalid_request` for several methods at once; `rate_limited` after too many failures.
    pub(crate) async fn authenticate(self: &Arc<Self>, posted: &PostedForm) -> Result<Arc<Client>, OAuthError> {
        let credentials = PresentedCredentials::read(posted)?;
        let (proxies, mode) = (&self.config.proxies, self.config.mode);
        let network = posted.address.and_then(|ClientAddress(address)| proxies.counted_network(address, mode));
        self.failures.check(credentials.client_id(), network, self.clock.now())?;
        let this = self.clone();
        let client = detached::run(async move { this.verify(&credentials, network).await }).await?;
        if let Some(connection) = &posted.connection {
            connection.key_proven(&KeyOwner::Client(client.client_id.clone()), !client.is_self_registered);
        }
        Ok(client)
    }

    /// Looks up the client, verifies its credentials, and counts a failure. Except for a secret the response may reveal that there
    /// is no such client.
    async fn verify(
        self: &Arc<Self>,
        credentials: &PresentedCredentials,
        network: Option<IpAddr>,
    ) -> Result<Arc<Client>, OAuthError> {
        let client = self.find(credentials).await?;
        let attempt = self.failures.begin(client.as_deref().map(Into::into), network, self.clock.now())?;
        let verified = match (credentials, &client) {
            (PresentedCredentials::Secret(credentials), client) => self.check_secret(client.as_deref(), credentials),
            (_, None) => Err(invalid_client("the client is not known")),
            (PresentedCredentials::Assertion { jwt, .. }, Some(client)) => self.check_assertion(client, jwt).await,
            (PresentedCredentials::ClientId { certificate, .. }, Some(client)) => {
                self.check_certificate(client, certificate.as_ref()).await
            }
        };
        attempt.end(&verified);
        verified?;
        client.ok_or_else(|| invalid_client("the client is not known"))
    }

    async fn find(self: &Arc<Self>, credentials: &PresentedCredentials) -> Result<Option<Arc<Client>>, OAuthError> {
        let find = async |id: &str| self.directory.find_client(id).await.map_err(|error| server_error(&error));
        match (find(credentials.client_id()).await?, credentials.raw_client_id()) {
            (None, Some(raw)) => find(raw).await,
            (client, _) => Ok(client),
        }
    }
}

impl PresentedCredentials {
    /// The client that they are said to be of.
    fn client_id(&self) -> &str {
        match self {
            PresentedCredentials::Secret(credentials) => &credentials.client_id,
            PresentedCredentials::Assertion { client_id, .. } | PresentedCredentials::ClientId { client_id, .. } => {
                client_id
            }
        }
    }

    /// The id as it was written, where a client that does not encode it may mean that one.
    fn raw_client_id(&self) -> Option<&str> {
        match self {
            PresentedCredentials::Secret(credentials) => credentials.raw_client_id.as_deref(),
            PresentedCredentials::Assertion { .. } | PresentedCredentials::ClientId { .. } => None,
        }
    }

    fn read(posted: &PostedForm) -> Result<PresentedCredentials, OAuthError> {
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
            return Ok(PresentedCredentials::Assertion { jwt: jwt.to_owned(), client_id });
        }
        if authorization.is_some() || secret.is_some() {
            return client_secret::Credentials::read(authorization, form).map(PresentedCredentials::Secret);
        }
        let client_id = form.get("client_id").ok_or_else(|| {
            invalid_client(
                "the client did not authenticate: use client_secret_basic, client_secret_post, private_key_jwt or a certificate",
            )
        })?;
        let (client_id, certificate) = (client_id.to_owned(), posted.certificate.clone());
        Ok(PresentedCredentials::ClientId { client_id, certificate })
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
