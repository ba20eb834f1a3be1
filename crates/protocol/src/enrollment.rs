//! The enrollment statement: the gateway's signed statement that two keys belong to a user's device, each chained to the
//! previous one.

use countersign_jose::hash::Hash;
use countersign_jose::key::PublicKey;
use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, MessageId, Subject};
use crate::issuer::Issuer;
use crate::jws::{Claims, Compact, JwsError, VerifyingKey};
use crate::limits;
use crate::manifest::TrustedKeys;
use crate::registration::{DeviceClass, KeyProtection};
use crate::webauthn::StatedPasskey;

/// The claims of an enrollment statement (`device-enrollment+jwt`). It carries both keys in full, because
/// evidence has them nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollmentStatement {
    /// The issuer.
    pub iss: Issuer,
    /// The user.
    pub sub: Subject,
    /// The statement's id.
    pub jti: MessageId,
    /// Issued at, in seconds since the epoch.
    pub iat: u64,
    /// The device.
    pub device_id: DeviceId,
    /// The name that the person gave it.
    pub device_name: String,
    /// The user's name, for the line that says for whom a request is. A gateway always writes it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject_label: Option<String>,
    /// Signs DPoP proofs, denials and disputes.
    pub transport_key: PublicKey,
    /// Signs approvals.
    pub approval_key: PublicKey,
    /// How it signs.
    #[serde(default)]
    pub approval_key_type: ApprovalKeyType,
    /// What is known of the approval key if it is a passkey; only then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub webauthn: Option<StatedPasskey>,
    /// Whether several people use the device.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub shared: bool,
    /// The origin of the page that is the device, if it is one. Never a judgement.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code_origin: Option<String>,
    /// The issuers whose requests this gateway says that it passes on: 1 to 16. Its own word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_behalf_of: Option<Vec<Issuer>>,
    /// Whether a person or a program answers.
    pub device_class: DeviceClass,
    /// How the approval key is protected.
    pub key_protection: StatedProtection,
    /// How the binding was confirmed.
    pub confirmed_by: ConfirmedBy,
    /// 1 for the first statement of a device, one more for each after it.
    pub sequence: u64,
    /// Hash of the previous statement; absent from the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prev: Option<Hash>,
    /// The members without which the rest would be misunderstood: those about a passkey, where there is one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub must_understand: Vec<String>,
}

/// How an approval key signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApprovalKeyType {
    /// A P-256 key of the device's own.
    #[default]
    P256,
    /// A passkey.
    Webauthn,
    /// Any other: a message with it is refused.
    #[serde(other)]
    Unknown,
}

impl ApprovalKeyType {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::Webauthn => "webauthn",
            Self::Unknown => "unknown",
        }
    }

    /// Whether this is the type of a message that names none.
    pub const fn is_default(&self) -> bool {
        matches!(self, Self::P256)
    }
}

/// The protection of the approval key: as the device claims it, and as an attestation proved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatedProtection {
    /// As the device claims it.
    pub claimed: KeyProtection,
    /// As an attestation proved it, if there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verified: Option<KeyProtection>,
}

/// How a binding of keys was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConfirmedBy {
    /// The person typed the code that the device showed.
    Code,
    /// The previous approval key signed for the new keys.
    Rotation,
    /// Another device of the user admitted it.
    Device,
    /// A passkey that was known signed for the new transport key.
    Passkey,
    /// Not confirmed: demo and tests. Anything unknown is treated as this.
    #[serde(other)]
    None,
}

impl Claims for EnrollmentStatement {
    const TYP: &'static str = "device-enrollment+jwt";
    const MEMBERS: &'static [&'static str] = &[
        "iss",
        "sub",
        "jti",
        "iat",
        "device_id",
        "device_name",
        "subject_label",
        "transport_key",
        "approval_key",
        "approval_key_type",
        "webauthn",
        "shared",
        "code_origin",
        "on_behalf_of",
        "device_class",
        "key_protection",
        "confirmed_by",
        "sequence",
        "prev",
        "must_understand",
    ];
}

/// A device's chain of statements after verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEnrollment {
    statements: Vec<(EnrollmentStatement, Hash)>,
}

