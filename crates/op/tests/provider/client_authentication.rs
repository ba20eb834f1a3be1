//! D6: client authentication by key or certificate, alike at both endpoints (OpenID Connect Core §9, RFC 8705).

use std::future::Future as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use countersign_op::{ClientAddress, Config, PeerCertificate};
use countersign_testing::certificates::CertificateAuthority;
use countersign_testing::rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use serde_json::{Value, json};

use crate::client_keys::{ClientKey, JWT_BEARER, NOW, certify, foreign_payload, self_signed, with};
use crate::document_server::Document;
use crate::world::{BC, CONFIG, Reply, SECRET, TOKEN, World, basic, form_request};

const ISSUER: &str = "https://id.example/tenant";

/// [`CONFIG`] with one more client, `signer`, that has these lines.
fn config(lines: &str) -> String {
    format!("{CONFIG}\n[[clients]]\nclient_id = \"signer\"\n{lines}\n")
}

/// A client by private_key_jwt with these keys.
fn by_key(jwks: &str) -> String {
    config(&format!("token_endpoint_auth_method = \"private_key_jwt\"\njwks = '{jwks}'"))
}

/// The claims of a sound assertion that was not used before.
fn claims() -> Value {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let jti = format!("a-{}", COUNT.fetch_add(1, Ordering::SeqCst));
    json!({ "iss": "signer", "sub": "signer", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "jti": jti })
}

/// A request for an unknown user, which the policy hides: 200 where the client is authenticated.
fn ask(assertion: &str) -> Request<Body> {
    let form = [
        ("client_assertion", assertion),
        ("client_assertion_type", JWT_BEARER),
        ("scope", "openid"),
        ("login_hint", "mallory"),
    ];
    form_request(BC, None, &form)
}

fn poll(assertion: &str, auth_req_id: &str) -> Request<Body> {
    let form = [
        ("client_assertion", assertion),
        ("client_assertion_type", JWT_BEARER),
        ("grant_type", "urn:openid:params:grant-type:ciba"),
        ("auth_req_id", auth_req_id),
    ];
    form_request(TOKEN, None, &form)
}

/// A request that names the client and leaves the rest to its connection's certificate.
fn ask_by_certificate(client: &str, certificate: Option<&[u8]>) -> Request<Body> {
    let mut request = form_request(BC, None, &[("client_id", client), ("scope", "openid"), ("login_hint", "mallory")]);
    if let Some(certificate) = certificate {
        request.extensions_mut().insert(PeerCertificate(certificate.to_vec()));
    }
    request
}

#[track_caller]
fn assert_refused(reply: &Reply, words: &str) {
    assert_eq!(
        (reply.status, reply.text("error").as_str()),
        (StatusCode::UNAUTHORIZED, "invalid_client"),
        "{}",
        reply.body
    );
    assert_eq!(reply.text("error_description"), words);
}

#[tokio::test]
async fn d06_private_key_jwt_is_good_at_both_endpoints_by_every_algorithm() {
    for (key, alg, typ) in [
        (ClientKey::p256(1), "ES256", None),
        (ClientKey::rsa(), "PS256", Some("JWT")),
        (ClientKey::rsa(), "RS256", Some("client-authentication+jwt")),
    ] {
        let world = World::with(&by_key(&key.jwks("k1")));
        let assertion = || {
            let mut header = json!({ "alg": alg, "kid": "k1" });
            if let Some(typ) = typ {
                header["typ"] = typ.into();
            }
            key.jws(&header, &claims().to_string())
        };
        let asked = world.send(ask(&assertion())).await;
        assert_eq!(asked.status, StatusCode::OK, "{alg}: {}", asked.body);
        let reply = world.send(poll(&assertion(), &asked.text("auth_req_id"))).await;
        assert_eq!(reply.text("error"), "authorization_pending", "{alg}");
    }
}

