//! Assertions: what a passkey signs, as the third part of a JWS and by itself.

use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::key::{DER_SIGNATURE_BYTES, PublicKey, signature_from_der};
use serde::{Deserialize, Serialize};

use super::authenticator_data::AuthenticatorData;
use super::client_data::{Ceremony, ClientData};
use super::{AttestationResult, RelyingParty, StatedPasskey, WebAuthnError, bytes};
use crate::limits;

/// What a passkey signed: the authenticator's data, the browser's, and the signature over both. Nothing is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assertion {
    /// Authenticator data, as signed.
    #[serde(with = "bytes")]
    pub authenticator_data: Vec<u8>,
    /// Client data, as signed.
    #[serde(with = "bytes")]
    pub client_data_json: Vec<u8>,
    /// The DER signature.
    #[serde(with = "bytes")]
    pub signature: Vec<u8>,
}

/// The proof of a known passkey in a registration: an assertion, and which passkey made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyProof {
    /// The credential's id.
    #[serde(with = "bytes")]
    pub credential_id: Vec<u8>,
    /// What it signed.
    #[serde(flatten)]
    pub assertion: Assertion,
}

impl PasskeyProof {
    /// Verifies that the passkey with this key signed this challenge on a page of this party. For the page itself, which has no
    /// statement about the passkey yet.
    ///
    /// # Errors
    /// [`WebAuthnError`] with the first thing that does not hold.
    pub fn verify(&self, challenge: &Hash, key: &PublicKey, party: &RelyingParty) -> Result<(), WebAuthnError> {
        let data = AuthenticatorData::parse(&self.assertion.authenticator_data)?;
        let stated = StatedPasskey {
            origin: party.origin.clone(),
            rp_id: party.rp_id.clone(),
            backup_eligible: data.backup_eligible(),
            attestation: AttestationResult::None,
            aaguid: None,
        };
        self.assertion.verify(challenge, key, &stated).map(drop)
    }
}

/// What an assertion says, after verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// The page's origin, as the browser says: the statement's.
    pub origin: String,
    /// How often the key signed, as its authenticator counts; 0 if it does not count.
    pub sign_count: u32,
    /// Whether the passkey is backed up (BS).
    pub backup_state: bool,
}

impl Assertion {
    /// Reads the third part of a JWS, decoded: exactly `{"authenticator_data":"…","client_data_json":"…","signature":"…"}`.
    ///
    /// # Errors
    /// [`WebAuthnError::Form`], or [`WebAuthnError::TooLarge`] for a part over its bound.
    pub fn from_third_part(part: &[u8]) -> Result<Self, WebAuthnError> {
        let assertion = Self::split(part).ok_or(WebAuthnError::Form)?;
        assertion.check_bounds()?;
        Ok(assertion)
    }

    fn split(part: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(part).ok()?.strip_prefix(r#"{"authenticator_data":""#)?.strip_suffix(r#""}"#)?;
        let (authenticator_data, text) = text.split_once(r#"","client_data_json":""#)?;
        let (client_data_json, signature) = text.split_once(r#"","signature":""#)?;
        // A quotation mark is no base64url: nothing else can be in between.
        let decode = |text| base64url::decode(text).ok();
        Some(Self {
            authenticator_data: decode(authenticator_data)?,
            client_data_json: decode(client_data_json)?,
            signature: decode(signature)?,
        })
    }

    /// The third part of a JWS, not yet encoded.
    pub fn to_third_part(&self) -> String {
        format!(
            r#"{{"authenticator_data":"{}","client_data_json":"{}","signature":"{}"}}"#,
            base64url::encode(&self.authenticator_data),
            base64url::encode(&self.client_data_json),
            base64url::encode(&self.signature),
        )
    }

    fn check_bounds(&self) -> Result<(), WebAuthnError> {
        let fits = self.authenticator_data.len() <= limits::AUTHENTICATOR_DATA_BYTES
            && self.client_data_json.len() <= limits::CLIENT_DATA_BYTES
            && self.signature.len() <= DER_SIGNATURE_BYTES;
        if fits { Ok(()) } else { Err(WebAuthnError::TooLarge) }
    }

    /// Verifies that this passkey, as stated, signed this challenge with the person present and verified.
    ///
    /// # Errors
    /// [`WebAuthnError`] with the first thing that does not hold.
    pub fn verify(
        &self,
        challenge: &Hash,
        key: &PublicKey,
        stated: &StatedPasskey,
    ) -> Result<VerifiedAssertion, WebAuthnError> {
        self.check_bounds()?;
        let client_data = ClientData::parse(&self.client_data_json)?;
        client_data.check(Ceremony::Get, challenge, &stated.origin)?;
        let data = AuthenticatorData::parse(&self.authenticator_data)?;
        data.check(&stated.rp_id)?;
        if data.attested().is_some() {
            return Err(WebAuthnError::AttestedCredential);
        }
        if data.backup_eligible() != stated.backup_eligible {
            return Err(WebAuthnError::BackupEligibility);
        }
        let signature = signature_from_der(&self.signature).map_err(|_| WebAuthnError::SignatureForm)?;
        let client_data_hash = Hash::of(&self.client_data_json);
        let signed = [self.authenticator_data.as_slice(), client_data_hash.as_bytes()].concat();
        key.verify(&signed, &signature).map_err(|_| WebAuthnError::Signature)?;
        Ok(VerifiedAssertion {
            origin: client_data.origin().to_owned(),
            sign_count: data.sign_count(),
            backup_state: data.backup_state(),
        })
    }
}
