//! Registration: the token a link carries, the request a device posts with both keys, and the gateway's 201.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::{PublicKey, SignFailed, Signer, Thumbprint};
use countersign_jose::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, RegistrationTokenId, Subject};
use crate::interaction::InteractionType;
use crate::issuer::Issuer;
use crate::jws::{Claims, Compact, JwsError};
use crate::limits;

/// How a new device is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// Not at all: demo and tests; refused in production.
    None,
    /// The device shows six digits; the person types them where the link came from.
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
    /// The user's name as the device shows it before registering.
    pub subject_label: String,
    /// The registration endpoint, as a single string.
    pub aud: String,
    /// Issued at, seconds.
    pub iat: u64,
    /// Ends at, seconds; at most 600 s after `iat`.
    pub exp: u64,
    /// Names the token; it serves once.
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
    /// Signature, form or kind.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// Another issuer than the link's.
    #[error("the link was made by another provider than its address says")]
    OtherIssuer,
    /// Another registration endpoint than discovery names.
    #[error("the link is meant for another registration endpoint")]
    Audience,
    /// Past its end, or living longer than ten minutes.
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
        let claims = token.open(|kid| keys.keys.iter().find(|key| key.thumbprint() == kid))?.claims;
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

/// Who answers on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceClass {
    /// A person.
    Interactive,
    /// A program. Anything unknown is treated so.
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

/// What keeps the approval key, strongest first.
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
    /// A file sealed under the PIN and a secret of the OS keyring.
    FileKeyring,
    /// A file sealed under the PIN alone: somebody who copies the file can try PINs.
    FilePin,
    /// Memory only. Anything unknown is treated so.
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
            Self::FileKeyring => "file_keyring",
            Self::FilePin => "file_pin",
            Self::Memory => "memory",
        }
    }
}

/// The claims of the approval key's own word in a registration (`device-registration+jwt`): that it belongs to this token, this
/// transport key and this protection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalProof {
    /// The registration endpoint.
    pub aud: String,
    /// The user.
    pub sub: Subject,
    /// Issued at, seconds.
    pub iat: u64,
    /// Hash of the registration token.
    pub token_hash: Hash,
    /// Thumbprint of the transport key.
    pub transport_jkt: Thumbprint,
    /// What keeps the approval key.
    pub key_protection: KeyProtection,
}

impl Claims for ApprovalProof {
    const TYP: &'static str = "device-registration+jwt";
    const MEMBERS: &'static [&'static str] = &["aud", "sub", "iat", "token_hash", "transport_jkt", "key_protection"];
}

/// What a device posts to register. Sent again with the same token, keys and body it gives a new credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationRequest {
    /// The newest protocol version the device speaks.
    pub countersign_version: u32,
    /// The token of the link.
    pub registration_token: Compact<RegistrationToken>,
    /// The transport key; equals the `jwk` of the request's DPoP proof.
    pub public_key: PublicKey,
    /// The approval key.
    pub approval_key: PublicKey,
    /// The approval key's own word.
    pub approval_proof: Compact<ApprovalProof>,
    /// The interactions the device can show.
    pub interaction_types: Vec<InteractionType>,
    /// Person or program.
    pub device_class: DeviceClass,
    /// What keeps the approval key, as the device claims.
    pub key_protection: KeyProtection,
    /// Where pushes go, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub push_address: Option<String>,
    /// `linux`, `android`, … : for lists that people read.
    pub platform: String,
    /// What the person calls the device.
    pub device_name: String,
    /// An attestation of the approval key, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attestation: Option<serde_json::Value>,
}

/// Why a registration request does not hold together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Signature, form or kind of the proof.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// The proof is about another token, user, endpoint, transport key or protection.
    #[error("the approval key's proof is about something else")]
    Mismatch,
    /// One key was sent for both purposes.
    #[error("transport key and approval key are the same")]
    SameKey,
}

impl RegistrationRequest {
    /// Makes the approval key's proof for a token.
    ///
    /// # Errors
    /// [`SignFailed`] if the approval key does not sign.
    pub fn prove(
        token: &Compact<RegistrationToken>,
        claims: &RegistrationToken,
        transport: &PublicKey,
        approval: &dyn Signer,
        key_protection: KeyProtection,
        now: Timestamp,
    ) -> Result<Compact<ApprovalProof>, SignFailed> {
        let proof = ApprovalProof {
            aud: claims.aud.clone(),
            sub: claims.sub.clone(),
            iat: now.seconds(),
            token_hash: token.hash(),
            transport_jkt: *transport.thumbprint(),
            key_protection,
        };
        Compact::sign(&proof, approval)
    }

    /// Checks that the approval key vouches for this very request.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify_proof(&self, token: &RegistrationToken) -> Result<(), ProofError> {
        if self.public_key == self.approval_key {
            return Err(ProofError::SameKey);
        }
        let proof = self
            .approval_proof
            .open(|kid| (kid == self.approval_key.thumbprint()).then_some(&self.approval_key))?
            .claims;
        let same = proof.aud == token.aud
            && proof.sub == token.sub
            && proof.token_hash == self.registration_token.hash()
            && proof.transport_jkt == *self.public_key.thumbprint()
            && proof.key_protection == self.key_protection;
        if same { Ok(()) } else { Err(ProofError::Mismatch) }
    }
}

/// Whether a device takes part yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    /// Asked like any other.
    Confirmed,
    /// Waits for its code to be typed; is asked nothing. Anything unknown is treated so.
    #[serde(other)]
    Unconfirmed,
}

/// The gateway's 201.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationResponse {
    /// The device's id.
    pub device_id: DeviceId,
    /// `urn:push-reg:<device_id>`, for the push-device draft.
    pub registration_ref: String,
    /// The bearer half of the device's authentication; the other half is its transport key.
    pub device_credential: Secret,
    /// Life of the credential, in seconds.
    pub expires_in: u64,
    /// Whether the device takes part yet.
    pub status: DeviceStatus,
    /// Six digits to be typed where the link came from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmation_code: Option<Secret>,
    /// The user.
    pub subject: Subject,
    /// The user's name.
    pub subject_label: String,
}

/// The gateway's answer at `credential_endpoint`: a new credential; the one before it is valid until this is first used.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialResponse {
    /// The new credential.
    pub device_credential: Secret,
    /// Its life, in seconds.
    pub expires_in: u64,
}
