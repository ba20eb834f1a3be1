//! Finds the reason in the errors of HTTP clients, which wrap those of rustls.

use std::error::Error;
use std::io;

use rustls::{CertificateError, OtherError};

use crate::CertificateFault;

impl CertificateFault {
    /// Why a certificate was refused, by an error or one of its causes; `None` where that is not what went wrong.
    pub fn of(error: &(dyn Error + 'static)) -> Option<CertificateFault> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return match error {
                    rustls::Error::InvalidCertificate(why) => Some(fault(why)),
                    _ => None,
                };
            }
            next = cause_of(error);
        }
        None
    }
}

fn fault(why: &CertificateError) -> CertificateFault {
    match why {
        // A bad signature: by another authority of the same name, as one that was made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => CertificateFault::UnknownAuthority,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        CertificateError::Other(OtherError(why)) => match why.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => CertificateFault::AuthorityAsServer,
            _ => CertificateFault::Unusable,
        },
        _ => CertificateFault::Unusable,
    }
}

/// The cause of an error. The `source` of an [`io::Error`] skips the error it wraps, so that one is taken first.
fn cause_of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let content = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    content.map(|content| content as &(dyn Error + 'static)).or_else(|| error.source())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use countersign_testing::certificates::CertificateAuthority;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    use super::*;

    /// What a client that trusts this authority, by its PEM, says of a certificate for `id.example`.
    fn verdict(trusted: &str, certificate: &CertificateDer<'_>) -> Option<CertificateFault> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).expect("PEM")).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("roots");
        let name = ServerName::try_from("id.example").expect("a name");
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
        let refused = verifier.verify_server_cert(certificate, &[], &name, &[], now).err()?;
        Some(CertificateFault::of(&io::Error::other(refused)).expect("the certificate was refused"))
    }

    fn params(name: &str) -> CertificateParams {
        CertificateParams::new(vec![name.to_owned()]).expect("a name")
    }

    #[test]
    fn reasons_are_told_apart() {
        let (ours, other) = (CertificateAuthority::new("Ours"), CertificateAuthority::new("Other"));
        let by_ours = |params: &CertificateParams| verdict(&ours.pem(), ours.sign(params).cert.der());
        assert_eq!(by_ours(&params("id.example")), None);
        assert_eq!(
            verdict(&ours.pem(), other.issue(&["id.example"]).cert.der()),
            Some(CertificateFault::UnknownAuthority)
        );
        assert_eq!(by_ours(&params("login.example")), Some(CertificateFault::WrongName));
        let mut over = params("id.example");
        over.not_after = date_time_ymd(2020, 1, 1);
        assert_eq!(by_ours(&over), Some(CertificateFault::Expired));
        let mut not_yet = params("id.example");
        not_yet.not_before = date_time_ymd(2090, 1, 1);
        assert_eq!(by_ours(&not_yet), Some(CertificateFault::Expired));
    }

    #[test]
    fn the_certificate_of_plain_openssl_req_x509_is_named_whether_it_is_trusted_or_not() {
        let mut plain = params("id.example");
        plain.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = plain.self_signed(&key).expect("sound parameters");
        let stranger = CertificateAuthority::new("Stranger");
        for trusted in [certificate.pem(), stranger.pem()] {
            assert_eq!(verdict(&trusted, certificate.der()), Some(CertificateFault::AuthorityAsServer));
        }
    }

    #[test]
    fn other_errors_say_nothing_about_a_certificate() {
        assert_eq!(CertificateFault::of(&io::Error::from(io::ErrorKind::ConnectionReset)), None);
        assert_eq!(CertificateFault::of(&io::Error::other(rustls::Error::HandshakeNotComplete)), None);
    }
}
