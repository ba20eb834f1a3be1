//! Clients' keys in tests, and what clients sign with them: assertions, requests, proofs, certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_jose::base64url;
use countersign_jose::key::{LocalSigner, PrivateKey, Signer as _};
use countersign_testing::CountingRandom;
use countersign_testing::certificates::CertificateAuthority;
use countersign_testing::rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType,
};
use ring::rand::SystemRandom;
use ring::signature::{self, KeyPair as _, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};

/// The time of a new world's manual clock, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;

/// The assertion type of RFC 7523.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const RSA: &str = include_str!("keys/rsa_test_key.pem");

/// A private key of a client.
pub(crate) enum ClientKey {
    P256(Box<LocalSigner>),
    Rsa(Box<RsaKeyPair>),
}

impl ClientKey {
    /// The P-256 key of this number.
    pub(crate) fn p256(number: u64) -> ClientKey {
        ClientKey::P256(Box::new(PrivateKey::generate(&CountingRandom::seeded(number)).into_signer()))
    }

    /// The one RSA key: making one takes seconds, and ring makes none.
    pub(crate) fn rsa() -> ClientKey {
        let (_, rest) = RSA.split_once("-----BEGIN PRIVATE KEY-----").expect("a key in PEM");
        let (body, _) = rest.split_once("-----END").expect("its end");
        let der = STANDARD.decode(body.split_whitespace().collect::<String>()).expect("base64");
        ClientKey::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).expect("an RSA key")))
    }

    /// The public key as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        match self {
            ClientKey::P256(signer) => serde_json::to_value(signer.public_key()).expect("a JWK"),
            ClientKey::Rsa(key) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
                json!({ "kty": "RSA", "n": base64url::encode(&public.n), "e": base64url::encode(&public.e) })
            }
        }
    }

    /// The public key with a name, as a set of one.
    pub(crate) fn jwks(&self, kid: &str) -> String {
        let mut jwk = self.jwk();
        jwk["kid"] = kid.into();
        json!({ "keys": [jwk] }).to_string()
    }

    /// The algorithm that the key is for, where the test does not care: ES256 or PS256.
    pub(crate) fn alg(&self) -> &'static str {
        match self {
            ClientKey::P256(_) => "ES256",
            ClientKey::Rsa(_) => "PS256",
        }
    }

    /// A JWT with the key's usual algorithm and no `typ`.
    pub(crate) fn jwt(&self, claims: &Value) -> String {
        self.jws(&json!({ "alg": self.alg() }), &claims.to_string())
    }

    /// A JWS by the algorithm of its header, over these very bytes.
    pub(crate) fn jws(&self, header: &Value, payload: &str) -> String {
        let input =
            format!("{}.{}", base64url::encode(header.to_string().as_bytes()), base64url::encode(payload.as_bytes()));
        let signature = match (self, header["alg"].as_str()) {
            (ClientKey::P256(signer), _) => signer.sign(input.as_bytes()).expect("a signature").to_vec(),
            (ClientKey::Rsa(key), Some("RS256")) => rsa(key, &signature::RSA_PKCS1_SHA256, input.as_bytes()),
            (ClientKey::Rsa(key), _) => rsa(key, &signature::RSA_PSS_SHA256, input.as_bytes()),
        };
        format!("{input}.{}", base64url::encode(&signature))
    }
}

#[expect(clippy::disallowed_methods, reason = "ring blinds RSA with its own randomness alone")]
fn rsa(key: &RsaKeyPair, how: &'static dyn signature::RsaEncoding, input: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(how, &SystemRandom::new(), input, &mut signature).expect("a signature");
    signature
}

/// A payload as other libraries write it: times in exponent form, and claims that nobody here uses. A byte order mark before it.
pub(crate) fn foreign_payload(claims: &Value) -> String {
    let deep = format!("{}1{}", "{\"in\":".repeat(12), "}".repeat(12));
    let mut members = String::new();
    for (name, value) in claims.as_object().expect("claims") {
        match value.as_u64() {
            Some(time) if ["exp", "iat", "nbf"].contains(&name.as_str()) => {
                members += &format!("\"{name}\":{}.{:09}e+09,", time / 1_000_000_000, time % 1_000_000_000);
            }
            _ => members += &format!("\"{name}\":{value},"),
        }
    }
    format!("\u{feff}{{{members}\"tid\":18446744073709551615,\"x\":1e3,\"cnf_of_others\":{deep}}}")
}

/// The claims with one of them changed, or left out where the value is null.
pub(crate) fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => {
            claims.as_object_mut().expect("an object").remove(name);
        }
        value => claims[name] = value,
    }
    claims
}

/// A certificate of the till and its key, in PEM.
pub(crate) fn certified_pair(authority: &CertificateAuthority) -> (String, String) {
    let certified = authority.sign(&till());
    (certified.cert.pem(), certified.signing_key.serialize_pem())
}

/// A certificate of the till, in DER, after the test changed what it wants to.
pub(crate) fn certify(authority: &CertificateAuthority, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = till();
    change(&mut params);
    authority.sign(&params).cert.der().to_vec()
}

/// A certificate that nobody vouches for, and its key as a JWK.
pub(crate) fn self_signed() -> (Vec<u8>, Value) {
    let key = KeyPair::generate().expect("a key");
    let certificate = till().self_signed(&key).expect("a certificate").der().to_vec();
    let point = key.public_key_raw();
    let (x, y) = (base64url::encode(&point[1..33]), base64url::encode(&point[33..]));
    (certificate, json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }))
}

fn till() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["till.example.com".to_owned()]).expect("names");
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in
        [(DnType::CountryName, "DE"), (DnType::OrganizationName, "Acme Coffee"), (DnType::CommonName, "till-14")]
    {
        params.distinguished_name.push(kind, value);
    }
    let uri = "urn:acme:till:14".try_into().expect("ASCII");
    params.subject_alt_names.push(SanType::URI(uri));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}
