//! S1–S7: signed authentication requests (CIBA Core §7.1.1, RFC 9101).

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use countersign_jose::base64url;
use countersign_op::Config;
use countersign_testing_gateway::DeviceCalls as _;
use serde_json::{Value, json};

use crate::client_keys::{ClientKey, NOW, foreign_payload, with};
use crate::world::{BC, CONFIG, Reply, SECRET, World, basic, form_request};

const ISSUER: &str = "https://id.example/tenant";

/// A client `signer` with a secret and these keys, and `other` with the P-256 key of number 2.
fn config(jwks: &str, lines: &str) -> String {
    let other = ClientKey::p256(2).jwks("k2");
    format!(
        "{CONFIG}\n[[clients]]\nclient_id = \"signer\"\nsecret = \"{SECRET}\"\njwks = '{jwks}'\n{lines}\n\
         [[clients]]\nclient_id = \"other\"\nsecret = \"{SECRET}\"\njwks = '{other}'\n"
    )
}

fn world(key: &ClientKey) -> World {
    World::with(&config(&key.jwks("k1"), ""))
}

/// The claims of a sound request about an unknown user, which the policy hides, that was not sent before.
fn claims() -> Value {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let jti = format!("r-{}", COUNT.fetch_add(1, Ordering::SeqCst));
    json!({
        "iss": "signer", "aud": ISSUER, "exp": NOW + 300, "iat": NOW, "nbf": NOW, "jti": jti,
        "scope": "openid", "login_hint": "mallory",
    })
}

impl World {
    async fn ask_signed(&self, request: &str) -> Reply {
        self.post("signer", BC, &[("request", request)]).await
    }
}

#[track_caller]
fn assert_invalid(reply: &Reply, words: &str) {
    assert_eq!(
        (reply.status, reply.text("error").as_str()),
        (StatusCode::BAD_REQUEST, "invalid_request"),
        "{}",
        reply.body
    );
    assert_eq!(reply.text("error_description"), words);
}

#[tokio::test]
async fn s01_a_request_with_every_parameter_inside_is_accepted() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    let mut request = claims();
    request["binding_message"] = "POS terminal #14".into();
    request["acr_values"] = "urn:countersign:acr:verified".into();
    request["requested_expiry"] = 30.into();
    request["something_else"] = json!({ "unknown": ["to", "anybody"] });
    let reply = world.ask_signed(&key.jwt(&request)).await;
    assert_eq!((reply.status, &reply.json()["expires_in"]), (StatusCode::OK, &json!(30)), "{}", reply.body);
}

#[tokio::test]
async fn s01_a_request_may_have_what_other_libraries_write_and_its_details_are_read_strictly() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    let details = |amount: &str| {
        let details = format!("[{{\"type\":\"generic\",\"title\":\"Refund\",\"n\":{amount}}}]");
        foreign_payload(&claims()).replace("\"tid\":", &format!("\"authorization_details\":{details},\"tid\":"))
    };
    let header = json!({ "alg": "ES256" });
    let reply = world.ask_signed(&key.jws(&header, &details("7"))).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let reply = world.ask_signed(&key.jws(&header, &details("1e3"))).await;
    assert_eq!(reply.text("error"), "invalid_authorization_details", "{}", reply.body);
}

#[tokio::test]
async fn s01_client_authentication_stays_outside_and_nothing_else() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    let request = key.jwt(&claims());
    let posted = [("client_id", "signer"), ("client_secret", SECRET), ("request", &request)];
    assert_eq!(world.send(form_request(BC, None, &posted)).await.status, StatusCode::OK);
    for name in [
        "scope",
        "client_notification_token",
        "acr_values",
        "login_hint_token",
        "id_token_hint",
        "login_hint",
        "binding_message",
        "user_code",
        "requested_expiry",
        "authorization_details",
        "interaction_type",
    ] {
        let request = key.jwt(&claims());
        let reply = world.post("signer", BC, &[("request", &request), (name, "openid")]).await;
        assert_invalid(
            &reply,
            &format!("the signed request: {name} is outside the JWT: put every parameter inside it"),
        );
    }
}

