//! Discovery: where a provider's device endpoints are and what they can do (push-device draft; RFC 8414 §3 for the place).

use serde::{Deserialize, Serialize};
use url::Url;

use crate::interaction::InteractionType;
use crate::issuer::{Issuer, IssuerError};

/// The name of the well-known document: `/.well-known/oauth-push-notification`.
pub const WELL_KNOWN: &str = "oauth-push-notification";

/// Whether approvals here move real things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For people.
    Production,
    /// For testers: limits meant for people are off; devices mark the account TEST. Anything unknown is shown so too.
    #[serde(other)]
    Test,
}

/// Whom a person can reach at the provider. Shown by the device, never taken from a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Support {
    /// A telephone number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<String>,
    /// A web page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
}

/// The discovery document. Unknown members are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// The issuer; a device compares it byte for byte with the one it asked.
    pub issuer: Issuer,
    /// The newest protocol version the gateway speaks.
    pub countersign_version: u32,
    /// Test or production.
    pub mode: Mode,
    /// Where a device registers.
    pub registration_endpoint: String,
    /// Where a device revokes itself.
    pub revocation_endpoint: String,
    /// Where a device rotates its keys, if the gateway can.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_rotation_endpoint: Option<String>,
    /// Where a person manages devices in a browser, if there is such a page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_management_endpoint: Option<String>,
    /// The keys that sign registration tokens, as a JWK set. Nothing else is verified with them.
    pub device_jwks_uri: String,
    /// The chain of key manifests.
    pub manifest_uri: String,
    /// Where challenges are fetched and, below it, answered.
    pub challenge_endpoint: String,
    /// The stream of the same.
    pub stream_endpoint: String,
    /// Where a credential is renewed.
    pub credential_endpoint: String,
    /// How challenges reach a device: `poll`, `stream`, later `push`.
    pub delivery_modes_supported: Vec<String>,
    /// The order in which a device falls back.
    pub fallback_order: Vec<String>,
    /// The interactions this gateway asks for.
    pub interaction_type_supported: Vec<InteractionType>,
    /// The weakest interaction a device must be able to show.
    pub minimum_interaction_type: InteractionType,
    /// Life of a registration token, in seconds.
    pub registration_token_ttl: u64,
    /// `["ES256"]`.
    pub signing_alg_values_supported: Vec<String>,
    /// Whether a registration needs an attestation.
    pub client_attestation_required: bool,
    /// Most devices of one user.
    pub max_devices_per_user: u32,
    /// Longest wait of a long poll, in seconds.
    pub push_wait_timeout_seconds: u64,
    /// `application/problem+json`.
    pub error_response_format: String,
    /// The gateway's Web Push key, if it sends pushes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vapid_public_key: Option<String>,
    /// The provider's own help line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub support: Option<Support>,
}

/// The endpoints of a discovery document after they were checked to be the issuer's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Where a device registers.
    pub registration: Url,
    /// Where a device revokes itself.
    pub revocation: Url,
    /// The keys that sign registration tokens.
    pub device_jwks: Url,
    /// The chain of key manifests.
    pub manifest: Url,
    /// Where challenges are fetched.
    pub challenge: Url,
    /// The stream.
    pub stream: Url,
    /// Where a credential is renewed.
    pub credential: Url,
}

/// Why a discovery document was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// It names another issuer than the one that was asked.
    #[error("the provider calls itself by another name than its link does")]
    OtherIssuer,
    /// An endpoint is not the issuer's own.
    #[error("the provider's {0} is not its own: {1}")]
    Endpoint(&'static str, IssuerError),
    /// It does not speak ES256.
    #[error("the provider does not use ES256")]
    Algorithm,
}

impl Discovery {
    /// Checks the document against the issuer it was fetched for.
    ///
    /// # Errors
    /// [`DiscoveryError`] if it names another issuer, or an endpoint of another origin.
    pub fn endpoints(&self, issuer: &Issuer) -> Result<Endpoints, DiscoveryError> {
        if self.issuer != *issuer {
            return Err(DiscoveryError::OtherIssuer);
        }
        if !self.signing_alg_values_supported.iter().any(|alg| alg == "ES256") {
            return Err(DiscoveryError::Algorithm);
        }
        let own = |name, url: &str| issuer.own_endpoint(url).map_err(|why| DiscoveryError::Endpoint(name, why));
        Ok(Endpoints {
            registration: own("registration_endpoint", &self.registration_endpoint)?,
            revocation: own("revocation_endpoint", &self.revocation_endpoint)?,
            device_jwks: own("device_jwks_uri", &self.device_jwks_uri)?,
            manifest: own("manifest_uri", &self.manifest_uri)?,
            challenge: own("challenge_endpoint", &self.challenge_endpoint)?,
            stream: own("stream_endpoint", &self.stream_endpoint)?,
            credential: own("credential_endpoint", &self.credential_endpoint)?,
        })
    }
}
