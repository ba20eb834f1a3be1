//! Clients and users outside the configuration file: added, changed, locked and removed while the provider runs.

use axum::http::StatusCode;
use countersign_gateway::LinkRequest;
use countersign_op::{DirectoryError, Provider};
use countersign_protocol::registration::Confirm;
use countersign_testing_gateway::DeviceCalls as _;

use crate::world::{BC, CONFIG, SECRET, TOKEN, World, basic, form_request};

const ASK: &[(&str, &str)] = &[("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];

/// A second process on the same home, as a command is one.
pub(crate) fn beside(world: &World) -> Provider {
    match Provider::open_for_admin(world.config(), world.home(), world.ports()) {
        Ok(provider) => provider,
        Err(error) => panic!("{error}"),
    }
}

async fn ask(world: &World, client: &str, secret: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
    let reply = world.send(form_request(BC, Some(&basic(client, secret)), form)).await;
    (reply.status, reply.body)
}

fn words(error: &DirectoryError) -> String {
    error.to_string()
}

#[tokio::test]
async fn a_client_that_another_process_adds_may_ask_at_once_and_not_once_it_is_removed() {
    let world = World::new();
    let _device = world.enroll("phone").await;
    let admin = beside(&world);
    assert_eq!(ask(&world, "till-15", SECRET, ASK).await.0, StatusCode::UNAUTHORIZED);
    let entry = "[[clients]]\nclient_id = \"till-15\"\nname = \"Till 15\"\nfirst_party = true\n[clients.policy]\nttl = \"2m\"\n";
    let Ok(added) = admin.add_client(entry).await else { panic!("a sound entry") };
    let secret = added.secret.expect("a secret").expose().to_owned();
    let (status, body) = ask(&world, "till-15", &secret, ASK).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body.contains("\"expires_in\":120"), "its own policy holds: {body}");
    let listed = admin.clients().expect("a list");
    let record = listed.iter().find(|client| client.client_id == "till-15").expect("listed");
    assert!(!record.in_file && !record.registered && record.entry.as_deref() == Some(entry));

    let request = serde_json::from_str::<serde_json::Value>(&body).expect("JSON")["auth_req_id"].clone();
    let ended = admin.remove_client("till-15").await.expect("removed");
    assert_eq!(ended, 1, "its pending request is withdrawn");
    assert_eq!(ask(&world, "till-15", &secret, ASK).await.0, StatusCode::UNAUTHORIZED);
    let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", request.as_str().expect("text"))];
    let reply = world.send(form_request(TOKEN, Some(&basic("till-15", &secret)), &form)).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_rotated_secret_ends_the_one_before() {
    let world = World::new();
    let _device = world.enroll("phone").await;
    let admin = beside(&world);
    let Ok(added) = admin.add_client("[[clients]]\nclient_id = \"till-15\"\nfirst_party = true\n").await else {
        panic!("sound")
    };
    let old = added.secret.expect("a secret").expose().to_owned();
    assert_eq!(ask(&world, "till-15", &old, ASK).await.0, StatusCode::OK);
    let Ok(rotated) = admin.rotate_secret("till-15").await else { panic!("rotated") };
    let new = rotated.secret.expect("a secret").expose().to_owned();
    assert_ne!(old, new);
    assert_eq!(ask(&world, "till-15", &old, ASK).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&world, "till-15", &new, ASK).await.0, StatusCode::OK);
}

#[tokio::test]
async fn entries_of_the_configuration_file_are_changed_only_there() {
    let world = World::new();
    let admin = beside(&world);
    let in_file = "is in the configuration file: change it there, then restart the provider";
    assert_eq!(admin.remove_client("till").await.map_err(|e| words(&e)), Err(format!("client till {in_file}")));
    assert_eq!(
        admin.rotate_secret("till").await.map(drop).map_err(|e| words(&e)),
        Err(format!("client till {in_file}"))
    );
    let alice = admin.user("alice").expect("alice").sub.clone();
    assert_eq!(admin.remove_user(&alice).await.map_err(|e| words(&e)), Err(format!("user alice {in_file}")));
    assert_eq!(admin.remove_client("nobody").await.map_err(|e| words(&e)), Err("there is no client nobody".to_owned()));
}

#[tokio::test]
async fn an_added_entry_is_validated_like_one_of_the_configuration_file() {
    let world = World::new();
    let admin = beside(&world);
    for (entry, expected) in [
        ("client_id = \"till\"", "client till is already in use; choose another, or remove the existing one"),
        ("client_id = \"x\"\nsecret = \"f7c09d1c2b8e4a6590d3b1a7e2c45f68\"", "unknown key `secret` in [[clients]]"),
        (
            "client_id = \"x\"\nfirst_partie = true",
            "unknown key `first_partie` in [[clients]]; did you mean `first_party`?",
        ),
        ("client_id = \"x\"\ntoken_endpoint_auth_method = \"none\"", "a public client can't ask for approvals"),
        ("client_id = \"x\"\n[clients.policy]\nttl = \"80h\"", "`ttl` in [clients.policy] must be between"),
    ] {
        let refused =
            admin.add_client(&format!("[[clients]]\n{entry}\n")).await.map(drop).map_err(|error| words(&error));
        assert!(refused.as_ref().is_err_and(|words| words.contains(expected)), "{entry}: {refused:?}");
    }
    let hint = "[[users]]\nsub = \"carol\"\nhints = [\"ALICE@example.com\"]\n";
    let refused = admin.add_user(hint).await.map(drop).map_err(|error| words(&error));
    assert_eq!(
        refused,
        Err("the name alice@example.com is already in use; choose another, or remove the existing one".to_owned())
    );
}

#[tokio::test]
async fn a_person_who_is_added_is_found_by_every_hint_and_not_once_removed() {
    let world = World::new();
    let admin = beside(&world);
    let by = async |hint: &str| world.post("till", BC, &[("scope", "openid"), ("login_hint", hint)]).await;
    assert_eq!(by("carol").await.text("error"), "unknown_user_id");
    admin
        .add_user("[[users]]\nsub = \"carol\"\nname = \"Carol\"\nhints = [\"Carol@Example.com\"]\n")
        .await
        .expect("added");
    for hint in [
        "carol",
        "carol@example.com",
        "{\"format\":\"iss_sub\",\"iss\":\"https://id.example/tenant\",\"sub\":\"carol\"}",
    ] {
        let reply = by(hint).await;
        assert!(reply.body.contains("no user with an enrolled device"), "known, but without a device: {}", reply.body);
        assert!(world.provider.user("carol").is_ok(), "{hint}");
    }
    admin.change_user("[[users]]\nsub = \"carol\"\nhints = [\"card:9\"]\n").await.expect("changed");
    assert!(world.provider.user("card:9").is_ok());
    assert!(world.provider.user("carol@example.com").is_err(), "a hint that was taken away");
    let carol = admin.user("carol").expect("carol").sub.clone();
    admin.remove_user(&carol).await.expect("removed");
    assert!(world.provider.user("carol").is_err() && world.provider.user("card:9").is_err());
    assert_eq!(by("carol").await.text("error"), "unknown_user_id");
}

#[tokio::test]
async fn a_user_who_is_renamed_is_so_on_their_devices() {
    let world = World::new();
    let admin = beside(&world);
    admin.add_user("[[users]]\nsub = \"carol\"\nname = \"Carol\"\n").await.expect("added");
    let mut phones = [("carol", "Carol"), ("alice", "Alice")].map(|(sub, label)| (sub, label, None));
    for (sub, label, phone) in &mut phones {
        let subject = sub.parse().expect("a subject");
        let request =
            LinkRequest { subject, subject_label: (*label).to_owned(), confirm: Confirm::None, allow_automated: false };
        let link = world.side.gateway.issue_link(request).await.expect("a link");
        let mut device = world.side.device("Phone");
        assert_eq!(device.register(&world.side, &link.link).await.status, StatusCode::CREATED);
        device.pull(&world.side).await;
        *phone = Some(device);
    }
    admin.change_user("[[users]]\nsub = \"carol\"\nname = \"Carol Example\"\n").await.expect("changed");
    let changed = CONFIG.replace("name = \"Alice\"", "name = \"Alice Example\"");
    let world = world.restarted_with(&changed);
    for (sub, label, phone) in &mut phones {
        let device = phone.as_mut().expect("enrolled");
        device.pull(&world.side).await;
        let enrollment = device.enrollment();
        let (latest, _) = enrollment.current();
        assert_eq!(latest.subject_label, Some(format!("{label} Example")), "{sub}");
        assert_eq!(latest.sequence, 2, "{sub}");
    }
}

#[tokio::test]
async fn attack_14_a_user_locked_by_a_command_gets_no_token_whenever_it_happens() {
    // Before the request.
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let admin = beside(&world);
    let alice = admin.user("alice").expect("alice").sub.clone();
    assert_eq!(admin.lock_user(&alice).await.expect("locked"), 0);
    let refused = world.post("till", BC, ASK).await;
    assert_eq!((refused.status, refused.text("error")), (StatusCode::FORBIDDEN, "access_denied".to_owned()));
    assert!(admin.unlock_user(&alice).await.expect("unlocked"));

    // While it waits.
    let asked = world.post("till", BC, ASK).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    assert_eq!(admin.lock_user(&alice).await.expect("locked"), 1, "what was pending is withdrawn");
    let poll = world.poll("till", &asked.text("auth_req_id")).await;
    assert_eq!(poll.text("error"), "access_denied", "{}", poll.body);
    admin.unlock_user(&alice).await.expect("unlocked");

    // After the approval, before the tokens.
    let asked = world.post("till", BC, ASK).await;
    let challenge = device.next_challenge(&world.side).await;
    let answer = device.approve(&challenge, None);
    let answered = device.send_answer(&world.side, challenge.id(), &answer).await;
    assert_eq!(answered.status, StatusCode::OK, "{answered:?}");
    admin.lock_user(&alice).await.expect("locked");
    let poll = world.poll("till", &asked.text("auth_req_id")).await;
    assert_eq!(poll.text("error"), "access_denied", "{}", poll.body);
    assert!(poll.body.contains("locked or removed since the approval"), "{}", poll.body);
}
