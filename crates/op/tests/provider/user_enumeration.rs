//! User enumeration: a client that must not learn who exists sees no difference between users until one answers.

use axum::http::StatusCode;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::registration::Confirm;
use countersign_protocol::revocation::RevokedBy;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use serde_json::Value;

use crate::world::{BC, CONFIG, Reply, World};

/// The client shows numbers, is not first-party, and asks as it likes.
const CLIENT: &str = "numbers";

/// As many requests pend as may.
const FULL: StatusCode = StatusCode::TOO_MANY_REQUESTS;

/// Requests that differ in what interaction follows from them.
const ASKS: [&[(&str, &str)]; 4] = [
    &[],
    &[("interaction_type", "boolean")],
    &[("interaction_type", "input_manual")],
    &[("authorization_details", PAYMENT)],
];

const PAYMENT: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"80.00"},"creditorName":"Acme Coffee"}]"#;

/// An answer without what is drawn anew for every request.
#[derive(Debug, PartialEq)]
struct ObservedReply {
    status: StatusCode,
    headers: Vec<String>,
    body: Value,
}

impl ObservedReply {
    fn of(reply: &Reply) -> ObservedReply {
        let mut headers: Vec<_> = reply.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.retain(|header| !header.starts_with("x-request-id"));
        headers.sort();
        let mut body = reply.json();
        for drawn in ["auth_req_id", "interaction_value", "ref"] {
            if let Some(value) = body.get_mut(drawn) {
                *value = Value::from(value.as_str().expect("a text").len());
            }
        }
        ObservedReply { status: reply.status, headers, body }
    }
}

impl World {
    /// All that a client sees of a request about this user, from its first call to its end.
    async fn seen(&self, hint: &str, ask: &[(&str, &str)]) -> Vec<ObservedReply> {
        let form = [&[("scope", "openid"), ("login_hint", hint), ("requested_expiry", "60")], ask].concat();
        let asked = self.post(CLIENT, BC, &form).await;
        let mut seen = vec![ObservedReply::of(&asked)];
        let id = asked.text("auth_req_id");
        for pause in [0, 5, 1, 50, 4, 10] {
            self.advance_seconds(pause);
            self.side.gateway.sweep().await.expect("swept");
            let polled = self.poll(CLIENT, &id).await;
            if polled.json()["error"] == "expired_token" {
                assert_eq!(polled.text("ref"), asked.text("ref"), "one name, whether or not somebody was asked");
            }
            seen.push(ObservedReply::of(&polled));
        }
        seen
    }

    async fn enroll_with(&self, interaction_types: &[InteractionType]) -> TestDevice {
        let link = self.side.link(Confirm::None).await;
        let mut device = self.side.device("Phone");
        device.interaction_types = interaction_types.to_vec();
        assert_eq!(device.register(&self.side, &link.link).await.status, StatusCode::CREATED);
        device.pull(&self.side).await;
        device
    }
}

/// All responses about Alice, in every state of hers, equal those about a user that does not exist.
async fn alice_looks_like_nobody(world: &World, situation: &str) {
    for ask in ASKS {
        let (nobody, alice) = (world.seen("mallory", ask).await, world.seen("alice", ask).await);
        assert_eq!(nobody[0].status, StatusCode::OK, "{ask:?}");
        assert_eq!(nobody[6].body["error"], "expired_token");
        assert_eq!(nobody, alice, "{situation}: {ask:?}");
    }
}

#[tokio::test]
async fn attack_22_whatever_her_devices_can_do_a_client_sees_the_same_as_of_nobody() {
    use InteractionType::{Boolean, InputManual, NumberChoose};
    for abilities in [&[Boolean][..], &[Boolean, NumberChoose], &[Boolean, InputManual], &InteractionType::ALL] {
        let world = World::new();
        world.enroll_with(abilities).await;
        alice_looks_like_nobody(&world, &format!("{abilities:?}")).await;
    }
    let world = World::new();
    world.enroll_with(&[Boolean]).await;
    world.enroll_with(&InteractionType::ALL).await;
    alice_looks_like_nobody(&world, "an old phone and a new one").await;
}

#[tokio::test]
async fn attack_22_a_client_that_is_held_back_sees_the_same_as_of_nobody() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.post(CLIENT, BC, &[("scope", "openid"), ("login_hint", "alice")]).await;
    let challenge = phone.next_challenge(&world.side).await;
    let denial = phone.deny(&challenge, Some(DenialReason::NotMe));
    phone.settle(&world.side, &challenge, &denial).await;

    world.post(CLIENT, BC, &[("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")]).await;
    let held = phone.next_challenge(&world.side).await;
    assert!(held.claims().held, "it is held, and only she sees it");
    alice_looks_like_nobody(&world, "after this wasn't me").await;

    let world = World::new();
    world.enroll("Phone").await;
    for _ in 0..5 {
        world.post(CLIENT, BC, &[("scope", "openid"), ("login_hint", "alice")]).await;
    }
    alice_looks_like_nobody(&world, "with more requests than may wait").await;
}

