//! The FAPI-CIBA profile, for one client or the whole provider: each rule, at startup or at the request.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode};
use countersign_jose::hash::Hash;
use countersign_op::{Config, PeerCertificate};
use serde_json::{Value, json};

use crate::client_keys::{ClientKey, JWT_BEARER, NOW, self_signed, with};
use crate::world::{BC, CONFIG, Reply, SECRET, TOKEN, World, form_request};

const ISSUER: &str = "https://id.example/tenant";

/// A client's entry that keeps every rule.
fn entry(key: &ClientKey) -> String {
    format!(
        "[[clients]]\nclient_id = \"bank\"\nfirst_party = true\nprofile = \"fapi-ciba\"\ntoken_endpoint_auth_method = \"private_key_jwt\"\njwks = '{}'\ndpop_bound_access_tokens = true\n",
        key.jwks("k1")
    )
}

fn config(key: &ClientKey) -> String {
    format!("{CONFIG}\n{}", entry(key))
}

fn jti() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("f-{}", COUNT.fetch_add(1, Ordering::SeqCst))
}

fn assertion() -> Value {
    json!({ "iss": "bank", "sub": "bank", "aud": ISSUER, "exp": NOW + 60, "jti": jti() })
}

/// A sound request about Alice.
fn request() -> Value {
    json!({
        "iss": "bank", "aud": ISSUER, "exp": NOW + 300, "iat": NOW, "nbf": NOW, "jti": jti(),
        "scope": "openid", "login_hint": "alice", "binding_message": "Transfer 7",
    })
}

fn send(assertion: &str, parameters: &[(&str, &str)]) -> Request<Body> {
    let mut form = vec![("client_assertion", assertion), ("client_assertion_type", JWT_BEARER)];
    form.extend_from_slice(parameters);
    form_request(BC, None, &form)
}

impl World {
    async fn ask_as_bank(&self, key: &ClientKey, parameters: &[(&str, &str)]) -> Reply {
        self.send(send(&key.jwt(&assertion()), parameters)).await
    }
}

#[tokio::test]
async fn fapi_a_request_by_the_rules_becomes_a_bound_token_of_ten_minutes_with_its_acr() {
    for key in [ClientKey::p256(1), ClientKey::rsa()] {
        let world = World::with(&config(&key));
        let mut phone = world.enroll("Phone").await;
        let asked = with(&request(), "acr_values", json!("urn:countersign:acr:verified"));
        let asked = world.ask_as_bank(&key, &[("request", &key.jwt(&asked))]).await;
        assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
        world.approve(&mut phone, None).await;

        let proof = ClientKey::p256(9);
        let claims = json!({ "jti": jti(), "htm": "POST", "htu": format!("{ISSUER}/token"), "iat": NOW });
        let proof = proof.jws(&json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": proof.jwk() }), &claims.to_string());
        let (auth_req_id, assertion) = (asked.text("auth_req_id"), key.jwt(&assertion()));
        let form = [
            ("grant_type", "urn:openid:params:grant-type:ciba"),
            ("auth_req_id", auth_req_id.as_str()),
            ("client_assertion", assertion.as_str()),
            ("client_assertion_type", JWT_BEARER),
        ];
        let mut poll = form_request(TOKEN, None, &form);
        poll.headers_mut().insert("dpop", HeaderValue::from_str(&proof).expect("ASCII"));
        let tokens = world.send(poll).await;
        assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
        assert_eq!((&tokens.json()["token_type"], &tokens.json()["expires_in"]), (&json!("DPoP"), &json!(600)));
        let (_, access) = world.open(&tokens.text("access_token")).await;
        let access: Value = serde_json::from_str(&access).expect("claims");
        assert_eq!(access["exp"].as_u64(), access["iat"].as_u64().map(|iat| iat + 600));
        assert!(access["cnf"]["jkt"].is_string(), "{access}");
        let (_, id_token) = world.open(&tokens.text("id_token")).await;
        let id_token: Value = serde_json::from_str(&id_token).expect("claims");
        assert_eq!(id_token["acr"], "urn:countersign:acr:verified");
    }
}

#[tokio::test]
async fn fapi_a_certificate_proves_the_client_and_binds_its_token() {
    let (key, (certificate, of_certificate)) = (ClientKey::p256(1), self_signed());
    let jwks = json!({ "keys": [key.jwk(), of_certificate] });
    let world = World::with(&format!(
        "{CONFIG}\n[[clients]]\nclient_id = \"bank\"\nfirst_party = true\nprofile = \"fapi-ciba\"\ntoken_endpoint_auth_method = \"self_signed_tls_client_auth\"\njwks = '{jwks}'\ntls_client_certificate_bound_access_tokens = true\n"
    ));
    let mut phone = world.enroll("Phone").await;
    let connected = |path: &str, parameters: &[(&str, &str)]| {
        let mut form = vec![("client_id", "bank")];
        form.extend_from_slice(parameters);
        let mut request = form_request(path, None, &form);
        request.extensions_mut().insert(PeerCertificate(certificate.clone()));
        request
    };
    let asked = world.send(connected(BC, &[("request", &key.jwt(&request()))])).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    world.approve(&mut phone, None).await;
    let auth_req_id = asked.text("auth_req_id");
    let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id.as_str())];
    let tokens = world.send(connected(TOKEN, &form)).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    let (_, access) = world.open(&tokens.text("access_token")).await;
    let access: Value = serde_json::from_str(&access).expect("claims");
    assert_eq!(access["cnf"], json!({ "x5t#S256": Hash::of(&certificate) }));
}

