//! Certificates for a provider that speaks TLS, by an authority that was made for the test.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType};

/// What a provider and its clients need, as PEM files.
pub struct Certificates {
    /// The authority's certificate, for `SSL_CERT_FILE` and its like.
    pub authority: PathBuf,
    /// The provider's certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes all three for an address, in this folder.
    ///
    /// # Panics
    /// If they can't be made or written.
    pub fn make(address: IpAddr, folder: &Path) -> Certificates {
        let key_pair = || KeyPair::generate().expect("a key pair");
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "Authority of this test");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, key_pair()).expect("an authority");

        let server_key = key_pair();
        let mut server = CertificateParams::default();
        server.distinguished_name.push(DnType::CommonName, "Provider of this test");
        server.subject_alt_names = vec![SanType::IpAddress(address)];
        let server = server.signed_by(&server_key, &authority).expect("a certificate");

        let write = |name: &str, pem: String| {
            let path = folder.join(name);
            std::fs::write(&path, pem).expect("a file in the test's folder");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let owner_only = std::fs::Permissions::from_mode(0o600);
                std::fs::set_permissions(&path, owner_only).expect("the test's own file");
            }
            path
        };
        Certificates {
            authority: write("authority.pem", authority.pem()),
            cert: write("provider.pem", server.pem()),
            key: write("provider.key", server_key.serialize_pem()),
        }
    }
}
