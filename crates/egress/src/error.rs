//! Why a call brought no response.

use std::sync::Arc;

use countersign_tls::CertificateFault;

/// A call without a response. Names no URL: it may hold what should not be in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Neither https, nor http to a loopback address that the configuration allows.
    #[error("the address is not https")]
    NotHttps,
    /// The address, or every address of the host name, is inside the operator's network.
    #[error("the address is inside this provider's own network; if it may be called, name it in [egress] allow")]
    Blocked,
    /// The server's certificate was refused.
    #[error("{}", refused(*.0))]
    Untrusted(CertificateFault),
    /// TLS failed, though not for a certificate.
    #[error("no TLS connection: the other side speaks another protocol, or none of these versions and suites")]
    NoTls,
    /// No response within 10 seconds.
    #[error("no answer in time")]
    TimedOut,
    /// The body is larger than the caller accepts.
    #[error("the answer is too large")]
    TooLarge,
    /// No connection, or it broke off.
    #[error("no connection, or it broke off")]
    Unreachable,
    /// The HTTP client can't be built, for the reason given: no call can be made.
    #[error("this provider can make no calls: {0}")]
    Unusable(Arc<str>),
}

impl CallError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            CallError::NotHttps => "egress_not_https",
            CallError::Blocked => "egress_blocked",
            CallError::Untrusted(_) => "egress_untrusted",
            CallError::NoTls => "egress_no_tls",
            CallError::TimedOut => "egress_timed_out",
            CallError::TooLarge => "egress_too_large",
            CallError::Unreachable => "egress_unreachable",
            CallError::Unusable(_) => "egress_unusable",
        }
    }
}

fn refused(fault: CertificateFault) -> String {
    let next_step = match fault {
        CertificateFault::UnknownAuthority => "a private authority goes to [egress] ca",
        // A certificate that is its own authority is trusted there and refused all the same.
        other => other.next_step(),
    };
    format!("the other side was not called: {}; {next_step}", fault.what())
}
