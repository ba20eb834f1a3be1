//! `[tls]`: the server's certificate and key, and the authorities of client certificates.

use std::path::{Path, PathBuf};

use super::section::Section;
use crate::client_certificate::TrustAnchors;

/// Paths of certificate and key (PEM).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate with its intermediates.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Reads the paths of certificate and key, and the certificates in the file `client_ca`.
pub(super) fn read(section: Section<'_>, folder: &Path) -> (Option<CertificateFiles>, Option<TrustAnchors>) {
    let read = (certificate(&section, folder), client_ca(&section, folder));
    section.finish();
    read
}

fn certificate(section: &Section<'_>, folder: &Path) -> Option<CertificateFiles> {
    let (cert, key) = (section.string("cert"), section.string("key"));
    match (cert, key) {
        (Some(cert), Some(key)) => {
            Some(CertificateFiles { cert: folder.join(cert.value), key: folder.join(key.value) })
        }
        (None, None) => None,
        (Some(found), None) | (None, Some(found)) => {
            section.report(&found.at, "TLS takes both `cert` and `key` (PEM files); add the other");
            None
        }
    }
}

fn client_ca(section: &Section<'_>, folder: &Path) -> Option<TrustAnchors> {
    let found = section.string("client_ca")?;
    let path = folder.join(found.value);
    let shown = path.display();
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(error) => {
            section.report(&found.at, format!("`client_ca` in [tls]: the file {shown} can't be read: {error}; check the path (relative paths begin at the configuration's folder)"));
            return None;
        }
    };
    match TrustAnchors::read(&pem) {
        Ok(authorities) => Some(authorities),
        Err(why) => {
            section.report(&found.at, format!("`client_ca` in [tls] can't be used: {why}; it is the file of the authority that signs your clients' certificates"));
            None
        }
    }
}
