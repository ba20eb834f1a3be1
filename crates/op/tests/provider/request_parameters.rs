//! Request parameters that no other file covers: `acr_values`, refusals by policy, unknown grant types.

use axum::http::StatusCode;
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_testing_gateway::DeviceCalls as _;
use serde_json::Value;

use crate::world::{BC, CONFIG, SECRET, TOKEN, World, basic, form_request};

const PAYMENT: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"},"creditorName":"Acme Coffee"}]"#;

/// No user verification and no number, unless a request asks for them.
fn easy() -> String {
    CONFIG.replace("token_wait = 0", "token_wait = 0\nuser_verification = \"discouraged\"")
}

#[tokio::test]
async fn b09_acr_values_raise_what_a_request_asks_and_never_lower_it() {
    let world = World::with(&easy());
    let mut phone = world.enroll("Phone").await;
    let level = |name: &str| format!("urn:countersign:acr:{name}");
    let (number, tap) = (InteractionType::InputManual, InteractionType::Boolean);
    let (required, discouraged) = (UserVerification::Required, UserVerification::Discouraged);
    for (client, acr_values, interaction, verification) in [
        ("till", String::new(), tap, discouraged),
        ("till", level("tap"), tap, discouraged),
        ("till", level("verified"), tap, required),
        ("till", level("number"), number, discouraged),
        ("till", level("number-verified"), number, required),
        ("till", format!("urn:other:high {} {}", level("number"), level("verified")), number, discouraged),
        ("till", "urn:other:high 3".to_owned(), tap, discouraged),
        // A client that shows no number gets as much of its wish as it can take.
        ("kiosk", level("number-verified"), tap, required),
    ] {
        let form = [("authorization_details", PAYMENT), ("acr_values", &acr_values)];
        let asked = world.ask(client, &form).await;
        let challenge = phone.next_challenge(&world.side).await;
        let claims = challenge.claims();
        assert_eq!((claims.interaction.kind, claims.user_verification), (interaction, verification), "{acr_values}");
        assert_eq!(claims.acr_values.as_deref().unwrap_or_default(), acr_values);
        let answer = phone.deny(&challenge, Some(countersign_protocol::answer::DenialReason::Mistake));
        phone.send_answer(&world.side, challenge.id(), &answer).await;
        drop(asked);
        world.advance_seconds(120);
    }
    let strict = World::new();
    let mut phone = strict.enroll("Phone").await;
    strict.ask("till", &[("acr_values", &level("tap"))]).await;
    let challenge = phone.next_challenge(&strict.side).await;
    assert_eq!(challenge.claims().user_verification, required, "policy asks for more than the wish");
}

#[tokio::test]
async fn b09_the_id_token_says_what_really_happened() {
    let world = World::with(&easy());
    let link = world.side.link(countersign_protocol::registration::Confirm::None).await;
    let mut phone = world.side.device("Old phone");
    phone.interaction_types = vec![InteractionType::Boolean];
    assert_eq!(phone.register(&world.side, &link.link).await.status, StatusCode::CREATED);
    phone.pull(&world.side).await;

    // The wish is for a number too, which this device can't take.
    let form = [("authorization_details", PAYMENT), ("acr_values", "urn:countersign:acr:number-verified")];
    let asked = world.ask("till", &form).await;
    assert_eq!(asked.text("interaction_type"), "boolean");
    world.approve(&mut phone, None).await;
    let tokens = world.poll("till", &asked.text("auth_req_id")).await;
    let (_, claims) = world.open(&tokens.text("id_token")).await;
    let claims: Value = serde_json::from_str(&claims).expect("claims");
    assert_eq!(claims["acr"], "urn:countersign:acr:verified");
}