#[tokio::test]
async fn fapi_an_unsigned_request_is_refused() {
    let key = ClientKey::p256(1);
    let world = World::with(&config(&key));
    let form = [("scope", "openid"), ("login_hint", "alice"), ("binding_message", "Transfer 7")];
    let reply = world.ask_as_bank(&key, &form).await;
    assert_eq!((reply.status, reply.text("error").as_str()), (StatusCode::BAD_REQUEST, "invalid_request"));
    let words = "this client is registered for signed requests: send all parameters in the JWT request";
    assert_eq!(reply.text("error_description"), words);
}

#[tokio::test]
async fn fapi_rs256_is_refused_for_assertions_and_for_requests() {
    let key = ClientKey::rsa();
    let world = World::with(&config(&key));
    let by_rs256 = |claims: Value| key.jws(&json!({ "alg": "RS256" }), &claims.to_string());
    let words = "its alg is not one of those accepted: ES256, PS256";
    let reply = world.send(send(&by_rs256(assertion()), &[("request", &key.jwt(&request()))])).await;
    assert_eq!(
        (reply.text("error"), reply.text("error_description")),
        ("invalid_client".into(), format!("client_assertion: {words}"))
    );
    let reply = world.ask_as_bank(&key, &[("request", &by_rs256(request()))]).await;
    assert_eq!(
        (reply.text("error"), reply.text("error_description")),
        ("invalid_request".into(), format!("the signed request: {words}"))
    );
}

#[tokio::test]
async fn fapi_a_request_is_good_for_sixty_minutes_at_most() {
    let key = ClientKey::p256(1);
    let world = World::with(&config(&key));
    for (name, value) in
        [("exp", NOW + 4200), ("exp", NOW - 1), ("nbf", NOW - 4200), ("nbf", NOW + 600), ("exp", NOW + 3601)]
    {
        let reply = world.ask_as_bank(&key, &[("request", &key.jwt(&with(&request(), name, json!(value))))]).await;
        assert_eq!(reply.text("error"), "invalid_request", "{name} {value}: {}", reply.body);
    }
}

#[tokio::test]
async fn fapi_a_request_must_say_what_it_is_about() {
    let key = ClientKey::p256(1);
    let world = World::with(&config(&key));
    let mut phone = world.enroll("Phone").await;
    let bare = with(&request(), "binding_message", Value::Null);
    let reply = world.ask_as_bank(&key, &[("request", &key.jwt(&bare))]).await;
    assert_eq!(reply.text("error"), "invalid_request");
    assert!(
        reply.text("error_description").contains("send binding_message or authorization_details"),
        "{}",
        reply.body
    );
    let details = with(&bare, "jti", json!(jti()));
    let details = with(
        &details,
        "authorization_details",
        json!([{ "type": "payment_initiation", "instructedAmount": { "currency": "EUR", "amount": "80.00" }, "creditorName": "Acme Coffee" }]),
    );
    let reply = world.ask_as_bank(&key, &[("request", &key.jwt(&details))]).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    world.approve(&mut phone, None).await;
}

