//! Requirements of CIBA Core that other tests cover in passing, each under its own id.

use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use countersign_jose::clock::Clock as _;
use countersign_op::Config;
use serde_json::{Value, json};

use crate::world::{BC, CONFIG, SECRET, TOKEN, World, basic, form_request, raw_request};

const ASK: &[(&str, &str)] = &[("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];

async fn metadata(world: &World) -> Value {
    world.get("/tenant/.well-known/openid-configuration").await.json()
}

/// What is wrong with [`CONFIG`] and one more client that has these lines.
fn faults(lines: &str) -> Vec<String> {
    let text = format!("{CONFIG}\n[[clients]]\nclient_id = \"one-more\"\nsecret = \"{SECRET}\"\n{lines}\n");
    let errors = Config::parse(&text, Path::new("")).err().unwrap_or_default();
    errors.into_iter().map(|error| error.message).collect()
}

#[tokio::test]
async fn d02_the_backchannel_endpoint_is_https_and_takes_requests() {
    let world = World::new();
    let endpoint = metadata(&world).await["backchannel_authentication_endpoint"].as_str().expect("text").to_owned();
    let path = endpoint.strip_prefix("https://id.example").expect("https, at the issuer");
    assert_eq!(world.post("till", path, &[("scope", "openid"), ("login_hint", "nobody")]).await.status, 400);
}

#[tokio::test]
async fn d03_signed_requests_are_announced_by_the_accepted_algorithms() {
    let world = World::new();
    let algs = &metadata(&world).await["backchannel_authentication_request_signing_alg_values_supported"];
    assert_eq!(algs, &json!(["ES256", "PS256", "RS256"]));
    for alg in ["none", "HS256"] {
        let lines = format!("jwks = '{{\"keys\":[]}}'\nbackchannel_authentication_request_signing_alg = \"{alg}\"");
        assert!(faults(&lines).iter().any(|fault| fault.contains(alg)), "{alg}");
    }
}

#[tokio::test]
async fn d04_the_user_code_parameter_is_announced_and_off_for_a_client_that_says_nothing() {
    let world = World::new();
    assert_eq!(metadata(&world).await["backchannel_user_code_parameter_supported"], true);
    let _phone = world.enroll("Phone").await;
    assert_eq!(world.post("till", BC, ASK).await.status, StatusCode::OK, "no code is asked for");
}

#[tokio::test]
async fn d05_the_grant_is_announced_by_its_name() {
    let grants = &metadata(&World::new()).await["grant_types_supported"];
    assert!(grants.as_array().is_some_and(|all| all.contains(&json!("urn:openid:params:grant-type:ciba"))));
}

#[test]
fn c01_a_client_has_exactly_one_delivery_mode() {
    let endpoint = "backchannel_client_notification_endpoint = \"https://till.example.com/ciba\"";
    for mode in ["[\"poll\", \"ping\"]", "\"poll ping\"", "\"pull\""] {
        let found = faults(&format!("backchannel_token_delivery_mode = {mode}\n{endpoint}"));
        assert!(found.iter().any(|fault| fault.starts_with("`backchannel_token_delivery_mode`")), "{mode}: {found:?}");
    }
    for mode in ["ping", "push"] {
        assert_eq!(faults(&format!("backchannel_token_delivery_mode = \"{mode}\"\n{endpoint}")), [""; 0], "{mode}");
    }
}

#[test]
fn c02_ping_and_push_need_an_https_endpoint() {
    for mode in ["ping", "push"] {
        let mode = format!("backchannel_token_delivery_mode = \"{mode}\"");
        let named =
            |found: &[String]| found.iter().any(|fault| fault.contains("backchannel_client_notification_endpoint"));
        assert!(named(&faults(&mode)), "{mode} without one");
        let plain = format!("{mode}\nbackchannel_client_notification_endpoint = \"http://till.example.com/ciba\"");
        assert!(named(&faults(&plain)), "{plain}");
    }
}

#[tokio::test]
async fn c04_pairwise_subjects_are_refused_in_words_and_never_replaced_by_public_ones() {
    let found = faults("subject_type = \"pairwise\"");
    assert!(found[0].starts_with("`subject_type` can only be \"public\""), "{found:?}");
    assert_eq!(faults("subject_type = \"public\""), [""; 0]);

    let world = World::with(&format!("{CONFIG}\n[registration]\nenabled = true\nopen = true\n"));
    assert_eq!(metadata(&world).await["subject_types_supported"], json!(["public"]));
    let wish = json!({ "grant_types": ["urn:openid:params:grant-type:ciba"], "subject_type": "pairwise" });
    let body = wish.to_string().into_bytes();
    let reply = world.send(raw_request("/tenant/register", None, "application/json", body)).await;
    assert_eq!((reply.status, reply.text("error")), (StatusCode::BAD_REQUEST, "invalid_client_metadata".to_owned()));
    assert!(reply.text("error_description").contains("'public'"), "{}", reply.body);
}

#[tokio::test]
async fn b01_only_a_form_that_is_posted_is_a_request() {
    let world = World::new();
    let _phone = world.enroll("Phone").await;
    let authorization = basic("till", SECRET);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = Request::builder().method(method.clone()).uri(format!("{BC}?scope=openid&login_hint=alice"));
        let request = request.header(header::AUTHORIZATION, &authorization).body(Body::empty()).expect("a request");
        let reply = world.send(request).await;
        assert_eq!(
            (reply.status, reply.header(header::ALLOW)),
            (StatusCode::METHOD_NOT_ALLOWED, Some("POST")),
            "{method}"
        );
    }
    let json = br#"{"scope":"openid","login_hint":"alice"}"#.to_vec();
    let reply = world.send(raw_request(BC, Some(&authorization), "application/json", json)).await;
    assert_eq!((reply.status, reply.text("error")), (StatusCode::BAD_REQUEST, "invalid_request".to_owned()));
    let latin = b"scope=openid&login_hint=alice&binding_message=%FC".to_vec();
    let reply = world.send(raw_request(BC, Some(&authorization), "application/x-www-form-urlencoded", latin)).await;
    assert_eq!(
        (reply.status, reply.text("error")),
        (StatusCode::BAD_REQUEST, "invalid_request".to_owned()),
        "no UTF-8"
    );
    // Parameters of the address count for nothing.
    let reply =
        world.send(form_request(&format!("{BC}?login_hint=alice"), Some(&authorization), &[("scope", "openid")])).await;
    assert_eq!(reply.text("error"), "invalid_request");
}

#[tokio::test]
async fn b03_a_scope_without_openid_is_refused() {
    let world = World::new();
    let _phone = world.enroll("Phone").await;
    for scope in ["profile", "openidx", "OPENID", ""] {
        let reply = world.post("till", BC, &[("scope", scope), ("login_hint", "alice")]).await;
        let error = reply.text("error");
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{scope}");
        assert!(["invalid_scope", "invalid_request"].contains(&error.as_str()), "{scope}: {error}");
    }
}

#[tokio::test]
async fn t08_auth_time_acr_and_amr_are_those_of_the_approval() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let asked_at = world.side.clock.now().seconds();
    let id = world.post("till", BC, ASK).await.text("auth_req_id");
    world.advance_seconds(20);
    world.approve(&mut phone, None).await;
    world.advance_seconds(40);
    let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id.as_str())];
    let tokens = world.post("till", TOKEN, &form).await;
    for token in ["id_token", "access_token"] {
        let (_, claims) = world.open(&tokens.text(token)).await;
        let claims: Value = serde_json::from_str(&claims).expect("claims");
        assert_eq!(claims["auth_time"], asked_at + 20, "{token}: when the person approved, not when the client came");
        assert_eq!(claims["iat"], asked_at + 60);
        assert_eq!(claims["acr"], "urn:countersign:acr:verified", "a tap, after a PIN");
        assert_eq!(claims["amr"], json!(["swk", "pin"]), "what the device said it did");
    }
}
