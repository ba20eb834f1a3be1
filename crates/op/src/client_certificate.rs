//! Client certificates (RFC 8705): subject, public key, thumbprint, and the path to an authority that the operator
//! trusts. Proof of possession of the private key is the TLS handshake's.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::jwt::VerificationKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::name::RdnSequence;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::config::CertificateSubject;
use crate::http::PeerCertificate;

const EC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const RSA_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Trust anchors for client certificates (`client_ca` in `[tls]`).
#[derive(Clone)]
pub(crate) struct TrustAnchors {
    anchors: Vec<TrustAnchor<'static>>,
}

/// Why a file can't be used as a list of authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TrustAnchorsError {
    /// The file has no PEM certificate.
    #[error("it holds no certificate in PEM (\"-----BEGIN CERTIFICATE-----\")")]
    Empty,
    /// A certificate can't be parsed.
    #[error("a certificate in it is damaged")]
    Damaged,
}

impl TrustAnchors {
    /// Reads a file of certificates in PEM.
    ///
    /// # Errors
    /// [`TrustAnchorsError`].
    pub(crate) fn read(pem: &[u8]) -> Result<TrustAnchors, TrustAnchorsError> {
        let mut anchors = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| TrustAnchorsError::Damaged)?;
            let anchor = webpki::anchor_from_trusted_cert(&certificate).map_err(|_| TrustAnchorsError::Damaged)?;
            anchors.push(anchor.to_owned());
        }
        if anchors.is_empty() { Err(TrustAnchorsError::Empty) } else { Ok(TrustAnchors { anchors }) }
    }

    /// Whether the certificate is valid now, for client authentication, and issued by one of these authorities. No
    /// intermediate certificates are taken from the connection, so the file must list the issuing authorities
    /// themselves.
    pub(crate) fn issued(&self, certificate: &PeerCertificate, now: Timestamp) -> bool {
        let der = CertificateDer::from(certificate.0.as_slice());
        let Ok(certificate) = EndEntityCert::try_from(&der) else { return false };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now.seconds()));
        let path = certificate.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &self.anchors,
            &[],
            now,
            KeyUsage::client_auth(),
            None,
            None,
        );
        path.is_ok()
    }
}

/// Whether the certificate has this subject (RFC 8705 §2.1). Exact comparison: no wildcards, case-sensitive.
pub(crate) fn has_subject(certificate: &PeerCertificate, subject: &CertificateSubject) -> bool {
    let der = CertificateDer::from(certificate.0.as_slice());
    match subject {
        CertificateSubject::Dn(wanted) => parsed(certificate).is_some_and(|found| {
            canonical_dn(wanted).is_some_and(|wanted| wanted == found.tbs_certificate.subject.to_string())
        }),
        CertificateSubject::Dns(wanted) => {
            EndEntityCert::try_from(&der).is_ok_and(|found| found.valid_dns_names().any(|name| name == wanted))
        }
        CertificateSubject::Uri(wanted) => {
            EndEntityCert::try_from(&der).is_ok_and(|found| found.valid_uri_names().any(|name| name == wanted))
        }
    }
}

/// Canonical string of a distinguished name, for comparison; `None` if the string is not one (RFC 4514).
pub(crate) fn canonical_dn(name: &str) -> Option<String> {
    let parsed = without_separator_spaces(name).parse::<RdnSequence>().ok()?;
    (!parsed.is_empty()).then(|| parsed.to_string())
}

/// Removes spaces after unescaped commas: common between RDNs, though RFC 4514 has none. Spaces within a value stay,
/// also after an escaped comma.
fn without_separator_spaces(name: &str) -> String {
    let (mut plain, mut escaped, mut after_comma) = (String::new(), false, false);
    for letter in name.trim().chars() {
        if after_comma && letter == ' ' {
            continue;
        }
        after_comma = letter == ',' && !escaped;
        escaped = letter == '\\' && !escaped;
        plain.push(letter);
    }
    plain
}

/// Whether a handshake's signature is verified by this certificate's key: an RSA key has the size and exponent of those that clients
/// register, so that nobody makes a handshake cost many times what it costs them. Keys of elliptic curves cost alike.
pub(crate) fn is_key_acceptable(certificate: &CertificateDer<'_>) -> bool {
    let Ok(certificate) = x509_cert::Certificate::from_der(certificate) else { return false };
    let info = &certificate.tbs_certificate.subject_public_key_info;
    info.algorithm.oid != RSA_KEY || key_of(info).is_some()
}

/// The certificate's public key; `None` for other kinds than P-256 and RSA, and for RSA keys that no client may register.
pub(crate) fn public_key(certificate: &PeerCertificate) -> Option<VerificationKey> {
    key_of(&parsed(certificate)?.tbs_certificate.subject_public_key_info)
}

/// Thumbprint for `x5t#S256`: SHA-256 of the DER (RFC 8705 §3.1).
pub(crate) fn thumbprint(certificate: &PeerCertificate) -> Hash {
    Hash::of(&certificate.0)
}

fn parsed(certificate: &PeerCertificate) -> Option<x509_cert::Certificate> {
    x509_cert::Certificate::from_der(&certificate.0).ok()
}

fn key_of(info: &SubjectPublicKeyInfoOwned) -> Option<VerificationKey> {
    let bits = info.subject_public_key.as_bytes()?;
    let algorithm = &info.algorithm;
    if algorithm.oid == EC_KEY {
        let curve = algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok()?;
        let uncompressed = bits.len() == 65 && bits[0] == 4;
        return (curve == P256 && uncompressed).then(|| VerificationKey::P256(bits.to_vec()));
    }
    if algorithm.oid == RSA_KEY {
        let mut reader = SliceReader::new(bits).ok()?;
        // RFC 8017 §A.1.1.
        let (n, e) =
            reader.sequence(|members| Ok((members.decode::<UintRef<'_>>()?, members.decode::<UintRef<'_>>()?))).ok()?;
        return VerificationKey::rsa(n.as_bytes().to_vec(), e.as_bytes().to_vec()).ok();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distinguished_name_has_one_canonical_form_however_it_was_written() {
        let name = canonical_dn("CN=till-14,O=Acme Coffee,C=DE").expect("a name");
        for same in ["cn=till-14, o=Acme Coffee, c=DE", "2.5.4.3=till-14,O=Acme Coffee,C=DE"] {
            assert_eq!(canonical_dn(same).as_ref(), Some(&name), "{same}");
        }
        for other in ["CN=till-14,C=DE,O=Acme Coffee", "CN=Till-14,O=Acme Coffee,C=DE", "CN=till-14"] {
            assert_ne!(canonical_dn(other).as_ref(), Some(&name), "{other}");
        }
        let comma = canonical_dn("CN=till,  O=Acme\\, Inc.");
        assert_eq!(comma.as_deref(), Some("CN=till,O=Acme\\, Inc."), "the space in a value stays");
        for none in ["", "till-14", "CN"] {
            assert_eq!(canonical_dn(none), None, "{none}");
        }
    }
}
