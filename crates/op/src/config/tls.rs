//! `[tls]`: the server's certificate and key, its cipher suites, and the authorities of client certificates.

use std::path::{Path, PathBuf};

use rustls::SupportedCipherSuite;
use rustls::crypto::ring::ALL_CIPHER_SUITES;

use super::section::Section;
use super::trusted_file;
use crate::client_certificate::TrustAnchors;

/// Paths of certificate and key (PEM).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate with its intermediates.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Cipher suites of the provider's own TLS, in the order of preference.
#[derive(Debug, Clone, PartialEq)]
pub struct CipherSuites(pub(crate) Vec<SupportedCipherSuite>);

impl Default for CipherSuites {
    /// Those of TLS 1.3, and of TLS 1.2 those that FAPI permits (FAPI 1.0 part 2 §8.5): AES in GCM, no ChaCha20.
    fn default() -> CipherSuites {
        let is_permitted = |suite: &SupportedCipherSuite| suite.tls13().is_some() || !name(*suite).contains("CHACHA20");
        CipherSuites(ALL_CIPHER_SUITES.iter().copied().filter(is_permitted).collect())
    }
}

/// What `[tls]` says.
#[derive(Default)]
pub(super) struct TlsSettings {
    pub(super) certificate: Option<CertificateFiles>,
    pub(super) client_ca: Option<TrustAnchors>,
    pub(super) suites: CipherSuites,
}

/// Reads the section, and the certificates in the file `client_ca`.
pub(super) fn read(section: Section<'_>, folder: &Path) -> TlsSettings {
    let settings = TlsSettings {
        certificate: certificate(&section, folder),
        client_ca: client_ca(&section, folder),
        suites: suites(&section).unwrap_or_default(),
    };
    section.finish();
    settings
}

/// The listed suites, in the order of preference of the TLS library.
fn suites(section: &Section<'_>) -> Option<CipherSuites> {
    let names: Vec<(String, SupportedCipherSuite)> =
        ALL_CIPHER_SUITES.iter().map(|suite| (name(*suite), *suite)).collect();
    let words: Vec<(&str, SupportedCipherSuite)> = names.iter().map(|(name, suite)| (name.as_str(), *suite)).collect();
    let listed = section.choices("suites", &words)?;
    Some(CipherSuites(ALL_CIPHER_SUITES.iter().copied().filter(|suite| listed.contains(suite)).collect()))
}

/// The name in IANA's registry; the library's own has the version in those of TLS 1.3.
fn name(suite: SupportedCipherSuite) -> String {
    suite.suite().as_str().unwrap_or_default().replace("TLS13_", "TLS_")
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
    let pem = match trusted_file::read(&folder.join(found.value), "`client_ca` in [tls]: the file") {
        Ok(pem) => pem,
        Err(why) => {
            section.report(&found.at, why);
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
