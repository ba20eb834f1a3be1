//! A client's authentication method in its entry: secret, keys, or certificate subject.

use std::path::Path;
use std::sync::Arc;

use countersign_jose::jwt::{JwkSet, SigningAlg};

use super::client::{CertificateSubject, ClientAuth, ClientKeys, SecretMethod};
use super::hashed_secret::{self, ClientSecret, HashedSecret, SecretFormatError, StoredSecret};
use super::section::Section;
use super::{https, trusted_file};
use crate::client_certificate;

/// Reads the method and the keys; `None` if an error was reported. `stored` is the secret of a client whose entry names none.
pub(super) fn read(
    section: &Section<'_>,
    folder: &Path,
    stored: Option<&HashedSecret>,
) -> Option<(ClientAuth, Option<ClientKeys>)> {
    let method = method(section);
    let keys = keys(section, folder);
    let alg = section.choice("token_endpoint_auth_signing_alg", ALGS);
    let subject = subject(section);
    if let (Some(alg), Some((Method::Secret(_) | Method::Tls | Method::SelfSignedTls, _))) = (&alg, &method) {
        section.report(&alg.at, "`token_endpoint_auth_signing_alg` applies to private_key_jwt only; remove it");
    }
    let Some((method, at)) = method else {
        // Asked for, so that it is not called unknown as well.
        let _ = (section.string("secret"), section.string("secret_file"));
        return None;
    };
    let has_secret = section.has("secret") || section.has("secret_file");
    if has_secret && !matches!(method, Method::Secret(_)) {
        // Asked for, so that it is not called unknown as well.
        let _ = (section.string("secret"), section.string("secret_file"));
        section.report(&at, "a client that authenticates by a key or a certificate has no secret; remove `secret`");
        return None;
    }
    if subject.is_some() && !matches!(method, Method::Tls) {
        section.report(&at, "a certificate subject applies to tls_client_auth only; remove it");
        return None;
    }
    let auth = match method {
        Method::Secret(only) => {
            let secret = match stored {
                Some(stored) => StoredSecret::Hashed(stored.clone()),
                None => StoredSecret::Read(read_secret(section, folder)?),
            };
            ClientAuth::Secret { secret, only }
        }
        Method::PrivateKeyJwt => {
            needs_keys(section, &at)?;
            ClientAuth::PrivateKeyJwt { alg: alg.map(|found| found.value) }
        }
        Method::SelfSignedTls => {
            needs_keys(section, &at)?;
            ClientAuth::SelfSignedTls
        }
        Method::Tls => match subject {
            Some(subject) => ClientAuth::Tls(subject?),
            None => {
                section.report(&at, "tls_client_auth needs one of `tls_client_auth_subject_dn`, `tls_client_auth_san_dns` and `tls_client_auth_san_uri`; add it");
                return None;
            }
        },
    };
    match keys {
        Some(keys) => Some((auth, Some(keys?))),
        None => Some((auth, None)),
    }
}

#[derive(Clone, Copy)]
enum Method {
    Secret(Option<SecretMethod>),
    PrivateKeyJwt,
    Tls,
    SelfSignedTls,
}

/// The method and its span; by default a secret that may be sent either way, with the entry's span.
fn method(section: &Section<'_>) -> Option<(Method, std::ops::Range<usize>)> {
    let Some(found) = section.string("token_endpoint_auth_method") else {
        return (!section.has("token_endpoint_auth_method")).then(|| (Method::Secret(None), section.at().clone()));
    };
    let method = match found.value {
        "none" => {
            section.report(&found.at, "a public client can't ask for approvals (CIBA Core 4); give it a secret and leave `token_endpoint_auth_method` out");
            None
        }
        "client_secret_jwt" => {
            section.report(&found.at, "`token_endpoint_auth_method` \"client_secret_jwt\" would need the secret itself, and only its hash is kept; use \"private_key_jwt\" or \"client_secret_basic\"");
            None
        }
        value => section.one_of("token_endpoint_auth_method", &found.at, value, METHODS),
    };
    method.map(|method| (method, found.at))
}

const METHODS: &[(&str, Method)] = &[
    ("client_secret_basic", Method::Secret(Some(SecretMethod::Basic))),
    ("client_secret_post", Method::Secret(Some(SecretMethod::Post))),
    ("private_key_jwt", Method::PrivateKeyJwt),
    ("tls_client_auth", Method::Tls),
    ("self_signed_tls_client_auth", Method::SelfSignedTls),
];

/// Signing algorithms of tokens, requests and assertions.
pub(super) const ALGS: &[(&str, SigningAlg)] =
    &[("ES256", SigningAlg::Es256), ("PS256", SigningAlg::Ps256), ("RS256", SigningAlg::Rs256)];

fn needs_keys(section: &Section<'_>, at: &std::ops::Range<usize>) -> Option<()> {
    if section.has("jwks") || section.has("jwks_file") || section.has("jwks_uri") {
        return Some(());
    }
    section.report(at, "this method needs the client's public keys: add `jwks`, `jwks_file` or `jwks_uri`");
    None
}

