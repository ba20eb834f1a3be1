//! Resource indicators (RFC 8707): an access token is for resource servers of the client's, or for this provider alone.

use axum::http::StatusCode;
use countersign_testing_gateway::TestDevice;
use serde_json::{Value, json};

use crate::world::{BC, CONFIG, Reply, SECRET, TOKEN, World};

const API: &str = "https://api.example.com/v1";
const OTHER: &str = "https://other.example.com";
const ISSUER: &str = "https://id.example/tenant";

/// [`CONFIG`] with `app`, which has a resource server, and `shop`, which has one and speaks Auth0's dialect.
fn config() -> String {
    let client = |id: &str, more: &str| {
        format!(
            "\n[[clients]]\nclient_id = \"{id}\"\nsecret = \"{SECRET}\"\nfirst_party = true\ngrant_types = [\"urn:openid:params:grant-type:ciba\", \"refresh_token\"]\n{more}\n"
        )
    };
    let resources = format!("resources = [\"{OTHER}\", \"{API}\"]");
    let shop = format!("profile = \"auth0\"\n{resources}");
    format!("{CONFIG}{}{}{}", client("app", &resources), client("shop", &shop), client("plain", "profile = \"auth0\""))
}

async fn ask(world: &World, client: &str, more: &[(&str, &str)]) -> Reply {
    let form = [
        ("scope", "openid offline_access"),
        ("login_hint", "alice"),
        ("interaction_type", "boolean"),
        ("binding_message", "hello"),
    ];
    world.post(client, BC, &[&form[..], more].concat()).await
}

async fn tokens(world: &World, device: &mut TestDevice, client: &str, more: &[(&str, &str)]) -> Reply {
    let asked = ask(world, client, more).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    world.approve(device, None).await;
    let tokens = world.poll(client, &asked.text("auth_req_id")).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    tokens
}

async fn audience(world: &World, tokens: &Reply) -> Value {
    let told = world.post("app", "/tenant/introspect", &[("token", &tokens.text("access_token"))]).await;
    match told.json()["active"] == true {
        true => told.json()["aud"].clone(),
        false => panic!("{}", told.body),
    }
}

#[track_caller]
fn assert_no_target(reply: &Reply) {
    assert_eq!(
        (reply.status, reply.text("error")),
        (StatusCode::BAD_REQUEST, "invalid_target".to_owned()),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn a_token_is_for_the_resource_that_its_request_named_and_so_are_those_that_follow() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let tokens = tokens(&world, &mut device, "app", &[("resource", API)]).await;
    assert_eq!(audience(&world, &tokens).await, json!([API, ISSUER]));
    let (_, id_token) = world.open(&tokens.text("id_token")).await;
    assert_eq!(
        serde_json::from_str::<Value>(&id_token).expect("claims")["aud"],
        "app",
        "the ID token is for the client"
    );

    let refresh = |token: String, more: &'static [(&str, &str)]| {
        let world = &world;
        async move {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
            world.post("app", TOKEN, &[&form[..], more].concat()).await
        }
    };
    let token = tokens.text("refresh_token");
    assert_no_target(&refresh(token.clone(), &[("resource", OTHER)]).await);
    let next = refresh(token, &[("resource", API)]).await;
    assert_eq!(audience(&world, &next).await, json!([API, ISSUER]));
    let next = refresh(next.text("refresh_token"), &[]).await;
    assert_eq!(audience(&world, &next).await, json!([API, ISSUER]));
}

/// RFC 8707 §2: "Multiple resource parameters MAY be used".
#[tokio::test]
async fn a_token_may_be_for_several_resources_and_each_response_for_some_of_them() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let both = [("resource", API), ("resource", OTHER), ("resource", API)];
    let id = ask(&world, "app", &both).await.text("auth_req_id");
    world.approve(&mut device, None).await;
    let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id.as_str())];
    let first = world.post("app", TOKEN, &[&form[..], &[("resource", OTHER)]].concat()).await;
    assert_eq!(audience(&world, &first).await, json!([OTHER, ISSUER]), "RFC 8707 §2.2: some of what was approved");

    let refresh = async |reply: &Reply, more: &[(&str, &str)]| {
        let token = reply.text("refresh_token");
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        world.post("app", TOKEN, &[&form[..], more].concat()).await
    };
    let second = refresh(&first, &[]).await;
    assert_eq!(audience(&world, &second).await, json!([API, OTHER, ISSUER]), "the approval was about both");
    assert_no_target(&refresh(&second, &[("resource", API), ("resource", "https://evil.example")]).await);
    let third = refresh(&second, &both).await;
    assert_eq!(audience(&world, &third).await, json!([API, OTHER, ISSUER]));
    assert_no_target(&ask(&world, "app", &[("resource", API), ("resource", "https://evil.example")]).await);
}

#[tokio::test]
async fn without_a_resource_a_token_is_for_this_provider() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let tokens = tokens(&world, &mut device, "app", &[("audience", API)]).await;
    assert_eq!(audience(&world, &tokens).await, ISSUER, "audience is no parameter of this client");
}

#[tokio::test]
async fn a_resource_that_is_not_the_clients_is_an_invalid_target() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    for resource in ["https://api.example.com", "https://api.example.com/v1/", "https://evil.example", "x"] {
        assert_no_target(&ask(&world, "app", &[("resource", resource)]).await);
    }
    assert_no_target(&ask(&world, "till", &[("resource", API)]).await);
    // A poll that names another one spends nothing.
    let id = ask(&world, "app", &[("resource", API)]).await.text("auth_req_id");
    world.approve(&mut device, None).await;
    let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id.as_str())];
    assert_no_target(&world.post("app", TOKEN, &[&form[..], &[("resource", OTHER)]].concat()).await);
    assert_eq!(world.post("app", TOKEN, &[&form[..], &[("resource", API)]].concat()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn auth0s_clients_call_it_audience() {
    let world = World::with(&config());
    let mut device = world.enroll("phone").await;
    let named = tokens(&world, &mut device, "shop", &[("audience", API)]).await;
    let (_, claims) = world.open(&named.text("access_token")).await;
    assert_eq!(serde_json::from_str::<Value>(&claims).expect("claims")["aud"], json!([API, ISSUER]));
    assert_no_target(&ask(&world, "shop", &[("audience", "https://evil.example")]).await);
    tokens(&world, &mut device, "shop", &[("audience", "")]).await;
    tokens(&world, &mut device, "plain", &[("audience", API)]).await;
}
