//! Revocation, introspection and userinfo of tokens, and cancelling a request.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use countersign_protocol::outcome::Ending;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};

use crate::world::{BC, CONFIG, Reply, World};

const REVOKE: &str = "/tenant/revoke";
const INTROSPECT: &str = "/tenant/introspect";
const USERINFO: &str = "/tenant/userinfo";
const PAYMENT: &str = r#"[ {"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"80.00"},"creditorName":"Acme Coffee"} ]"#;

const ASK: &[(&str, &str)] = &[("scope", "openid profile"), ("login_hint", "alice"), ("interaction_type", "boolean")];

async fn tokens(world: &World, device: &mut TestDevice, more: &[(&str, &str)]) -> Reply {
    let asked = world.post("till", BC, &[ASK, more].concat()).await;
    let challenge = device.next_challenge(&world.side).await;
    let answer = device.approve(&challenge, None);
    device.send_answer(&world.side, challenge.id(), &answer).await;
    let reply = world.poll("till", &asked.text("auth_req_id")).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    reply
}

async fn userinfo(world: &World, authorization: Option<&str>) -> Reply {
    let mut request = Request::get(USERINFO);
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    world.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_client_calls_its_request_off_and_the_device_hears_of_it() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let id = world.post("till", BC, ASK).await.text("auth_req_id");
    let challenge = device.next_challenge(&world.side).await;

    let others = world.post("kiosk", REVOKE, &[("token", &id)]).await;
    assert_eq!((others.status, others.body.as_str()), (StatusCode::OK, ""), "as for a token that is not known");
    assert_eq!(
        world.poll("till", &id).await.text("error"),
        "authorization_pending",
        "another client's word is nothing"
    );

    assert_eq!(
        world.post("till", REVOKE, &[("token", &id), ("token_type_hint", "auth_req_id")]).await.status,
        StatusCode::OK
    );
    let poll = world.poll("till", &id).await;
    assert_eq!((poll.text("error"), poll.text("denial_reason")), ("access_denied".to_owned(), "cancelled".to_owned()));
    let answer = device.approve(&challenge, None);
    let late = device.send_answer(&world.side, challenge.id(), &answer).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "an answer that comes too late changes nothing");
    let fetched = device.pull(&world.side).await;
    let withdrawn = fetched.withdrawn.iter().find(|withdrawn| withdrawn.id == *challenge.id()).expect("withdrawn");
    let outcome = withdrawn.outcome.peek().expect("an outcome");
    assert_eq!(outcome.outcome, Ending::Cancelled);
    assert_eq!(world.post("till", REVOKE, &[("token", &id)]).await.status, StatusCode::OK, "again is fine");
}

#[tokio::test]
async fn a_request_that_nobody_was_asked_about_is_called_off_in_the_same_way() {
    let world = World::new();
    let id = world.post("kiosk", BC, &[("scope", "openid"), ("login_hint", "nobody")]).await.text("auth_req_id");
    assert_eq!(world.poll("kiosk", &id).await.text("error"), "authorization_pending");
    world.post("kiosk", REVOKE, &[("token", &id)]).await;
    let poll = world.poll("kiosk", &id).await;
    assert_eq!((poll.text("error"), poll.text("denial_reason")), ("access_denied".to_owned(), "cancelled".to_owned()));
}

#[tokio::test]
async fn what_was_approved_and_called_off_before_the_tokens_gives_none() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let id = world.post("till", BC, ASK).await.text("auth_req_id");
    let challenge = device.next_challenge(&world.side).await;
    let answer = device.approve(&challenge, None);
    device.send_answer(&world.side, challenge.id(), &answer).await;
    world.post("till", REVOKE, &[("token", &id)]).await;
    assert_eq!(world.poll("till", &id).await.text("denial_reason"), "cancelled");
}

