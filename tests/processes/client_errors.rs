//! Client errors over real HTTP: each mistake has its status and code, and no response may be cached.

use countersign_tests::client::{CIBA_GRANT, Client, PAYMENT};
use countersign_tests::device::{Device, id};
use countersign_tests::http::{self, Response};
use countersign_tests::provider::{KIOSK_SECRET, Provider, Settings, TILL_SECRET};
use countersign_tests::test_env::TestEnv;

const FORM: &str = "application/x-www-form-urlencoded";

/// Clients with one restriction each.
const MORE: &str = r#"
[[clients]]
client_id = "website"
secret = "w3bs1te-40be8c2fd9e14b1f8d0e5a6c7b891203"
grant_types = ["authorization_code"]

[[clients]]
client_id = "agent"
secret = "ag3nt-77d0b1c2e3f4a5968778695a4b3c2d1e"
first_party = true
[clients.policy]
requests_per_minute = 1
"#;

fn provider(env: &TestEnv) -> Provider<'_> {
    let settings = Settings { policy: "token_wait = \"0s\"".into(), more: MORE.into(), ..Settings::default() };
    Provider::start_with(env, "provider", &settings)
}

/// Checks status, code, description and headers of an error response.
#[track_caller]
fn refused(what: &str, response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.error().as_str()), (status, code), "{what}: {}", response.text());
    assert_eq!(response.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(response.header("pragma"), Some("no-cache"), "{what}");
    assert_eq!(response.header("content-type"), Some("application/json"), "{what}");
    assert!(response.json()["error_description"].as_str().is_some_and(|words| words.len() > 10), "{what}");
    let challenge = response.header("www-authenticate");
    assert_eq!(
        challenge.is_some_and(|challenge| challenge.starts_with("Basic realm=")),
        status == 401,
        "{what}: {challenge:?}"
    );
}

#[test]
fn both_endpoints_refuse_malformed_forms_and_unauthenticated_clients() {
    let env = TestEnv::new();
    let provider = provider(&env);
    let till = provider.till();
    let authorization = till.authorization();
    let basic = ("authorization", authorization.as_str());
    let body = "login_hint=alice&scope=openid";
    let in_body = format!("{body}&client_id=coffee-pos&client_secret={TILL_SECRET}");
    let wrong_in_body = format!("{body}&client_id=coffee-pos&client_secret={KIOSK_SECRET}");
    let huge = format!("{body}&binding_message={}", "a".repeat(16 * 1024));
    let twice = format!("{body}&scope=openid");
    let other_id = format!("{body}&client_id=kiosk");
    let assertion = format!("{body}&client_id=coffee-pos&client_assertion_type=x&client_assertion=y");

    for path in ["/bc-authorize", "/token"] {
        let url = format!("{}{path}", provider.issuer());
        let post = |headers: &[(&str, &str)], body: &str| http::send("POST", &url, headers, body.as_bytes());
        let form = ("content-type", FORM);

        for method in ["GET", "PUT", "DELETE"] {
            let response = http::send(method, &url, &[basic], b"");
            refused(method, &response, 405, "invalid_request");
            assert_eq!(response.header("allow"), Some("POST"));
        }
        refused("JSON", &post(&[basic, ("content-type", "application/json")], "{}"), 400, "invalid_request");
        refused("no media type", &post(&[basic], body), 400, "invalid_request");
        let latin1 = ("content-type", "application/x-www-form-urlencoded; charset=ISO-8859-1");
        let umlaut = "scope=openid&login_hint=M%C3%BCller";
        refused("Latin-1", &post(&[basic, latin1], umlaut), 400, "invalid_request");
        refused("not UTF-8", &post(&[basic, form], "scope=openid&login_hint=%FF"), 400, "invalid_request");
        refused("a broken escape", &post(&[basic, form], "scope=openid&login_hint=%4"), 400, "invalid_request");
        refused("a parameter twice", &post(&[basic, form], &twice), 400, "invalid_request");
        refused("a huge body", &post(&[basic, form], &huge), 413, "invalid_request");

        refused("nobody", &post(&[form], body), 401, "invalid_client");
        refused("another scheme", &post(&[("authorization", "Bearer abc"), form], body), 401, "invalid_client");
        refused("no base64", &post(&[("authorization", "Basic %%%"), form], body), 401, "invalid_client");
        let stranger = Client::new(&env, provider.issuer(), "stranger", TILL_SECRET).post(path, &[("scope", "openid")]);
        refused("an unknown client", &stranger, 401, "invalid_client");
        let wrong = Client::new(&env, provider.issuer(), "coffee-pos", KIOSK_SECRET).post(path, &[("scope", "openid")]);
        refused("a wrong secret", &wrong, 401, "invalid_client");
        assert_eq!(stranger.text(), wrong.text(), "nobody learns which clients exist");
        refused("a wrong secret in the body", &post(&[form], &wrong_in_body), 401, "invalid_client");
        refused("an assertion", &post(&[form], &assertion), 401, "invalid_client");
        refused("two ways at once", &post(&[basic, form], &in_body), 400, "invalid_request");
        refused("two headers", &post(&[basic, basic, form], body), 400, "invalid_request");
        refused("two ids", &post(&[basic, form], &other_id), 400, "invalid_request");
        let other_grant = Client::new(&env, provider.issuer(), "website", "w3bs1te-40be8c2fd9e14b1f8d0e5a6c7b891203");
        let parameters = [("grant_type", CIBA_GRANT), ("login_hint", "alice"), ("scope", "openid")];
        refused("another grant's client", &other_grant.post(path, &parameters), 400, "unauthorized_client");
    }
}

