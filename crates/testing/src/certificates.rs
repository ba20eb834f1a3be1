//! X.509 certificates of an authority made for the test.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CertifiedKey, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;

/// A certificate authority made for one test.
pub struct CertificateAuthority(CertifiedIssuer<'static, KeyPair>);

impl CertificateAuthority {
    /// An authority with this common name and a key of its own.
    ///
    /// # Panics
    /// If no key can be made.
    pub fn new(common_name: &str) -> CertificateAuthority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        CertificateAuthority(CertifiedIssuer::self_signed(params, key_pair()).expect("sound parameters"))
    }

    /// The authority's own certificate, for those that shall trust it.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for DNS names or IP addresses, and its key.
    ///
    /// # Panics
    /// If a name is none.
    pub fn issue(&self, names: &[&str]) -> CertifiedKey<KeyPair> {
        self.sign(&params(names))
    }

    /// A certificate of these parameters, and its key.
    ///
    /// # Panics
    /// If they are unfit.
    pub fn sign(&self, params: &CertificateParams) -> CertifiedKey<KeyPair> {
        let signing_key = key_pair();
        let cert = params.signed_by(&signing_key, &self.0).expect("sound parameters");
        CertifiedKey { cert, signing_key }
    }
}

/// A certificate that no authority signed, for DNS names or IP addresses, and its key.
///
/// # Panics
/// If a name is none.
pub fn self_signed(names: &[&str]) -> CertifiedKey<KeyPair> {
    let signing_key = key_pair();
    let cert = params(names).self_signed(&signing_key).expect("sound parameters");
    CertifiedKey { cert, signing_key }
}

/// A TLS server that shows this certificate and asks for none.
///
/// # Panics
/// If rustls does not take it.
pub fn server_config(certified: &CertifiedKey<KeyPair>) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key by rcgen");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions that ring supports").with_no_client_auth();
    Arc::new(config.with_single_cert(vec![certified.cert.der().clone()], key).expect("a certificate and its key"))
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names")
}

fn key_pair() -> KeyPair {
    KeyPair::generate().expect("the system gives random bytes")
}