#[tokio::test]
async fn introspection_tells_the_details_as_they_were_signed_and_only_to_whom_it_concerns() {
    let more = "\n[[clients]]\nclient_id = \"resource\"\nsecret = \"f7c09d1c2b8e4a6590d3b1a7e2c45f68\"\nmay_introspect = true\n";
    let world = World::with(&format!("{CONFIG}{more}"));
    let mut device = world.enroll("phone").await;
    let token = tokens(&world, &mut device, &[("authorization_details", PAYMENT)]).await.text("access_token");
    for client in ["till", "resource"] {
        let told = world.post(client, INTROSPECT, &[("token", &token)]).await;
        let json = told.json();
        assert_eq!(
            (&json["active"], &json["sub"], &json["client_id"]),
            (&true.into(), &"alice".into(), &"till".into())
        );
        assert_eq!(json["token_type"], "Bearer");
        assert!(told.body.contains(&format!("\"authorization_details\":{PAYMENT}")), "to the byte: {}", told.body);
    }
    let inactive = r#"{"active":false}"#;
    let told = async |client: &str, token: &str| world.post(client, INTROSPECT, &[("token", token)]).await.body;
    assert_eq!(told("kiosk", &token).await, inactive, "another client's token");
    assert_eq!(told("till", "nonsense").await, inactive);
    let mut altered = token.clone();
    altered.truncate(token.len() - 4);
    altered.push_str("AAAA");
    assert_eq!(told("till", &altered).await, inactive);

    world.advance_seconds(601);
    assert_eq!(told("till", &token).await, inactive, "a token that has ended");
}

#[tokio::test]
async fn a_token_that_was_given_up_or_whose_approval_was_disputed_is_worth_nothing() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let reply = tokens(&world, &mut device, &[]).await;
    let token = reply.text("access_token");
    let bearer = format!("Bearer {token}");
    let active = async || world.post("till", INTROSPECT, &[("token", &token)]).await.json()["active"].clone();
    assert_eq!(userinfo(&world, Some(&bearer)).await.status, StatusCode::OK);
    world.post("kiosk", REVOKE, &[("token", &token)]).await;
    assert_eq!(active().await, true, "another client can't give it up");
    world.post("till", REVOKE, &[("token", &token)]).await;
    assert_eq!(active().await, false);
    assert_eq!(userinfo(&world, Some(&bearer)).await.text("error"), "invalid_token");

    let asked = world.post("till", BC, ASK).await.text("auth_req_id");
    let challenge = device.next_challenge(&world.side).await;
    let answer = device.approve(&challenge, None);
    device.send_answer(&world.side, challenge.id(), &answer).await;
    let token = world.poll("till", &asked).await.text("access_token");
    let told = async || world.post("till", INTROSPECT, &[("token", &token)]).await.json()["active"].clone();
    assert_eq!(told().await, true);
    device.dispute(&world.side, &challenge).await;
    assert_eq!(told().await, false, "disputed");
}

#[tokio::test]
async fn userinfo_says_who_approved_within_what_was_granted() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let token = tokens(&world, &mut device, &[]).await.text("access_token");
    let told = userinfo(&world, Some(&format!("Bearer {token}"))).await;
    assert_eq!(told.json(), serde_json::json!({ "sub": "alice", "name": "Alice" }));
    for authorization in
        [None, Some("Bearer"), Some("Bearer x.y.z"), Some("Basic YTpi"), Some(&*format!("DPoP {token}"))]
    {
        let refused = userinfo(&world, authorization).await;
        assert_eq!(
            (refused.status, refused.text("error")),
            (StatusCode::UNAUTHORIZED, "invalid_token".to_owned()),
            "{authorization:?}"
        );
        assert!(refused.header(header::WWW_AUTHENTICATE).expect("a challenge").starts_with("Bearer"));
    }
    let id_token = tokens(&world, &mut device, &[]).await.text("id_token");
    let confused = userinfo(&world, Some(&format!("Bearer {id_token}"))).await;
    assert_eq!(confused.text("error"), "invalid_token", "attack_11: an ID token is no access token");
}
