//! The same tests for both backends.

use super::*;

struct Counting(std::sync::atomic::AtomicU8);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.fetch_add(7, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

fn key() -> PrivateKey {
    PrivateKey::generate(&Counting(1.into()))
}

fn each_backend(check: impl Fn(&dyn Signer, &dyn Verifier)) {
    let signers: [Box<dyn Signer>; 2] = [Box::new(RingSigner::new(&key())), Box::new(P256Signer::new(&key()))];
    let verifiers: [Box<dyn Verifier>; 2] = [Box::new(RingVerifier), Box::new(P256Verifier)];
    for signer in &signers {
        for verifier in &verifiers {
            check(signer.as_ref(), verifier.as_ref());
        }
    }
}

#[test]
fn what_one_backend_signs_the_other_verifies() {
    each_backend(|signer, verifier| {
        let signature = signer.sign(b"words").expect("a key in memory signs");
        assert_eq!(verifier.verify(signer.public_key(), b"words", &signature), Ok(()));
        assert_eq!(verifier.verify(signer.public_key(), b"other words", &signature), Err(BadSignature));
    });
}

#[test]
fn a_signature_of_zeros_is_refused() {
    each_backend(|signer, verifier| {
        assert_eq!(verifier.verify(signer.public_key(), b"words", &[0; 64]), Err(BadSignature));
    });
}

#[test]
fn the_thumbprint_is_that_of_rfc_7638_section_3() {
    // Computed independently: SHA-256 over the required members in lexicographic order, no white space.
    let key: PublicKey = serde_json::from_str(
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"ignored"}"#,
    )
    .expect("the key of RFC 7515 appendix A.3");
    assert_eq!(key.thumbprint().to_string(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
}

#[test]
fn a_jwk_that_is_no_public_p256_key_is_refused() {
    let good = serde_json::to_value(key().public_key()).expect("a key is JSON");
    assert!(serde_json::from_value::<PublicKey>(good.clone()).is_ok());
    for (member, value) in [
        ("kty", "RSA"),
        ("crv", "P-384"),
        ("x", "AAAA"),
        ("y", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
        ("d", "AAAA"),
    ] {
        let mut bad = good.clone();
        bad[member] = value.into();
        assert!(serde_json::from_value::<PublicKey>(bad).is_err(), "{member} = {value}");
    }
}
