//! From a request through a device's answer to the response of `/token`: tokens once, or an error.

use std::pin::pin;

use axum::http::{StatusCode, header};
use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::key::PublicKey;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::revocation::RevokedBy;
use countersign_store::Error;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{BC, CONFIG, Reply, TOKEN, World};

const PAYMENT: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"80.00"},"creditorName":"Acme Coffee"}]"#;

impl World {
    /// A request about Alice, taken. The parameters come beside scope and hint.
    pub(crate) async fn ask(&self, client: &str, parameters: &[(&str, &str)]) -> Reply {
        let mut form = vec![("scope", "openid"), ("login_hint", "alice")];
        form.retain(|(name, _)| !parameters.iter().any(|(other, _)| other == name));
        form.extend_from_slice(parameters);
        let reply = self.post(client, BC, &form).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply
    }

    /// The device fetches and approves the newest request.
    pub(crate) async fn approve(&self, device: &mut TestDevice, value: Option<&str>) {
        let challenge = device.next_challenge(&self.side).await;
        let answer = device.approve(&challenge, value);
        let response = device.send_answer(&self.side, challenge.id(), &answer).await;
        assert!(value.is_some() || response.status == StatusCode::OK, "{response:?}");
    }

    /// Asks and approves a plain request of the till; its id.
    pub(crate) async fn approved(&self, device: &mut TestDevice) -> String {
        let id = self.ask("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
        self.approve(device, None).await;
        id
    }

    /// Header and claims of a token, its signature checked with the published key.
    pub(crate) async fn open(&self, token: &str) -> (Value, String) {
        let key: PublicKey =
            serde_json::from_value(self.get("/tenant/jwks").await.json()["keys"][0].clone()).expect("a key");
        let (input, signature) = token.rsplit_once('.').expect("three parts");
        let signature = base64url::decode_array(signature).expect("a signature");
        key.verify(input.as_bytes(), &signature).expect("signed by the published key");
        let part = |n| {
            let text = input.split('.').nth(n).expect("a part");
            String::from_utf8(base64url::decode(text).expect("base64url")).expect("text")
        };
        let header: Value = serde_json::from_str(&part(0)).expect("a header");
        assert_eq!(header["kid"], json!(key.thumbprint()));
        (header, part(1))
    }
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

/// `access_denied`, and the reason beside it.
fn denial(reply: &Reply) -> Option<String> {
    assert_eq!(
        (reply.status, reply.text("error").as_str()),
        (StatusCode::BAD_REQUEST, "access_denied"),
        "{}",
        reply.body
    );
    reply.text("ref").parse::<ApprovalRef>().expect("it names the request as people do");
    reply.json().get("denial_reason").map(|reason| reason.as_str().expect("a text").to_owned())
}

#[tokio::test]
async fn an_approved_payment_becomes_tokens_that_say_what_was_signed_to_the_byte() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let details = format!("  {} \n", PAYMENT.replace(':', " :\t"));
    let asked = world.ask("till", &[("authorization_details", &details), ("scope", "openid offline_access")]).await;
    let id = asked.text("auth_req_id");
    assert_eq!(asked.header(header::CACHE_CONTROL), Some("no-store"));
    assert_eq!(
        asked.json(),
        json!({
            "auth_req_id": id, "ref": asked.text("ref"), "expires_in": 300, "interval": 5, "interaction_type": "boolean",
            "wake": "open_app"
        })
    );
    assert_eq!(world.poll("till", &id).await.text("error"), "authorization_pending");

    let challenge = phone.next_challenge(&world.side).await;
    assert_eq!(challenge.claims().authorization_details_json.as_deref(), Some(details.as_str()));
    world.advance_seconds(20);
    let answer = phone.approve(&challenge, None);
    phone.settle(&world.side, &challenge, &answer).await;
    world.advance_seconds(7);

    let reply = world.poll("till", &id).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(reply.header(header::CACHE_CONTROL), Some("no-store"));
    assert_eq!(reply.header(header::CONTENT_TYPE), Some("application/json"));
    assert!(reply.body.ends_with(&format!(",\"authorization_details\":{details}}}")), "{}", reply.body);
    let response = reply.json();
    assert_eq!((&response["token_type"], &response["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(response["scope"], "openid", "no refresh token, so no offline_access");

    let approval = json!({
        "id": challenge.claims().approval,
        "ref": asked.text("ref"),
        "challenge_hash": challenge.hash(),
        "answer_hash": answer.hash(),
        "details_hash": Hash::of(&details),
        "interaction": "boolean",
        "device_class": "interactive",
        "key": { "type": "p256", "protection": "file_pin" },
    });
    let (header, claims) = world.open(&reply.text("id_token")).await;
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("JWT")));
    let access_token = reply.text("access_token");
    let expected = json!({
        "iss": "https://id.example/tenant",
        "sub": "alice",
        "aud": "till",
        "iat": 1_800_000_027,
        "exp": 1_800_000_627,
        "auth_time": 1_800_000_020,
        "acr": "urn:countersign:acr:verified",
        "amr": ["swk", "pin"],
        "at_hash": base64url::encode(&Hash::of(&access_token).as_bytes()[..16]),
        "urn:openid:params:jwt:claim:auth_req_id": id,
        "approval": approval,
    });
    assert_eq!(parsed(&claims), expected, "t08");

    let (header, claims) = world.open(&access_token).await;
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("at+jwt")));
    assert!(claims.ends_with(&format!(",\"authorization_details\":{details}}}")), "{claims}");
    let claims = parsed(&claims);
    assert_eq!((&claims["aud"], &claims["client_id"]), (&json!("https://id.example/tenant"), &json!("till")));
    assert_eq!((&claims["approval"], &claims["scope"]), (&approval, &json!("openid")));
    assert_eq!((&claims["sub"], &claims["auth_time"]), (&json!("alice"), &json!(1_800_000_020)));
    assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() > 40));
}

