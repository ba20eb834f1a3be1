//! Sender-constrained access tokens: bound to a key (RFC 9449) or to a certificate (RFC 8705 §3).

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use countersign_jose::hash::Hash;
use countersign_op::{Config, PeerCertificate};
use countersign_testing_gateway::TestDevice;
use serde_json::{Value, json};

use crate::client_keys::{ClientKey, NOW, self_signed, with};
use crate::world::{BC, CONFIG, Reply, SECRET, TOKEN, World, basic, form_request};

const TOKEN_URL: &str = "https://id.example/tenant/token";

/// [`CONFIG`] with a client `bound` that has this line.
fn config(line: &str) -> String {
    format!("{CONFIG}\n[[clients]]\nclient_id = \"bound\"\nsecret = \"{SECRET}\"\nfirst_party = true\n{line}\n")
}

/// The claims of a sound proof that was not used before.
pub(crate) fn claims() -> Value {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let jti = format!("p-{}", COUNT.fetch_add(1, Ordering::SeqCst));
    json!({ "jti": jti, "htm": "POST", "htu": TOKEN_URL, "iat": NOW })
}

pub(crate) fn proof(key: &ClientKey, claims: &Value) -> String {
    key.jws(&json!({ "typ": "dpop+jwt", "alg": key.alg(), "jwk": key.jwk() }), &claims.to_string())
}

fn poll(client: &str, auth_req_id: &str, proofs: &[&str]) -> Request<Body> {
    let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id)];
    let mut request = form_request(TOKEN, Some(&basic(client, SECRET)), &form);
    for proof in proofs {
        request.headers_mut().append("dpop", HeaderValue::from_str(proof).expect("ASCII"));
    }
    request
}

impl World {
    /// A request of this client about Alice that she approved; its id.
    async fn approved_for(&self, client: &str, device: &mut TestDevice) -> String {
        let form = [("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];
        let asked = self.post(client, BC, &form).await;
        assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
        self.approve(device, None).await;
        asked.text("auth_req_id")
    }

    /// What the access token is bound to.
    async fn cnf(&self, tokens: &Reply) -> Value {
        assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
        let (_, claims) = self.open(&tokens.text("access_token")).await;
        serde_json::from_str::<Value>(&claims).expect("claims")["cnf"].clone()
    }
}

#[track_caller]
fn assert_no_proof(reply: &Reply, words: &str) {
    assert_eq!(
        (reply.status, reply.text("error").as_str()),
        (StatusCode::BAD_REQUEST, "invalid_dpop_proof"),
        "{}",
        reply.body
    );
    assert_eq!(reply.text("error_description"), words);
}

#[tokio::test]
async fn a_token_is_bound_to_the_key_whose_proof_came_with_the_request() {
    let world = World::with(&config("dpop_bound_access_tokens = true"));
    let mut phone = world.enroll("Phone").await;
    // RFC 7638 thumbprints, of keys of both kinds.
    for key in [ClientKey::p256(1), ClientKey::rsa()] {
        let id = world.approved_for("bound", &mut phone).await;
        let tokens = world.send(poll("bound", &id, &[&proof(&key, &claims())])).await;
        assert_eq!(tokens.json()["token_type"], "DPoP");
        let jwk = key.jwk();
        let members = match &key {
            ClientKey::P256(_) => format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]),
            ClientKey::Rsa(_) => format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, jwk["e"], jwk["n"]),
        };
        assert_eq!(world.cnf(&tokens).await, json!({ "jkt": Hash::of(members) }));
    }
}

#[tokio::test]
async fn a_client_that_is_registered_for_bound_tokens_gets_no_others() {
    let world = World::with(&config("dpop_bound_access_tokens = true"));
    let mut phone = world.enroll("Phone").await;
    let id = world.approved_for("bound", &mut phone).await;
    let words = "this client's tokens are bound to a key: send a DPoP header with a proof by that key";
    assert_no_proof(&world.send(poll("bound", &id, &[])).await, words);
    let late = world.send(poll("bound", &id, &[&proof(&ClientKey::p256(1), &claims())])).await;
    assert_eq!(late.status, StatusCode::OK, "a refused poll spends nothing: {}", late.body);
}

