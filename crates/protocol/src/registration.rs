//! Registration: the token in an enrollment link, the request with which a device registers both keys, and the 201 response.

use countersign_jose::clock::Timestamp;
use countersign_jose::key::{PublicKey, Thumbprint};
use countersign_jose::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::enrollment::ApprovalKeyType;
use crate::id::{DeviceId, RegistrationTokenId, Subject};
use crate::interaction::InteractionType;
use crate::issuer::Issuer;
use crate::jws::{Claims, Compact, JwsError};
use crate::limits;
use crate::push::PushAddress;
use crate::webauthn::PasskeyProof;

mod key_proof;

pub use key_proof::{ApprovalProof, KeyProof, ProofError, ProvenKey};

/// How a new device is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// Not confirmed: demo and tests; refused in production.
    None,
    /// The device shows six digits, which the person types where the link came from. Anything unknown is treated as this.
    #[serde(other)]
    Code,
}

/// The claims of a registration token (`push-registration+jwt`), signed by a key of `device_jwks_uri`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationToken {
    /// The issuer.
    pub iss: Issuer,
    /// The user the device will belong to.
    pub sub: Subject,
    /// The user's name, which the device shows before it registers.
    pub subject_label: String,
    /// The registration endpoint, as a single string.
    pub aud: String,
    /// Issued at, in seconds since the epoch.
    pub iat: u64,
    /// Expires at, in seconds since the epoch; at most 600 s after `iat`.
    pub exp: u64,
    /// The token's id; it is accepted once.
    pub jti: RegistrationTokenId,
    /// How the device is confirmed.
    pub confirm: Confirm,
    /// Whether an automated device may register.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub allow_automated: bool,
    /// Thumbprint of the evidence root that the device pins.
    pub evidence_root: Thumbprint,
}

impl Claims for RegistrationToken {
    const TYP: &'static str = "push-registration+jwt";
    const MEMBERS: &'static [&'static str] =
        &["iss", "sub", "subject_label", "aud", "iat", "exp", "jti", "confirm", "allow_automated", "evidence_root"];
}

/// A JWK set (RFC 7517 §5) as `device_jwks_uri` returns it. Keys of other types are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeySet {
    /// The P-256 keys.
    pub keys: Vec<PublicKey>,
}

impl<'de> Deserialize<'de> for KeySet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            keys: Vec<serde_json::Value>,
        }
        let raw = Raw::deserialize(deserializer)?;
        Ok(Self { keys: raw.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect() })
    }
}

/// Why a registration token was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Signature, form or type.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// Another issuer than the link's.
    #[error("the link was made by another provider than its address says")]
    OtherIssuer,
    /// Another registration endpoint than discovery names.
    #[error("the link is meant for another registration endpoint")]
    Audience,
    /// Expired, issued in the future, or valid for longer than ten minutes.
    #[error("the link has expired")]
    Expired,
}

impl RegistrationToken {
    /// Verifies a token with the issuer's device keys, before anything of it is shown.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(
        token: &Compact<Self>,
        keys: &KeySet,
        issuer: &Issuer,
        registration_endpoint: &str,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        let claims = token.verify(|kid| keys.keys.iter().find(|key| key.thumbprint() == kid))?.claims;
        if claims.iss != *issuer {
            return Err(TokenError::OtherIssuer);
        }
        if claims.aud != registration_endpoint {
            return Err(TokenError::Audience);
        }
        let too_long = claims.exp.saturating_sub(claims.iat) > limits::REGISTRATION_TOKEN_SECONDS;
        let from_the_future = claims.iat > now.seconds() + limits::IAT_SKEW_SECONDS;
        if now.seconds() >= claims.exp || too_long || from_the_future {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

/// Whether a person or a program answers on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceClass {
    /// A person.
    Interactive,
    /// A program. Anything unknown is treated as this.
    #[serde(other)]
    Automated,
}

impl DeviceClass {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Automated => "automated",
        }
    }
}

