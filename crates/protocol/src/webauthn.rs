//! Passkeys as approval keys (WebAuthn Level 3): what a statement says of one, and how its creation and its signatures are
//! verified.

use std::fmt;
use std::str::FromStr;

use countersign_jose::hash::Hash;
use countersign_jose::json::JsonError;
use countersign_jose::key::Thumbprint;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::issuer::Issuer;

mod assertion;
mod attestation;
mod attestation_statement;
mod authenticator_data;
mod cbor;
mod client_data;

pub use assertion::{Assertion, PasskeyProof, VerifiedAssertion};
pub use attestation::{Attestation, AttestationObject, CreatedPasskey, CreationProof};
pub use attestation_statement::{AttestationStatement, SignedStatement};
pub use authenticator_data::{AttestedCredential, AuthenticatorData};
pub use client_data::{Ceremony, ClientData};

/// What an enrollment statement says of a passkey: where it may be used, and what it is known to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedPasskey {
    /// The page's origin: every signature's client data must name it, byte for byte.
    pub origin: String,
    /// The RP ID: a host name.
    pub rp_id: String,
    /// Whether the passkey may be kept by several devices, as its authenticator says (BE).
    pub backup_eligible: bool,
    /// Whether an attestation was verified.
    pub attestation: AttestationResult,
    /// The authenticator's model, as it says, unless it does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aaguid: Option<Aaguid>,
}

/// What is known of a passkey's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestationResult {
    /// A manufacturer's statement was verified under a root that the operator lists.
    Verified,
    /// Nothing: all that is said of the authenticator is the page's word. Anything unknown is treated as this.
    #[serde(other)]
    None,
}

/// Where a passkey is made and used: the page's origin, and the RP ID, which is its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The page's origin: `https://id.example`.
    pub origin: String,
    /// The page's host: `id.example`.
    pub rp_id: String,
}

impl RelyingParty {
    /// That of an issuer's own page; `None` if its host is an address, which no passkey can be made for.
    pub fn of(issuer: &Issuer) -> Option<Self> {
        issuer.has_host_name().then(|| Self { origin: issuer.origin(), rp_id: issuer.host() })
    }
}

/// The model of an authenticator (WebAuthn §6.5.1): 16 bytes, written as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Aaguid([u8; 16]);

impl Aaguid {
    /// From its bytes; `None` for zeros, by which an authenticator says nothing.
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a UUID in lower case, or all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an AAGUID")]
pub struct NotAnAaguid;

impl FromStr for Aaguid {
    type Err = NotAnAaguid;

    fn from_str(text: &str) -> Result<Self, NotAnAaguid> {
        let mut bytes = [0; 16];
        let mut digits = text.bytes().filter(|byte| *byte != b'-');
        for byte in &mut bytes {
            let mut digit = || digits.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or(NotAnAaguid);
            *byte = (digit()? << 4 | digit()?) as u8;
        }
        let found = Self::from_bytes(bytes).ok_or(NotAnAaguid)?;
        // One spelling: what is written is compared with what was read.
        if found.to_string() == text { Ok(found) } else { Err(NotAnAaguid) }
    }
}

impl Serialize for Aaguid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Aaguid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The challenge of a passkey's creation for a registration: SHA-256 of
/// `countersign-registration.<hash of the token>.<thumbprint of the transport key>`.
pub fn registration_challenge(token: &Hash, transport: &Thumbprint) -> Hash {
    Hash::of(format!("countersign-registration.{token}.{transport}"))
}

/// The challenge that a known passkey signs for a new transport key: SHA-256 of
/// `countersign-resume.<hash of the token or nonce>.<thumbprint of the transport key>`.
pub fn resume_challenge(token: &Hash, transport: &Thumbprint) -> Hash {
    Hash::of(format!("countersign-resume.{token}.{transport}"))
}

/// Why a passkey's creation or signature was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebAuthnError {
    /// The third part of a JWS is not exactly the three members in their order.
    #[error("the signature is not exactly authenticator_data, client_data_json and signature")]
    Form,
    /// A part is over its bound.
    #[error("a part of the passkey's signature is larger than it may be")]
    TooLarge,
    /// The client data is not strict JSON.
    #[error("the client data can't be read: {0}")]
    ClientData(JsonError),
    /// The client data lacks a member, or one has another type.
    #[error("the client data lacks a member that it must have")]
    ClientDataShape,
    /// Another ceremony: `webauthn.create` in place of `webauthn.get`, or the reverse.
    #[error("the client data is of another ceremony")]
    Ceremony,
    /// Another challenge: the signature is about something else.
    #[error("the passkey signed something else")]
    Challenge,
    /// A page of another origin.
    #[error("the passkey was used on another page")]
    Origin,
    /// A page in a frame of another origin.
    #[error("the passkey was used in a frame of another page")]
    CrossOrigin,
    /// The authenticator data can't be read.
    #[error("the authenticator data can't be read")]
    AuthenticatorData,
    /// Another RP ID.
    #[error("the passkey belongs to another host")]
    RpId,
    /// UP is not set.
    #[error("nobody was present when the passkey signed")]
    UserPresence,
    /// UV is not set.
    #[error("the person was not verified when the passkey signed")]
    UserVerification,
    /// AT is set in a signature, or not in a creation.
    #[error("the authenticator data has a credential where it must have none, or none where it must have one")]
    AttestedCredential,
    /// BE is another than was stated.
    #[error("the passkey says another thing about its backup than when it was made")]
    BackupEligibility,
    /// BS is set and BE is not.
    #[error("the passkey is backed up and must not be")]
    BackupState,
    /// The signature is not strict DER with r and s in 1…n−1.
    #[error("the passkey's signature is not a DER signature")]
    SignatureForm,
    /// The signature is not by this key over these bytes.
    #[error("the passkey's signature does not match")]
    Signature,
    /// The attestation object can't be read.
    #[error("the attestation object can't be read")]
    AttestationObject,
    /// The new key is another one than the registration names.
    #[error("the new passkey is another key than approval_key")]
    OtherKey,
}

impl WebAuthnError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form => "webauthn_form",
            Self::TooLarge => "webauthn_too_large",
            Self::ClientData(_) | Self::ClientDataShape => "webauthn_client_data",
            Self::Ceremony => "webauthn_type",
            Self::Challenge => "webauthn_challenge",
            Self::Origin => "webauthn_origin",
            Self::CrossOrigin => "webauthn_cross_origin",
            Self::AuthenticatorData => "webauthn_authenticator_data",
            Self::RpId => "webauthn_rp_id",
            Self::UserPresence => "webauthn_user_presence",
            Self::UserVerification => "webauthn_user_verification",
            Self::AttestedCredential => "webauthn_attested_credential",
            Self::BackupEligibility => "webauthn_backup_eligibility",
            Self::BackupState => "webauthn_backup_state",
            Self::SignatureForm => "webauthn_signature_form",
            Self::Signature => "webauthn_signature",
            Self::AttestationObject => "webauthn_attestation_object",
            Self::OtherKey => "webauthn_other_key",
        }
    }
}

/// Bytes as a JSON string of base64url.
mod bytes {
    use countersign_jose::base64url;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        base64url::decode(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