#[tokio::test]
async fn s01_what_is_inside_is_judged_like_a_form() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    for (name, value, error) in [
        ("scope", json!("profile"), "invalid_scope"),
        ("login_hint", Value::Null, "invalid_request"),
        ("id_token_hint", json!("e30.e30.x"), "invalid_request"),
        ("requested_expiry", json!("0"), "invalid_request"),
        ("binding_message", json!("two\nlines"), "invalid_binding_message"),
        ("request_uri", json!("https://till.example.com/r"), "invalid_request"),
    ] {
        let reply = world.ask_signed(&key.jwt(&with(&claims(), name, value))).await;
        assert_eq!(reply.text("error"), error, "{name}: {}", reply.body);
    }
    for name in ["scope", "binding_message", "login_hint", "acr_values", "interaction_type"] {
        let reply = world.ask_signed(&key.jwt(&with(&claims(), name, json!(["openid"])))).await;
        assert_invalid(&reply, &format!("the signed request: {name} must be a string"));
    }
}

#[tokio::test]
async fn s02_only_asymmetric_algorithms_are_accepted_and_only_the_registered_one() {
    let text = |claims: Value| claims.to_string();
    for (key, alg) in [(ClientKey::p256(1), "ES256"), (ClientKey::rsa(), "PS256"), (ClientKey::rsa(), "RS256")] {
        let jwks = key.jwks("k1");
        let by = |alg: &str| key.jws(&json!({ "alg": alg, "kid": "k1" }), &text(claims()));
        let any = World::with(&config(&jwks, ""));
        assert_eq!(any.ask_signed(&by(alg)).await.status, StatusCode::OK, "{alg}");
        for refused in ["none", "HS256", "HS512", "ES384", "EdDSA"] {
            let words = "the signed request: its alg is not one of those accepted: ES256, PS256, RS256";
            assert_invalid(&any.ask_signed(&by(refused)).await, words);
        }
        let only = format!("backchannel_authentication_request_signing_alg = \"{alg}\"");
        let one = World::with(&config(&jwks, &only));
        assert_eq!(one.ask_signed(&by(alg)).await.status, StatusCode::OK, "{alg}");
        for other in ["ES256", "PS256", "RS256"].into_iter().filter(|other| *other != alg) {
            let words = format!("the signed request: its alg is not one of those accepted: {alg}");
            assert_invalid(&one.ask_signed(&by(other)).await, &words);
        }
    }
}

#[tokio::test]
async fn c03_a_client_with_a_registered_algorithm_must_sign() {
    let key = ClientKey::p256(1);
    let world = World::with(&config(&key.jwks("k1"), "backchannel_authentication_request_signing_alg = \"ES256\""));
    let reply = world.post("signer", BC, &[("scope", "openid"), ("login_hint", "mallory")]).await;
    assert_invalid(&reply, "this client is registered for signed requests: send all parameters in the JWT request");
    assert_eq!(world.ask_signed(&key.jwt(&claims())).await.status, StatusCode::OK);
}

