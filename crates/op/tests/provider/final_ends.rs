//! What a client was told is final stays so: a lock, a removal or a revocation that is lifted gives nothing back.

use axum::http::StatusCode;
use countersign_protocol::id::Subject;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};

use crate::directory::beside;
use crate::world::{BC, CONFIG, Reply, TOKEN, World};

const INTROSPECT: &str = "/tenant/introspect";

/// `till` may have refresh tokens.
fn config() -> String {
    let grants = "grant_types = [\"urn:openid:params:grant-type:ciba\", \"refresh_token\"]";
    CONFIG.replace("name = \"Acme Coffee\"", &format!("name = \"Acme Coffee\"\n{grants}"))
}

impl World {
    async fn asked(&self) -> String {
        let form = [("scope", "openid offline_access"), ("login_hint", "alice"), ("interaction_type", "boolean")];
        self.post("till", BC, &form).await.text("auth_req_id")
    }

    async fn asked_and_approved(&self, device: &mut TestDevice) -> String {
        let id = self.asked().await;
        let challenge = device.next_challenge(&self.side).await;
        let answer = device.approve(&challenge, None);
        device.settle(&self.side, &challenge, &answer).await;
        id
    }

    async fn refreshed(&self, token: &str) -> Reply {
        self.post("till", TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn is_active(&self, token: &str) -> bool {
        self.post("till", INTROSPECT, &[("token", token)]).await.json()["active"] == true
    }

    fn alice(&self) -> Subject {
        self.provider.user("alice").expect("alice").sub.clone()
    }
}

fn assert_denied(reply: &Reply) {
    assert_eq!((reply.status, reply.text("error").as_str()), (StatusCode::BAD_REQUEST, "access_denied"), "{reply:?}");
}

#[tokio::test]
async fn attack_14_the_end_of_a_lock_gives_back_nothing_that_the_lock_stopped() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let tokens = world.asked_and_approved(&mut phone).await;
    let tokens = world.poll("till", &tokens).await;
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let told = world.asked_and_approved(&mut phone).await;
    let not_told = world.asked_and_approved(&mut phone).await;
    let pending = world.asked().await;

    let admin = beside(&world);
    assert_eq!(admin.lock_user(&world.alice()).await.expect("locked"), 1, "one was pending");
    assert_denied(&world.poll("till", &told).await);
    assert!(admin.unlock_user(&world.alice()).await.expect("unlocked"));

    world.advance_seconds(6);
    for id in [&told, &not_told, &pending] {
        assert_denied(&world.poll("till", id).await);
        world.advance_seconds(6);
        assert_denied(&world.poll("till", id).await);
    }
    assert!(!world.is_active(&access).await && !world.is_active(&refresh).await);
    assert_eq!(world.refreshed(&refresh).await.text("error"), "invalid_grant");

    // What is asked after the lock is worth what it always was.
    let after = world.asked_and_approved(&mut phone).await;
    let after = world.poll("till", &after).await;
    assert!(world.is_active(&after.text("access_token")).await, "{}", after.body);
    assert_eq!(world.refreshed(&after.text("refresh_token")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_approved_in_the_second_in_which_a_lock_was_lifted_is_worth_what_it_always_was() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let before = world.asked_and_approved(&mut phone).await;
    let before = world.poll("till", &before).await.text("access_token");
    let admin = beside(&world);
    admin.lock_user(&world.alice()).await.expect("locked");
    assert!(admin.unlock_user(&world.alice()).await.expect("unlocked"));
    world.side.clock.advance_millis(1);
    let after = world.asked_and_approved(&mut phone).await;
    let after = world.poll("till", &after).await;
    assert!(world.is_active(&after.text("access_token")).await, "{}", after.body);
    assert!(!world.is_active(&before).await);
}

#[tokio::test]
async fn the_end_of_a_lock_in_the_configuration_gives_back_nothing_either() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let (approved, pending) = (world.asked_and_approved(&mut phone).await, world.asked().await);
    let world = world.restarted_with(&config().replace("name = \"Alice\"", "name = \"Alice\"\nlocked = true"));
    let world = world.restarted_with(&config());
    for id in [&approved, &pending] {
        assert_denied(&world.poll("till", id).await);
    }
}

#[tokio::test]
async fn a_client_that_was_told_that_the_user_is_gone_gets_no_tokens_when_she_is_back() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let tokens = world.asked_and_approved(&mut phone).await;
    let refresh = world.poll("till", &tokens).await.text("refresh_token");
    let approved = world.asked_and_approved(&mut phone).await;
    let world = world.restarted_with(&config().replace("sub = \"alice\"", "sub = \"alicia\""));
    assert_denied(&world.poll("till", &approved).await);
    assert_eq!(world.refreshed(&refresh).await.text("error"), "invalid_grant");
    let world = world.restarted_with(&config());
    assert_denied(&world.poll("till", &approved).await);
    assert_eq!(world.refreshed(&refresh).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn a_client_removed_and_added_again_redeems_nothing_of_the_former_one() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let approved = world.asked_and_approved(&mut phone).await;
    let (head, rest) = config().split_once("[[clients]]\nclient_id = \"till\"").map(own).expect("a till");
    let without = format!(
        "{head}{}",
        rest.split_once("[[clients]]").map(|(_, rest)| format!("[[clients]]{rest}")).expect("more")
    );
    let world = world.restarted_with(&without).restarted_with(&config());
    assert_denied(&world.poll("till", &approved).await);
}

fn own((one, other): (&str, &str)) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

#[tokio::test]
async fn a_lock_takes_effect_in_one_write_and_the_rest_follows_in_small_ones() {
    let world = World::with(&config());
    world.enroll("Phone").await;
    for _ in 0..20 {
        world.asked().await;
    }
    let admin = beside(&world);
    let before = world.commits();
    assert_eq!(admin.lock_user(&world.alice()).await.expect("locked"), 20);
    assert_eq!(
        world.commits() - before,
        1 + 3 + 1,
        "the lock, three times at most eight requests, and the mark beside the keys"
    );
}

#[tokio::test]
async fn a_device_with_many_requests_is_revoked_in_one_write_and_they_end_in_small_ones() {
    let world = World::with(&config());
    let phone = world.enroll("Phone").await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(world.asked().await);
    }
    let before = world.commits();
    let by = countersign_protocol::revocation::RevokedBy::Operator;
    world.side.gateway.revoke_device(phone.id(), by).await.expect("revoked");
    // The list is read anew after the first: what it ended is not in it any more.
    assert_eq!(world.commits() - before, 1 + 2, "the end with eight requests, and two times at most eight");
    for id in ids {
        assert_eq!(world.poll("till", &id).await.json()["denial_reason"], "device_revoked");
    }
}

#[tokio::test]
async fn a_crash_while_a_device_is_revoked_leaves_no_request_that_nobody_can_answer() {
    let world = World::with(&config());
    let phone = world.enroll("Phone").await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(world.asked().await);
    }
    let before = world.commits();
    let by = countersign_protocol::revocation::RevokedBy::Operator;
    let gateway = world.side.gateway.clone();
    let mut revoking = Box::pin(gateway.revoke_device(phone.id(), by));
    assert!(futures_util::future::poll_immediate(revoking.as_mut()).await.is_none());
    // The first write is there, and nothing after it.
    while world.commits() == before {
        tokio::task::yield_now().await;
    }
    drop(revoking);
    let world = world.restarted_with(&config());
    world.side.gateway.sweep().await.expect("swept");
    for id in ids {
        assert_eq!(world.poll("till", &id).await.json()["denial_reason"], "device_revoked");
    }
}
