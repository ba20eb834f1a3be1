//! Attestations of passkeys (WebAuthn §8): what an authenticator's maker signed about a new passkey, believed under the roots that the
//! operator lists. Five formats: none, packed, tpm, android-key, apple; any other is as none.

mod android_key;
mod apple;
mod certificate;
mod der;
mod packed;
mod roots;
#[cfg(test)]
mod tests;
mod tpm;

use countersign_jose::clock::Timestamp;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::{AttestationStatement, CreatedPasskey};

pub use roots::{AttestationRoots, AttestationRootsError};

/// An attestation that is false or broken. One that is only of no use (by a root that nobody listed, in an unknown format) is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AttestationError {
    /// The certificate can't be read, or is not one that makers use for attestations.
    #[error("the attestation's certificate is not one for attestations")]
    Certificate,
    /// The signature does not hold.
    #[error("the attestation's signature does not match")]
    Signature,
    /// The statement is about another key.
    #[error("the attestation is of another key")]
    OtherKey,
    /// The statement was made for another registration.
    #[error("the attestation was made for another registration")]
    OtherRegistration,
    /// The certificate is of another model than the authenticator says it is.
    #[error("the attestation is of another model of authenticator")]
    OtherModel,
    /// The statement says that the key was not made in the authenticator for signing, or that others may use it.
    #[error("the attestation is not of a key that was made to sign here alone")]
    KeyUse,
    /// A structure within the statement can't be read.
    #[error("the attestation can't be read")]
    Malformed,
}

/// What a sound statement says, before anybody asked who signed it.
struct Attested<'a> {
    /// What keeps the key.
    protection: KeyProtection,
    /// The certificates that lead to a root, the signing one first.
    certificates: &'a [Vec<u8>],
}

/// What keeps a new passkey's key, if its attestation holds under one of the roots; `None` if there is none that can be relied on.
///
/// # Errors
/// [`AttestationError`]: it is false or broken.
pub(crate) fn verify(
    passkey: &CreatedPasskey,
    roots: &AttestationRoots,
    now: Timestamp,
) -> Result<Option<KeyProtection>, AttestationError> {
    let attested = match &passkey.attestation.statement {
        AttestationStatement::Packed(statement) => packed::verify(statement, passkey)?,
        AttestationStatement::Tpm { signed, cert_info, pub_area } => tpm::verify(signed, cert_info, pub_area, passkey)?,
        AttestationStatement::AndroidKey(statement) => android_key::verify(statement, passkey)?,
        AttestationStatement::Apple { certificates } => apple::verify(certificates, passkey)?,
        _ => None,
    };
    Ok(attested.filter(|attested| roots.issued(attested.certificates, now)).map(|attested| attested.protection))
}