/// The protection of the approval key, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyProtection {
    /// A TPM 2.0.
    Tpm2,
    /// Android StrongBox.
    Strongbox,
    /// Android's trusted execution environment.
    Tee,
    /// Apple's Secure Enclave.
    SecureEnclave,
    /// A passkey: what keeps it is known only by a verified attestation.
    Passkey,
    /// A file sealed under the PIN and a secret of the OS keyring.
    FileKeyring,
    /// A file sealed under the PIN alone: a copy of the file allows trying PINs.
    FilePin,
    /// A browser's storage, sealed under the PIN: as a file, for whoever can read the storage.
    BrowserPin,
    /// Memory only. Anything unknown is treated as this.
    #[serde(other)]
    Memory,
}

impl KeyProtection {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tpm2 => "tpm2",
            Self::Strongbox => "strongbox",
            Self::Tee => "tee",
            Self::SecureEnclave => "secure_enclave",
            Self::Passkey => "passkey",
            Self::FileKeyring => "file_keyring",
            Self::FilePin => "file_pin",
            Self::BrowserPin => "browser_pin",
            Self::Memory => "memory",
        }
    }
}

/// What a device says of itself when it registers, with a link or without; in the members of either request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDescription {
    /// The newest protocol version the device speaks.
    pub countersign_version: u32,
    /// The interactions that the device supports.
    pub interaction_types: Vec<InteractionType>,
    /// Whether a person or a program answers.
    pub device_class: DeviceClass,
    /// The protection of the approval key, as the device claims it.
    pub key_protection: KeyProtection,
    /// Whether several people use the device; never with a passkey.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub shared: bool,
    /// The push address, if the device has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub push_address: Option<PushAddress>,
    /// The origin of the page that is the device, if it is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code_origin: Option<String>,
    /// `linux`, `android`, …: for display.
    pub platform: String,
    /// The name that the person gave the device.
    pub device_name: String,
}

/// The body of a registration. Repeated with the same token, keys and body, it gets a new credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationRequest {
    /// The token of the link.
    pub registration_token: Compact<RegistrationToken>,
    /// The transport key; equals the `jwk` of the request's DPoP proof.
    pub public_key: PublicKey,
    /// The approval key; absent where a known passkey comes back, which its proof names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approval_key: Option<PublicKey>,
    /// How the approval key signs.
    #[serde(skip_serializing_if = "ApprovalKeyType::is_default", default)]
    pub approval_key_type: ApprovalKeyType,
    /// The approval key's proof of possession.
    pub approval_proof: KeyProof,
    /// What the device says of itself.
    #[serde(flatten)]
    pub device: DeviceDescription,
    /// An attestation of the approval key, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attestation: Option<serde_json::Value>,
}

/// The body of a registration without a link (`resume_endpoint`): a known passkey registers the page that lost its transport key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRequest {
    /// The nonce of the request's DPoP proof, for which the passkey signed. Used once.
    pub resume_nonce: String,
    /// The new transport key; equals the `jwk` of the request's DPoP proof.
    pub public_key: PublicKey,
    /// The passkey, and its signature for nonce and transport key.
    pub approval_proof: PasskeyProof,
    /// What the device says of itself.
    #[serde(flatten)]
    pub device: DeviceDescription,
}

/// Whether a device is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    /// Receives challenges.
    Confirmed,
    /// Waits for its confirmation code; receives no challenges. Anything unknown is treated as this.
    #[serde(other)]
    Unconfirmed,
}

/// The response to a registration (201).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationResponse {
    /// The device's id.
    pub device_id: DeviceId,
    /// `urn:push-reg:<device_id>`, for the push-device draft.
    pub registration_ref: String,
    /// The bearer half of the device's authentication; the other half is its transport key.
    pub device_credential: Secret,
    /// Lifetime of the credential, in seconds.
    pub expires_in: u64,
    /// Whether the device is confirmed.
    pub status: DeviceStatus,
    /// Six digits to type where the link came from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmation_code: Option<Secret>,
    /// The user.
    pub subject: Subject,
    /// The user's name.
    pub subject_label: String,
    /// Thumbprint of the evidence root, where no link named it: as trustworthy as the page's own code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence_root: Option<Thumbprint>,
    /// The approval key, where a known passkey came back: the page, which lost it, verifies its own proof with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approval_key: Option<PublicKey>,
}

/// The response of `credential_endpoint`: a new credential. The previous one is valid until the new one is first used.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialResponse {
    /// The new credential.
    pub device_credential: Secret,
    /// Lifetime of the credential, in seconds.
    pub expires_in: u64,
}
