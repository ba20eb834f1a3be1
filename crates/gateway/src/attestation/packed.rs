//! Packed attestation (WebAuthn §8.2): security keys, and whoever signs as they do.

use countersign_jose::key::signature_from_der;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::{CreatedPasskey, SignedStatement};
use x509_cert::der::asn1::ObjectIdentifier;

use super::certificate::{Certificate, attributes};
use super::{AttestationError, Attested};

const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
/// ES256 (RFC 9053 §2.1): the algorithm of every passkey here.
const ES256: i64 = -7;

pub(super) fn verify<'a>(
    statement: &'a SignedStatement,
    passkey: &CreatedPasskey,
) -> Result<Option<Attested<'a>>, AttestationError> {
    let signed = passkey.attestation.signed();
    if statement.certificates.is_empty() {
        // Self attestation: whoever has the key can make it, so that it says nothing about what keeps the key.
        let signature = signature_from_der(&statement.signature).map_err(|_| AttestationError::Signature)?;
        let holds = statement.algorithm == ES256 && passkey.credential.key.verify(&signed, &signature).is_ok();
        return if holds { Ok(None) } else { Err(AttestationError::Signature) };
    }
    let certificate = Certificate::first(&statement.certificates)?;
    if !certificate.has_signed(statement, &signed)? {
        return Ok(None);
    }
    check_subject(&certificate)?;
    certificate.check_attests(passkey.credential.aaguid)?;
    Ok(Some(Attested { protection: KeyProtection::Passkey, certificates: &statement.certificates }))
}

/// §8.2.1: country, maker, "Authenticator Attestation" and a name.
fn check_subject(certificate: &Certificate<'_>) -> Result<(), AttestationError> {
    let subject = certificate.subject();
    let has = |id| attributes(subject, id).any(|value| !value.is_empty());
    let is_for_attestations = attributes(subject, COUNTRY).any(|country| country.len() == 2)
        && has(ORGANIZATION)
        && attributes(subject, UNIT).any(|unit| unit == "Authenticator Attestation")
        && has(COMMON_NAME);
    if is_for_attestations { Ok(()) } else { Err(AttestationError::Certificate) }
}