#[test]
fn fapi_an_entry_that_contradicts_the_profile_is_refused_in_words() {
    let ec = ClientKey::p256(1);
    let (good, jwks) = (entry(&ec), format!("jwks = '{}'\n", ec.jwks("k1")));
    let method = "token_endpoint_auth_method = \"private_key_jwt\"\n";
    let push = "backchannel_token_delivery_mode = \"push\"\nbackchannel_client_notification_endpoint = \"https://bank.example.com/ciba\"\n";
    let table = [
        (
            good.replace(method, &format!("secret = \"{SECRET}\"\n")),
            "a client under \"fapi-ciba\" has no secret; set `token_endpoint_auth_method` to \"private_key_jwt\", \"tls_client_auth\" or \"self_signed_tls_client_auth\"",
        ),
        (
            format!("{good}token_endpoint_auth_signing_alg = \"RS256\"\n"),
            "under \"fapi-ciba\" assertions are signed by PS256 or ES256; set `token_endpoint_auth_signing_alg` to one of them, or remove it",
        ),
        (
            good.replace(method, &format!("secret = \"{SECRET}\"\n")).replace(&jwks, ""),
            "under \"fapi-ciba\" requests are signed: add the client's `jwks`, `jwks_file` or `jwks_uri`",
        ),
        (
            format!("{good}backchannel_authentication_request_signing_alg = \"RS256\"\n"),
            "under \"fapi-ciba\" requests are signed by PS256 or ES256; set `backchannel_authentication_request_signing_alg` to one of them, or remove it",
        ),
        (
            format!("{good}id_token_signed_response_alg = \"RS256\"\n"),
            "under \"fapi-ciba\" tokens are signed by PS256 or ES256; set `id_token_signed_response_alg` to one of them, or remove it",
        ),
        (
            good.replace("dpop_bound_access_tokens = true\n", ""),
            "under \"fapi-ciba\" access tokens are bound; add `dpop_bound_access_tokens = true` or `tls_client_certificate_bound_access_tokens = true`",
        ),
        (
            format!("{good}{push}"),
            "\"fapi-ciba\" has no push; set `backchannel_token_delivery_mode` to \"poll\" or \"ping\"",
        ),
        (
            format!("{good}[clients.policy]\ntoken_ttl = \"11m\"\n"),
            "under \"fapi-ciba\" tokens live 10m at most; shorten `token_ttl` (11m), here or in [policy]",
        ),
    ];
    for (entry, words) in table {
        let errors = Config::parse(&format!("{CONFIG}\n{entry}"), Path::new("")).err().expect(words);
        assert!(errors.iter().any(|error| error.message == words), "{words}\n{errors:?}");
    }
    assert!(Config::parse(&format!("{CONFIG}\n{good}"), Path::new("")).is_ok());
}

#[tokio::test]
async fn fapi_holds_for_every_client_where_the_whole_provider_is_under_it() {
    let key = ClientKey::p256(1);
    let (head, _) = CONFIG.split_once("[[clients]]").expect("the clients");
    let head = head.replacen("mode =", "profile = \"fapi-ciba\"\nmode =", 1);
    let own = entry(&key).replace("profile = \"fapi-ciba\"\n", "");
    let world = World::with(&format!("{head}\n{own}"));
    let says = world.get("/tenant/.well-known/openid-configuration").await.json();
    assert_eq!(says["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    assert_eq!(says["token_endpoint_auth_signing_alg_values_supported"], json!(["ES256", "PS256"]));
    assert_eq!(says["backchannel_authentication_request_signing_alg_values_supported"], json!(["ES256", "PS256"]));
    let form = [("scope", "openid"), ("login_hint", "alice"), ("binding_message", "Transfer 7")];
    assert_eq!(world.ask_as_bank(&key, &form).await.text("error"), "invalid_request");

    let secret = format!("{head}\n[[clients]]\nclient_id = \"till\"\nsecret = \"{SECRET}\"\n");
    assert!(Config::parse(&secret, Path::new("")).is_err());
    let auth0 = format!("{head}\n{}profile = \"auth0\"\n", own);
    let errors = Config::parse(&auth0, Path::new("")).err().expect("two profiles");
    let words = "the whole provider is under \"fapi-ciba\"; remove this profile, or that at the top of the file";
    assert!(errors.iter().any(|error| error.message == words), "{errors:?}");
}
