//! The server's certificate and key: read from two files, reloaded when they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use countersign_jose::clock::Timestamp;
use countersign_private_files::{PermissionError, check_secret, check_settings};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_cert::der::Decode as _;
use zeroize::Zeroizing;

use crate::config::CertificateFiles;

impl CertificateFiles {
    /// End of the certificate's validity (`notAfter`).
    ///
    /// # Errors
    /// [`CertificateError`] for files that can't be used.
    pub(crate) fn not_after(&self) -> Result<Timestamp, CertificateError> {
        let pair = parse(self, &read(self)?)?;
        let missing = || CertificateError::NoCertificate(self.cert.clone());
        let leaf = pair.cert.first().ok_or_else(missing)?;
        let certificate = x509_cert::Certificate::from_der(leaf).map_err(|_| missing())?;
        let until = certificate.tbs_certificate.validity.not_after.to_unix_duration();
        Ok(Timestamp::from_seconds(until.as_secs()))
    }

    /// The certificate and those that follow it in its file.
    ///
    /// # Errors
    /// [`CertificateError`] for files that can't be used.
    pub(crate) fn chain(&self) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
        Ok(parse(self, &read(self)?)?.cert)
    }
}

/// Why a pair of files can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file can't be read.
    #[error("{path} can't be read: {source}; check the path and who may read it")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file holds no certificate.
    #[error("{0} has no certificate in it; it must be PEM (-----BEGIN CERTIFICATE-----)")]
    NoCertificate(PathBuf),
    /// The file holds no private key.
    #[error("{0} has no private key in it; it must be PEM (-----BEGIN PRIVATE KEY-----)")]
    NoKey(PathBuf),
    /// Others may read the private key, or put another file in the place of one of the two.
    #[error(transparent)]
    Permissions(#[from] PermissionError),
    /// The key's type is not supported, or it belongs to another certificate.
    #[error("{key} is not the key of the certificate in {cert}, or its type is not supported: {source}")]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// rustls' error.
        source: rustls::Error,
    },
}

impl CertificateError {
    /// The stable code, in snake case, for programs; the text may change.
    pub const fn code(&self) -> &'static str {
        match self {
            CertificateError::Unreadable { .. } => "certificate_unreadable",
            CertificateError::NoCertificate(_) => "no_certificate",
            CertificateError::NoKey(_) => "no_certificate_key",
            CertificateError::Permissions(_) => "certificate_key_permissions",
            CertificateError::Pair { .. } => "certificate_key_mismatch",
        }
    }
}

/// Contents of both files.
#[derive(PartialEq, Eq)]
struct Bytes {
    cert: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// Serves the current certificate and key to rustls.
pub(super) struct CertificateResolver {
    files: CertificateFiles,
    pair: RwLock<Arc<CertifiedKey>>,
    /// Contents at the last check, usable or not.
    seen: Mutex<Bytes>,
}

impl CertificateResolver {
    pub(super) fn read(files: CertificateFiles) -> Result<CertificateResolver, CertificateError> {
        let bytes = read(&files)?;
        let pair = parse(&files, &bytes)?;
        Ok(CertificateResolver { files, pair: RwLock::new(Arc::new(pair)), seen: Mutex::new(bytes) })
    }

    /// Reloads the pair if the files changed. Returns whether another pair is in use.
    pub(super) fn reload_if_changed(&self) -> bool {
        // A file that is missing for a moment is being replaced.
        let Ok(bytes) = read(&self.files) else { return false };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == bytes {
            return false;
        }
        let parsed = parse(&self.files, &bytes);
        *seen = bytes;
        match parsed {
            Ok(pair) => {
                *self.pair.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                tracing::info!(cert = %self.files.cert.display(), "the certificate was reloaded");
                true
            }
            Err(error) => {
                tracing::error!(%error, "the new certificate can't be used; the previous one stays in use");
                false
            }
        }
    }
}

impl std::fmt::Debug for CertificateResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateResolver").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn read(files: &CertificateFiles) -> Result<Bytes, CertificateError> {
    let file = |path: &Path| {
        std::fs::read(path).map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })
    };
    Ok(Bytes { cert: file(&files.cert)?, key: Zeroizing::new(file(&files.key)?) })
}

