//! Apple's anonymous attestation (WebAuthn §8.8): a certificate of the passkey itself, made for one creation.

use countersign_jose::hash::Hash;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::CreatedPasskey;
use x509_cert::der::asn1::{ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Reader as _, SliceReader, TagMode, TagNumber};

use super::certificate::Certificate;
use super::{AttestationError, Attested};

/// The extension with the nonce: SEQUENCE `{ [1] EXPLICIT OCTET STRING }`.
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.2");

pub(super) fn verify<'a>(
    certificates: &'a [Vec<u8>],
    passkey: &CreatedPasskey,
) -> Result<Option<Attested<'a>>, AttestationError> {
    let certificate = Certificate::first(certificates)?;
    let extension = certificate.extension(NONCE)?.ok_or(AttestationError::Certificate)?;
    let nonce = nonce(extension.extn_value.as_bytes()).ok_or(AttestationError::Malformed)?;
    if nonce != Hash::of(passkey.attestation.signed()).as_bytes() {
        return Err(AttestationError::OtherRegistration);
    }
    if certificate.key().as_ref() != Some(&passkey.credential.key) {
        return Err(AttestationError::OtherKey);
    }
    Ok(Some(Attested { protection: KeyProtection::SecureEnclave, certificates }))
}

fn nonce(extension: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(extension).ok()?;
    let nonce = reader.sequence(|inner| inner.context_specific::<OctetStringRef<'_>>(TagNumber::N1, TagMode::Explicit));
    let nonce = reader.finish(nonce.ok()??).ok()?;
    Some(nonce.as_bytes())
}