#[tokio::test]
async fn t05_a_hundred_polls_at_once_yield_one_token_set() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.approved(&mut phone).await;
    let polls = (0..100).map(|_| world.poll("till", &id));
    let replies = futures_util::future::join_all(polls).await;
    let tokens = replies.iter().filter(|reply| reply.status == StatusCode::OK).count();
    assert_eq!(tokens, 1);
    for reply in replies.iter().filter(|reply| reply.status != StatusCode::OK) {
        assert_eq!(reply.text("error"), "invalid_grant", "{}", reply.body);
    }
    let later = world.poll("till", &id).await;
    assert_eq!(later.text("error_description"), "the tokens for this auth_req_id were issued already");
}

#[tokio::test]
async fn a_held_poll_gets_the_tokens_as_soon_as_the_person_approves() {
    let world = World::with(&CONFIG.replace("token_wait = 0", "token_wait = 30"));
    let mut phone = world.enroll("Phone").await;
    let id = world.ask("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
    let (reply, ()) = tokio::join!(world.poll("till", &id), async {
        world.polled().await;
        world.approve(&mut phone, None).await;
    });
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
}

#[tokio::test]
async fn a_client_that_polls_without_pause_waits_while_every_other_is_served() {
    let world = World::new();
    let mut failing = pin!(join_all((0..400).map(|_| world.poll("till", "no-such-request"))));
    let reply = tokio::select! {
        biased;
        _ = &mut failing => panic!("none of them waited"),
        reply = world.poll("kiosk", "no-such-request") => reply,
    };
    assert_eq!(reply.text("error"), "invalid_grant", "{}", reply.body);
    for reply in failing.await {
        assert_eq!(reply.text("error"), "invalid_grant", "{}", reply.body);
    }
}

#[tokio::test]
async fn attack_polls_of_a_request_that_ended_wait_like_every_other_that_fails() {
    for ended in ["denied", "expired", "not covered"] {
        let world = World::new();
        let mut phone = world.enroll("Phone").await;
        let id =
            world.ask("till", &[("requested_expiry", "60"), ("interaction_type", "boolean")]).await.text("auth_req_id");
        let mut form = vec![("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id.as_str())];
        let error = match ended {
            "denied" => {
                let challenge = phone.next_challenge(&world.side).await;
                let answer = phone.deny(&challenge, None);
                phone.settle(&world.side, &challenge, &answer).await;
                "access_denied"
            }
            "expired" => {
                world.advance_seconds(61);
                "expired_token"
            }
            _ => {
                form.push(("resource", "https://unknown.example"));
                "invalid_target"
            }
        };
        let mut failing = pin!(join_all((0..300).map(|_| world.post("till", TOKEN, &form))));
        let reply = tokio::select! {
            biased;
            _ = &mut failing => panic!("{ended}: none of them waited"),
            reply = world.poll("kiosk", "no-such-request") => reply,
        };
        assert_eq!(reply.text("error"), "invalid_grant", "{}", reply.body);
        assert!(failing.await.iter().all(|reply| reply.text("error") == error), "{ended}");
    }
}

#[tokio::test]
async fn a_client_whose_polls_fail_without_pause_gets_the_tokens_of_an_approved_request_at_once() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.ask("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
    world.approve(&mut phone, None).await;
    let mut failing = pin!(join_all((0..400).map(|_| world.poll("till", "no-such-request"))));
    let reply = tokio::select! {
        biased;
        _ = &mut failing => panic!("none of them waited"),
        reply = world.poll("till", &id) => reply,
    };
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
}

#[tokio::test]
async fn a_decided_request_is_returned_however_fast_the_client_polls() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.ask("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
    assert_eq!(world.poll("till", &id).await.text("error"), "authorization_pending");
    world.approve(&mut phone, None).await;
    assert_eq!(world.poll("till", &id).await.status, StatusCode::OK);
}

#[tokio::test]
async fn t04_every_poll_after_a_denial_returns_its_reason() {
    for (policy, reason, told) in [
        ("", Some(DenialReason::NotMe), Some("not_me")),
        ("", Some(DenialReason::Mistake), Some("mistake")),
        ("", Some(DenialReason::Other), Some("other")),
        ("", None, None),
        ("hide_not_me = true", Some(DenialReason::NotMe), None),
        ("hide_not_me = true", Some(DenialReason::Mistake), Some("mistake")),
    ] {
        let world = World::with(&CONFIG.replace("token_wait = 0", &format!("token_wait = 0\n{policy}")));
        let mut phone = world.enroll("Phone").await;
        let id = world.ask("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
        let challenge = phone.next_challenge(&world.side).await;
        let answer = phone.deny(&challenge, reason);
        phone.settle(&world.side, &challenge, &answer).await;
        for _ in 0..2 {
            assert_eq!(denial(&world.poll("till", &id).await).as_deref(), told, "{policy} {reason:?}");
        }
    }
}

#[tokio::test]
async fn the_right_number_gives_tokens_and_the_wrong_one_ends_the_request() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let asked = world.ask("till", &[]).await;
    assert_eq!(asked.text("interaction_type"), "input_manual", "the strongest that client and device share");
    world.approve(&mut phone, Some(&asked.text("interaction_value"))).await;
    let reply = world.poll("till", &asked.text("auth_req_id")).await;
    let (_, claims) = world.open(&reply.text("id_token")).await;
    let claims = parsed(&claims);
    assert_eq!(claims["acr"], "urn:countersign:acr:number-verified");
    assert_eq!(claims["approval"]["interaction"], "input_manual");

    let asked = world.ask("till", &[]).await;
    let right = asked.text("interaction_value");
    let wrong = if right == "000000" { "000001" } else { "000000" };
    world.approve(&mut phone, Some(wrong)).await;
    assert_eq!(denial(&world.poll("till", &asked.text("auth_req_id")).await).as_deref(), Some("mismatch"));
}

#[tokio::test]
async fn t04_a_request_that_nobody_answers_expires() {
    let world = World::new();
    world.enroll("Phone").await;
    let id = world.ask("till", &[("requested_expiry", "30")]).await.text("auth_req_id");
    world.advance_seconds(29);
    assert_eq!(world.poll("till", &id).await.text("error"), "authorization_pending");
    world.advance_seconds(1);
    assert_eq!(world.poll("till", &id).await.text("error"), "expired_token");
}

#[tokio::test]
async fn an_approval_that_is_not_collected_in_time_is_worth_nothing() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.approved(&mut phone).await;
    // Its life, and twice the interval.
    world.advance_seconds(300 + 10);
    assert_eq!(world.poll("till", &id).await.text("error"), "expired_token");
}

#[tokio::test]
async fn t07_attack_14_a_user_locked_since_the_approval_gets_no_tokens() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let (first, second) = (world.approved(&mut phone).await, world.approved(&mut phone).await);
    let world = world.restarted_with(CONFIG);
    assert_eq!(world.poll("till", &first).await.status, StatusCode::OK, "a restart alone changes nothing");

    let world = world.restarted_with(&CONFIG.replace("name = \"Alice\"", "name = \"Alice\"\nlocked = true"));
    let reply = world.poll("till", &second).await;
    assert_eq!(denial(&reply), None);
    assert_eq!(reply.text("error_description"), "the user was locked or removed since the approval");
    let world = world.restarted_with(&CONFIG.replace("sub = \"alice\"", "sub = \"alicia\""));
    assert_eq!(denial(&world.poll("till", &second).await), None);
    let world = world.restarted_with(CONFIG);
    assert_eq!(denial(&world.poll("till", &second).await), None, "and the end of the lock gives nothing back");
}

#[tokio::test]
async fn t07_a_device_revoked_since_the_approval_gives_no_tokens() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.approved(&mut phone).await;
    world.side.gateway.revoke_device(phone.id(), RevokedBy::Operator).await.expect("revoked");
    assert_eq!(denial(&world.poll("till", &id).await).as_deref(), Some("device_revoked"));
}