fn parse(files: &CertificateFiles, bytes: &Bytes) -> Result<CertifiedKey, CertificateError> {
    check_settings(&files.cert)?;
    check_secret(&files.key)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes.cert).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| CertificateError::NoCertificate(files.cert.clone()))?;
    let key = PrivateKeyDer::from_pem_slice(&bytes.key).map_err(|_| CertificateError::NoKey(files.key.clone()))?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map_err(|source| CertificateError::Pair {
        cert: files.cert.clone(),
        key: files.key.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str) -> (String, String) {
        let made = countersign_testing::certificates::self_signed(&[name]);
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn files(folder: &Path, (cert, key): &(String, String)) -> CertificateFiles {
        let files = CertificateFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
        std::fs::write(&files.cert, cert).expect("written");
        std::fs::write(&files.key, key).expect("written");
        set_mode(&files.key, 0o600);
        files
    }

    #[cfg(unix)]
    fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
    }

    #[cfg(not(unix))]
    fn set_mode(_: &Path, _: u32) {}

    #[cfg(unix)]
    #[test]
    fn a_private_key_that_everybody_may_read_or_others_may_write_is_not_served() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = files(folder.path(), &pair("one.example"));
        for (mode, command) in [(0o666, "chmod 600"), (0o644, "chmod 600"), (0o620, "chmod go-w")] {
            set_mode(&paths.key, mode);
            let refused = CertificateResolver::read(paths.clone()).expect_err("refused").to_string();
            assert!(refused.ends_with(&format!("run: {command} {}", paths.key.display())), "{mode:o}: {refused}");
        }
        set_mode(&paths.key, 0o640);
        CertificateResolver::read(paths).expect("of a group that the operator chose");
    }

    fn in_use(current: &CertificateResolver) -> Vec<u8> {
        current.pair.read().expect("unpoisoned").cert[0].to_vec()
    }

    #[test]
    fn another_pair_is_taken_and_a_bad_one_leaves_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (pair("one.example"), pair("two.example"));
        let paths = files(folder.path(), &first);
        let current = CertificateResolver::read(paths).expect("a valid pair");
        let before = in_use(&current);
        assert!(!current.reload_if_changed(), "nothing changed");

        files(folder.path(), &(second.0.clone(), first.1.clone()));
        assert!(!current.reload_if_changed(), "a certificate whose key has not come yet");
        assert_eq!(in_use(&current), before);
        files(folder.path(), &second);
        assert!(current.reload_if_changed());
        assert_ne!(in_use(&current), before);

        let now = in_use(&current);
        files(folder.path(), &("nonsense".to_owned(), second.1.clone()));
        assert!(!current.reload_if_changed());
        std::fs::remove_file(folder.path().join("cert.pem")).expect("removed");
        assert!(!current.reload_if_changed());
        assert_eq!(in_use(&current), now);
    }

    #[test]
    fn what_is_wrong_with_the_files_is_told_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (pair("one.example"), pair("two.example"));
        let said = |pair: &(String, String)| {
            CertificateResolver::read(files(folder.path(), pair)).expect_err("refused").to_string()
        };
        assert!(said(&(one.1.clone(), one.1.clone())).contains("has no certificate in it"));
        assert!(said(&(one.0.clone(), one.0.clone())).contains("has no private key in it"));
        assert!(said(&(one.0.clone(), other.1)).contains("is not the key of the certificate"));
        let nowhere = CertificateFiles { cert: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
        assert!(
            CertificateResolver::read(nowhere)
                .expect_err("refused")
                .to_string()
                .contains("/nowhere/cert.pem can't be read")
        );
    }
}