#[tokio::test]
async fn attack_01_an_assertion_for_any_other_audience_is_refused() {
    let key = ClientKey::p256(1);
    let world = World::with(&by_key(&key.jwks("k1")));
    let words = format!(
        "client_assertion: aud must be one string, this provider's issuer {ISSUER}, not a list and not an endpoint's address; its operator can accept those of CIBA Core 7.1 by client_assertion_audience"
    );
    for audience in [
        json!(format!("{ISSUER}/token")),
        json!(format!("{ISSUER}/bc-authorize")),
        json!(format!("{ISSUER}/")),
        json!("https://id.example/TENANT"),
        json!("https://other.example"),
        json!([ISSUER]),
        json!([ISSUER, "https://other.example"]),
        json!([]),
        json!(7),
    ] {
        let assertion = || key.jwt(&with(&claims(), "aud", audience.clone()));
        assert_refused(&world.send(ask(&assertion())).await, &words);
        assert_refused(&world.send(poll(&assertion(), "ar_x")).await, &words);
    }
}

#[tokio::test]
async fn an_endpoint_as_audience_is_accepted_where_the_operator_says_so_and_a_list_never() {
    let key = ClientKey::p256(1);
    let own = format!("{}\nclient_assertion_audience = \"endpoints\"\n", by_key(&key.jwks("k1")));
    let of_all = format!("client_assertion_audience = \"endpoints\"\n{}", by_key(&key.jwks("k1")));
    for text in [own, of_all] {
        let world = World::with(&text);
        let with_audience = |audience: Value| key.jwt(&with(&claims(), "aud", audience));
        for audience in [ISSUER.to_owned(), format!("{ISSUER}/token"), format!("{ISSUER}/bc-authorize")] {
            assert_eq!(world.send(ask(&with_audience(json!(audience)))).await.status, StatusCode::OK, "{audience}");
            let reply = world.send(poll(&with_audience(json!(audience)), "ar_x")).await;
            assert_eq!(reply.text("error"), "invalid_grant", "the client is believed: {}", reply.body);
        }
        let words = format!(
            "client_assertion: aud must be one string, not a list: this provider's issuer {ISSUER}, its token endpoint or its backchannel authentication endpoint"
        );
        for audience in [
            json!([format!("{ISSUER}/token")]),
            json!([ISSUER, format!("{ISSUER}/token")]),
            json!(format!("{ISSUER}/userinfo")),
            json!(format!("{ISSUER}/token/")),
            json!("https://other.example/token"),
        ] {
            assert_refused(&world.send(ask(&with_audience(audience))).await, &words);
        }
    }
    let one_alone = format!(
        "client_assertion_audience = \"endpoints\"\n{}\nclient_assertion_audience = \"issuer\"\n",
        by_key(&key.jwks("k1"))
    );
    let world = World::with(&one_alone);
    let endpoint = key.jwt(&with(&claims(), "aud", json!(format!("{ISSUER}/token"))));
    assert_eq!(world.send(ask(&endpoint)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_audience_is_the_issuer_as_it_is_written_with_or_without_a_slash() {
    let key = ClientKey::p256(1);
    let slash = by_key(&key.jwks("k1")).replace("https://id.example/tenant\"", "https://id.example/tenant/\"");
    let world = World::with(&slash);
    let with_audience = |audience: &str| key.jwt(&with(&claims(), "aud", json!(audience)));
    assert_eq!(world.send(ask(&with_audience("https://id.example/tenant/"))).await.status, StatusCode::OK);
    assert_eq!(world.send(ask(&with_audience("https://id.example/tenant"))).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn b02_an_assertion_must_say_who_for_how_long_and_which_one_it_is() {
    let key = ClientKey::p256(1);
    let world = World::with(&by_key(&key.jwks("k1")));
    for (name, value, words) in [
        ("iss", json!("till"), "iss and sub must both be the client_id"),
        ("iss", Value::Null, "iss is missing"),
        ("sub", json!("till"), ""),
        ("sub", Value::Null, "sub is missing"),
        ("sub", json!(["signer"]), "sub must be a string"),
        ("aud", Value::Null, "aud is missing"),
        ("exp", Value::Null, "exp is missing"),
        ("exp", json!(NOW), "it has expired"),
        ("exp", json!(NOW + 601), "exp must be at most 10 minutes ahead"),
        ("exp", json!("soon"), "exp must be a number of seconds since 1970"),
        ("iat", json!(NOW + 31), "iat is in the future"),
        ("nbf", json!(NOW + 31), "nbf is in the future"),
        ("jti", Value::Null, "jti is missing"),
        ("jti", json!(""), "jti must have 1 to 256 bytes"),
        ("jti", json!("x".repeat(257)), "jti must have 1 to 256 bytes"),
    ] {
        let reply = world.send(ask(&key.jwt(&with(&claims(), name, value.clone())))).await;
        match words {
            // The till is a client with a secret.
            "" => assert_refused(
                &reply,
                "this client is registered with a secret: use client_secret_basic or client_secret_post",
            ),
            words => assert_refused(&reply, &format!("client_assertion: {words}")),
        }
    }
    assert_eq!(world.send(ask(&key.jwt(&with(&claims(), "exp", json!(NOW + 600))))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn b02_an_assertion_must_be_by_the_clients_key_and_of_its_kind() {
    let key = ClientKey::p256(1);
    let world = World::with(&by_key(&key.jwks("k1")));
    let text = claims().to_string();
    let not_by_it = "its signature is by none of the keys it may be by";
    let algs = "its alg is not one of those accepted: ES256, PS256, RS256";
    let other_kind = "its typ is that of another kind of token";
    for (assertion, words) in [
        (ClientKey::p256(2).jwt(&claims()), not_by_it),
        (ClientKey::rsa().jwt(&claims()), not_by_it),
        (key.jws(&json!({ "alg": "ES256", "kid": "k2" }), &text), not_by_it),
        (key.jws(&json!({ "alg": "none" }), &text), algs),
        (key.jws(&json!({ "alg": "HS256" }), &text), algs),
        (key.jws(&json!({ "alg": "ES256", "typ": "oauth-authz-req+jwt" }), &text), other_kind),
        (key.jws(&json!({ "alg": "ES256", "typ": "dpop+jwt" }), &text), other_kind),
        (key.jws(&json!({ "alg": "ES256", "typ": "at+jwt" }), &text), other_kind),
        (
            key.jws(&json!({ "alg": "ES256", "crit": ["x"] }), &text),
            "its header is not JSON with alg, or names critical extensions (crit), none of which is supported",
        ),
        ("e30.e30".to_owned(), "it is not a compact JWS of three parts"),
    ] {
        assert_refused(&world.send(ask(&assertion)).await, &format!("client_assertion: {words}"));
    }
    let unknown = ["iss", "sub"].iter().fold(claims(), |claims, name| with(&claims, name, json!("nobody")));
    assert_refused(&world.send(ask(&key.jwt(&unknown))).await, "the client is not known");
}

#[tokio::test]
async fn an_assertion_may_have_what_other_libraries_write_and_claims_that_nobody_here_uses() {
    let key = ClientKey::p256(1);
    let world = World::with(&by_key(&format!("\u{feff}{}", key.jwks("k1").replace("\"kty\"", "\"made\":1e3,\"kty\""))));
    let header = json!({ "alg": "ES256", "x5t_of_others": 1e300 });
    let reply = world.send(ask(&key.jws(&header, &foreign_payload(&claims())))).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
}

#[tokio::test]
async fn a_claim_that_two_readers_could_understand_differently_is_refused_by_name() {
    let key = ClientKey::p256(1);
    let world = World::with(&by_key(&key.jwks("k1")));
    let too_deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    for (more, words) in [
        ("\"exp\":1".to_owned(), "its claim exp can't be read: an object has the same name more than once"),
        (
            "\"act\":{\"a\":1,\"a\":2}".to_owned(),
            "its claim act can't be read: an object has the same name more than once",
        ),
        (format!("\"deep\":{too_deep}"), "its claim deep can't be read: this is nested too deeply"),
        ("\"n\":01".to_owned(), "its claim n can't be read: this is not JSON"),
    ] {
        let text = claims().to_string();
        let payload = format!("{},{more}}}", text.trim_end_matches('}'));
        let reply = world.send(ask(&key.jws(&json!({ "alg": "ES256" }), &payload))).await;
        let description = reply.text("error_description");
        assert!(description.starts_with(&format!("client_assertion: {words}")), "{description}");
    }
    for (exp, words) in [("1e99", "exp must be a number of seconds since 1970"), ("1.8e9", "it has expired")] {
        let payload = claims().to_string().replace(&format!("\"exp\":{}", NOW + 60), &format!("\"exp\":{exp}"));
        let reply = world.send(ask(&key.jws(&json!({ "alg": "ES256" }), &payload))).await;
        assert_refused(&reply, &format!("client_assertion: {words}"));
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_used_leaves_the_others_of_its_set() {
    let key = ClientKey::p256(1);
    let mut padded = key.jwk();
    padded["x"] = format!("{}=", padded["x"].as_str().expect("x")).into();
    let jwks = json!({ "keys": [null, { "kty": "RSA", "e": "AQAB" }, padded, key.jwk()] }).to_string();
    let world = World::with(&by_key(&jwks));
    assert_eq!(world.send(ask(&key.jwt(&claims()))).await.status, StatusCode::OK);
    let document = Document::serve(jwks).await;
    let world = World::with(&format!("{}\n[egress]\nallow = [\"127.0.0.1\"]\n", with_keys_at(&document)));
    assert_eq!(world.send(ask(&key.jwt(&claims()))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn bad_assertions_are_limited_before_their_signature_is_verified() {
    let key = ClientKey::rsa();
    let world = World::with(&by_key(&key.jwks("k1")).replace("mode = \"test\"", ""));
    let from = |address: &str, assertion: &str| {
        let mut request = ask(assertion);
        request.extensions_mut().insert(ClientAddress(address.parse().expect("an address")));
        request
    };
    let forged = ClientKey::p256(9).jwt(&claims());
    for _ in 0..100 {
        assert_eq!(world.send(from("203.0.113.9", &forged)).await.status, StatusCode::UNAUTHORIZED);
    }
    let reply = world.send(from("203.0.113.9", &key.jwt(&claims()))).await;
    assert_eq!((reply.status, reply.text("error")), (StatusCode::TOO_MANY_REQUESTS, "rate_limited".to_owned()));
    assert_eq!(reply.header(axum::http::header::RETRY_AFTER), Some("60"));
    let words = "too many failed authentications as this client; try again in 60 seconds";
    assert_eq!(reply.text("error_description"), words);
    let elsewhere = world.send(from("198.51.100.1", &key.jwt(&claims()))).await;
    assert_eq!(elsewhere.status, StatusCode::OK, "the client itself, from its own address: {}", elsewhere.body);
    world.advance_seconds(60);
    let later = with(&claims(), "exp", json!(NOW + 100));
    assert_eq!(world.send(from("203.0.113.9", &key.jwt(&later))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_forged_assertion_counts_also_if_its_request_breaks_off() {
    let key = ClientKey::rsa();
    let world = World::with(&by_key(&key.jwks("k1")).replace("mode = \"test\"", ""));
    let from_here = |assertion: &str| {
        let mut request = ask(assertion);
        request.extensions_mut().insert(ClientAddress("203.0.113.9".parse().expect("an address")));
        request
    };
    let sound = key.jwt(&claims());
    let (signed, signature) = sound.rsplit_once('.').expect("a JWS");
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    for _ in 0..100 {
        let mut request = Box::pin(world.send(from_here(&forged)));
        let begun = std::future::poll_fn(|context| Poll::Ready(request.as_mut().poll(context).is_pending())).await;
        assert!(begun, "RSA is verified on another thread");
    }
    for _ in 0..3000 {
        if world.send(from_here(&key.jwt(&claims()))).await.status == StatusCode::TOO_MANY_REQUESTS {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a hundred forged assertions were verified and not counted");
}

#[tokio::test]
async fn invented_clients_lock_no_client_out_and_count_for_their_address() {
    let world = World::with(&CONFIG.replace("mode = \"test\"", ""));
    let from = |address: &str, client: &str| {
        let mut request =
            form_request(BC, Some(&basic(client, SECRET)), &[("scope", "openid"), ("login_hint", "mallory")]);
        request.extensions_mut().insert(ClientAddress(address.parse().expect("an address")));
        request
    };
    for n in 0..500 {
        let reply = world.send(from("203.0.113.9", &format!("invented-{n}"))).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    }
    let reply = world.send(from("203.0.113.9", "invented")).await;
    let words = "too many failed client authentications from this address; try again in 60 seconds";
    assert_eq!((reply.status, reply.text("error_description").as_str()), (StatusCode::TOO_MANY_REQUESTS, words));
    assert_eq!(world.send(from("198.51.100.1", "kiosk")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_registered_algorithm_is_the_only_one() {
    let key = ClientKey::rsa();
    let world = World::with(&config(&format!(
        "token_endpoint_auth_method = \"private_key_jwt\"\ntoken_endpoint_auth_signing_alg = \"PS256\"\njwks = '{}'",
        key.jwks("k1")
    )));
    let by = |alg: &str| key.jws(&json!({ "alg": alg }), &claims().to_string());
    assert_eq!(world.send(ask(&by("PS256"))).await.status, StatusCode::OK);
    let words = "client_assertion: its alg is not one of those accepted: PS256";
    assert_refused(&world.send(ask(&by("RS256"))).await, words);
}

#[tokio::test]
async fn an_assertion_is_accepted_once_at_either_endpoint_and_after_a_restart() {
    let key = ClientKey::p256(1);
    let config = by_key(&key.jwks("k1"));
    let world = World::with(&config);
    let assertion = key.jwt(&claims());
    assert_eq!(world.send(ask(&assertion)).await.status, StatusCode::OK);
    let words = "client_assertion: it was used before: sign a new one, with a new jti, for every request";
    assert_refused(&world.send(ask(&assertion)).await, words);
    assert_refused(&world.send(poll(&assertion, "ar_x")).await, words);
    let world = world.restarted_with(&config);
    assert_refused(&world.send(ask(&assertion)).await, words);
}

#[tokio::test]
async fn one_assertion_sent_many_times_at_once_is_accepted_once() {
    let key = ClientKey::p256(1);
    let world = World::with(&by_key(&key.jwks("k1")));
    let assertion = key.jwt(&claims());
    let sent = futures_util::future::join_all((0..20).map(|_| world.send(ask(&assertion)))).await;
    assert_eq!(sent.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
}

#[tokio::test]
async fn d06_an_unregistered_method_is_refused_with_what_to_change() {
    let key = ClientKey::p256(1);
    let world = World::with(&by_key(&key.jwks("k1")));
    let use_a_key =
        "this client is registered for private_key_jwt: send client_assertion, signed by its key, and nothing else";
    let form = [("scope", "openid"), ("login_hint", "mallory")];
    assert_refused(&world.send(form_request(BC, Some(&basic("signer", SECRET)), &form)).await, use_a_key);
    let posted = [("client_id", "signer"), ("client_secret", SECRET)];
    assert_refused(&world.send(form_request(BC, None, &posted)).await, use_a_key);
    assert_refused(&world.send(ask_by_certificate("signer", None)).await, use_a_key);

    let use_a_secret = "this client is registered with a secret: use client_secret_basic or client_secret_post";
    let till = ["iss", "sub"].iter().fold(claims(), |claims, name| with(&claims, name, json!("till")));
    assert_refused(&world.send(ask(&key.jwt(&till))).await, use_a_secret);
    let (certificate, _) = self_signed();
    assert_refused(&world.send(ask_by_certificate("till", Some(&certificate))).await, use_a_secret);
    assert_refused(&world.send(ask_by_certificate("nobody", Some(&certificate))).await, "the client is not known");
}

#[tokio::test]
async fn two_ways_at_once_are_refused() {
    let key = ClientKey::p256(1);
    let world = World::with(&by_key(&key.jwks("k1")));
    let assertion = key.jwt(&claims());
    let assertion = ("client_assertion", assertion.as_str());
    let kind = ("client_assertion_type", JWT_BEARER);
    let authorization = basic("signer", SECRET);
    for (authorization, form) in [
        (Some(authorization.as_str()), vec![assertion, kind]),
        (None, vec![assertion, kind, ("client_id", "signer"), ("client_secret", SECRET)]),
        (Some(authorization.as_str()), vec![("client_secret", SECRET)]),
    ] {
        let reply = world.send(form_request(BC, authorization, &form)).await;
        assert_eq!(reply.text("error"), "invalid_request", "{}", reply.body);
        assert!(reply.text("error_description").starts_with("the client uses more than one authentication method"));
    }
    let other = world.send(form_request(BC, None, &[assertion, kind, ("client_id", "till")])).await;
    assert_eq!(other.text("error_description"), "client_id in the body differs from the one in client_assertion");
    let no_kind = world.send(form_request(BC, None, &[assertion])).await;
    assert_refused(&no_kind, &format!("client_assertion_type must be {JWT_BEARER}"));
    let alone = world.send(form_request(BC, None, &[kind])).await;
    assert_refused(&alone, "client_assertion_type came without client_assertion");
}

#[tokio::test]
async fn a_client_by_key_that_is_added_while_the_provider_runs_is_known_at_once() {
    let key = ClientKey::p256(1);
    let world = World::new();
    assert_refused(&world.send(ask(&key.jwt(&claims()))).await, "the client is not known");
    let jwks = key.jwks("k1");
    let entry = format!(
        "[[clients]]\nclient_id = \"signer\"\ntoken_endpoint_auth_method = \"private_key_jwt\"\njwks = '{jwks}'\n"
    );
    let Ok(added) = world.provider.add_client(&entry).await else { panic!("a sound entry") };
    assert!(added.secret.is_none(), "a client with a key has no secret");
    assert_eq!(world.send(ask(&key.jwt(&claims()))).await.status, StatusCode::OK);
    world.provider.remove_client("signer").await.expect("removed");
    assert_refused(&world.send(ask(&key.jwt(&claims()))).await, "the client is not known");
}

/// A world whose `signer` has this subject in certificates of the authority.
fn by_subject(authority: &CertificateAuthority, subject: &str) -> World {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("clients.pem"), authority.pem()).expect("written");
    let lines = format!(
        "token_endpoint_auth_method = \"tls_client_auth\"\n{subject}\n[tls]\nclient_ca = \"{}\"",
        home.path().join("clients.pem").display()
    );
    World::with(&config(&lines))
}

#[tokio::test]
async fn d06_tls_client_auth_knows_a_certificate_by_its_subject_and_its_authority() {
    let authority = CertificateAuthority::new("Acme CA");
    let certificate = certify(&authority, |_| {});
    for (subject, other) in [
        ("tls_client_auth_subject_dn = \"CN=till-14,O=Acme Coffee,C=DE\"", "till-14"),
        ("tls_client_auth_san_dns = \"till.example.com\"", "till.example.com"),
        ("tls_client_auth_san_uri = \"urn:acme:till:14\"", "till:14"),
    ] {
        let world = by_subject(&authority, subject);
        let reply = world.send(ask_by_certificate("signer", Some(&certificate))).await;
        assert_eq!(reply.status, StatusCode::OK, "{subject}: {}", reply.body);

        let words = "the client certificate's subject is not the one this client is registered with";
        let world = by_subject(&authority, &subject.replace(other, &format!("{other}5")));
        assert_refused(&world.send(ask_by_certificate("signer", Some(&certificate))).await, words);
    }
}

#[tokio::test]
async fn d06_tls_client_auth_believes_no_certificate_but_that_of_its_authority_for_clients_and_now() {
    let authority = CertificateAuthority::new("Acme CA");
    let world = by_subject(&authority, "tls_client_auth_san_dns = \"till.example.com\"");
    let words = "the client certificate is not valid now, not for client authentication, or not issued by an authority this provider trusts for clients";
    let (nobodys, _) = self_signed();
    for certificate in [
        // Another authority of the same name.
        certify(&CertificateAuthority::new("Acme CA"), |_| {}),
        nobodys,
        // The world's clock stands in January 2027.
        certify(&authority, |params| params.not_after = date_time_ymd(2027, 1, 1)),
        certify(&authority, |params| params.not_before = date_time_ymd(2027, 2, 1)),
        certify(&authority, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        b"no certificate".to_vec(),
    ] {
        assert_refused(&world.send(ask_by_certificate("signer", Some(&certificate))).await, words);
    }
    let words = "this client is registered for tls_client_auth: connect with its certificate and send client_id, and nothing else";
    assert_refused(&world.send(ask_by_certificate("signer", None)).await, words);
    let posted = [("client_id", "signer"), ("client_secret", SECRET)];
    assert_refused(&world.send(form_request(BC, None, &posted)).await, words);
}

#[tokio::test]
async fn d06_self_signed_tls_client_auth_knows_a_certificate_by_its_key() {
    let (certificate, jwk) = self_signed();
    let jwks = json!({ "keys": [jwk] });
    let world =
        World::with(&config(&format!("token_endpoint_auth_method = \"self_signed_tls_client_auth\"\njwks = '{jwks}'")));
    let reply = world.send(ask_by_certificate("signer", Some(&certificate))).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let (other, _) = self_signed();
    let words = "the client certificate's key is not among this client's jwks";
    assert_refused(&world.send(ask_by_certificate("signer", Some(&other))).await, words);
    let words = "the client certificate's key is neither P-256 nor RSA";
    assert_refused(&world.send(ask_by_certificate("signer", Some(b"no certificate"))).await, words);
}

#[tokio::test]
async fn a_client_id_with_plus_and_percent_is_known_in_basic_encoded_or_not() {
    use base64::Engine as _;
    let id = "1PpG/Q+1%7";
    let world = World::with(&format!("{CONFIG}\n[[clients]]\nclient_id = \"{id}\"\nsecret = \"{SECRET}\"\n"));
    let raw = |id: &str, secret: &str| {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
    };
    let form = [("scope", "openid"), ("login_hint", "mallory")];
    for authorization in [raw(id, SECRET), basic(id, SECRET)] {
        let reply = world.send(form_request(BC, Some(&authorization), &form)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let named = [&form[..], &[("client_id", id)]].concat();
        assert_eq!(world.send(form_request(BC, Some(&authorization), &named)).await.status, StatusCode::OK);
    }
    let unknown = "the client is not known or its secret is wrong";
    for authorization in [raw(id, "wrong"), raw("1PpG/Q+1%", SECRET), raw("%zz", SECRET)] {
        assert_refused(&world.send(form_request(BC, Some(&authorization), &form)).await, unknown);
    }
}

/// The configuration of a client whose keys are there.
fn with_keys_at(document: &Document) -> String {
    config(&format!("token_endpoint_auth_method = \"private_key_jwt\"\njwks_uri = \"{}\"", document.address))
}

#[tokio::test]
async fn keys_at_a_jwks_uri_are_fetched_once_and_again_for_a_new_key_once_a_minute() {
    let (old, new) = (ClientKey::p256(1), ClientKey::p256(2));
    let document = Document::serve(old.jwks("old")).await;
    let world = World::with(&format!("{}\n[egress]\nallow = [\"127.0.0.1\"]\n", with_keys_at(&document)));
    let status = async |key: &ClientKey| {
        let claims = with(&claims(), "exp", json!(NOW + 580));
        world.send(ask(&key.jwt(&claims))).await.status
    };
    assert_eq!((status(&old).await, status(&old).await), (StatusCode::OK, StatusCode::OK));
    assert_eq!(document.fetched(), 1);

    document.becomes(Some(new.jwks("new")));
    assert_eq!(status(&new).await, StatusCode::UNAUTHORIZED, "a minute has not passed");
    assert_eq!(document.fetched(), 1);
    world.advance_seconds(60);
    assert_eq!(status(&new).await, StatusCode::OK);
    assert_eq!((status(&old).await, document.fetched()), (StatusCode::UNAUTHORIZED, 2));

    document.becomes(None);
    world.advance_seconds(60);
    assert_eq!(status(&old).await, StatusCode::UNAUTHORIZED);
    assert_eq!((status(&new).await, document.fetched()), (StatusCode::OK, 3), "what is known stays known for a while");
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_reported_with_the_reason() {
    let key = ClientKey::p256(1);
    let document = Document::serve("{}".to_owned()).await;
    let world = World::with(&format!("{}\n[egress]\nallow = [\"127.0.0.1\"]\n", with_keys_at(&document)));
    let words = "client_assertion: the keys can't be fetched from jwks_uri: a JWK set is a JSON object with an array named keys";
    assert_refused(&world.send(ask(&key.jwt(&claims()))).await, words);
    document.becomes(None);
    world.advance_seconds(60);
    let words = "client_assertion: the keys can't be fetched from jwks_uri: no document came from there; the provider's log says why";
    let later = with(&claims(), "exp", json!(NOW + 100));
    assert_refused(&world.send(ask(&key.jwt(&later))).await, words);
}

#[tokio::test]
async fn attack_15_a_jwks_uri_tells_nobody_which_names_and_addresses_are_inside() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let mut descriptions = Vec::new();
    for (uri, allow) in [
        ("https://10.1.2.3/jwks".to_owned(), ""),
        ("https://localhost/jwks".to_owned(), ""),
        (format!("http://127.0.0.1:{closed}/jwks"), "\n[egress]\nallow = [\"127.0.0.1\"]\n"),
    ] {
        let lines = format!("token_endpoint_auth_method = \"private_key_jwt\"\njwks_uri = \"{uri}\"");
        let world = World::with(&format!("{}{allow}", config(&lines)));
        let reply = world.send(ask(&ClientKey::p256(1).jwt(&claims()))).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{uri}");
        descriptions.push(reply.text("error_description"));
    }
    descriptions.dedup();
    assert_eq!(descriptions.len(), 1, "{descriptions:?}");
}

#[tokio::test]
async fn attack_15_a_jwks_uri_inside_the_operators_network_is_not_called() {
    let key = ClientKey::p256(1);
    let document = Document::serve(key.jwks("k1")).await;
    let world = World::with(&with_keys_at(&document));
    let words = "client_assertion: the keys can't be fetched from jwks_uri: no document came from there; the provider's log says why";
    assert_refused(&world.send(ask(&key.jwt(&claims()))).await, words);
    assert_eq!(document.fetched(), 0);
}

#[test]
fn an_unusable_authentication_method_is_refused_at_startup() {
    let public = "token_endpoint_auth_method = \"none\"";
    let no_authority = "token_endpoint_auth_method = \"tls_client_auth\"\ntls_client_auth_san_dns = \"a.example\"";
    let no_name = "token_endpoint_auth_method = \"tls_client_auth\"\ntls_client_auth_subject_dn = \"till-14\"";
    for (lines, words) in [
        (public, "a public client can't ask for approvals"),
        (
            no_authority,
            "tls_client_auth needs a certificate authority, and this provider has none; set `client_ca` in [tls]",
        ),
        (no_name, "`tls_client_auth_subject_dn` must be a name as RFC 4514 writes it"),
    ] {
        let errors = Config::parse(&config(lines), std::path::Path::new("")).err().expect("a mistake");
        assert!(errors.iter().any(|error| error.message.contains(words)), "{errors:?}");
    }

    let home = tempfile::tempdir().expect("a folder");
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (name, text, words) in [
        ("missing.pem", None, "can't be read"),
        ("empty.pem", Some(""), "`client_ca` in [tls] can't be used: it holds no certificate in PEM"),
        ("key.pem", Some(key), "it holds no certificate in PEM"),
        ("damaged.pem", Some(damaged), "`client_ca` in [tls] can't be used: a certificate in it is damaged"),
    ] {
        if let Some(text) = text {
            std::fs::write(home.path().join(name), text).expect("written");
        }
        let errors = Config::parse(&format!("{CONFIG}\n[tls]\nclient_ca = \"{name}\"\n"), home.path()).err();
        let errors = errors.expect("a mistake");
        assert!(errors[0].message.contains(words), "{errors:?}");
        assert!(errors[0].line > 0, "the line is told");
    }
}