#[tokio::test]
async fn attack_22_without_an_answer_of_hers_the_end_of_a_request_looks_the_same() {
    // No device can show it, or the last one is revoked: an end, but not one that the client hears of.
    for revoke in [false, true] {
        let world = World::new();
        let mut phone = world.enroll("Phone").await;
        let mut ends = Vec::new();
        for hint in ["mallory", "alice"] {
            let asked = world.post(CLIENT, BC, &[("scope", "openid"), ("login_hint", hint)]).await;
            if hint == "alice" && revoke {
                world.side.gateway.revoke_device(phone.id(), RevokedBy::Operator).await.expect("revoked");
            } else if hint == "alice" {
                let challenge = phone.next_challenge(&world.side).await;
                assert!(phone.refuse(&world.side, &challenge).await.status.is_success());
            }
            let mut seen = Vec::new();
            for pause in [0, 10, 300] {
                world.advance_seconds(pause);
                seen.push(ObservedReply::of(&world.poll(CLIENT, &asked.text("auth_req_id")).await));
            }
            ends.push(seen);
        }
        assert_eq!(ends[0], ends[1], "revoke: {revoke}");
    }
}

#[tokio::test]
async fn attack_22_an_end_that_is_hidden_counts_as_pending_until_the_request_expires() {
    let config = CONFIG.replace("pending_requests = 100000", "pending_requests = 2");
    for hint in ["mallory", "refuses", "revoked", "locked", "answers"] {
        let world = World::with(&config);
        let mut phone = world.enroll("Phone").await;
        let about = if hint == "mallory" { hint } else { "alice" };
        let ask = async || world.post(CLIENT, BC, &[("scope", "openid"), ("login_hint", about)]).await.status;
        assert_eq!([ask().await, ask().await, ask().await], [StatusCode::OK, StatusCode::OK, FULL], "{hint}");
        let alice = world.provider.user("alice").expect("alice").sub.clone();
        match hint {
            "revoked" => {
                assert!(world.side.gateway.revoke_device(phone.id(), RevokedBy::Operator).await.expect("revoked"));
            }
            "locked" => assert_eq!(world.provider.lock_user(&alice).await.expect("locked"), 2),
            "mallory" => {}
            _ => {
                let challenge = phone.next_challenge(&world.side).await;
                if hint == "refuses" {
                    assert!(phone.refuse(&world.side, &challenge).await.status.is_success());
                } else {
                    let denial = phone.deny(&challenge, None);
                    phone.settle(&world.side, &challenge, &denial).await;
                }
            }
        }
        // The last count is believed for a second.
        world.advance_seconds(2);
        let expected = if hint == "answers" { StatusCode::OK } else { FULL };
        assert_eq!(ask().await, expected, "{hint}: her own answer alone makes room");
        world.advance_seconds(300);
        assert_eq!(ask().await, StatusCode::OK, "{hint}");
    }
}

#[tokio::test]
async fn attack_22_how_long_a_request_may_be_depends_on_the_request_alone() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let members = (10..51).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(",");
    let details = format!(r#"[{{"type":"generic","title":"x","{}":{{{members}}}}}]"#, "n".repeat(150));
    // So many bytes more of scope and acr_values.
    let is_accepted = async |hint: &str, bytes: usize| {
        let (scope, acr) = (format!("openid {}", "s".repeat(1 + bytes / 2)), "a".repeat(1 + bytes - bytes / 2));
        let form = [
            ("scope", scope.as_str()),
            ("acr_values", acr.as_str()),
            ("login_hint", hint),
            ("authorization_details", details.as_str()),
        ];
        let reply = world.post(CLIENT, BC, &form).await;
        let is_accepted = reply.status == StatusCode::OK;
        assert!(is_accepted || reply.text("error") == "invalid_authorization_details", "{}", reply.body);
        is_accepted
    };
    let (mut fits, mut too_long) = (0, 1_900);
    assert!(is_accepted("mallory", fits).await && !is_accepted("mallory", too_long).await);
    while too_long - fits > 1 {
        let middle = fits.midpoint(too_long);
        *(if is_accepted("mallory", middle).await { &mut fits } else { &mut too_long }) = middle;
    }
    world.post(CLIENT, BC, &[("scope", "openid"), ("login_hint", "alice")]).await;
    for held in [false, true] {
        for hint in ["alice", "card:4711", "bob", "lara"] {
            let seen = [is_accepted(hint, fits).await, is_accepted(hint, too_long).await];
            assert_eq!(seen, [true, false], "{hint}, held: {held}");
        }
        let challenge = phone.next_challenge(&world.side).await;
        assert_eq!(challenge.claims().held, held);
        let denial = phone.deny(&challenge, Some(DenialReason::NotMe));
        phone.settle(&world.side, &challenge, &denial).await;
    }
}

#[tokio::test]
async fn attack_22_an_unknown_user_costs_as_many_commits_as_a_known_one() {
    let world = World::new();
    world.enroll("Phone").await;
    world.enroll("Tablet").await;
    for hint in ["mallory", "alice", "lara", "bob"] {
        let before = world.commits();
        let asked = world.post(CLIENT, BC, &[("scope", "openid"), ("login_hint", hint)]).await;
        assert_eq!(world.commits() - before, 1, "{hint} is asked");
        world.poll(CLIENT, &asked.text("auth_req_id")).await;
        assert_eq!(world.commits() - before, 2, "{hint} is polled for");
    }
}

#[tokio::test]
async fn attack_22_locked_and_deviceless_users_look_like_nobody() {
    let world = World::with(&CONFIG.replace("sub = \"bob\"", "sub = \"bob\"\nhints = [\"bob@example.com\"]"));
    for ask in ASKS {
        let nobody = world.seen("mallory", ask).await;
        for hint in ["lara", "bob", "BOB@example.com", "alice", "+49 170 1234567"] {
            assert_eq!(nobody, world.seen(hint, ask).await, "{hint} {ask:?}");
        }
    }
}
