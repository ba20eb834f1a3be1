//! `/bc-authorize` without a device: hidden users, lifetimes, hints, stored values.

use axum::http::{StatusCode, header};
use countersign_jose::clock::Clock as _;
use countersign_protocol::approval_ref::ApprovalRef;
use serde_json::json;

use crate::world::{BC, CONFIG, World};

#[tokio::test]
async fn b06_an_unknown_a_locked_and_a_deviceless_user_are_hidden_alike() {
    let world = World::new();
    let elsewhere = r#"{"format":"iss_sub","iss":"https://id.example/tenant","sub":"nobody"}"#;
    for hint in ["mallory", "lara", "bob", elsewhere] {
        let reply = world.post("kiosk", BC, &[("scope", "openid"), ("login_hint", hint)]).await;
        assert_eq!(reply.status, StatusCode::OK, "{hint}: {}", reply.body);
        assert_eq!(reply.header(header::CACHE_CONTROL), Some("no-store"));
        let auth_req_id = reply.text("auth_req_id");
        let name: ApprovalRef = reply.text("ref").parse().expect("as of a request that somebody is asked about");
        let expected = json!({
            "auth_req_id": auth_req_id, "ref": name, "expires_in": 300, "interval": 5, "interaction_type": "boolean"
        });
        assert_eq!(reply.json(), expected, "{hint}");

        world.advance_seconds(299);
        assert_eq!(world.poll("kiosk", &auth_req_id).await.text("error"), "authorization_pending", "{hint}");
        world.advance_seconds(1);
        assert_eq!(world.poll("kiosk", &auth_req_id).await.text("error"), "expired_token", "{hint}");
    }
}

#[tokio::test]
async fn a_hidden_user_gets_a_number_where_the_client_shows_one() {
    let world = World::with(&CONFIG.replace("first_party = true", "first_party = false"));
    let reply = world.post("till", BC, &[("scope", "openid"), ("login_hint", "mallory")]).await;
    let value = reply.text("interaction_value");
    assert_eq!(reply.text("interaction_type"), "input_manual");
    assert!(value.len() == 6 && value.bytes().all(|byte| byte.is_ascii_digit()), "{value}");
}

#[tokio::test]
async fn b12_requested_expiry_is_honoured_up_to_the_policys_end() {
    let world = World::with(&CONFIG.replace("interval = 5", "interval = 5\nmax_ttl = \"72h\""));
    let consent = "openid accounts";
    for (client, scope, interaction, requested, expires_in) in [
        ("kiosk", "openid", "", "", 300),
        ("kiosk", "openid", "", "1", 1),
        ("kiosk", "openid", "", "10", 10),
        ("kiosk", "openid", "", "600", 600),
        ("kiosk", "openid", "", "601", 600),
        // Consents may wait for days, by a tap only.
        ("kiosk", consent, "", "86400", 86_400),
        ("kiosk", consent, "", "999999999", 259_200),
        ("numbers", consent, "", "86400", 600),
        ("numbers", consent, "boolean", "86400", 86_400),
        ("easy", consent, "", "86400", 600),
    ] {
        let form =
            [("scope", scope), ("login_hint", "x"), ("interaction_type", interaction), ("requested_expiry", requested)];
        let reply = world.post(client, BC, &form).await;
        assert_eq!(
            reply.json()["expires_in"],
            expires_in,
            "{client} {scope} {interaction} {requested}: {}",
            reply.body
        );
    }
}

#[tokio::test]
async fn b06_every_form_of_login_hint_is_understood() {
    let world = World::new();
    let hints = [
        "alice",
        "alice@example.com",
        "ALICE@example.com",
        "+49 170 1234567",
        "card:4711",
        // Auth0's clients: compact, with blanks, and with a slash at the issuer's end.
        r#"{"format":"iss_sub","iss":"https://id.example/tenant/","sub":"alice"}"#,
        r#"{"format": "iss_sub", "iss": "https://id.example/tenant", "sub": "alice"}"#,
    ];
    // Alice is known, and has no device yet: a client that may know hears just that, and not that the hint is wrong.
    for hint in hints {
        let reply = world.post("till", BC, &[("scope", "openid"), ("login_hint", hint)]).await;
        assert_eq!(reply.text("error"), "unknown_user_id", "{hint}");
    }
}

#[tokio::test]
async fn b13_unknown_parameters_are_ignored() {
    let world = World::new();
    let form = [("scope", "openid"), ("login_hint", "x"), ("user_code", "1234"), ("audience", "https://api.example")];
    assert_eq!(world.post("kiosk", BC, &form).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_auth_req_id_has_256_random_bits_and_is_stored_only_as_a_hash() {
    let world = World::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let reply = world.post("kiosk", BC, &[("scope", "openid"), ("login_hint", "mallory")]).await;
        let id = reply.text("auth_req_id");
        let drawn =
            id.strip_prefix("ar_").expect("a prefix, for base64url may begin with a hyphen").split_at_checked(12);
        let (time, random) = drawn.expect("the time");
        assert_eq!(u64::from_str_radix(time, 16), Ok(world.side.clock.now().millis()));
        assert_eq!(random.len(), 43);
        let random = random.to_owned();
        assert!(!ids.contains(&random));
        ids.push(random);
    }
    for file in std::fs::read_dir(world.home()).expect("a folder") {
        let path = file.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            let found = ids.iter().any(|id| bytes.windows(id.len()).any(|window| window == id.as_bytes()));
            assert!(!found, "an auth_req_id stands in {}", path.display());
        }
    }
}