#[tokio::test]
async fn a_dispute_before_the_tokens_are_collected_voids_the_approval() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.ask("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
    let challenge = phone.next_challenge(&world.side).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(&world.side, &challenge, &answer).await;
    assert_eq!(phone.dispute(&world.side, &challenge).await.status, StatusCode::OK);
    assert_eq!(denial(&world.poll("till", &id).await).as_deref(), Some("disputed"));
}

#[tokio::test]
async fn a_request_that_every_device_refuses_to_show_is_denied() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.ask("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
    let challenge = phone.next_challenge(&world.side).await;
    assert!(phone.refuse(&world.side, &challenge).await.status.is_success());
    assert_eq!(denial(&world.poll("till", &id).await).as_deref(), Some("refused"));
}

#[tokio::test]
async fn b10_a_binding_message_reaches_the_device_unchanged() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let long = "🍕承".repeat(225);
    for message in ["1234", "POS terminal #14: Approve €80.00 at Acme Coffee?", "a+b & c=d %41 \"<b>\"", &long] {
        world.ask("till", &[("binding_message", message), ("interaction_type", "boolean")]).await;
        let challenge = phone.next_challenge(&world.side).await;
        assert_eq!(challenge.claims().binding_message.as_deref(), Some(message));
    }
}

#[tokio::test]
async fn the_challenge_names_the_client_and_the_provider() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.ask("till", &[("acr_values", "urn:countersign:acr:verified"), ("scope", "openid accounts")]).await;
    let challenge = phone.next_challenge(&world.side).await;
    let claims = challenge.claims();
    assert_eq!(
        (claims.client.id.as_str(), claims.client.name.as_str(), claims.client.verified),
        ("till", "Acme Coffee", true)
    );
    assert_eq!(
        (claims.provider.issuer.as_str(), claims.provider.name.as_str()),
        ("https://id.example/tenant", "Test Bank")
    );
    assert_eq!(claims.acr_values.as_deref(), Some("urn:countersign:acr:verified"));
    assert_eq!(claims.scope.as_deref(), Some("openid accounts"));
}

