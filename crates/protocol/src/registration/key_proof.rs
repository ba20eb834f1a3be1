//! The approval key's proof in a registration: what a P-256 key signs, and the creation of a passkey.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::key::{PublicKey, Thumbprint};
use serde::{Deserialize, Serialize};

use super::{KeyProtection, RegistrationRequest, RegistrationToken};
use crate::enrollment::ApprovalKeyType;
use crate::id::Subject;
use crate::jws::{Claims, Compact, JwsError, Unsigned};
use crate::webauthn::{self, CreatedPasskey, CreationProof, PasskeyProof, RelyingParty, WebAuthnError};

/// The proof of an approval key in a registration, by its JSON form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeyProof {
    /// A P-256 key signed a statement.
    Signed(Compact<ApprovalProof>),
    /// A passkey was made for this registration.
    Created(CreationProof),
    /// A known passkey signed for this registration.
    Known(PasskeyProof),
}

/// An approval key whose proof was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvenKey {
    /// A P-256 key of the device's own.
    P256(PublicKey),
    /// A passkey that was made for this registration. Under attestation `none` nobody signed what is said of it.
    Passkey(CreatedPasskey),
}

impl ProvenKey {
    /// The public key.
    pub const fn public_key(&self) -> &PublicKey {
        match self {
            Self::P256(key) => key,
            Self::Passkey(passkey) => &passkey.credential.key,
        }
    }

    /// How it signs.
    pub const fn key_type(&self) -> ApprovalKeyType {
        match self {
            Self::P256(_) => ApprovalKeyType::P256,
            Self::Passkey(_) => ApprovalKeyType::Webauthn,
        }
    }
}

/// The claims of the approval key's proof of possession (`device-registration+jwt`): binds it to the token, the transport key and
/// the protection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalProof {
    /// The registration endpoint.
    pub aud: String,
    /// The user.
    pub sub: Subject,
    /// Issued at, in seconds since the epoch.
    pub iat: u64,
    /// Hash of the registration token.
    pub token_hash: Hash,
    /// Thumbprint of the transport key.
    pub transport_jkt: Thumbprint,
    /// The protection of the approval key.
    pub key_protection: KeyProtection,
}

impl Claims for ApprovalProof {
    const TYP: &'static str = "device-registration+jwt";
    const MEMBERS: &'static [&'static str] = &["aud", "sub", "iat", "token_hash", "transport_jkt", "key_protection"];
}

/// Why the proof in a registration request was refused.
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
    /// The approval key is missing, or its proof is not of the form that its type asks for.
    #[error("approval_key, approval_key_type and the form of approval_proof do not belong together")]
    Form,
    /// The passkey's creation does not hold.
    #[error(transparent)]
    WebAuthn(#[from] WebAuthnError),
}

impl RegistrationRequest {
    /// The approval key's proof of possession for a token, for that key to sign.
    pub fn unsigned_proof(
        token: &Compact<RegistrationToken>,
        claims: &RegistrationToken,
        transport: &PublicKey,
        approval: &PublicKey,
        key_protection: KeyProtection,
        now: Timestamp,
    ) -> Unsigned<ApprovalProof> {
        let proof = ApprovalProof {
            aud: claims.aud.clone(),
            sub: claims.sub.clone(),
            iat: now.seconds(),
            token_hash: token.hash(),
            transport_jkt: *transport.thumbprint(),
            key_protection,
        };
        Unsigned::new(&proof, approval)
    }

    /// Checks that the approval key was proven for this request. `party`: where passkeys are made.
    ///
    /// # Errors
    /// [`ProofError`]; [`ProofError::Form`] for a passkey without `party`, and for one that is known already.
    pub fn verify_proof(
        &self,
        token: &RegistrationToken,
        party: Option<&RelyingParty>,
    ) -> Result<ProvenKey, ProofError> {
        let key = self.approval_key.as_ref().ok_or(ProofError::Form)?;
        if self.public_key == *key {
            return Err(ProofError::SameKey);
        }
        match (self.approval_key_type, &self.approval_proof, party) {
            (ApprovalKeyType::P256, KeyProof::Signed(proof), _) => {
                self.verify_signed(proof, key, token)?;
                Ok(ProvenKey::P256(key.clone()))
            }
            (ApprovalKeyType::Webauthn, KeyProof::Created(proof), Some(party)) => {
                let token = self.registration_token.hash();
                let challenge = webauthn::registration_challenge(&token, self.public_key.thumbprint());
                Ok(ProvenKey::Passkey(proof.verify(&challenge, party, key)?))
            }
            _ => Err(ProofError::Form),
        }
    }

    fn verify_signed(
        &self,
        proof: &Compact<ApprovalProof>,
        key: &PublicKey,
        token: &RegistrationToken,
    ) -> Result<(), ProofError> {
        let proof = proof.verify(|kid| (kid == key.thumbprint()).then_some(key))?.claims;
        let same = proof.aud == token.aud
            && proof.sub == token.sub
            && proof.token_hash == self.registration_token.hash()
            && proof.transport_jkt == *self.public_key.thumbprint()
            && proof.key_protection == self.device.key_protection;
        if same { Ok(()) } else { Err(ProofError::Mismatch) }
    }
}
