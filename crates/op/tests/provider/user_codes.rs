//! User codes: without the user's code a client causes no prompt, and learns nothing by guessing.

use axum::http::{StatusCode, header};
use countersign_testing_gateway::DeviceCalls as _;

use crate::world::{BC, CONFIG, Reply, World};

/// Alice has a code, Bob has none; `shop` and `stand` must send codes and may not know who exists, `desk` may know, `bare` is
/// not registered for codes.
fn config() -> String {
    let clients = r#"
[[clients]]
client_id = "shop"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
backchannel_user_code_parameter = true

[[clients]]
client_id = "stand"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
backchannel_user_code_parameter = true
policy = { user_code_guesses_per_hour = 5 }

[[clients]]
client_id = "desk"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
backchannel_user_code_parameter = true
first_party = true

[[clients]]
client_id = "guarded"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
policy = { require_user_code = true }
"#;
    CONFIG.replacen("sub = \"alice\"", "sub = \"alice\"\nuser_code = \"4711\"", 1) + clients
}

impl World {
    async fn ask_with_code(&self, client: &str, hint: &str, code: &str) -> Reply {
        let form = [("scope", "openid"), ("login_hint", hint), ("user_code", code), ("interaction_type", "boolean")];
        self.post(client, BC, &form).await
    }
}

fn error(reply: &Reply) -> (u16, String, Option<&str>) {
    (reply.status.as_u16(), reply.text("error"), reply.header(header::RETRY_AFTER))
}

fn missing() -> (u16, String, Option<&'static str>) {
    (400, "missing_user_code".to_owned(), None)
}

fn wrong() -> (u16, String, Option<&'static str>) {
    (400, "invalid_user_code".to_owned(), None)
}

fn too_soon(seconds: &str) -> (u16, String, Option<&str>) {
    (400, "invalid_user_code".to_owned(), Some(seconds))
}

#[tokio::test]
async fn b11_a_person_with_a_code_is_asked_only_with_it() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    for client in ["shop", "desk", "guarded"] {
        assert_eq!(error(&world.ask_with_code(client, "alice", "").await), missing(), "{client}");
        assert_eq!(error(&world.ask_with_code(client, "alice", "4712").await), wrong(), "{client}");
        assert_eq!(phone.pull(&world.side).await.challenges.len(), 0, "{client}");
        assert_eq!(world.ask_with_code(client, "alice@example.com", "4711").await.status, StatusCode::OK, "{client}");
        assert_eq!(phone.pull(&world.side).await.challenges.len(), 1, "{client}");
    }
    // The client's registration decides (CIBA Core 7.1), unless the operator's policy does.
    assert_eq!(world.ask_with_code("till", "alice", "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_person_without_a_code_needs_none() {
    let world = World::with(&config().replace("[[users]]\nsub = \"bob\"", "[[users]]\nsub = \"other\""));
    let world = world.restarted_with(&config().replace("user_code = \"4711\"", ""));
    let mut phone = world.enroll("Phone").await;
    for code in ["", "1234"] {
        assert_eq!(world.ask_with_code("shop", "alice", code).await.status, StatusCode::OK);
        assert_eq!(phone.pull(&world.side).await.challenges.len(), 1);
    }
}

#[tokio::test]
async fn attack_02_a_client_without_the_code_gets_no_prompt() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let mut refused = 0;
    for guess in 0..60 {
        let code = if guess % 6 == 0 { String::new() } else { format!("{guess:04}") };
        let reply = world.ask_with_code("shop", "alice", &code).await;
        refused += u32::from(reply.status == StatusCode::BAD_REQUEST);
        world.advance_seconds(20);
    }
    assert_eq!(refused, 60);
    assert_eq!(phone.pull(&world.side).await.challenges.len(), 0, "no prompt, no push, nothing held back");
}

#[tokio::test]
async fn wrong_codes_wait_longer_and_longer_also_over_a_restart_and_a_right_one_ends_that() {
    let mut world = World::with(&config());
    let phone = world.enroll("Phone").await;
    for _ in 0..3 {
        assert_eq!(error(&world.ask_with_code("shop", "alice", "0000").await), wrong());
    }
    assert_eq!(error(&world.ask_with_code("shop", "alice", "4711").await), too_soon("30"), "even a right one");
    assert_eq!(error(&world.ask_with_code("shop", "alice", "").await), missing(), "no guess, no wait");
    world = world.restarted_with(&config());
    assert_eq!(error(&world.ask_with_code("shop", "alice", "0000").await), too_soon("30"));
    world.advance_seconds(30);
    assert_eq!(error(&world.ask_with_code("shop", "alice", "0000").await), wrong());
    assert_eq!(error(&world.ask_with_code("shop", "alice", "0000").await), too_soon("60"));

    // What one client does is not held against another.
    assert_eq!(world.ask_with_code("desk", "alice", "4711").await.status, StatusCode::OK);
    world.advance_seconds(60);
    assert_eq!(world.ask_with_code("shop", "alice", "4711").await.status, StatusCode::OK);
    for _ in 0..3 {
        assert_eq!(error(&world.ask_with_code("shop", "alice", "0000").await), wrong(), "counted anew");
    }
    drop(phone);
}

