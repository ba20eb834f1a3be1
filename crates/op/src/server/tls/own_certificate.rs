//! The provider's own certificate as its clients and devices will see it: what they would refuse.

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_tls::CertificateFault;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::config::Config;

/// What clients and devices would refuse the certificate of `[tls]` for, in one sentence for each reason. Whether its
/// authority is trusted is theirs to know. Files that can't be used are no matter of a warning.
pub fn certificate_warnings(config: &Config, now: Timestamp) -> Vec<String> {
    refused_for(config, now).into_iter().map(|(_, warning)| warning).collect()
}

/// As [`certificate_warnings`], each with its reason. A sentence ends with a semicolon and what to do.
pub(crate) fn refused_for(config: &Config, now: Timestamp) -> Vec<(CertificateFault, String)> {
    let read = config.tls.as_ref().and_then(|files| Some((files, files.chain().ok()?)));
    let Some((files, chain)) = read else { return Vec::new() };
    let host = config.issuer.host();
    let cert = files.cert.display();
    let sentence = |fault| match fault {
        CertificateFault::UnknownAuthority => None,
        CertificateFault::AuthorityAsServer => Some(format!(
            "{cert} is an authority's own certificate (CA:TRUE, as plain `openssl req -x509` makes): devices and many \
             clients refuse it as a server's; use one with CA:FALSE that this authority has issued"
        )),
        CertificateFault::Expired => {
            Some(format!("{cert} is not valid at this time: devices and clients refuse it; renew it"))
        }
        CertificateFault::WrongName => Some(format!(
            "{cert} is not for {host}, the issuer's host: devices and clients refuse it, unless a proxy in front has another \
             one; add the name as a subjectAltName"
        )),
        CertificateFault::Unusable => Some(format!(
            "{cert} is of a kind that devices and many clients refuse; use an X.509v3 certificate for servers"
        )),
    };
    faults(&chain, &host, now).into_iter().filter_map(|fault| Some((fault, sentence(fault)?))).collect()
}

/// By rustls, as a client that trusts whoever issued it.
fn faults(chain: &[CertificateDer<'static>], host: &str, now: Timestamp) -> Vec<CertificateFault> {
    let Some((leaf, rest)) = chain.split_first() else { return Vec::new() };
    let mut faults = Vec::new();
    let mut roots = RootCertStore::empty();
    // Where only the server's own certificate is there, it stands for its authority: then this is not what is asked.
    if roots.add(rest.last().unwrap_or(leaf).clone()).is_ok() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let (name, now) =
            (ServerName::try_from("name.invalid"), UnixTime::since_unix_epoch(Duration::from_secs(now.seconds())));
        if let (Ok(verifier), Ok(name)) = (verifier, name)
            && let Err(refused) = verifier.verify_server_cert(leaf, rest, &name, &[], now)
        {
            // The name is asked apart, for it is looked at last.
            faults.extend(CertificateFault::of(&refused).filter(|fault| *fault != CertificateFault::WrongName));
        }
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let names = webpki::EndEntityCert::try_from(leaf).ok().zip(ServerName::try_from(host).ok());
    if names.is_some_and(|(leaf, host)| leaf.verify_is_valid_for_subject_name(&host).is_err()) {
        faults.push(CertificateFault::WrongName);
    }
    faults
}

#[cfg(test)]
mod tests {
    use countersign_testing::certificates::{CertificateAuthority, self_signed};
    use countersign_testing::rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    fn params() -> CertificateParams {
        CertificateParams::new(vec!["id.example.com".to_owned(), "127.0.0.1".to_owned()]).expect("names")
    }

    #[test]
    fn what_clients_would_refuse_is_found_and_a_sound_certificate_is_not_blamed() {
        let authority = CertificateAuthority::new("Test CA");
        let by_authority = |params: &CertificateParams| vec![authority.sign(params).cert.der().clone()];
        let found = |chain: &[CertificateDer<'static>], host: &str| {
            let mut faults = faults(chain, host, NOW);
            faults.retain(|fault| *fault != CertificateFault::UnknownAuthority);
            faults
        };
        for host in ["id.example.com", "127.0.0.1"] {
            assert_eq!(found(&by_authority(&params()), host), []);
            assert_eq!(found(&[self_signed(&[host]).cert.der().clone()], host), []);
        }
        assert_eq!(found(&by_authority(&params()), "other.example.com"), [CertificateFault::WrongName]);
        let mut over = params();
        over.not_after = date_time_ymd(2020, 1, 1);
        assert_eq!(found(&by_authority(&over), "id.example.com"), [CertificateFault::Expired]);
        let mut plain = params();
        plain.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let plain = plain.self_signed(&KeyPair::generate().expect("a key")).expect("sound parameters");
        assert_eq!(found(&[plain.der().clone()], "id.example.com"), [CertificateFault::AuthorityAsServer]);
    }
}
