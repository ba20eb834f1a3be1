//! Userinfo returns the claims of the granted scopes; an approval is for one token set only.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use countersign_testing_gateway::TestDevice;
use serde_json::{Value, json};

use crate::world::{BC, CONFIG, World};

const GRANTED: &[(&str, &str)] = &[("login_hint", "alice"), ("interaction_type", "boolean")];

/// Everybody's configuration, in which Alice has an address.
fn with_email() -> String {
    CONFIG.replace("name = \"Alice\"\n", "name = \"Alice\"\nemail = \"alice@mail.example\"\n")
}

/// Asks with this scope, approves, and gives the access token.
async fn access_token(world: &World, device: &mut TestDevice, scope: &str) -> String {
    let asked = world.post("till", BC, &[GRANTED, &[("scope", scope)]].concat()).await.text("auth_req_id");
    world.approve(device, None).await;
    world.poll("till", &asked).await.text("access_token")
}

async fn told(world: &World, method: &str, token: &str) -> Value {
    let request = Request::builder().method(method).uri("/tenant/userinfo");
    let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    let reply = world.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    reply.json()
}

#[tokio::test]
async fn an_email_address_is_returned_only_with_scope_email_by_get_and_post() {
    let world = World::with(&with_email());
    let mut phone = world.enroll("Phone").await;
    for (scope, expected) in [
        ("openid", json!({ "sub": "alice" })),
        ("openid profile", json!({ "sub": "alice", "name": "Alice" })),
        ("openid email", json!({ "sub": "alice", "email": "alice@mail.example" })),
        ("openid emails", json!({ "sub": "alice" })),
        ("openid profile email", json!({ "sub": "alice", "name": "Alice", "email": "alice@mail.example" })),
    ] {
        let token = access_token(&world, &mut phone, scope).await;
        for method in ["GET", "POST"] {
            assert_eq!(told(&world, method, &token).await, expected, "{method} {scope}");
        }
    }
}

#[tokio::test]
async fn the_id_of_an_interaction_is_sent_back_by_userinfo_and_introspection_also_with_an_error() {
    let world = World::new();
    let id = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a";
    let back = async |method: &str, uri: &str, sent: &str| {
        let request = Request::builder().method(method).uri(uri).header("x-fapi-interaction-id", sent);
        let reply = world.send(request.body(Body::empty()).expect("a request")).await;
        reply.headers.get("x-fapi-interaction-id").map(|value| value.to_str().expect("ASCII").to_owned())
    };
    for (method, uri) in [("GET", "/tenant/userinfo"), ("POST", "/tenant/userinfo"), ("POST", "/tenant/introspect")] {
        assert_eq!(back(method, uri, id).await.as_deref(), Some(id), "{method} {uri}");
        for not_an_id in ["", "a b", "<b>", &"a".repeat(65)] {
            assert_eq!(back(method, uri, not_an_id).await, None, "{not_an_id}");
        }
    }
}

#[tokio::test]
async fn who_has_no_address_has_no_claim_for_it() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let token = access_token(&world, &mut phone, "openid email").await;
    assert_eq!(told(&world, "GET", &token).await, json!({ "sub": "alice" }), "a hint is not told as the address");
}

#[tokio::test]
async fn nobody_is_found_by_an_address_that_is_no_hint() {
    let world = World::with(&with_email());
    let mut phone = world.enroll("Phone").await;
    let unknown = world.post("till", BC, &[("scope", "openid"), ("login_hint", "alice@mail.example")]).await;
    assert_eq!((unknown.status, unknown.text("error").as_str()), (StatusCode::BAD_REQUEST, "unknown_user_id"));
    access_token(&world, &mut phone, "openid").await;
}

#[tokio::test]
async fn approving_is_for_once_and_nothing_is_remembered_as_consent() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let ask = [GRANTED, &[("scope", "openid profile")]].concat();
    let first = world.post("till", BC, &ask).await.text("auth_req_id");
    world.approve(&mut phone, None).await;
    assert_eq!(world.poll("till", &first).await.status, StatusCode::OK);

    let second = world.post("till", BC, &ask).await.text("auth_req_id");
    assert_eq!(world.poll("till", &second).await.text("error"), "authorization_pending", "the same again asks again");
    world.approve(&mut phone, None).await;
    world.advance_seconds(5);
    assert_eq!(world.poll("till", &second).await.status, StatusCode::OK, "and is answered for itself");
    assert_eq!(world.poll("till", &first).await.text("error"), "invalid_grant", "t05: the first stays used up");
}