#[tokio::test]
async fn any_client_may_bind_its_token_by_sending_a_proof() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.approved_for("till", &mut phone).await;
    let tokens = world.send(poll("till", &id, &[&proof(&ClientKey::p256(1), &claims())])).await;
    assert_eq!(tokens.json()["token_type"], "DPoP");
    assert!(world.cnf(&tokens).await["jkt"].is_string());

    let id = world.approved_for("till", &mut phone).await;
    let tokens = world.poll("till", &id).await;
    assert_eq!((&tokens.json()["token_type"], world.cnf(&tokens).await), (&json!("Bearer"), Value::Null));
}

#[tokio::test]
async fn a_proof_must_be_for_this_very_request() {
    let world = World::with(&config("dpop_bound_access_tokens = true"));
    let key = ClientKey::p256(1);
    let elsewhere = format!("htu must be {TOKEN_URL}");
    for (name, value, words) in [
        ("htm", json!("GET"), "htm must be POST"),
        ("htm", Value::Null, "htm is missing"),
        ("htu", json!("https://id.example/tenant/bc-authorize"), elsewhere.as_str()),
        ("htu", json!("https://evil.example/tenant/token"), &elsewhere),
        ("htu", json!("http://id.example/tenant/token"), &elsewhere),
        ("htu", json!("token"), &elsewhere),
        ("htu", Value::Null, "htu is missing"),
        ("iat", json!(NOW - 121), "iat is more than two minutes off"),
        ("iat", json!(NOW + 121), "iat is more than two minutes off"),
        ("iat", Value::Null, "iat is missing"),
        ("jti", Value::Null, "jti is missing"),
        ("jti", json!(7), "jti must be a string"),
    ] {
        let reply = world.send(poll("bound", "ar_x", &[&proof(&key, &with(&claims(), name, value))])).await;
        assert_no_proof(&reply, &format!("the DPoP proof was refused: {words}"));
    }
    // RFC 9449 §4.3: query and fragment don't count, nor does how the URL is written.
    for (name, value) in [
        ("htu", json!(format!("{TOKEN_URL}?a=b#c"))),
        ("htu", json!("HTTPS://ID.example:443/tenant/token")),
        ("iat", json!(NOW - 120)),
        ("iat", json!(NOW + 120)),
    ] {
        let reply = world.send(poll("bound", "ar_x", &[&proof(&key, &with(&claims(), name, value))])).await;
        assert_eq!(reply.text("error"), "invalid_grant", "{name}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_proofs_url_is_compared_with_the_configured_one_and_not_with_the_host_header() {
    let world = World::with(&config("dpop_bound_access_tokens = true"));
    let key = ClientKey::p256(1);
    let mut request =
        poll("bound", "ar_x", &[&proof(&key, &with(&claims(), "htu", json!("https://evil.example/tenant/token")))]);
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("evil.example"));
    assert_no_proof(&world.send(request).await, &format!("the DPoP proof was refused: htu must be {TOKEN_URL}"));
}

#[tokio::test]
async fn attack_11_only_a_proof_by_its_own_public_key_is_one() {
    let world = World::with(&config("dpop_bound_access_tokens = true"));
    let (key, other) = (ClientKey::p256(1), ClientKey::p256(2));
    let mut private = key.jwk();
    private["d"] = private["x"].clone();
    let signed = |header: Value| key.jws(&header, &claims().to_string());
    let header = "its header is not JSON with alg, or names critical extensions (crit), none of which is supported";
    for (proof, words) in [
        (signed(json!({ "typ": "JWT", "alg": "ES256", "jwk": key.jwk() })), "its typ is that of another kind of token"),
        (signed(json!({ "alg": "ES256", "jwk": key.jwk() })), "its typ is that of another kind of token"),
        (
            signed(json!({ "typ": "dpop+jwt", "alg": "HS256", "jwk": key.jwk() })),
            "its alg is not one of those accepted: ES256, PS256, RS256",
        ),
        (
            signed(json!({ "typ": "dpop+jwt", "alg": "none", "jwk": key.jwk() })),
            "its alg is not one of those accepted: ES256, PS256, RS256",
        ),
        (
            signed(json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": other.jwk() })),
            "its signature is by none of the keys it may be by",
        ),
        (
            signed(json!({ "typ": "dpop+jwt", "alg": "PS256", "jwk": key.jwk() })),
            "its signature is by none of the keys it may be by",
        ),
        (
            signed(json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": private })),
            "its jwk can't be used: a JWK set holds public keys only; this one has a private key in it: replace that key, it is no longer secret",
        ),
        (signed(json!({ "typ": "dpop+jwt", "alg": "ES256" })), header),
        (signed(json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk(), "crit": ["b64"] })), header),
        ("proof".to_owned(), "it is not a compact JWS of three parts"),
    ] {
        let reply = world.send(poll("bound", "ar_x", &[&proof])).await;
        assert_no_proof(&reply, &format!("the DPoP proof was refused: {words}"));
    }
    let (one, two) = (proof(&key, &claims()), proof(&key, &claims()));
    let reply = world.send(poll("bound", "ar_x", &[&one, &two])).await;
    assert_eq!(reply.text("error_description"), "the DPoP header appears more than once");
}

#[tokio::test]
async fn attack_09_a_proof_is_accepted_once_even_after_a_restart() {
    let config = config("dpop_bound_access_tokens = true");
    let world = World::with(&config);
    let proof = proof(&ClientKey::p256(1), &claims());
    assert_eq!(world.send(poll("bound", "ar_x", &[&proof])).await.text("error"), "invalid_grant");
    let words = "the DPoP proof was refused: it was used before: make a new one for every request";
    assert_no_proof(&world.send(poll("bound", "ar_x", &[&proof])).await, words);
    let world = world.restarted_with(&config);
    world.advance_seconds(120);
    assert_no_proof(&world.send(poll("bound", "ar_x", &[&proof])).await, words);
    world.advance_seconds(1);
    let words = "the DPoP proof was refused: iat is more than two minutes off";
    assert_no_proof(&world.send(poll("bound", "ar_x", &[&proof])).await, words);
}

#[tokio::test]
async fn a_token_is_bound_to_the_certificate_of_the_connection() {
    let world = World::with(&config("tls_client_certificate_bound_access_tokens = true"));
    let mut phone = world.enroll("Phone").await;
    let id = world.approved_for("bound", &mut phone).await;

    let none = world.send(poll("bound", &id, &[])).await;
    assert_eq!(none.text("error"), "invalid_request");
    assert_eq!(none.text("error_description"), "this client's tokens are bound to its certificate: connect with it");
    let (certificate, _) = self_signed();
    let with_certificate = |proofs: &[&str]| {
        let mut request = poll("bound", &id, proofs);
        request.extensions_mut().insert(PeerCertificate(certificate.clone()));
        request
    };
    let words = "this client's tokens are bound to its certificate: leave the DPoP header out";
    assert_no_proof(&world.send(with_certificate(&[&proof(&ClientKey::p256(1), &claims())])).await, words);

    let tokens = world.send(with_certificate(&[])).await;
    assert_eq!(tokens.json()["token_type"], "Bearer");
    assert_eq!(world.cnf(&tokens).await, json!({ "x5t#S256": Hash::of(&certificate) }));
}

#[test]
fn p05_tokens_that_are_pushed_can_not_be_bound_and_the_start_says_so() {
    let push = "backchannel_token_delivery_mode = \"push\"\nbackchannel_client_notification_endpoint = \"https://till.example.com/ciba\"";
    for binding in ["dpop_bound_access_tokens = true", "tls_client_certificate_bound_access_tokens = true"] {
        let errors = Config::parse(&config(&format!("{binding}\n{push}")), std::path::Path::new("")).err();
        let errors = errors.expect("a mistake");
        assert!(errors[0].message.starts_with("pushed tokens can't be sender-constrained"), "{errors:?}");
    }
}
