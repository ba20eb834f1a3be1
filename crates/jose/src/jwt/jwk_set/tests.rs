//! What of a JWK set is used, what is skipped, and what is refused.

use super::*;

const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

fn set(key: &str) -> Result<JwkSet, JwksError> {
    JwkSet::parse(format!("{{\"keys\":[{key}]}}").as_bytes())
}

#[test]
fn a_key_is_found_by_what_it_is_for() {
    let read = set(&format!(
        r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","kid":"a"}},{{"kty":"OKP","crv":"Ed25519","x":"AA"}}"#
    ));
    let keys = read.expect("a set with one key of use");
    let found = |alg, kid| keys.candidates(alg, kid).count();
    assert_eq!(found(SigningAlg::Es256, Some("a")), 1);
    assert_eq!(found(SigningAlg::Es256, None), 1);
    assert_eq!(found(SigningAlg::Es256, Some("b")), 0);
    let nameless = set(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"}}"#)).expect("a key");
    assert_eq!(nameless.candidates(SigningAlg::Es256, Some("b")).count(), 1, "a key without a name may be meant");
    assert_eq!(found(SigningAlg::Ps256, None), 0);
}

#[test]
fn the_thumbprint_is_that_of_rfc_7638() {
    // RFC 7638 §3.1.
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let keys = set(&format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#));
    let keys = keys.expect("a set of one key");
    let thumbprint = keys.public_keys().next().expect("a key").thumbprint();
    assert_eq!(thumbprint.to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn a_document_that_is_no_set_of_public_keys_is_refused_by_name() {
    assert_eq!(set(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","d":"{X}"}}"#)), Err(JwksError::Private));
    assert_eq!(set(r#"{"kty":"oct","k":"AA"}"#), Err(JwksError::Private));
    assert_eq!(set("").map_err(|why| why.code()), Err("jwks_no_usable_key"));
    assert_eq!(JwkSet::parse(b"{}"), Err(JwksError::Form));
    assert_eq!(JwkSet::parse(br#"{"keys":[],"keys":[]}"#), Err(JwksError::Form));
}

fn rsa_jwk(bits: usize, e: &[u8]) -> String {
    let mut n = vec![0xff; bits.div_ceil(8)];
    n[0] >>= 8 * n.len() - bits;
    format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#, base64url::encode(&n), base64url::encode(e))
}

#[test]
fn a_key_that_cannot_be_used_is_skipped_and_named_and_the_others_are_used() {
    let good = format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","kid":"good"}}"#);
    let short = base64url::encode(&base64url::decode(X).expect("32 bytes")[..31]);
    for (bad, reason) in [
        ("null".to_owned(), UnusableKey::NotObject),
        ("[]".to_owned(), UnusableKey::NotObject),
        ("7".to_owned(), UnusableKey::NotObject),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#.to_owned(), UnusableKey::Kind),
        (r#"{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}"#.to_owned(), UnusableKey::Kind),
        (r#"{"crv":"P-256"}"#.to_owned(), UnusableKey::Kind),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","use":"enc"}}"#), UnusableKey::Use),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","alg":"ES512"}}"#), UnusableKey::Use),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}"}}"#), UnusableKey::Member("y")),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}=","y":"{Y}"}}"#), UnusableKey::Member("x")),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":7,"y":"{Y}"}}"#), UnusableKey::Member("x")),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{short}","y":"{Y}"}}"#), UnusableKey::Point),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{Y}","y":"{X}"}}"#), UnusableKey::Point),
        (r#"{"kty":"RSA","e":"AQAB"}"#.to_owned(), UnusableKey::Member("n")),
        (rsa_jwk(1024, &[1, 0, 1]), UnusableKey::ModulusBits(1024)),
        (rsa_jwk(2047, &[1, 0, 1]), UnusableKey::ModulusBits(2047)),
        (rsa_jwk(4097, &[1, 0, 1]), UnusableKey::ModulusBits(4097)),
        (rsa_jwk(8192, &[1, 0, 1]), UnusableKey::ModulusBits(8192)),
        (rsa_jwk(2048, &[]), UnusableKey::Exponent),
        (rsa_jwk(2048, &[1]), UnusableKey::Exponent),
        (rsa_jwk(2048, &[1, 0, 0]), UnusableKey::Exponent),
        (rsa_jwk(2048, &[1, 0xff, 0xff, 0xff, 0xff]), UnusableKey::Exponent),
    ] {
        let read = set(&format!("{bad},{good}")).unwrap_or_else(|why| panic!("{bad}: {why}"));
        assert_eq!(read.candidates(SigningAlg::Es256, Some("good")).count(), 1, "{bad}");
        assert_eq!(read.skipped(), [SkippedKey { number: 1, kid: None, reason }], "{bad}");
        assert_eq!(set(&bad), Err(JwksError::Empty(read.skipped().to_vec())), "{bad}");
    }
    for accepted in [rsa_jwk(2048, &[3]), rsa_jwk(4096, &[0, 1, 0, 1]), rsa_jwk(3072, &[0xff, 0xff, 0xff, 0xff])] {
        assert_eq!(set(&accepted).map(|set| set.skipped().len()), Ok(0), "{accepted}");
    }
}

#[test]
fn the_first_32_usable_keys_count_whatever_stands_between_them() {
    let key = |kid: usize| format!(r#"null,{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","kid":"{kid}"}}"#);
    let keys: Vec<String> = (1..=33).map(key).collect();
    let read = set(&keys.join(",")).expect("a set");
    assert_eq!(read.public_keys().count(), 32);
    assert_eq!(read.candidates(SigningAlg::Es256, Some("33")).count(), 0);
    let last = read.skipped().last().expect("the surplus");
    assert_eq!(last.to_string(), "key 66 (kid 33): it comes after the 32 keys that are used");
}

#[test]
fn thousands_of_unusable_keys_are_told_in_one_line_and_not_kept() {
    let good = format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"}}"#);
    let other = r#"{"kty":"OKP"}"#;
    let read = set(&format!("{good},{}{}null", format!("{other},").repeat(1000), "null,".repeat(19_999)));
    let read = read.expect("a set");
    let line = "key 1002: it is not a JSON object; key 1003: it is not a JSON object; key 1004: it is not a JSON object; and 19997 more";
    assert_eq!(read.unusable().as_deref(), Some(line));
    assert_eq!(read.skipped().len(), 64);
    let one = set(&format!("{good},null")).expect("a set");
    assert_eq!(one.unusable().as_deref(), Some("key 2: it is not a JSON object"));
    assert_eq!(set(&format!("{good},{other}")).expect("a set").unusable(), None, "ordinary");
}

#[test]
fn a_set_with_what_other_libraries_write_is_read() {
    let key =
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","iat":1.795984e+09,"n1":18446744073709551615}}"#);
    let deep = format!("{}1{}", "[".repeat(12), "]".repeat(12));
    let text = format!("\u{feff}{{\"keys\":[{key}],\"x\":{deep}}}");
    assert_eq!(JwkSet::parse(text.as_bytes()).map(|set| set.public_keys().count()), Ok(1));
}

#[test]
fn rsa_and_more_than_two_keys_are_not_quick_to_try() {
    let (p256, rsa) = (format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"}}"#), rsa_jwk(2048, &[1, 0, 1]));
    let is_quick = |alg, keys: &[&str]| set(&keys.join(",")).expect("a set").is_quick_to_try(alg);
    let (es256, ps256) = (Some(SigningAlg::Es256), Some(SigningAlg::Ps256));
    assert!(is_quick(es256, &[&p256, &p256, &rsa]) && !is_quick(es256, &[&p256, &p256, &p256]));
    assert!(!is_quick(ps256, &[&p256, &rsa]) && is_quick(ps256, &[&p256]));
    assert!(is_quick(None, &[&rsa]), "refused before a key is tried");
}
