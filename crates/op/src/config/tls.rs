//! `[tls]`: what connections are made with, and whose certificates are believed.

use std::path::{Path, PathBuf};

use super::read::Section;
use crate::client_certificate::Authorities;

/// Where certificate and key are (PEM).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and those between it and the authority.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Reads the table: where certificate and key are, and the authorities of `client_ca`, the file of those who sign clients'
/// certificates.
pub(super) fn read(section: Section<'_>, folder: &Path) -> (Option<CertificateFiles>, Option<Authorities>) {
    let read = (certificate(&section, folder), client_ca(&section, folder));
    section.finish();
    read
}

fn certificate(section: &Section<'_>, folder: &Path) -> Option<CertificateFiles> {
    let (cert, key) = (section.text("cert"), section.text("key"));
    match (cert, key) {
        (Some(cert), Some(key)) => {
            Some(CertificateFiles { cert: folder.join(cert.value), key: folder.join(key.value) })
        }
        (None, None) => None,
        (Some(found), None) | (None, Some(found)) => {
            section.fault(&found.at, "TLS takes both `cert` and `key` (PEM files); add the other");
            None
        }
    }
}

fn client_ca(section: &Section<'_>, folder: &Path) -> Option<Authorities> {
    let found = section.text("client_ca")?;
    let path = folder.join(found.value);
    let shown = path.display();
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(error) => {
            section.fault(&found.at, format!("`client_ca` in [tls]: the file {shown} can't be read: {error}; check the path (it begins at the configuration's folder)"));
            return None;
        }
    };
    match Authorities::read(&pem) {
        Ok(authorities) => Some(authorities),
        Err(why) => {
            section.fault(&found.at, format!("`client_ca` in [tls] can't be used: {why}; it is the file of the authority that signs your clients' certificates"));
            None
        }
    }
}