/// Why statements were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollmentError {
    /// No statement.
    #[error("there is no enrollment statement")]
    Empty,
    /// Signature, form or kind.
    #[error("an enrollment statement can't be verified: {0}")]
    Jws(#[from] JwsError),
    /// An approval key of a type that this version does not know, or that contradicts what is said of a passkey.
    #[error("an enrollment statement has an approval key of a type that this version does not know")]
    KeyType,
    /// More issuers in `on_behalf_of` than 16, or none.
    #[error("an enrollment statement names no issuer, or too many, in on_behalf_of")]
    OnBehalfOf,
    /// Another issuer, user or device, or it does not follow from the previous one.
    #[error("the enrollment statements do not belong together")]
    Broken,
}

impl EnrollmentStatement {
    /// What a statement about a passkey says that a reader must understand.
    pub const PASSKEY_MEMBERS: [&'static str; 2] = ["approval_key_type", "webauthn"];

    /// The approval key, and the one way in which it signs.
    pub const fn approval_verifying_key(&self) -> VerifyingKey<'_> {
        match &self.webauthn {
            None => VerifyingKey::P256(&self.approval_key),
            Some(stated) => VerifyingKey::Passkey(&self.approval_key, stated),
        }
    }

    /// Whether type and description of the approval key agree, and this version knows the type.
    fn knows_key_type(&self) -> bool {
        match self.approval_key_type {
            ApprovalKeyType::P256 => self.webauthn.is_none(),
            ApprovalKeyType::Webauthn => self.webauthn.is_some(),
            ApprovalKeyType::Unknown => false,
        }
    }

    /// Whether the gateway says that it passes on requests of this issuer.
    pub fn passes_on(&self, issuer: &Issuer) -> bool {
        self.on_behalf_of.iter().flatten().any(|named| named == issuer)
    }
}

impl VerifiedEnrollment {
    /// Verifies a device's statements, oldest first.
    ///
    /// # Errors
    /// [`EnrollmentError`].
    pub fn verify(statements: &[Compact<EnrollmentStatement>], keys: &TrustedKeys) -> Result<Self, EnrollmentError> {
        let mut chain: Vec<(EnrollmentStatement, Hash)> = Vec::with_capacity(statements.len());
        for compact in statements {
            let opened = keys.verify(compact, |claims| claims.iat)?;
            let claims = opened.claims;
            let follows = match chain.last() {
                None => claims.sequence == 1 && claims.prev.is_none(),
                Some((before, hash)) => {
                    before.sequence.checked_add(1) == Some(claims.sequence)
                        && claims.prev == Some(*hash)
                        && claims.iat >= before.iat
                        && claims.device_id == before.device_id
                        && claims.sub == before.sub
                }
            };
            if !claims.knows_key_type() {
                return Err(EnrollmentError::KeyType);
            }
            if claims.on_behalf_of.as_ref().is_some_and(|all| all.is_empty() || all.len() > limits::ON_BEHALF_OF) {
                return Err(EnrollmentError::OnBehalfOf);
            }
            if !follows || claims.iss != *keys.issuer() || claims.transport_key == claims.approval_key {
                return Err(EnrollmentError::Broken);
            }
            chain.push((claims, opened.hash));
        }
        if chain.is_empty() { Err(EnrollmentError::Empty) } else { Ok(Self { statements: chain }) }
    }

    /// The statement in force, and its hash.
    pub fn current(&self) -> (&EnrollmentStatement, &Hash) {
        let (statement, hash) = self.statements.last().expect("verify() refuses an empty chain");
        (statement, hash)
    }

    /// The first statement's hash: `prev` of the first entry of the device's history.
    pub fn first_hash(&self) -> &Hash {
        &self.statements.first().expect("verify() refuses an empty chain").1
    }

    /// The statements that were in force at this time, in seconds since the epoch, or later; newest first, at least one.
    pub fn in_force_since(&self, at: u64) -> impl Iterator<Item = &EnrollmentStatement> {
        let replaced_before = self.statements.windows(2).take_while(|pair| pair[1].0.iat < at).count();
        self.statements[replaced_before..].iter().rev().map(|(statement, _)| statement)
    }

    /// The statement of this hash.
    pub fn by_hash(&self, hash: &Hash) -> Option<&EnrollmentStatement> {
        self.statements.iter().find(|(_, own)| own == hash).map(|(statement, _)| statement)
    }
}