#[tokio::test]
async fn a_binding_message_is_as_long_as_policy_permits_for_all_or_for_one_client() {
    let of_all = CONFIG.replace("token_wait = 0", "token_wait = 0\nbinding_message_max = 20");
    let world = World::with(&of_all.replace("client_id = \"strict\"", "client_id = \"chatty\"").replace(
        "[clients.policy]\ninteraction_minimum = \"input_manual\"",
        "[clients.policy]\nbinding_message_max = 500",
    ));
    let asked = async |client: &str, length: usize| {
        let message = "x".repeat(length);
        let form = [("scope", "openid"), ("login_hint", "mallory"), ("binding_message", message.as_str())];
        world.post(client, BC, &form).await
    };
    assert_eq!(asked("kiosk", 20).await.status, StatusCode::OK);
    let refused = asked("kiosk", 21).await;
    assert_eq!(refused.text("error"), "invalid_binding_message");
    assert_eq!(refused.text("error_description"), "binding_message: the text is longer than 20 characters");
    assert_eq!(asked("chatty", 500).await.status, StatusCode::OK);
}

#[tokio::test]
async fn b12_a_requested_number_interaction_shortens_a_lifetime_of_days() {
    let world = World::with(&CONFIG.replace("interval = 5", "interval = 5\nmax_ttl = \"72h\""));
    let life = async |acr_values: &str| {
        let form = [
            ("scope", "openid accounts"),
            ("login_hint", "x"),
            ("requested_expiry", "86400"),
            ("authorization_details", r#"[{"type":"account_information","actions":["read"]}]"#),
            ("acr_values", acr_values),
        ];
        let reply = world.post("kiosk", BC, &form).await;
        reply.json()["expires_in"].as_u64().expect("seconds")
    };
    assert_eq!(life("").await, 86_400);
    assert_eq!(life("urn:countersign:acr:verified").await, 86_400);
}

#[tokio::test]
async fn b13_empty_parameters_count_as_left_out() {
    let world = World::new();
    let form = [
        ("scope", "openid"),
        ("login_hint", "x"),
        ("id_token_hint", ""),
        ("login_hint_token", ""),
        ("requested_expiry", ""),
        ("binding_message", ""),
        ("acr_values", ""),
        ("authorization_details", ""),
        ("user_code", ""),
        ("audience", ""),
    ];
    assert_eq!(world.post("kiosk", BC, &form).await.status, StatusCode::OK);
}

#[tokio::test]
async fn b14_a_client_without_the_grant_neither_asks_nor_polls() {
    let world = World::new();
    for (path, form) in [
        (BC, vec![("scope", "openid"), ("login_hint", "bob")]),
        (TOKEN, vec![("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", "ar_x")]),
    ] {
        let reply = world.post("reader", path, &form).await;
        assert_eq!((reply.status.as_u16(), reply.text("error").as_str()), (400, "unauthorized_client"), "{path}");
    }
}

#[tokio::test]
async fn b15_what_policy_refuses_is_403() {
    let world = World::new();
    let reply = world.post("till", BC, &[("scope", "openid"), ("login_hint", "lara")]).await;
    assert_eq!((reply.status.as_u16(), reply.text("error").as_str()), (403, "access_denied"));
}

#[tokio::test]
async fn b16_a_type_of_the_operators_own_reaches_the_device_to_the_byte() {
    let own = "[[authorization_details]]\ntype = \"deletion\"\nmax_count = 1\n[authorization_details.schema]\nrequired = [\"count\"]\n\n[[users]]\nsub = \"alice\"";
    let world = World::with(&CONFIG.replacen("[[users]]\nsub = \"alice\"", own, 1));
    let mut phone = world.enroll("Phone").await;
    let details = r#"[ {"type":"deletion", "count":214} ]"#;
    world.ask("till", &[("authorization_details", details)]).await;
    let challenge = phone.next_challenge(&world.side).await;
    assert_eq!(challenge.claims().authorization_details_json.as_deref(), Some(details));
    let discovery = world.get("/tenant/.well-known/openid-configuration").await.json();
    let types = discovery["authorization_details_types_supported"].as_array().expect("a list").clone();
    assert!(types.contains(&"deletion".into()), "{types:?}");

    let refused = form_request(
        BC,
        Some(&basic("till", SECRET)),
        &[("scope", "openid"), ("login_hint", "alice"), ("authorization_details", r#"[{"type":"deletion"}]"#)],
    );
    let reply = world.send(refused).await;
    assert_eq!(reply.text("error"), "invalid_authorization_details");
    assert_eq!(reply.text("error_description"), "authorization_details[0]: count is missing");
}