#[tokio::test]
async fn large_payments_are_verified_where_small_ones_need_not_be() {
    let policy = "token_wait = 0\nuser_verification = \"preferred\"\nuser_verification_above = [\"50.00 EUR\"]";
    let world = World::with(&CONFIG.replace("token_wait = 0", policy));
    let mut phone = world.enroll("Phone").await;
    for (amount, currency, expected) in [
        ("50.00", "EUR", UserVerification::Preferred),
        ("50.01", "EUR", UserVerification::Required),
        ("9.00", "CHF", UserVerification::Required),
    ] {
        let details = PAYMENT.replace("80.00", amount).replace("EUR", currency);
        world.ask("till", &[("authorization_details", &details)]).await;
        let challenge = phone.next_challenge(&world.side).await;
        assert_eq!(challenge.claims().user_verification, expected, "{amount} {currency}");
    }
}

#[tokio::test]
async fn device_capabilities_are_hidden_from_a_client_that_must_not_know_them() {
    let world = World::new();
    let link = world.side.link(countersign_protocol::registration::Confirm::None).await;
    let mut phone = world.side.device("Old phone");
    phone.interaction_types = vec![InteractionType::Boolean];
    assert_eq!(phone.register(&world.side, &link.link).await.status, StatusCode::CREATED);
    phone.pull(&world.side).await;
    let form = [("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "input_manual")];

    let told = world.post("till", BC, &form).await;
    assert_eq!(told.text("error_description"), "no device of the user can do interaction_type input_manual");
    assert_eq!(told.text("error"), "invalid_request");

    let hidden = world.post("numbers", BC, &form).await;
    assert_eq!(hidden.text("interaction_value").len(), 6);
    assert_eq!(phone.pull(&world.side).await.challenges.len(), 0, "nobody is asked");
    assert_eq!(world.poll("numbers", &hidden.text("auth_req_id")).await.text("error"), "authorization_pending");
}

#[tokio::test]
async fn beyond_max_pending_a_request_is_acknowledged_as_ever_and_held() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let reply = world.ask("kiosk", &[]).await;
        assert_eq!(reply.json()["expires_in"], 300);
        held.push(phone.next_challenge(&world.side).await.claims().held);
    }
    assert_eq!(held, [false, false, false, true]);
}