#[tokio::test]
async fn s03_each_claim_of_the_envelope_is_required_and_must_be_about_us_both() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    for name in ["aud", "iss", "exp", "iat", "nbf", "jti"] {
        let reply = world.ask_signed(&key.jwt(&with(&claims(), name, Value::Null))).await;
        assert_invalid(&reply, &format!("the signed request: {name} is missing"));
    }
    let audience = format!("the signed request: aud must be this provider's issuer, {ISSUER}, and nothing else");
    for (name, value, words) in [
        ("aud", json!(format!("{ISSUER}/bc-authorize")), audience.as_str()),
        ("aud", json!([ISSUER, "https://other.example"]), &audience),
        ("aud", json!([]), &audience),
        ("iss", json!("other"), "the signed request: iss must be the client_id"),
        ("iss", json!(7), "the signed request: iss must be a string"),
        ("jti", json!(""), "the signed request: jti must have 1 to 256 bytes"),
        ("exp", json!("later"), "the signed request: exp must be a number of seconds since 1970"),
    ] {
        assert_invalid(&world.ask_signed(&key.jwt(&with(&claims(), name, value))).await, words);
    }
    let listed = with(&claims(), "aud", json!([ISSUER]));
    assert_eq!(world.ask_signed(&key.jwt(&listed)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn s04_a_request_is_good_for_an_hour_at_most() {
    const MINUTE: u64 = 60;
    let key = ClientKey::p256(1);
    let world = world(&key);
    let times = |nbf: u64, exp: u64| key.jwt(&with(&with(&claims(), "nbf", json!(nbf)), "exp", json!(exp)));
    for (nbf, exp) in [(NOW, NOW + 60 * MINUTE), (NOW - 59 * MINUTE, NOW + MINUTE), (NOW + 30, NOW + MINUTE)] {
        assert_eq!(world.ask_signed(&times(nbf, exp)).await.status, StatusCode::OK, "{nbf} {exp}");
    }
    for (nbf, exp, words) in [
        (NOW, NOW + 70 * MINUTE, "it may be valid for 60 minutes at most, from nbf to exp"),
        (NOW, NOW + 60 * MINUTE + 1, "it may be valid for 60 minutes at most, from nbf to exp"),
        (NOW - 30 * MINUTE, NOW + 31 * MINUTE, "it may be valid for 60 minutes at most, from nbf to exp"),
        (NOW - 70 * MINUTE, NOW + 5 * MINUTE, "nbf is more than 60 minutes ago"),
        (NOW + 10 * MINUTE, NOW + 20 * MINUTE, "nbf is in the future"),
        (NOW - 10 * MINUTE, NOW, "it has expired"),
        (NOW - 10 * MINUTE, NOW - 5 * MINUTE, "it has expired"),
    ] {
        assert_invalid(&world.ask_signed(&times(nbf, exp)).await, &format!("the signed request: {words}"));
    }
}

#[tokio::test]
async fn s05_a_request_is_accepted_once_even_after_a_restart() {
    let key = ClientKey::p256(1);
    let config = config(&key.jwks("k1"), "");
    let world = World::with(&config);
    let request = key.jwt(&claims());
    assert_eq!(world.ask_signed(&request).await.status, StatusCode::OK);
    let words = "the signed request: it was sent before: sign a new one, with a new jti, for every request";
    assert_invalid(&world.ask_signed(&request).await, words);
    let world = world.restarted_with(&config);
    world.advance_seconds(299);
    assert_invalid(&world.ask_signed(&request).await, words);
    world.advance_seconds(1);
    assert_invalid(&world.ask_signed(&request).await, "the signed request: it has expired");
}

#[tokio::test]
async fn s05_a_request_must_be_by_the_client_that_sends_it() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    let not_by_it = "the signed request: its signature is by none of the keys it may be by";
    assert_invalid(&world.ask_signed(&ClientKey::p256(2).jwt(&claims())).await, not_by_it);
    // The other client sends what the signer signed, and then signs in the signer's name.
    let stolen = key.jwt(&claims());
    assert_invalid(&world.post("other", BC, &[("request", &stolen)]).await, not_by_it);
    let forged = ClientKey::p256(2).jwt(&claims());
    let words = "the signed request: iss must be the client_id";
    assert_invalid(&world.post("other", BC, &[("request", &forged)]).await, words);
    // Nothing of that spent the signer's own request.
    assert_eq!(world.ask_signed(&stolen).await.status, StatusCode::OK);
}

#[tokio::test]
async fn s06_an_encrypted_request_is_refused_with_the_reason() {
    let key = ClientKey::p256(1);
    let reply = world(&key).ask_signed("e30.e30.e30.e30.e30").await;
    assert_invalid(&reply, "the signed request: it is encrypted (JWE): sign it only");
}

#[tokio::test]
async fn s07_authorization_details_are_an_array_kept_to_the_byte() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    let mut phone = world.enroll("Phone").await;
    let details = "[ {\"type\" : \"payment_initiation\",\n\t\"instructedAmount\":{\"currency\":\"EUR\",\"amount\":\"80.00\"},\"creditorName\":\"Acme C\\u006fffee\"} ]";
    let envelope = with(&claims(), "login_hint", json!("alice")).to_string();
    let payload = format!("{},\n \"authorization_details\" : {details} }}", envelope.trim_end_matches('}'));
    let request = key.jws(&json!({ "alg": "ES256", "typ": "oauth-authz-req+jwt" }), &payload);
    let asked = world.ask_signed(&request).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);

    let challenge = phone.next_challenge(&world.side).await;
    assert_eq!(challenge.claims().authorization_details_json.as_deref(), Some(details));
    let answer = phone.approve(&challenge, None);
    phone.settle(&world.side, &challenge, &answer).await;
    let tokens = world.poll("signer", &asked.text("auth_req_id")).await;
    assert!(tokens.body.ends_with(&format!(",\"authorization_details\":{details}}}")), "{}", tokens.body);
    let (_, access) = world.open(&tokens.text("access_token")).await;
    assert!(access.contains(&format!("\"authorization_details\":{details}")), "{access}");
}

#[tokio::test]
async fn s07_authorization_details_in_a_string_are_refused() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    for details in [json!("[{\"type\":\"generic\",\"title\":\"x\"}]"), json!({ "type": "generic" }), json!(7)] {
        let reply = world.ask_signed(&key.jwt(&with(&claims(), "authorization_details", details))).await;
        assert_eq!(reply.text("error"), "invalid_authorization_details", "{}", reply.body);
        let words = "authorization_details in a signed request must be a JSON array, not a string that holds one";
        assert_eq!(reply.text("error_description"), words);
    }
}