#[test]
fn each_parameter_of_an_authentication_request_has_its_error() {
    let env = TestEnv::new();
    let provider = provider(&env);
    let _phone = Device::enrolled(&env, "phone", &provider, "alice");
    let till = provider.till();
    let long = "a".repeat(501);
    let deep = format!(r#"[{{"type":"generic","title":"x","a":{}1{}}}]"#, "[".repeat(7), "]".repeat(7));
    let large = format!(r#"[{{"type":"generic","title":"x","a":"{}"}}]"#, "a".repeat(6 * 1024));
    let hint = ("login_hint", "alice");
    let scope = ("scope", "openid");

    for (parameters, code) in [
        (vec![hint], "invalid_scope"),
        (vec![hint, ("scope", "profile")], "invalid_scope"),
        (vec![hint, ("scope", "openid  profile")], "invalid_scope"),
        (vec![scope], "invalid_request"),
        (vec![scope, ("login_hint", "")], "invalid_request"),
        (vec![scope, hint, ("id_token_hint", "x")], "invalid_request"),
        (vec![scope, ("id_token_hint", "x")], "invalid_request"),
        (vec![scope, ("login_hint_token", "x")], "invalid_request"),
        (vec![scope, ("login_hint", "{\"format\":\"iss_sub\"}")], "invalid_request"),
        (vec![scope, ("login_hint", "nobody")], "unknown_user_id"),
        (vec![scope, ("login_hint", "bob")], "unknown_user_id"),
        (vec![scope, hint, ("binding_message", &long)], "invalid_binding_message"),
        (vec![scope, hint, ("binding_message", "a\u{202e}b")], "invalid_binding_message"),
        (vec![scope, hint, ("binding_message", "two\nlines")], "invalid_binding_message"),
        (vec![scope, hint, ("authorization_details", "{}")], "invalid_authorization_details"),
        (vec![scope, hint, ("authorization_details", "[{")], "invalid_authorization_details"),
        (vec![scope, hint, ("authorization_details", r#"[{"type":"unknown"}]"#)], "invalid_authorization_details"),
        (
            vec![scope, hint, ("authorization_details", r#"[{"type":"payment_initiation"}]"#)],
            "invalid_authorization_details",
        ),
        (
            vec![scope, hint, ("authorization_details", r#"[{"type":"generic","title":"a","title":"b"}]"#)],
            "invalid_authorization_details",
        ),
        (vec![scope, hint, ("authorization_details", &deep)], "invalid_authorization_details"),
        (vec![scope, hint, ("authorization_details", &large)], "invalid_authorization_details"),
        (vec![scope, hint, ("interaction_type", "shout")], "invalid_request"),
        (vec![scope, hint, ("requested_expiry", "0")], "invalid_request"),
        (vec![scope, hint, ("requested_expiry", "-5")], "invalid_request"),
        (vec![scope, hint, ("requested_expiry", "1e3")], "invalid_request"),
        (vec![scope, hint, ("request", "x.y.z")], "invalid_request"),
        (vec![scope, hint, ("request_uri", "urn:x")], "invalid_request"),
    ] {
        refused(&format!("{parameters:?}"), &till.post("/bc-authorize", &parameters), 400, code);
    }
    let beyond = provider.kiosk().post("/bc-authorize", &[scope, hint, ("interaction_type", "input_manual")]);
    refused("an interaction that the client can't show", &beyond, 400, "invalid_request");
    let hidden = provider.kiosk().post("/bc-authorize", &[scope, ("login_hint", "nobody")]);
    assert_eq!(hidden.status, 200, "who is not first-party learns nothing about people: {}", hidden.text());

    let agent = Client::new(&env, provider.issuer(), "agent", "ag3nt-77d0b1c2e3f4a5968778695a4b3c2d1e");
    assert_eq!(agent.post("/bc-authorize", &[scope, hint]).status, 200);
    let limited = agent.post("/bc-authorize", &[scope, ("login_hint", "nobody")]);
    refused("too many", &limited, 429, "rate_limited");
    let wait: u64 = limited.header("retry-after").expect("it says when to come again").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[test]
fn each_state_of_a_request_has_its_error_at_the_token_endpoint() {
    let env = TestEnv::new();
    let provider = provider(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let till = provider.till();
    let poll = |parameters: &[(&str, &str)]| till.post("/token", parameters);
    let grant = ("grant_type", CIBA_GRANT);

    refused("no grant", &poll(&[("auth_req_id", "x")]), 400, "invalid_request");
    refused("another grant", &poll(&[("grant_type", "password")]), 400, "unsupported_grant_type");
    refused("no id", &poll(&[grant]), 400, "invalid_request");
    refused("an unknown id", &poll(&[grant, ("auth_req_id", "ar_unknown")]), 400, "invalid_grant");

    let asked = till.ask(&[("authorization_details", PAYMENT)]);
    refused("another client's", &provider.kiosk().poll(&asked), 400, "invalid_grant");
    refused("pending", &till.poll(&asked), 400, "authorization_pending");
    refused("too fast", &till.poll(&asked), 400, "slow_down");
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
    let tokens = till.poll(&asked);
    assert_eq!((tokens.status, tokens.header("cache-control")), (200, Some("no-store")), "{}", tokens.text());
    assert!(tokens.text().contains(PAYMENT), "details come back as they were sent: {}", tokens.text());
    refused("used", &till.poll(&asked), 400, "invalid_grant");

    let denied = till.ask(&[("authorization_details", PAYMENT)]);
    phone.answer(id(&phone.only_pending()), &["deny", "--reason", "other"]);
    let response = till.poll(&denied);
    refused("denied", &response, 400, "access_denied");
    assert_eq!(response.json()["denial_reason"], "other");

    let short = till.ask(&[("authorization_details", PAYMENT), ("requested_expiry", "1")]);
    refused("expired", &till.poll_to_the_end(&short), 400, "expired_token");
}

#[test]
fn device_endpoints_challenge_a_call_without_credential_and_proof() {
    let env = TestEnv::new();
    let provider = provider(&env);
    for (method, path) in [
        ("GET", "/push/challenges"),
        ("GET", "/push/stream"),
        ("POST", "/push/credential"),
        ("POST", "/push/challenges/ch_x/answer"),
        ("POST", "/push/challenges/ch_x/refuse"),
        ("POST", "/push/challenges/ch_x/dispute"),
    ] {
        for headers in
            [vec![], vec![("authorization", "DPoP abc")], vec![("authorization", "Bearer abc"), ("dpop", "x.y.z")]]
        {
            let response = http::send(method, &format!("{}{path}", provider.issuer()), &headers, b"");
            assert_eq!(response.status, 401, "{method} {path}: {}", response.text());
            assert_eq!(response.header("cache-control"), Some("no-store"));
            assert_eq!(response.header("content-type"), Some("application/problem+json"));
            let challenge = response.header("www-authenticate").unwrap_or_default().to_owned();
            assert!(challenge.starts_with("DPoP ") && challenge.contains(r#"algs="ES256""#), "{challenge}");
            assert_eq!(response.json()["status"], 401);
        }
    }
    let nothing = http::send(
        "POST",
        &format!("{}/push/register", provider.issuer()),
        &[("content-type", "application/json")],
        b"{}",
    );
    assert_eq!((nothing.status, nothing.header("cache-control")), (400, Some("no-store")), "{}", nothing.text());
}
