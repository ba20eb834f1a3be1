//! The certificate of an attestation's signing key.

use countersign_jose::key::PublicKey;
use countersign_protocol::webauthn::{Aaguid, SignedStatement};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use webpki::{EndEntityCert, ring};
use x509_cert::certificate::Version;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::{ObjectIdentifier, OctetStringRef};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};
use x509_cert::name::Name;

use super::AttestationError;

const EC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
/// id-fido-gen-ce-aaguid.
const FIDO_AAGUID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.45724.1.1.4");

/// A certificate that was read. Who issued it is asked last, by [`super::AttestationRoots`].
pub(super) struct Certificate<'a> {
    der: CertificateDer<'a>,
    parsed: x509_cert::Certificate,
}

impl<'a> Certificate<'a> {
    /// The first of a statement's certificates.
    pub(super) fn first(certificates: &'a [Vec<u8>]) -> Result<Self, AttestationError> {
        let der = certificates.first().ok_or(AttestationError::Certificate)?;
        let parsed = x509_cert::Certificate::from_der(der).map_err(|_| AttestationError::Certificate)?;
        Ok(Self { der: CertificateDer::from(der.as_slice()), parsed })
    }

    /// Verifies the statement's signature over these bytes by the certificate's key. `false` for an algorithm that is not verified here:
    /// then nothing is known.
    pub(super) fn has_signed(&self, statement: &SignedStatement, bytes: &[u8]) -> Result<bool, AttestationError> {
        let Some(algorithm) = algorithm(statement.algorithm) else { return Ok(false) };
        let certificate = EndEntityCert::try_from(&self.der).map_err(|_| AttestationError::Certificate)?;
        let verified = certificate.verify_signature(algorithm, bytes, &statement.signature);
        verified.map(|()| true).map_err(|_| AttestationError::Signature)
    }

    /// The key, if it is on P-256.
    pub(super) fn key(&self) -> Option<PublicKey> {
        let info = &self.parsed.tbs_certificate.subject_public_key_info;
        let curve = info.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok()?;
        let is_p256 = info.algorithm.oid == EC_KEY && curve == P256;
        PublicKey::from_sec1(info.subject_public_key.as_bytes()?).ok().filter(|_| is_p256)
    }

    /// The subject.
    pub(super) fn subject(&self) -> &Name {
        &self.parsed.tbs_certificate.subject
    }

    /// What §8.2.1 and §8.3.1 have in common: version 3, the basic constraints say that it is no authority, and the model, where the
    /// certificate names one, is the authenticator's.
    pub(super) fn check_attests(&self, model: Option<Aaguid>) -> Result<(), AttestationError> {
        let constraints = self.extension(BASIC_CONSTRAINTS)?.ok_or(AttestationError::Certificate)?;
        let constraints = BasicConstraints::from_der(constraints.extn_value.as_bytes());
        if self.parsed.tbs_certificate.version != Version::V3 || !constraints.is_ok_and(|found| !found.ca) {
            return Err(AttestationError::Certificate);
        }
        let Some(named) = self.extension(FIDO_AAGUID)? else { return Ok(()) };
        let bytes = OctetStringRef::from_der(named.extn_value.as_bytes()).map_err(|_| AttestationError::Certificate)?;
        let own = model.map_or([0; 16], |model| *model.as_bytes());
        match named.critical {
            true => Err(AttestationError::Certificate),
            false if bytes.as_bytes() == own => Ok(()),
            false => Err(AttestationError::OtherModel),
        }
    }

    /// The alternative names, where there are any.
    pub(super) fn alternative_names(&self) -> Result<Option<SubjectAltName>, AttestationError> {
        let Some(found) = self.extension(SUBJECT_ALT_NAME)? else { return Ok(None) };
        SubjectAltName::from_der(found.extn_value.as_bytes()).map(Some).map_err(|_| AttestationError::Certificate)
    }

    /// Whether its key may be used for this purpose, by name.
    pub(super) fn has_purpose(&self, purpose: ObjectIdentifier) -> Result<bool, AttestationError> {
        let Some(found) = self.extension(EXTENDED_KEY_USAGE)? else { return Ok(false) };
        let usage = ExtendedKeyUsage::from_der(found.extn_value.as_bytes());
        Ok(usage.map_err(|_| AttestationError::Certificate)?.0.contains(&purpose))
    }

    /// The extension of this id, if it is there; twice is an error (RFC 5280 §4.2).
    pub(super) fn extension(&self, id: ObjectIdentifier) -> Result<Option<&Extension>, AttestationError> {
        let all = self.parsed.tbs_certificate.extensions.iter().flatten();
        let mut found = all.filter(|extension| extension.extn_id == id);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(AttestationError::Certificate),
            (first, None) => Ok(first),
        }
    }
}

/// The values of a name's attributes of this type, as text.
pub(super) fn attributes(name: &Name, id: ObjectIdentifier) -> impl Iterator<Item = String> {
    let all = name.0.iter().flat_map(|rdn| rdn.0.iter());
    all.filter(move |attribute| attribute.oid == id)
        .filter_map(|attribute| std::str::from_utf8(attribute.value.value()).ok().map(str::to_owned))
}

/// COSE's signature algorithms (RFC 9053 §2, RFC 8812 §2) that ring verifies.
fn algorithm(cose: i64) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    Some(match cose {
        -7 => ring::ECDSA_P256_SHA256,
        -8 => ring::ED25519,
        -35 => ring::ECDSA_P384_SHA384,
        -37 => ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        -257 => ring::RSA_PKCS1_2048_8192_SHA256,
        -258 => ring::RSA_PKCS1_2048_8192_SHA384,
        -259 => ring::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}
