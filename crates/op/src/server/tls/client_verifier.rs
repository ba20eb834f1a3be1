//! Client certificates in the handshake: requested, never required; only possession of the private key is verified, if that is
//! no dearer than with a key that a client may register. Client authentication decides whose certificate it is (RFC 8705 §2).

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::client_certificate::is_key_acceptable;

/// Accepts any certificate with a key of ordinary size that signed the handshake.
#[derive(Debug)]
pub(super) struct AcceptAnyClientCertificate {
    provider: Arc<CryptoProvider>,
}

impl AcceptAnyClientCertificate {
    pub(super) const fn new(provider: Arc<CryptoProvider>) -> AcceptAnyClientCertificate {
        AcceptAnyClientCertificate { provider }
    }
}

impl ClientCertVerifier for AcceptAnyClientCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match is_key_acceptable(end_entity) {
            true => Ok(ClientCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_testing::certificates::self_signed;
    use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier};
    use x509_cert::der::{Decode as _, Encode as _};
    use x509_cert::spki::{AlgorithmIdentifier, SubjectPublicKeyInfoOwned};

    use super::*;

    const RSA_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

    /// A value of DER with this tag.
    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("short").to_be_bytes();
        [&[tag, 0x82], &length[..], content].concat()
    }

    /// A certificate of nobody with an RSA key; the handshake's verifier is asked before there is any signature.
    fn certificate(bits: usize, exponent: &[u8]) -> CertificateDer<'static> {
        let modulus = [&[0][..], &vec![0xff; bits / 8]].concat();
        let integer = |number: &[u8]| [&[0x02, u8::try_from(number.len()).expect("short")], number].concat();
        let key = der(0x30, &[der(0x02, &modulus), integer(exponent)].concat());
        let mut made = x509_cert::Certificate::from_der(self_signed(&["till-14"]).cert.der()).expect("a certificate");
        made.tbs_certificate.subject_public_key_info = SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifier { oid: RSA_KEY, parameters: Some(Any::null()) },
            subject_public_key: BitString::from_bytes(&key).expect("bits"),
        };
        made.to_der().expect("DER").into()
    }

    #[test]
    fn attack_a_certificate_whose_key_is_dear_to_verify_with_ends_the_handshake_before_any_signature() {
        let verifier = AcceptAnyClientCertificate::new(Arc::new(rustls::crypto::ring::default_provider()));
        let is_accepted = |certificate: &CertificateDer<'_>| {
            verifier.verify_client_cert(certificate, &[], UnixTime::since_unix_epoch(Duration::ZERO)).is_ok()
        };
        assert!(is_accepted(self_signed(&["till-14"]).cert.der()), "a curve's");
        for bits in [2048, 4096] {
            assert!(is_accepted(&certificate(bits, &[1, 0, 1])), "{bits} bits");
        }
        assert!(!is_accepted(&certificate(8192, &[1, 0, 1])));
        assert!(!is_accepted(&certificate(4096, &[1, 0xff, 0xff, 0xff, 0xff])), "an exponent of 2^33 - 1");
        assert!(!is_accepted(&CertificateDer::from(vec![0x30, 0])), "no certificate");
    }
}
