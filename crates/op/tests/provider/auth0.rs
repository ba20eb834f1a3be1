//! The dialect of Auth0's clients (`profile = "auth0"`), as their libraries send it, and that other clients don't get it.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use countersign_testing_gateway::DeviceCalls as _;
use serde_json::{Value, json};

use crate::world::{BC, CONFIG, Reply, SECRET, World, basic, form_request, raw_request};

const TOKEN: &str = "/tenant/oauth/token";
const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// A client of Auth0's beside the ordinary ones.
fn config() -> String {
    let client = r#"
[[clients]]
client_id = "app"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
first_party = true
profile = "auth0"
id_token_signed_response_alg = "ES256"
"#;
    CONFIG.to_owned() + client
}

/// What go-auth0 sends, byte for byte but for the person.
const GO: &str = "binding_message=BIND-42&client_id=app&client_secret=f7c09d1c2b8e4a6590d3b1a7e2c45f68&login_hint=%7B%22format%22%3A%22iss_sub%22%2C%22iss%22%3A%22https%3A%2F%2Fid.example%2Ftenant%2F%22%2C%22sub%22%3A%22alice%22%7D&scope=openid";

fn go_asks() -> Request<Body> {
    raw_request(BC, None, "application/x-www-form-urlencoded", GO.as_bytes().to_vec())
}

fn json_poll(members: Value) -> Request<Body> {
    raw_request(TOKEN, None, "application/json", members.to_string().into_bytes())
}

impl World {
    async fn go_polls(&self, auth_req_id: &str) -> Reply {
        let form =
            [("auth_req_id", auth_req_id), ("client_id", "app"), ("client_secret", SECRET), ("grant_type", CIBA)];
        self.send(form_request(TOKEN, None, &form)).await
    }
}

#[tokio::test]
async fn auth0_an_issuer_may_end_in_a_slash_and_everything_is_where_these_clients_look() {
    let world = World::with(&config().replace("https://id.example/tenant", "https://id.example/"));
    let keys = world.get("/.well-known/jwks.json").await;
    assert_eq!((keys.status, &keys.body), (StatusCode::OK, &world.get("/jwks").await.body));
    let discovery = world.get("/.well-known/openid-configuration").await.json();
    assert_eq!(discovery["issuer"], "https://id.example/");
    assert_eq!(discovery["backchannel_authentication_endpoint"], "https://id.example/bc-authorize");
    assert_eq!(discovery["token_endpoint"], "https://id.example/token");

    let hint = r#"{"format":"iss_sub","iss":"https://id.example/","sub":"nobody"}"#;
    let form = [("scope", "openid"), ("login_hint", hint), ("binding_message", "1234")];
    let asked = world.post("kiosk", "/bc-authorize", &form).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    let poll = [("grant_type", CIBA), ("auth_req_id", &asked.text("auth_req_id"))];
    for path in ["/oauth/token", "/token"] {
        let reply = world.post("kiosk", path, &poll).await;
        assert_eq!(reply.text("error"), "authorization_pending", "{path}");
        world.advance_seconds(5);
    }
}

#[tokio::test]
async fn auth0_a_flow_of_go_auth0_ends_in_tokens() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let asked = world.send(go_asks()).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    let acknowledgement = asked.json();
    assert!(acknowledgement["expires_in"].is_u64() && acknowledgement["interval"].is_u64());
    let id = asked.text("auth_req_id");
    assert_eq!(world.go_polls(&id).await.text("error"), "authorization_pending");
    world.approve(&mut phone, None).await;
    world.advance_seconds(5);
    let tokens = world.go_polls(&id).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    let response = tokens.json();
    assert_eq!((&response["token_type"], &response["scope"]), (&json!("Bearer"), &json!("openid")));
    assert!(response["expires_in"].is_u64());
    let again = world.go_polls(&id).await;
    assert_eq!((again.status.as_u16(), again.text("error").as_str()), (400, "invalid_grant"));
}

#[tokio::test]
async fn auth0_python_polls_with_json() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let id = world.send(go_asks()).await.text("auth_req_id");
    let poll = || json!({ "client_id": "app", "auth_req_id": id, "grant_type": CIBA, "client_secret": SECRET });
    assert_eq!(world.send(json_poll(poll())).await.text("error"), "authorization_pending");
    world.approve(&mut phone, None).await;
    world.advance_seconds(5);
    assert_eq!(world.send(json_poll(poll())).await.status, StatusCode::OK);
}

