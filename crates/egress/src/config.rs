//! The configuration of calls out.

use ipnet::IpNet;
use reqwest::Certificate;
use url::Url;

/// Which calls may be made, and how. The default allows public addresses alone, trusts the system's authorities, and uses no
/// proxy.
#[derive(Debug, Clone, Default)]
pub struct EgressConfig {
    /// Networks that may be called as if they were public. A loopback address in one of them may be called by plain http.
    pub allow: Vec<IpNet>,
    /// Certificate authorities that are trusted beside the system's.
    pub ca: Option<Authorities>,
    /// An `http` or `https` proxy that every call goes through. It may be at any address, and it resolves the host names: their
    /// addresses are its to check, not this crate's.
    pub proxy: Option<Url>,
}

/// Certificates of authorities.
#[derive(Debug, Clone)]
pub struct Authorities(Vec<Certificate>);

/// The file holds no certificate in PEM, or a damaged one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no certificate in PEM (\"-----BEGIN CERTIFICATE-----\")")]
pub struct AuthoritiesError;

impl AuthoritiesError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        "egress_no_certificate"
    }
}

impl Authorities {
    /// Reads one or more certificates in PEM.
    ///
    /// # Errors
    /// [`AuthoritiesError`]
    pub fn from_pem(pem: &[u8]) -> Result<Authorities, AuthoritiesError> {
        match Certificate::from_pem_bundle(pem) {
            Ok(certificates) if !certificates.is_empty() => Ok(Authorities(certificates)),
            _ => Err(AuthoritiesError),
        }
    }

    pub(crate) fn certificates(&self) -> &[Certificate] {
        &self.0
    }
}
