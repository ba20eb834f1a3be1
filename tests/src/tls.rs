//! Certificates for a provider with TLS, issued by a certificate authority of the test.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use countersign_testing::certificates::CertificateAuthority;

/// The PEM files that a provider and its clients need.
pub struct Certificates {
    /// The authority itself, for more certificates.
    pub issuer: CertificateAuthority,
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
        let authority = CertificateAuthority::new("Authority of this test");
        let server = authority.issue(&[&address.to_string()]);
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
            cert: write("provider.pem", server.cert.pem()),
            key: write("provider.key", server.signing_key.serialize_pem()),
            issuer: authority,
        }
    }
}
