//! Asked twice: `Idempotency-Key`, terminals, and the limits of pending requests.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use countersign_testing_gateway::DeviceCalls as _;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client_keys::{ClientKey, NOW};
use crate::world::{BC, CONFIG, Reply, SECRET, World, basic, form_request};

const KEY: &str = "b3f7c0de-5a41-4c6e-9f1d-2a6b7c8d9e0f";
const PAYMENT: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"},"creditorName":"Acme Coffee"}]"#;

impl World {
    async fn ask_with(&self, client: &str, key: &str, form: &[(&str, &str)]) -> Reply {
        let mut request = form_request(BC, Some(&basic(client, SECRET)), form);
        request.headers_mut().append("idempotency-key", HeaderValue::from_str(key).expect("ASCII"));
        self.send(request).await
    }
}

fn payment() -> Vec<(&'static str, &'static str)> {
    vec![
        ("scope", "openid"),
        ("login_hint", "alice"),
        ("interaction_type", "input_manual"),
        ("authorization_details", PAYMENT),
    ]
}

fn is_replayed(reply: &Reply) -> bool {
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    reply.header(HeaderName::from_static("idempotent-replayed")) == Some("true")
}

fn without_expiry(reply: &Reply) -> Value {
    let mut members = reply.json();
    members.as_object_mut().expect("an object").remove("expires_in");
    members
}

#[tokio::test]
async fn the_same_request_with_the_same_key_is_acknowledged_again_and_asked_once() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let first = world.ask_with("till", KEY, &payment()).await;
    assert!(!is_replayed(&first));
    world.advance_seconds(100);
    let second = world.ask_with("till", KEY, &payment()).await;
    assert!(is_replayed(&second));
    assert_eq!(without_expiry(&second), without_expiry(&first), "with the number to show");
    assert_eq!((&first.json()["expires_in"], &second.json()["expires_in"]), (&json!(300), &json!(200)));
    assert_eq!(phone.pull(&world.side).await.challenges.len(), 1, "she is asked once");

    // Another client's key of the same name, and no key, are other requests.
    for other in [world.ask_with("basic", KEY, &payment()[..2]).await, world.post("till", BC, &payment()).await] {
        assert!(!is_replayed(&other));
        assert_ne!(other.text("auth_req_id"), first.text("auth_req_id"));
    }
    world.advance_seconds(300 - 100 + 599);
    let late = world.ask_with("till", KEY, &payment()).await;
    assert!(is_replayed(&late), "for ten minutes after its end");
    assert_eq!(late.json()["expires_in"], 0);
    world.advance_seconds(1);
    let anew = world.ask_with("till", KEY, &payment()).await;
    assert!(!is_replayed(&anew));
    assert_ne!(anew.text("auth_req_id"), first.text("auth_req_id"));
}

#[tokio::test]
async fn a_repeated_acknowledgement_survives_a_restart_and_is_not_readable_in_the_store() {
    let world = World::new();
    world.enroll("Phone").await;
    let first = world.ask_with("till", KEY, &payment()).await;
    let id = first.text("auth_req_id");
    for file in ["provider.db", "provider.db-wal"] {
        let bytes = std::fs::read(world.home().join(file)).expect("a file");
        for secret in [id.as_bytes(), KEY.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{file}");
        }
    }
    let world = world.restarted_with(CONFIG);
    let second = world.ask_with("till", KEY, &payment()).await;
    assert!(is_replayed(&second));
    assert_eq!(second.text("auth_req_id"), id);
}

#[tokio::test]
async fn other_parameters_under_the_same_key_are_refused() {
    let world = World::new();
    world.enroll("Phone").await;
    world.ask_with("till", KEY, &payment()).await;
    let mut dearer = payment();
    dearer[3].1 = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"42.00"},"creditorName":"Acme Coffee"}]"#;
    let refused = world.ask_with("till", KEY, &dearer).await;
    assert_eq!((refused.status, refused.text("error").as_str()), (StatusCode::BAD_REQUEST, "invalid_request"));
    assert!(refused.text("error_description").contains("used with other parameters"), "{}", refused.body);
}

#[tokio::test]
async fn an_error_is_not_kept_and_a_bad_key_is_refused() {
    let world = World::new();
    let refused = world.ask_with("till", KEY, &payment()).await;
    assert_eq!(refused.text("error"), "unknown_user_id", "she has no device yet");
    world.enroll("Phone").await;
    assert!(!is_replayed(&world.ask_with("till", KEY, &payment()).await));
    let long = "x".repeat(129);
    for bad in ["too-short", long.as_str(), "with blanks in the middle"] {
        let refused = world.ask_with("till", bad, &payment()).await;
        assert_eq!(refused.text("error"), "invalid_request");
        assert!(refused.text("error_description").starts_with("Idempotency-Key must have 16 to 128"));
    }
    let mut twice = form_request(BC, Some(&basic("till", SECRET)), &payment());
    for _ in 0..2 {
        twice.headers_mut().append("idempotency-key", HeaderValue::from_static(KEY));
    }
    assert!(world.send(twice).await.text("error_description").contains("appears more than once"));
}

