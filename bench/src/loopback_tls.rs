//! TLS on the loopback address: a certificate made for each provider, and clients that trust those alone.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, IpAddr, Ipv4Addr, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::failure::Failure;

/// The certificates of the providers with TLS that were started.
static TRUSTED: Mutex<Vec<CertificateDer<'static>>> = Mutex::new(Vec::new());

/// Files in a provider's home.
pub const CERTIFICATE: &str = "bench-certificate.pem";
/// See [`CERTIFICATE`].
pub const KEY: &str = "bench-key.pem";

/// Makes a certificate for 127.0.0.1 and its key in this folder; returns it as DER.
///
/// # Errors
/// [`Failure`] when they can't be made or written.
pub fn make(folder: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: rcgen::Error| Failure::new("a certificate", error);
    let key = KeyPair::generate().map_err(failed)?;
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    std::fs::write(folder.join(CERTIFICATE), certificate.pem()).map_err(Failure::io("the home"))?;
    write_private(&folder.join(KEY), &key.serialize_pem()).map_err(Failure::io("the home"))?;
    Ok(certificate.der().to_vec())
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Trusts this certificate from now on, in all of this process.
pub fn trust(certificate: Vec<u8>) {
    TRUSTED.lock().unwrap_or_else(PoisonError::into_inner).push(certificate.into());
}

/// A session with the provider. `protocol` is offered by ALPN, if given.
///
/// # Errors
/// [`Failure`] when there is none.
pub async fn connect(stream: TcpStream, protocol: Option<&[u8]>) -> Result<TlsStream<TcpStream>, Failure> {
    let failed = |error: rustls::Error| Failure::new("TLS", error);
    let mut roots = RootCertStore::empty();
    for certificate in TRUSTED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        roots.add(certificate.clone()).map_err(failed)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(failed)?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocol.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([127, 0, 0, 1])));
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(Failure::io("TLS"))
}
