//! Discovery: a provider's device endpoints and their capabilities (push-device draft; the location by RFC 8414 §3).

use serde::{Deserialize, Serialize};
use url::Url;

use crate::enrollment::ApprovalKeyType;
use crate::interaction::InteractionType;
use crate::issuer::{Issuer, IssuerError};

/// The name of the well-known document: `/.well-known/oauth-push-notification`.
pub const WELL_KNOWN: &str = "oauth-push-notification";

/// Production or test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For real users.
    Production,
    /// For testers: limits for people are off, and devices mark the account TEST. Anything unknown is treated as this.
    #[serde(other)]
    Test,
}

/// Which passkeys a gateway takes as approval keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasskeyPolicy {
    /// Any.
    Any,
    /// Those whose attestation shows that they can't leave their device.
    DeviceBound,
    /// None. Anything unknown is treated as this.
    #[serde(other)]
    Off,
}

/// Whether a page is to ask for an attestation when it makes a passkey (WebAuthn §5.4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestationConveyance {
    /// As the authenticator makes it.
    Direct,
    /// No. Anything unknown is treated as this.
    #[serde(other)]
    None,
}

/// What a page must know before it makes a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkeys {
    /// Which are taken.
    pub policy: PasskeyPolicy,
    /// Whether to ask for an attestation.
    pub attestation: AttestationConveyance,
}

/// How a page that lost its transport key registers again by a passkey that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumePolicy {
    /// With a fresh link; without one, once within 15 minutes of the enrollment.
    Link,
    /// Without a link at any time: a synced passkey is then the only factor.
    Passkey,
    /// Not at all. Anything unknown is treated as this.
    #[serde(other)]
    Off,
}

/// Whether devices that several people use may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedPolicy {
    /// They may.
    Allowed,
    /// They may not. Anything unknown is treated as this.
    #[serde(other)]
    Refused,
}

/// The provider's support contact. Comes from discovery alone, never from a request.
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
    /// Production or test.
    pub mode: Mode,
    /// URL where a device registers.
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
    /// URL of the event stream of the same challenges.
    pub stream_endpoint: String,
    /// Where a credential is renewed.
    pub credential_endpoint: String,
    /// How challenges reach a device: `poll`, `stream`, `push`.
    pub delivery_modes_supported: Vec<String>,
    /// The delivery modes in the order in which a device falls back.
    pub fallback_order: Vec<String>,
    /// The interactions this gateway asks for.
    pub interaction_type_supported: Vec<InteractionType>,
    /// The weakest interaction that a device must support.
    pub minimum_interaction_type: InteractionType,
    /// Lifetime of a registration token, in seconds.
    pub registration_token_ttl: u64,
    /// `["ES256"]`.
    pub signing_alg_values_supported: Vec<String>,
    /// Whether a registration needs an attestation.
    pub client_attestation_required: bool,
    /// Maximum number of devices of one user.
    pub max_devices_per_user: u32,
    /// Longest wait of a long poll, in seconds.
    pub push_wait_timeout_seconds: u64,
    /// `application/problem+json`.
    pub error_response_format: String,
    /// The approval keys that may register; absent: `p256` alone.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub approval_key_types_supported: Vec<ApprovalKeyType>,
    /// Which passkeys may register.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub passkeys: Option<Passkeys>,
    /// How a known passkey registers again; absent: not at all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resume: Option<ResumePolicy>,
    /// Where a known passkey registers again without a link, if it can.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resume_endpoint: Option<String>,
    /// Whether devices that several people use may register; absent: they may not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shared: Option<SharedPolicy>,
    /// Where a device changes its push address and its name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_endpoint: Option<String>,
    /// The kinds of push address it takes: `web_push`; none: it does not push.
    #[serde(default)]
    pub push_types_supported: Vec<String>,
    /// The gateway's Web Push key (RFC 8292), if it sends pushes: `0x04 ‖ x ‖ y` as base64url.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vapid_public_key: Option<String>,
    /// Hosts that push addresses may have, exact or `*.name`; absent: any public one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub push_services: Option<Vec<String>>,
    /// The provider's support contact.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub support: Option<Support>,
}

/// The endpoints of a discovery document, checked to be at the issuer's origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// URL where a device registers.
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
    /// Where a device changes its push address and its name, if it can.
    pub device: Option<Url>,
    /// Where a known passkey registers again without a link, if it can.
    pub resume: Option<Url>,
}

/// Why a discovery document was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// It names another issuer than the one it was fetched for.
    #[error("the provider's document names another issuer than its link does: {0}")]
    OtherIssuer(Issuer),
    /// An endpoint is at another origin than the issuer.
    #[error("the provider's {0} is not its own: {1}")]
    Endpoint(&'static str, IssuerError),
    /// ES256 is not among its algorithms.
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
            return Err(DiscoveryError::OtherIssuer(self.issuer.clone()));
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
            device: self.device_endpoint.as_deref().map(|url| own("device_endpoint", url)).transpose()?,
            resume: self.resume_endpoint.as_deref().map(|url| own("resume_endpoint", url)).transpose()?,
        })
    }
}
