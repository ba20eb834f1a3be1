//! TLS of the provider's own address: a certificate that is reloaded while the provider runs, and client certificates that are
//! requested, never required.

mod client_verifier;
mod own_certificate;
mod server_certificate;

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use tokio::task::JoinHandle;

pub use own_certificate::certificate_warnings;
pub(crate) use own_certificate::refused_for;
pub use server_certificate::CertificateError;

use crate::config::{CertificateFiles, CipherSuites};
use client_verifier::AcceptAnyClientCertificate;
use server_certificate::CertificateResolver;

/// How often the files are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// TLS configuration of the server.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    current: Arc<CertificateResolver>,
}

impl Tls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub(crate) fn read(files: &CertificateFiles, suites: &CipherSuites) -> Result<Tls, CertificateError> {
        let current = Arc::new(CertificateResolver::read(files.clone())?);
        let CipherSuites(cipher_suites) = suites.clone();
        let provider = Arc::new(CryptoProvider { cipher_suites, ..rustls::crypto::ring::default_provider() });
        let verifier = Arc::new(AcceptAnyClientCertificate::new(provider.clone()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("at least one suite of TLS 1.2 or 1.3 is configured")
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls { config: Arc::new(config), current })
    }

    /// Reloads the certificate when its files change. A pair that can't be used is logged, and the current one stays in use.
    pub(crate) fn watch_files(&self) -> JoinHandle<()> {
        let current = self.current.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(CHECK_INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let current = current.clone();
                // File reads block: on a thread of their own.
                let _ = tokio::task::spawn_blocking(move || current.reload_if_changed()).await;
            }
        })
    }
}