/// Public keys of a client or hint issuer; the inner `None` if an error was reported.
pub(super) fn keys(section: &Section<'_>, folder: &Path) -> Option<Option<ClientKeys>> {
    let (inline, file, uri) = (section.json_text("jwks"), section.string("jwks_file"), section.string("jwks_uri"));
    let given = [section.has("jwks"), section.has("jwks_file"), section.has("jwks_uri")];
    if given.iter().filter(|given| **given).count() > 1 {
        section.report(section.at(), "one of `jwks`, `jwks_file` and `jwks_uri` is enough; remove the others");
        return Some(None);
    }
    let parsed = |key: &str, at: &std::ops::Range<usize>, text: &[u8]| match JwkSet::parse(text) {
        Ok(set) => Some(ClientKeys::Set(Arc::new(set))),
        Err(why) => {
            let name = section.name(key);
            section.report(at, format!("{name} can't be used: {why}"));
            None
        }
    };
    match (inline, file, uri) {
        (Some(json), _, _) => Some(parsed("jwks", &json.at, json.value.as_bytes())),
        (_, Some(file), _) => match trusted_file::read(&folder.join(file.value), "the keys' file") {
            Ok(text) => Some(parsed("jwks_file", &file.at, &text)),
            Err(why) => {
                section.report(&file.at, why);
                Some(None)
            }
        },
        (_, _, Some(uri)) => Some(https(section, "jwks_uri", &uri).map(ClientKeys::At)),
        (None, None, None) => given.contains(&true).then_some(None),
    }
}

/// The certificate's subject; the inner `None` if an error was reported.
fn subject(section: &Section<'_>) -> Option<Option<CertificateSubject>> {
    let dn = section.string("tls_client_auth_subject_dn");
    if let Some(found) = dn.as_ref().filter(|found| client_certificate::canonical_dn(found.value).is_none()) {
        let message = "`tls_client_auth_subject_dn` must be a name as RFC 4514 writes it, such as \"CN=till-14,O=Acme Coffee,C=DE\"";
        section.report(&found.at, message);
        return Some(None);
    }
    let given = [
        dn.map(|found| (found.at, CertificateSubject::Dn(found.value.to_owned()))),
        section
            .string("tls_client_auth_san_dns")
            .map(|found| (found.at, CertificateSubject::Dns(found.value.to_owned()))),
        section
            .string("tls_client_auth_san_uri")
            .map(|found| (found.at, CertificateSubject::Uri(found.value.to_owned()))),
    ];
    let mut given = given.into_iter().flatten();
    let (_, subject) = given.next()?;
    if let Some((at, _)) = given.next() {
        section.report(&at, "a client has one certificate subject (RFC 8705 2.1.2); remove the others");
        return Some(None);
    }
    Some(Some(subject))
}

/// Reads the secret. Reports only one error: a public client gets no second one about its missing secret.
fn read_secret(section: &Section<'_>, folder: &Path) -> Option<ClientSecret> {
    let public = section.string("token_endpoint_auth_method").is_some_and(|method| method.value == "none");
    if !public && !section.has("secret") && !section.has("secret_file") {
        section.report(section.at(), "a client needs a secret; add `secret` or `secret_file` with at least 128 random bits, for example from: openssl rand -hex 32");
    }
    read_named_secret(section, ["secret", "secret_file"], folder)
}

/// A secret under the first key, or in the file under the second; `None` if there is neither, or an error was reported.
pub(super) fn read_named_secret(
    section: &Section<'_>,
    [here, in_file]: [&'static str; 2],
    folder: &Path,
) -> Option<ClientSecret> {
    match (section.string(here), section.string(in_file)) {
        (Some(_), Some(file)) => {
            let what = if here == "secret" { "a client has " } else { "write " };
            section.report(&file.at, format!("{what}`{here}` or `{in_file}`, not both; remove one"));
            None
        }
        (Some(written), None) => checked(section, here, &written.at, written.value),
        (None, Some(file)) => match hashed_secret::read_file(&folder.join(file.value)) {
            Ok(text) => checked(section, in_file, &file.at, &text),
            Err(message) => {
                section.report(&file.at, message);
                None
            }
        },
        (None, None) => None,
    }
}

fn checked(section: &Section<'_>, key: &str, at: &std::ops::Range<usize>, text: &str) -> Option<ClientSecret> {
    let name = section.name(key);
    match ClientSecret::parse(text) {
        Ok(secret) => Some(secret),
        Err(SecretFormatError::Short) => {
            section.report(at, format!("{name} is too easy to guess: it needs at least 128 random bits, for example from: openssl rand -hex 32"));
            None
        }
        Err(SecretFormatError::Characters) => {
            section.report(at, format!("{name} may hold printable ASCII characters only; make a new one, for example by: openssl rand -hex 32"));
            None
        }
    }
}