#[tokio::test]
async fn b12_requested_expiry_in_a_request_is_a_number_or_a_string() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    for (value, expires_in) in [(json!(30), Some(30)), (json!("30"), Some(30)), (json!(30.5), None), (json!(-1), None)]
    {
        let reply = world.ask_signed(&key.jwt(&with(&claims(), "requested_expiry", value.clone()))).await;
        match expires_in {
            Some(seconds) => assert_eq!(reply.json()["expires_in"], seconds, "{value}: {}", reply.body),
            None => assert_invalid(&reply, "requested_expiry must be a positive whole number of seconds"),
        }
    }
    for value in [json!(true), json!([30]), json!({})] {
        let reply = world.ask_signed(&key.jwt(&with(&claims(), "requested_expiry", value))).await;
        assert_invalid(&reply, "the signed request: requested_expiry must be a string");
    }
}

/// RFC 8707 §2.1 in a JWT: a text or an array of texts.
#[tokio::test]
async fn several_resources_are_an_array_in_a_request() {
    let key = ClientKey::p256(1);
    let resources = "resources = [\"https://a.example\", \"https://b.example\"]";
    let world = World::with(&config(&key.jwks("k1"), resources));
    for (resource, error) in [
        (json!(["https://a.example", "https://b.example"]), None),
        (json!("https://b.example"), None),
        (json!(["https://a.example", "https://c.example"]), Some("invalid_target")),
        (json!(["https://a.example", 1]), Some("invalid_request")),
    ] {
        let mut request = claims();
        request["resource"] = resource.clone();
        let reply = world.ask_signed(&key.jwt(&request)).await;
        assert_eq!(reply.json()["error"].as_str(), error, "{resource}: {}", reply.body);
    }
}

#[tokio::test]
async fn attack_11_a_token_of_another_kind_is_no_request() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    let typed = |typ: Value| key.jws(&json!({ "alg": "ES256", "typ": typ }), &claims().to_string());
    for typ in ["JWT", "jwt", "oauth-authz-req+jwt"] {
        assert_eq!(world.ask_signed(&typed(json!(typ))).await.status, StatusCode::OK, "{typ}");
    }
    for typ in ["dpop+jwt", "at+jwt", "client-authentication+jwt", "logout+jwt", "secevent+jwt", ""] {
        let words = "the signed request: its typ is that of another kind of token";
        assert_invalid(&world.ask_signed(&typed(json!(typ))).await, words);
    }
}

#[tokio::test]
async fn attack_27_what_could_be_read_in_two_ways_is_refused() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    let twice = claims().to_string().replacen('{', "{\"scope\":\"openid email\",", 1);
    let reply = world.ask_signed(&key.jws(&json!({ "alg": "ES256" }), &twice)).await;
    assert_eq!(reply.text("error"), "invalid_request", "{}", reply.body);
    assert!(reply.text("error_description").contains("the same name more than once"), "{}", reply.body);
    let no_json = format!("{}.{}.{}", base64url::encode(b"{"), base64url::encode(b"{}"), base64url::encode(&[0; 64]));
    assert_eq!(world.ask_signed(&no_json).await.text("error"), "invalid_request");
}

#[tokio::test]
async fn a_client_without_keys_is_told_to_register_some() {
    let key = ClientKey::p256(1);
    let reply = world(&key).post("till", BC, &[("request", &key.jwt(&claims()))]).await;
    assert_invalid(
        &reply,
        "the signed request: this client has no public keys here: add jwks or jwks_uri to its entry",
    );
    let entry = format!(
        "{CONFIG}\n[[clients]]\nclient_id = \"signer\"\nsecret = \"{SECRET}\"\nbackchannel_authentication_request_signing_alg = \"ES256\"\n"
    );
    let errors = Config::parse(&entry, std::path::Path::new("")).err().expect("a mistake");
    let words = "signed requests need the client's public keys: add `jwks`, `jwks_file` or `jwks_uri`";
    assert!(errors.iter().any(|error| error.message == words), "{errors:?}");
}

#[tokio::test]
async fn b02_who_sends_a_signed_request_still_authenticates() {
    let key = ClientKey::p256(1);
    let world = world(&key);
    let request = key.jwt(&claims());
    let wrong = form_request(BC, Some(&basic("signer", "wrong")), &[("request", &request)]);
    assert_eq!(world.send(wrong).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.ask_signed(&request).await.status, StatusCode::OK, "the refused one spent nothing");
}