#[tokio::test]
async fn request_and_approval_commit_or_roll_back_together() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let store = world.side.gateway.store();
    let broken = store
        .write(|tx| {
            Ok::<_, Error>(tx.connection().execute_batch("ALTER TABLE authentication_request RENAME TO elsewhere")?)
        })
        .await;
    broken.expect("the provider's own table is gone");

    let reply = world.post("till", BC, &[("scope", "openid"), ("login_hint", "alice")]).await;
    assert_eq!((reply.status.as_u16(), reply.text("error").as_str()), (500, "server_error"));
    assert_eq!(reply.text("error_description"), "internal error; see the provider's log");
    assert_eq!(reply.header(header::CACHE_CONTROL), Some("no-store"));
    assert_eq!(phone.pull(&world.side).await.challenges.len(), 0, "nobody is asked what nobody can collect");

    let mended = store
        .write(|tx| {
            Ok::<_, Error>(tx.connection().execute_batch("ALTER TABLE elsewhere RENAME TO authentication_request")?)
        })
        .await;
    mended.expect("and back");
    world.ask("till", &[]).await;
    assert_eq!(phone.pull(&world.side).await.challenges.len(), 1);
}

#[tokio::test]
async fn attack_17_an_auth_req_id_means_nothing_to_the_devices_endpoints() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.ask("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
    let challenge = phone.next_challenge(&world.side).await;
    let answer = phone.approve(&challenge, None);
    let body = json!({ "answer": answer }).to_string();
    let path = format!("/push/challenges/{id}/answer");
    let response = phone.call(&world.side, axum::http::Method::POST, &path, Some(body.as_bytes())).await;
    assert!(response.status.is_client_error(), "{response:?}");
    assert_eq!(world.poll("till", &id).await.text("error"), "authorization_pending");
    assert!(
        !challenge.claims().jti.as_str().contains(&id[3..]) && !challenge.claims().approval.as_str().contains(&id[3..])
    );
}
