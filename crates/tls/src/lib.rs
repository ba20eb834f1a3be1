#![doc = include_str!("../README.md")]

use std::fmt;

#[cfg(not(target_arch = "wasm32"))]
mod refused;

/// Why a server's certificate was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateFault {
    /// No authority that is trusted here has issued it.
    UnknownAuthority,
    /// It is not valid at this time, by this machine's clock.
    Expired,
    /// It is for other names than the one that was called.
    WrongName,
    /// It is an authority's own certificate (`basicConstraints` with CA:TRUE, RFC 5280 §4.2.1.9), which a plain
    /// `openssl req -x509` makes.
    AuthorityAsServer,
    /// It is revoked, damaged, or of a kind that is not supported.
    Unusable,
}

impl CertificateFault {
    /// All of them.
    pub const ALL: [CertificateFault; 5] = [
        CertificateFault::UnknownAuthority,
        CertificateFault::Expired,
        CertificateFault::WrongName,
        CertificateFault::AuthorityAsServer,
        CertificateFault::Unusable,
    ];

    /// The stable code, for programs.
    pub const fn code(self) -> &'static str {
        match self {
            CertificateFault::UnknownAuthority => "certificate_unknown_authority",
            CertificateFault::Expired => "certificate_expired",
            CertificateFault::WrongName => "certificate_wrong_name",
            CertificateFault::AuthorityAsServer => "certificate_of_authority",
            CertificateFault::Unusable => "certificate_unusable",
        }
    }

    /// What is the case, in English, about the other side.
    pub const fn what(self) -> &'static str {
        match self {
            CertificateFault::UnknownAuthority => "its certificate is by an authority that is not trusted here",
            CertificateFault::Expired => "its certificate is not valid at this time",
            CertificateFault::WrongName => "its certificate is for another name",
            CertificateFault::AuthorityAsServer => "its certificate is an authority's own, not a server's",
            CertificateFault::Unusable => "its certificate is revoked, damaged or of a kind that is not supported",
        }
    }

    /// What to do, in English, where this machine's authorities are trusted.
    pub const fn next_step(self) -> &'static str {
        match self {
            CertificateFault::UnknownAuthority => {
                "if it is a private authority, add it to this system's, or name its file in SSL_CERT_FILE; if not, \
                 something may be posing as the other side"
            }
            CertificateFault::Expired => "check this machine's clock; else the server's operator has to renew it",
            CertificateFault::WrongName => "check the address; else the server's operator has to add this name to it",
            CertificateFault::AuthorityAsServer => {
                "the server's operator needs one with CA:FALSE, issued by that authority (plain `openssl req -x509` \
                 makes an authority's)"
            }
            CertificateFault::Unusable => "the server's operator has to replace it",
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what(), self.next_step())
    }
}