#[tokio::test]
async fn of_requests_at_once_with_one_key_one_asks_and_the_others_wait_for_it() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let form = payment();
    let replies = join_all((0..10).map(|_| world.ask_with("till", KEY, &form))).await;
    assert_eq!(replies.iter().filter(|reply| !is_replayed(reply)).count(), 1);
    assert!(replies.iter().all(|reply| without_expiry(reply) == without_expiry(&replies[0])));
    assert_eq!(phone.pull(&world.side).await.challenges.len(), 1);
}

#[tokio::test]
async fn no_limit_counts_a_repeated_request() {
    let world = World::new();
    world.enroll("Phone").await;
    let form = [("scope", "openid"), ("login_hint", "alice")];
    // `hasty` may send one request a minute.
    assert!(!is_replayed(&world.ask_with("hasty", KEY, &form).await));
    for _ in 0..5 {
        assert!(is_replayed(&world.ask_with("hasty", KEY, &form).await));
    }
    assert_eq!(world.post("hasty", BC, &form).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_signed_request_is_the_same_by_its_parameters() {
    let key = ClientKey::p256(1);
    let signer =
        format!("client_id = \"signer\"\nsecret = \"{SECRET}\"\nfirst_party = true\njwks = '{}'", key.jwks("k1"));
    let world = World::with(&format!("{CONFIG}\n[[clients]]\n{signer}\n"));
    let mut phone = world.enroll("Phone").await;
    let signed = |jti: &str, hint: &str| {
        let claims = json!({
            "iss": "signer", "aud": "https://id.example/tenant", "jti": jti, "iat": NOW, "nbf": NOW, "exp": NOW + 60,
            "scope": "openid", "login_hint": hint, "interaction_type": "boolean",
        });
        key.jws(&json!({ "alg": "ES256" }), &claims.to_string())
    };
    let ask = async |request: String| world.ask_with("signer", KEY, &[("request", &request)]).await;
    let first = ask(signed("one", "alice")).await;
    assert!(!is_replayed(&first));
    let second = ask(signed("two", "alice")).await;
    assert!(is_replayed(&second));
    assert_eq!(second.text("auth_req_id"), first.text("auth_req_id"));
    for jti in ["one", "two"] {
        let again = ask(signed(jti, "alice")).await;
        assert!(is_replayed(&again), "the very same bytes, because the reply was lost");
        let without_key = world.post("signer", BC, &[("request", &signed(jti, "alice"))]).await;
        assert!(without_key.text("error_description").contains("it was sent before"), "{}", without_key.body);
    }
    assert_eq!(ask(signed("three", "bob")).await.text("error"), "invalid_request");
    // The same parameters in a form are the same request.
    let form = [("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];
    assert!(is_replayed(&world.ask_with("signer", KEY, &form).await));
    assert_eq!(phone.pull(&world.side).await.challenges.len(), 1);
}

#[tokio::test]
async fn a_terminal_is_shown_signed_and_counts_for_itself() {
    let config = CONFIG.replace("name = \"Acme Coffee\"", "name = \"Acme Coffee\"\nterminal = \"Till 1\"");
    let world = World::with(&config);
    let mut phone = world.enroll("Phone").await;
    let ask = async |more: &[(&str, &str)]| {
        let form = [("scope", "openid"), ("login_hint", "alice")];
        world.post("till", BC, &[form.as_slice(), more].concat()).await
    };
    for terminal in [None, Some("Till 2")] {
        for _ in 0..3 {
            let more: Vec<(&str, &str)> = terminal.iter().map(|name| ("terminal", *name)).collect();
            assert_eq!(ask(&more).await.status, StatusCode::OK);
        }
    }
    let seen: Vec<(Value, bool)> = phone
        .pull(&world.side)
        .await
        .challenges
        .iter()
        .map(|challenge| {
            let claims = phone.verify(challenge).claims().clone();
            (json!(claims.context), claims.held)
        })
        .collect();
    let by = |name: &str| json!({ "terminal": { "value": name, "source": "client" } });
    // Three may wait for each terminal; a minute's prompts of the client are five.
    let expected = ["Till 1", "Till 1", "Till 1", "Till 2", "Till 2"].map(|name| (by(name), false));
    assert_eq!(seen[..5], expected);
    assert_eq!(seen[5], (by("Till 2"), true));
    for bad in ["\u{202e}Till", "a name of twenty-five char"] {
        let refused = ask(&[("terminal", bad)]).await;
        assert_eq!(refused.text("error"), "invalid_request");
        assert!(refused.text("error_description").starts_with("terminal: "), "{}", refused.body);
    }
    // A parameter without a value counts as omitted (RFC 6749 §3.1): the client's own terminal.
    assert_eq!(ask(&[("terminal", "")]).await.status, StatusCode::OK);
    let last = phone.pull(&world.side).await.challenges.pop().expect("a challenge");
    assert_eq!(json!(phone.verify(&last).claims().context), by("Till 1"));
}

#[tokio::test]
async fn the_terminals_of_an_unverified_client_are_one() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    for n in 0..4 {
        let terminal = format!("Kiosk {n}");
        let form = [("scope", "openid"), ("login_hint", "alice"), ("terminal", terminal.as_str())];
        world.post("kiosk", BC, &form).await;
    }
    let held: Vec<bool> = phone
        .pull(&world.side)
        .await
        .challenges
        .iter()
        .map(|challenge| phone.verify(challenge).claims().held)
        .collect();
    assert_eq!(held, [false, false, false, true]);
}

#[tokio::test]
async fn attack_03_clients_that_nobody_vouches_for_share_one_budget() {
    let limits = "[policy.unvouched_prompts]\nper_minute = 1000\npending = 1000\n";
    let many: String =
        (0..10).map(|n| format!("[[clients]]\nclient_id = \"self{n}\"\nsecret = \"{SECRET}\"\n")).collect();
    let world = World::with(&format!("{}{many}", CONFIG.replace(limits, "")));
    let mut phone = world.enroll("Phone").await;
    let ask = async |client: &str| world.post(client, BC, &[("scope", "openid"), ("login_hint", "alice")]).await;
    for client in 0..10 {
        for _ in 0..3 {
            assert_eq!(ask(&format!("self{client}")).await.status, StatusCode::OK, "accepted as usual");
        }
    }
    // What somebody vouches for is not held by them.
    ask("till").await;
    let mut unheld = Vec::new();
    loop {
        let fetched = phone.pull(&world.side).await;
        for challenge in &fetched.challenges {
            let claims = phone.verify(challenge).claims().clone();
            unheld.extend((!claims.held).then_some(claims.client.id));
        }
        if !fetched.more {
            break;
        }
    }
    assert_eq!(unheld, ["self0", "self0", "self0", "till"]);
    // A minute later two more may come, since five may wait.
    world.advance_seconds(60);
    for client in ["self1", "self2", "self3"] {
        ask(client).await;
    }
    let challenges = phone.pull(&world.side).await.challenges;
    let held: Vec<bool> = challenges.iter().map(|challenge| phone.verify(challenge).claims().held).collect();
    assert_eq!(held, [false, false, true]);
}

#[tokio::test]
async fn pending_requests_of_a_client_are_bounded_before_the_user_is_looked_up() {
    let limit = "[clients.policy]\npending_requests = 3\n";
    let config =
        CONFIG.replace("[[clients]]\nclient_id = \"kiosk\"", &format!("{limit}\n[[clients]]\nclient_id = \"kiosk\""));
    let world = World::with(&config);
    let mut phone = world.enroll("Phone").await;
    let ask = async |hint: &str| {
        world.post("till", BC, &[("scope", "openid"), ("login_hint", hint), ("interaction_type", "boolean")]).await
    };
    let first = ask("alice").await.text("auth_req_id");
    let challenge = phone.next_challenge(&world.side).await;
    ask("alice").await;
    ask("alice").await;
    for hint in ["alice", "mallory"] {
        let refused = ask(hint).await;
        assert_eq!((refused.status, refused.text("error").as_str()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
        assert_eq!(refused.header(header::RETRY_AFTER), Some("60"));
    }
    // What is redeemed makes room.
    let answer = phone.approve(&challenge, None);
    phone.settle(&world.side, &challenge, &answer).await;
    assert_eq!(world.poll("till", &first).await.status, StatusCode::OK);
    world.advance_seconds(1);
    assert_eq!(ask("alice").await.status, StatusCode::OK);
    assert_eq!(ask("alice").await.status, StatusCode::TOO_MANY_REQUESTS);
    world.advance_seconds(300);
    assert_eq!(ask("alice").await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_that_have_ended_do_not_count_as_pending() {
    let limit = "[clients.policy]\npending_requests = 3\n";
    let config =
        CONFIG.replace("[[clients]]\nclient_id = \"kiosk\"", &format!("{limit}\n[[clients]]\nclient_id = \"kiosk\""));
    let world = World::with(&config);
    let mut phone = world.enroll("Phone").await;
    let ask = async || {
        let form = [("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];
        world.post("till", BC, &form).await
    };
    let approved = ask().await.text("auth_req_id");
    let first = phone.next_challenge(&world.side).await;
    let approval = phone.approve(&first, None);
    phone.settle(&world.side, &first, &approval).await;
    let denied = ask().await.text("auth_req_id");
    let second = phone.next_challenge(&world.side).await;
    assert_eq!(ask().await.status, StatusCode::OK);
    assert_eq!(ask().await.status, StatusCode::TOO_MANY_REQUESTS);
    let denial = phone.deny(&second, None);
    phone.settle(&world.side, &second, &denial).await;
    world.advance_seconds(1);
    assert_eq!(ask().await.status, StatusCode::OK, "the denied one makes room, though its client does not know yet");
    assert_eq!(ask().await.status, StatusCode::TOO_MANY_REQUESTS, "the approved one counts until it is redeemed");
    assert_eq!(world.poll("till", &denied).await.text("error"), "access_denied");
    assert_eq!(world.poll("till", &approved).await.status, StatusCode::OK);
}
