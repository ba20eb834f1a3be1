//! A server's certificate for development, and the authority that issued it and nothing else.
//!
//! Made so that Go, Node, Java, Python, rustls, OpenSSL and browsers accept it: an X.509v3 certificate on P-256 with the names
//! in subjectAltName, critical basicConstraints and keyUsage, extendedKeyUsage serverAuth, key identifiers (RFC 5280 §4.2),
//! and at most 398 days of validity. The authority's private key is dropped after it signed: who trusts the authority can't
//! be shown another certificate by it, whoever reads the folder.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_jose::secret::Secret;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use ring::digest::{SHA256, digest};

use crate::server_name::ServerName;

/// Validity in seconds. Apple's systems accept at most 398 days of public authorities' certificates, and others follow.
const VALID_SECONDS: u64 = 397 * 86_400;

/// How long before now validity begins, in seconds, for machines whose clock is slow.
const SLOW_CLOCK_SECONDS: u64 = 3_600;

/// Longest common name (RFC 5280 appendix A, ub-common-name).
const COMMON_NAME_CHARACTERS: usize = 64;

/// The files' content, in PEM.
pub struct DevelopmentCertificate {
    /// The authority's certificate, for those that shall trust it.
    pub authority: String,
    /// The authority's fingerprint: SHA-256 of its DER form, as systems show it.
    pub authority_sha256: String,
    /// The server's certificate.
    pub certificate: String,
    /// The server's private key (PKCS #8).
    pub key: Secret,
    /// The end of both certificates' validity.
    pub not_after: Timestamp,
}

/// Makes an authority, and by it a certificate for these names.
///
/// # Errors
/// The system gives no random bytes.
pub fn make(names: &[ServerName], now: Timestamp) -> Result<DevelopmentCertificate, rcgen::Error> {
    let not_before = now.seconds().saturating_sub(SLOW_CLOCK_SECONDS);
    let not_after = not_before + VALID_SECONDS;
    let authority_key = KeyPair::generate()?;
    let mut authority = params(authority_name(&authority_key, names), not_before, not_after);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, authority_key)?;

    let key = KeyPair::generate()?;
    let alternatives: Vec<String> = names.iter().map(ServerName::in_certificate).collect();
    let mut server = params(server_name(names), not_before, not_after);
    server.subject_alt_names = CertificateParams::new(alternatives)?.subject_alt_names;
    server.is_ca = IsCa::ExplicitNoCa;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let certificate = server.signed_by(&key, &authority)?;
    Ok(DevelopmentCertificate {
        authority: authority.pem(),
        authority_sha256: fingerprint(authority.der()),
        certificate: certificate.pem(),
        key: Secret::new(key.serialize_pem()),
        not_after: Timestamp::from_seconds(not_after),
    })
}

fn params(common_name: String, not_before: u64, not_after: u64) -> CertificateParams {
    let moment = |seconds| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    (params.not_before, params.not_after) = (moment(not_before), moment(not_after));
    params
}

/// The authority's common name, which lists of authorities show. Part of its key is in it, since a second authority of the same
/// name would be taken for the first.
fn authority_name(key: &KeyPair, names: &[ServerName]) -> String {
    let key = digest(&SHA256, key.public_key_raw());
    let mark: String = key.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let short = format!("Countersign development {mark}");
    let long = names.first().map(|name| format!("{short} {}", name.in_certificate()));
    long.filter(|long| long.len() <= COMMON_NAME_CHARACTERS).unwrap_or(short)
}

fn server_name(names: &[ServerName]) -> String {
    let first = names.first().map(ServerName::in_certificate);
    first.filter(|name| name.len() <= COMMON_NAME_CHARACTERS).unwrap_or_else(|| "Development server".to_owned())
}

/// SHA-256 as `AB:CD:…`.
fn fingerprint(der: &[u8]) -> String {
    let bytes: Vec<String> = digest(&SHA256, der).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    use x509_cert::der::Decode as _;
    use x509_cert::der::oid::AssociatedOid;
    use x509_cert::ext::pkix::{
        AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
        SubjectKeyIdentifier,
    };
    use x509_cert::{Certificate, ext::Extension};

    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn made(names: &[&str]) -> (Certificate, Certificate) {
        let names: Vec<ServerName> = names.iter().map(|name| name.parse().expect(name)).collect();
        let made = make(&names, Timestamp::from_seconds(NOW)).expect("made");
        let read = |pem: &str| {
            let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
            Certificate::from_der(&der).expect("a certificate")
        };
        (read(&made.authority), read(&made.certificate))
    }

    /// The extension of this kind, and whether it is critical.
    fn extension<'c, T: AssociatedOid + x509_cert::der::Decode<'c>>(certificate: &'c Certificate) -> (T, bool) {
        let all = certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
        let one: &Extension = all.iter().find(|extension| extension.extn_id == T::OID).expect("the extension");
        (T::from_der(one.extn_value.as_bytes()).unwrap_or_else(|_| panic!("{}", T::OID)), one.critical)
    }

    #[test]
    fn the_certificate_has_what_strict_clients_ask_for() {
        let (authority, server) = made(&["id.example.test", "192.168.7.4", "::1"]);
        let (constraints, critical) = extension::<BasicConstraints>(&server);
        assert!(!constraints.ca && critical);
        let (usage, critical) = extension::<KeyUsage>(&server);
        assert!(usage.0 == KeyUsages::DigitalSignature && critical);
        let (purposes, _) = extension::<ExtendedKeyUsage>(&server);
        assert_eq!(purposes.0.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1.3.6.1.5.5.7.3.1"]);
        assert_eq!(extension::<SubjectAltName>(&server).0.0.len(), 3);

        let (constraints, critical) = extension::<BasicConstraints>(&authority);
        assert!(constraints.ca && constraints.path_len_constraint == Some(0) && critical);
        let (usage, critical) = extension::<KeyUsage>(&authority);
        assert!(usage.0 == KeyUsages::KeyCertSign | KeyUsages::CRLSign && critical);
        let (own, _) = extension::<SubjectKeyIdentifier>(&authority);
        let (issuer, _) = extension::<AuthorityKeyIdentifier>(&server);
        assert_eq!(issuer.key_identifier.as_ref(), Some(&own.0));
        assert_ne!(extension::<SubjectKeyIdentifier>(&server).0, own);

        let validity = &server.tbs_certificate.validity;
        let (from, until) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
        assert!(until - from <= Duration::from_secs(398 * 86_400), "browsers refuse longer ones");
        assert!(from < Duration::from_secs(NOW) && Duration::from_secs(NOW + 390 * 86_400) < until);
        assert_eq!(server.tbs_certificate.issuer, authority.tbs_certificate.subject);
        assert_ne!(server.tbs_certificate.subject, authority.tbs_certificate.subject);
    }

    #[test]
    fn two_authorities_are_told_apart_by_their_names() {
        let (one, other) = (made(&["id.test"]).0, made(&["id.test"]).0);
        assert_ne!(one.tbs_certificate.subject, other.tbs_certificate.subject);
        assert!(one.tbs_certificate.subject.to_string().ends_with(" id.test"), "{}", one.tbs_certificate.subject);
        let long = format!("{}.test", "a".repeat(63));
        assert!(!made(&[&long]).0.tbs_certificate.subject.to_string().contains("aaa"), "64 characters at most");
    }
}