#[tokio::test]
async fn guesses_that_come_at_once_are_counted_one_by_one() {
    let world = World::with(&config());
    let guesses = (0..12).map(|_| world.ask_with_code("shop", "alice", "0000"));
    let replies = futures_util::future::join_all(guesses).await;
    let judged = replies.iter().filter(|reply| reply.header(header::RETRY_AFTER).is_none()).count();
    assert_eq!(judged, 3, "the others had to wait");
}

#[tokio::test]
async fn a_client_that_tries_one_code_on_everybody_runs_out_of_guesses() {
    let world = World::with(&config().replace("sub = \"bob\"", "sub = \"bob\"\nuser_code = \"9999\""));
    let names = ["alice", "bob", "alice@example.com", "card:4711", "+49 170 1234567"];
    for name in names {
        assert_eq!(error(&world.ask_with_code("stand", name, "1234").await), wrong(), "{name}");
    }
    assert_eq!(error(&world.ask_with_code("stand", "bob", "1234").await), too_soon("3600"));
    assert_eq!(error(&world.ask_with_code("shop", "bob", "1234").await), wrong(), "another client has its own hour");
    world.advance_seconds(3600);
    assert_eq!(error(&world.ask_with_code("stand", "bob", "1234").await), wrong());
}

#[tokio::test]
async fn attack_22_names_that_are_nobodys_are_answered_like_those_of_people() {
    // One of two people has a code: so has, as far as anybody can tell, about every second name that is nobody's.
    let config = config().replacen("[[users]]\nsub = \"lara\"\nlocked = true\n", "", 1);
    let world = World::with(&config);
    let mut with_code = Vec::new();
    for n in 0..200 {
        let name = format!("nobody-{n}");
        let reply = world.ask_with_code("shop", &name, "").await;
        if reply.status == StatusCode::OK {
            continue;
        }
        assert_eq!(error(&reply), missing());
        with_code.push(name);
    }
    assert!((60..=140).contains(&with_code.len()), "{}", with_code.len());

    // Each of them stays as it is, in every way of writing it, and over a restart.
    let world = world.restarted_with(&config);
    for name in with_code.iter().take(20) {
        assert_eq!(error(&world.ask_with_code("shop", &name.to_uppercase(), "").await), missing());
    }
    let name = &with_code[0];
    for _ in 0..3 {
        assert_eq!(error(&world.ask_with_code("shop", name, "4711").await), wrong());
    }
    assert_eq!(error(&world.ask_with_code("shop", name, "4711").await), too_soon("30"));
    // A client that may know hears it at once.
    assert_eq!(world.ask_with_code("desk", name, "").await.text("error"), "unknown_user_id");
}

#[tokio::test]
async fn guesses_about_one_person_are_counted_together_whatever_the_name_where_who_exists_may_be_known() {
    let world = World::with(&config());
    let _phone = world.enroll("Phone").await;
    for name in ["alice", "alice@example.com", "alice"] {
        assert_eq!(error(&world.ask_with_code("desk", name, "0000").await), wrong());
    }
    assert_eq!(error(&world.ask_with_code("desk", "alice@example.com", "0000").await), too_soon("30"));
    // To another client the wait would tell that both names are somebody's, and the same person's.
    for _ in 0..3 {
        assert_eq!(error(&world.ask_with_code("shop", "alice", "0000").await), wrong());
    }
    assert_eq!(error(&world.ask_with_code("shop", "alice@example.com", "0000").await), wrong());
}

#[tokio::test]
async fn a_locked_person_with_a_code_is_hidden_like_anybody_else() {
    let world = World::with(&config().replace("sub = \"lara\"", "sub = \"lara\"\nuser_code = \"5555\""));
    assert_eq!(error(&world.ask_with_code("shop", "lara", "").await), missing());
    assert_eq!(error(&world.ask_with_code("shop", "lara", "4711").await), wrong());
    assert_eq!(world.ask_with_code("shop", "lara", "5555").await.status, StatusCode::OK);
    assert_eq!(world.ask_with_code("desk", "lara", "").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_user_code_may_be_configured_as_its_hash_and_guesses_are_never_stored() {
    let hash = include_str!("../../src/config/user_code_hash.phc").trim();
    let world = World::with(&config().replace("user_code = \"4711\"", &format!("user_code = '{hash}'")));
    let _phone = world.enroll("Phone").await;
    assert_eq!(world.ask_with_code("shop", "alice", "4711").await.status, StatusCode::OK);
    assert_eq!(error(&world.ask_with_code("shop", "alice", "guess-that-is-wrong").await), wrong());
    for file in std::fs::read_dir(world.home()).expect("a folder") {
        let path = file.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            let found = bytes.windows(19).any(|window| window == b"guess-that-is-wrong");
            assert!(!found, "{} contains a guess", path.display());
        }
    }
}