#[tokio::test]
async fn auth0_json_is_strict_and_for_these_clients_at_this_path_alone() {
    let world = World::with(&config());
    let words = "the body must be a JSON object whose members are strings, each once";
    for body in [
        r#"{"client_id":"app","client_id":"till"}"#,
        r#"{"client_id":"app","auth_req_id":7}"#,
        r#"{"client_id":{"a":"b"}}"#,
        "[]",
        "",
    ] {
        let reply = world.send(raw_request(TOKEN, None, "application/json; charset=utf-8", body.into())).await;
        assert_eq!((reply.status.as_u16(), reply.text("error").as_str()), (400, "invalid_request"), "{body}");
        assert_eq!(reply.text("error_description"), words, "{body}");
    }
    let sound =
        |client: &str| json!({ "client_id": client, "client_secret": SECRET, "grant_type": CIBA, "auth_req_id": "x" });
    let other_client = world.send(json_poll(sound("till"))).await;
    assert_eq!(other_client.text("error"), "invalid_request");
    for path in ["/tenant/token", BC] {
        let body = sound("app").to_string().into_bytes();
        let reply = world.send(raw_request(path, None, "application/json", body)).await;
        assert_eq!(reply.text("error"), "invalid_request", "{path}");
    }
    let wrong_secret = json!({ "client_id": "app", "client_secret": "wrong", "grant_type": CIBA, "auth_req_id": "x" });
    assert_eq!(world.send(json_poll(wrong_secret)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.get(TOKEN).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn auth0_duplicate_empty_and_unknown_parameters_are_harmless() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    // auth0-server-python: Basic, and the client_id in the body as well. node-auth0: request_expiry beside requested_expiry.
    let form = [
        ("client_id", "app"),
        ("scope", "openid profile email offline_access"),
        ("binding_message", "Do you want to buy 5 shares?"),
        ("login_hint", r#"{ "sub": "alice", "iss": "https://id.example/tenant/", "format": "iss_sub" }"#),
        ("audience", ""),
        ("requested_expiry", "120"),
        ("request_expiry", "120"),
        ("subjectIssuerContext", "x"),
    ];
    let reply = world.send(form_request(BC, Some(&basic("app", SECRET)), &form)).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(reply.json()["expires_in"], 120);
    let challenge = phone.next_challenge(&world.side).await;
    assert_eq!(challenge.claims().binding_message.as_deref(), Some("Do you want to buy 5 shares?"));
}

#[tokio::test]
async fn auth0_a_binding_message_is_mandatory_and_may_hold_what_can_be_shown() {
    let world = World::with(&config());
    let _phone = world.enroll("Phone").await;
    let ask = async |client: &str, message: &str| {
        let form = [("scope", "openid"), ("login_hint", "alice"), ("binding_message", message)];
        world.post(client, BC, &form).await
    };
    let without = ask("app", "").await;
    assert_eq!((without.status.as_u16(), without.text("error").as_str()), (400, "invalid_request"));
    assert_eq!(ask("till", "").await.status, StatusCode::OK, "others need none");
    // An example of go-auth0's own documentation, with a character that Auth0's alphabet lacks.
    assert_eq!(ask("app", "Approve payment of $100 to Merchant XYZ").await.status, StatusCode::OK);
    assert_eq!(ask("app", "a\nb").await.text("error"), "invalid_binding_message");
}

#[tokio::test]
async fn auth0_a_user_without_a_device_is_403_and_an_unknown_user_400() {
    let world = World::with(&config());
    let ask = async |client: &str, hint: &str| {
        let form = [("scope", "openid"), ("login_hint", hint), ("binding_message", "1234")];
        let reply = world.post(client, BC, &form).await;
        (reply.status.as_u16(), reply.text("error"))
    };
    assert_eq!(ask("app", "bob").await, (403, "access_denied".to_owned()));
    assert_eq!(ask("app", "mallory").await, (400, "unknown_user_id".to_owned()));
    assert_eq!(ask("till", "bob").await, (400, "unknown_user_id".to_owned()), "CIBA Core 13");
}

#[tokio::test]
async fn auth0_slow_down_has_the_new_interval_in_body_and_header() {
    let world = World::with(&config());
    let _phone = world.enroll("Phone").await;
    let id = world.send(go_asks()).await.text("auth_req_id");
    assert_eq!(world.go_polls(&id).await.text("error"), "authorization_pending");
    for interval in [10_u64, 15] {
        let reply = world.go_polls(&id).await;
        assert_eq!((reply.status.as_u16(), reply.text("error").as_str()), (400, "slow_down"));
        assert_eq!(reply.header(header::RETRY_AFTER), Some(interval.to_string().as_str()));
        assert_eq!(reply.json()["interval"], interval);
        assert!(reply.text("error_description").contains(&format!("{interval} seconds")));
    }
}

#[tokio::test]
async fn auth0_an_expired_request_is_reported_as_access_denied() {
    let world = World::with(&config());
    let _phone = world.enroll("Phone").await;
    let id = world.send(go_asks()).await.text("auth_req_id");
    let other = world.ask_as("till").await;
    world.advance_seconds(300);
    let reply = world.go_polls(&id).await;
    assert_eq!((reply.status.as_u16(), reply.text("error").as_str()), (400, "access_denied"));
    assert_eq!(reply.text("denial_reason"), "expired");
    let form = [("grant_type", CIBA), ("auth_req_id", other.as_str())];
    assert_eq!(world.post("till", "/tenant/token", &form).await.text("error"), "expired_token", "CIBA Core 11");
}

#[tokio::test]
async fn auth0s_own_detail_types_come_back_as_a_list() {
    const TRANSFER: &str = "urn:auth0:schemas:authorization-details:v1:money-transfer";
    let types = format!("authorization_details_types = [\"payment_initiation\", \"{TRANSFER}\", ");
    let world = World::with(&config().replacen("authorization_details_types = [\"payment_initiation\", ", &types, 1));
    let mut phone = world.enroll("Phone").await;
    let details = json!([{ "type": TRANSFER, "instruction": "Confirm the transfer", "properties": {
        "amount": { "display": true, "name": "Amount", "display_order": 1, "value": "80.00 EUR" } } }]);
    let form = [
        ("scope", "openid"),
        ("login_hint", "alice"),
        ("binding_message", "1234"),
        ("authorization_details", &details.to_string()),
    ];
    let asked = world.post("app", BC, &form).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    world.approve(&mut phone, None).await;
    let tokens = world.go_polls(&asked.text("auth_req_id")).await;
    assert_eq!(tokens.json()["authorization_details"], details);
}

impl World {
    /// A request about Alice by this client; its id.
    async fn ask_as(&self, client: &str) -> String {
        let form = [("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];
        self.post(client, BC, &form).await.text("auth_req_id")
    }
}
