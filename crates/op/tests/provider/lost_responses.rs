//! `redeem_grace`: a lost token response is sent again, byte for byte, to the same client and key, until it was used.

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};

use crate::client_keys::ClientKey;
use crate::directory::beside;
use crate::sender_constrained_tokens::{claims, proof};
use crate::world::{BC, CONFIG, Reply, SECRET, TOKEN, World, basic, form_request};

/// `till` may have refresh tokens and lose a response for 30 seconds.
fn config() -> String {
    let grants = "grant_types = [\"urn:openid:params:grant-type:ciba\", \"refresh_token\"]";
    let policy = "[clients.policy]\nredeem_grace = \"30s\"\n";
    let till = format!("name = \"Acme Coffee\"\n{grants}");
    let config = CONFIG.replace("name = \"Acme Coffee\"", &till);
    config.replace("[[clients]]\nclient_id = \"kiosk\"", &format!("{policy}\n[[clients]]\nclient_id = \"kiosk\""))
}

impl World {
    async fn approved_by(&self, phone: &mut TestDevice, more: &[(&str, &str)]) -> String {
        let form = [("scope", "openid offline_access"), ("login_hint", "alice"), ("interaction_type", "boolean")];
        let asked = self.post("till", BC, &[form.as_slice(), more].concat()).await;
        let challenge = phone.next_challenge(&self.side).await;
        let answer = phone.approve(&challenge, None);
        phone.settle(&self.side, &challenge, &answer).await;
        asked.text("auth_req_id")
    }

    async fn poll_with(&self, id: &str, key: &ClientKey) -> Reply {
        let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id)];
        let mut request = form_request(TOKEN, Some(&basic("till", SECRET)), &form);
        let proof = HeaderValue::from_str(&proof(key, &claims())).expect("ASCII");
        request.headers_mut().append("dpop", proof);
        self.send(request).await
    }

    async fn userinfo(&self, token: &str) -> Reply {
        let request = Request::get("/tenant/userinfo").header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).expect("a request")).await
    }
}

#[track_caller]
fn assert_gone(reply: &Reply) {
    assert_eq!((reply.status, reply.text("error").as_str()), (StatusCode::BAD_REQUEST, "invalid_grant"), "{reply:?}");
}

#[tokio::test]
async fn a_lost_token_response_is_repeated_byte_for_byte_within_the_grace() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let id = world.approved_by(&mut phone, &[]).await;
    let first = world.poll("till", &id).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    for pause in [0, 10, 19] {
        world.advance_seconds(pause);
        assert_eq!(world.poll("till", &id).await.body, first.body, "after {pause} s more");
    }
    for file in ["provider.db", "provider.db-wal"] {
        let bytes = std::fs::read(world.home().join(file)).expect("a file");
        let (access, refresh) = (first.text("access_token"), first.text("refresh_token"));
        for secret in [access.as_bytes(), refresh.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{file} contains a token");
        }
    }
    world.advance_seconds(1);
    assert_gone(&world.poll("till", &id).await);
}

#[tokio::test]
async fn an_id_token_that_was_used_as_a_hint_ends_the_repetition() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let id = world.approved_by(&mut phone, &[]).await;
    let first = world.poll("till", &id).await;
    let hint = [("scope", "openid"), ("id_token_hint", &first.text("id_token")), ("interaction_type", "boolean")];
    let asked = world.post("till", BC, &hint).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    assert_gone(&world.poll("till", &id).await);
}

#[tokio::test]
async fn a_response_is_repeated_although_the_requests_time_is_over_and_after_a_restart() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let id = world.approved_by(&mut phone, &[("requested_expiry", "20")]).await;
    world.advance_seconds(29);
    let first = world.poll("till", &id).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    world.advance_seconds(20);
    let world = world.restarted_with(&config());
    assert_eq!(world.poll("till", &id).await.body, first.body);
}

#[tokio::test]
async fn nothing_is_repeated_by_default() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.approved_by(&mut phone, &[]).await;
    assert_eq!(world.poll("till", &id).await.status, StatusCode::OK);
    assert_gone(&world.poll("till", &id).await);
}

#[tokio::test]
async fn what_was_used_is_not_repeated() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    for (used, by) in [("access_token", "userinfo"), ("access_token", "introspect"), ("refresh_token", "token")] {
        let id = world.approved_by(&mut phone, &[]).await;
        let first = world.poll("till", &id).await;
        assert_eq!(world.poll("till", &id).await.body, first.body);
        let token = first.text(used);
        let reply = match by {
            "userinfo" => world.userinfo(&token).await,
            "introspect" => world.post("till", "/tenant/introspect", &[("token", &token)]).await,
            _ => world.post("till", TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", &token)]).await,
        };
        assert_eq!(reply.status, StatusCode::OK, "{by}: {}", reply.body);
        assert_gone(&world.poll("till", &id).await);
        world.advance_seconds(60);
    }
}

#[tokio::test]
async fn a_response_is_repeated_to_the_same_client_and_key_alone() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let (key, other) = (ClientKey::p256(1), ClientKey::p256(2));
    let id = world.approved_by(&mut phone, &[]).await;
    let first = world.poll_with(&id, &key).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    assert_gone(&world.poll_with(&id, &other).await);
    assert_gone(&world.poll("till", &id).await);
    assert_gone(&world.poll("basic", &id).await);
    assert_eq!(world.poll_with(&id, &key).await.body, first.body, "with a new proof by the same key");
}

#[tokio::test]
async fn a_dispute_or_a_lock_ends_the_repetition() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let form = [("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];
    let id = world.post("till", BC, &form).await.text("auth_req_id");
    let challenge = phone.next_challenge(&world.side).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(&world.side, &challenge, &answer).await;
    assert_eq!(world.poll("till", &id).await.status, StatusCode::OK);
    assert_eq!(phone.dispute(&world.side, &challenge).await.status, StatusCode::OK);
    assert_eq!(world.poll("till", &id).await.text("error"), "access_denied");

    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let id = world.approved_by(&mut phone, &[]).await;
    assert_eq!(world.poll("till", &id).await.status, StatusCode::OK);
    let admin = beside(&world);
    let alice = admin.user("alice").expect("alice").sub.clone();
    admin.lock_user(&alice).await.expect("locked");
    admin.unlock_user(&alice).await.expect("unlocked");
    assert_eq!(world.poll("till", &id).await.text("error"), "access_denied");
}

#[tokio::test]
async fn of_many_polls_at_once_all_get_the_same_tokens() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let id = world.approved_by(&mut phone, &[]).await;
    let polls = (0..20).map(|_| world.poll("till", &id));
    let replies = futures_util::future::join_all(polls).await;
    for reply in &replies {
        assert_eq!((reply.status, &reply.body), (StatusCode::OK, &replies[0].body));
    }
}
