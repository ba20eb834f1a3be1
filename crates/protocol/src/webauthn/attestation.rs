//! The creation of a passkey (WebAuthn §7.1): client data and attestation object.
//!
//! Nobody but a manufacturer's attestation signs what a creation says: without a verified one it is the page's word.

use ciborium::Value;
use countersign_jose::hash::Hash;
use countersign_jose::key::PublicKey;
use serde::{Deserialize, Serialize};

use super::attestation_statement::AttestationStatement;
use super::authenticator_data::{AttestedCredential, AuthenticatorData};
use super::cbor;
use super::client_data::{Ceremony, ClientData};
use super::{RelyingParty, WebAuthnError, bytes};

/// A passkey's creation, as the page sends it. Nothing is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreationProof {
    /// Client data, as the browser made it.
    #[serde(with = "bytes")]
    pub client_data_json: Vec<u8>,
    /// The attestation object (WebAuthn §6.5.4).
    #[serde(with = "bytes")]
    pub attestation_object: Vec<u8>,
}

/// An attestation object that was read: what the authenticator says of a new passkey. No attestation is verified.
#[derive(Debug, Clone, PartialEq)]
pub struct AttestationObject {
    format: String,
    statement: AttestationStatement,
    authenticator_data: AuthenticatorData,
    raw_authenticator_data: Vec<u8>,
}

/// What the authenticator's maker says of a new passkey, and what that is about. Nothing is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The statement.
    pub statement: AttestationStatement,
    /// The authenticator data, as made.
    pub authenticator_data: Vec<u8>,
    /// SHA-256 of the client data.
    pub client_data_hash: Hash,
}

impl Attestation {
    /// What the statement's signature covers, in one way or another: authenticator data ‖ SHA-256(client data).
    pub fn signed(&self) -> Vec<u8> {
        [self.authenticator_data.as_slice(), self.client_data_hash.as_bytes()].concat()
    }
}

/// A new passkey whose creation was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedPasskey {
    /// The credential: its id, key and model.
    pub credential: AttestedCredential,
    /// Whether several devices may keep it (BE).
    pub backup_eligible: bool,
    /// Whether it is backed up (BS).
    pub backup_state: bool,
    /// How often the key signed, as its authenticator counts.
    pub sign_count: u32,
    /// Who says so.
    pub attestation: Box<Attestation>,
}

impl AttestationObject {
    /// Reads an attestation object: a CBOR map with exactly `fmt`, `attStmt` and `authData`; under `none` the statement is empty, and
    /// under a format that this version knows it has that format's members.
    ///
    /// # Errors
    /// [`WebAuthnError`]
    pub fn parse(bytes: &[u8]) -> Result<Self, WebAuthnError> {
        let broken = || WebAuthnError::AttestationObject;
        let members = cbor::read_map(bytes).map_err(|_| broken())?;
        let format = cbor::member(&members, "fmt").and_then(Value::as_text).ok_or_else(broken)?;
        let statement = cbor::member(&members, "attStmt").and_then(Value::as_map).ok_or_else(broken)?;
        let data = cbor::member(&members, "authData").and_then(Value::as_bytes).ok_or_else(broken)?;
        if members.len() != 3 {
            return Err(broken());
        }
        Ok(Self {
            format: format.to_owned(),
            statement: AttestationStatement::read(format, statement)?,
            authenticator_data: AuthenticatorData::parse(data)?,
            raw_authenticator_data: data.clone(),
        })
    }

    /// The attestation statement's format: `none`, `packed`, …
    pub fn format(&self) -> &str {
        &self.format
    }

    /// What its maker says.
    pub const fn statement(&self) -> &AttestationStatement {
        &self.statement
    }

    /// What the authenticator says.
    pub const fn authenticator_data(&self) -> &AuthenticatorData {
        &self.authenticator_data
    }
}

impl CreationProof {
    /// Checks that a passkey of this key was made for this challenge, on this party's page, with the person present and verified.
    ///
    /// # Errors
    /// [`WebAuthnError`] with the first thing that does not hold.
    pub fn verify(
        &self,
        challenge: &Hash,
        party: &RelyingParty,
        key: &PublicKey,
    ) -> Result<CreatedPasskey, WebAuthnError> {
        ClientData::parse(&self.client_data_json)?.check(Ceremony::Create, challenge, &party.origin)?;
        let object = AttestationObject::parse(&self.attestation_object)?;
        let data = object.authenticator_data();
        let credential = data.check_creation(party)?;
        if credential.key != *key {
            return Err(WebAuthnError::OtherKey);
        }
        Ok(CreatedPasskey {
            credential: credential.clone(),
            backup_eligible: data.backup_eligible(),
            backup_state: data.backup_state(),
            sign_count: data.sign_count(),
            attestation: Box::new(Attestation {
                client_data_hash: Hash::of(&self.client_data_json),
                statement: object.statement,
                authenticator_data: object.raw_authenticator_data,
            }),
        })
    }
}
