//! The roots under which attestations are believed.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

/// The certificates of authenticators' makers under which attestations are believed. Empty: none is.
#[derive(Debug, Clone, Default)]
pub struct AttestationRoots {
    anchors: Vec<TrustAnchor<'static>>,
}

/// Why a file can't be used as a list of roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttestationRootsError {
    /// The file has no PEM certificate.
    #[error("it holds no certificate in PEM (\"-----BEGIN CERTIFICATE-----\")")]
    Empty,
    /// A certificate can't be read.
    #[error("a certificate in it is damaged")]
    Damaged,
}

impl AttestationRoots {
    /// Adds the certificates in a PEM file.
    ///
    /// # Errors
    /// [`AttestationRootsError`]
    pub fn add_pem(&mut self, pem: &[u8]) -> Result<(), AttestationRootsError> {
        let before = self.anchors.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| AttestationRootsError::Damaged)?;
            let anchor = webpki::anchor_from_trusted_cert(&certificate).map_err(|_| AttestationRootsError::Damaged)?;
            self.anchors.push(anchor.to_owned());
        }
        if self.anchors.len() > before { Ok(()) } else { Err(AttestationRootsError::Empty) }
    }

    /// Whether no root is listed.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Whether these certificates, the signing one first, lead to one of the roots and are all valid now (RFC 5280 §6).
    pub(super) fn issued(&self, certificates: &[Vec<u8>], now: Timestamp) -> bool {
        let Some((leaf, others)) = certificates.split_first() else { return false };
        let leaf = CertificateDer::from(leaf.as_slice());
        let others: Vec<_> = others.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let Ok(leaf) = EndEntityCert::try_from(&leaf) else { return false };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now.seconds()));
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        leaf.verify_for_usage(algorithms, &self.anchors, &others, now, AnyUsage, None, None).is_ok()
    }
}

/// Certificates for attestations have no key usage in common; what a format asks of its own is checked there.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}
