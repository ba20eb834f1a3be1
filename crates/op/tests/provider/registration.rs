//! Dynamic client registration (RFC 7591).

use axum::http::{StatusCode, header};
use countersign_testing_gateway::DeviceCalls as _;
use serde_json::{Value, json};

use crate::world::{BC, CONFIG, Reply, TOKEN, World, basic, form_request, raw_request};

const REGISTER: &str = "/tenant/register";
const ACCESS: &str = "2e1f8c6d9ab34750b2c1d4e5f6a70819";
const CIBA: &str = "urn:openid:params:grant-type:ciba";

fn closed() -> World {
    World::with(&format!(
        "{CONFIG}\n[registration]\nenabled = true\ninitial_access_token = \"{ACCESS}\"\nper_minute = 100\n"
    ))
}

async fn register(world: &World, token: Option<&str>, metadata: &Value) -> Reply {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let body = metadata.to_string().into_bytes();
    world.send(raw_request(REGISTER, authorization.as_deref(), "application/json", body)).await
}

#[tokio::test]
async fn registration_is_off_unless_the_operator_enables_it() {
    let world = World::new();
    let reply = register(&world, Some(ACCESS), &json!({ "grant_types": [CIBA] })).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    let metadata = world.get("/tenant/.well-known/openid-configuration").await.json();
    assert!(metadata.get("registration_endpoint").is_none());
}

#[tokio::test]
async fn a_client_that_registered_itself_asks_and_polls_and_nobody_vouches_for_it() {
    let world = closed();
    let mut device = world.enroll("phone").await;
    let metadata = world.get("/tenant/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["registration_endpoint"], "https://id.example/tenant/register");
    // The shape that a tutorial has, in the standard's form: what only concerns redirects is passed over.
    let wish = json!({
        "client_name": "My Client",
        "redirect_uris": ["https://client.example.com/callback"],
        "grant_types": ["authorization_code", CIBA],
        "response_types": ["code"],
        "scope": "openid profile",
        "something_new": { "deep": [1] },
    });
    let reply = register(&world, Some(ACCESS), &wish).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    assert_eq!(reply.header(header::CACHE_CONTROL), Some("no-store"));
    let client = reply.json();
    let (id, secret) = (reply.text("client_id"), reply.text("client_secret"));
    assert_eq!(client["client_secret_expires_at"], 0);
    assert_eq!(client["client_id_issued_at"], 1_800_000_000);
    assert_eq!(client["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(client["backchannel_token_delivery_mode"], "poll");
    assert!(
        client.get("redirect_uris").is_none() && client.get("something_new").is_none(),
        "only what counts: {client}"
    );

    let form = [
        ("scope", "openid profile"),
        ("login_hint", "alice"),
        ("requested_expiry", "120"),
        ("binding_message", "Hello"),
    ];
    let asked = world.send(form_request(BC, Some(&basic(&id, &secret)), &form)).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    assert_eq!(asked.json()["expires_in"], 120);
    let challenge = device.next_challenge(&world.side).await;
    let client = &challenge.claims().client;
    assert_eq!((client.name.as_str(), client.verified), ("My Client", false));
    let answer = device.approve(&challenge, None);
    device.send_answer(&world.side, challenge.id(), &answer).await;
    let request = asked.text("auth_req_id");
    let form = [("grant_type", CIBA), ("auth_req_id", request.as_str())];
    let tokens = world.send(form_request(TOKEN, Some(&basic(&id, &secret)), &form)).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
}

#[tokio::test]
async fn without_the_initial_access_token_nobody_registers() {
    let world = closed();
    for token in [None, Some("wrong"), Some("")] {
        let reply = register(&world, token, &json!({ "grant_types": [CIBA] })).await;
        assert_eq!((reply.status, reply.text("error")), (StatusCode::UNAUTHORIZED, "invalid_token".to_owned()));
        assert!(reply.header(header::WWW_AUTHENTICATE).expect("a challenge").starts_with("Bearer"));
    }
}

#[tokio::test]
async fn a_registration_is_json_with_one_token() {
    let world = closed();
    let metadata = json!({ "grant_types": [CIBA] }).to_string().into_bytes();
    let bearer = format!("Bearer {ACCESS}");
    // What a page of another origin can post without asking the provider first.
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let reply = world.send(raw_request(REGISTER, Some(&bearer), content_type, metadata.clone())).await;
        assert_eq!((reply.status, reply.text("error").as_str()), (StatusCode::BAD_REQUEST, "invalid_client_metadata"));
    }
    let mut twice = raw_request(REGISTER, Some(&bearer), "application/json; charset=utf-8", metadata.clone());
    twice.headers_mut().append(header::AUTHORIZATION, bearer.parse().expect("ASCII"));
    let reply = world.send(twice).await;
    assert_eq!(reply.text("error_description"), "the Authorization header appears more than once");
    let once = raw_request(REGISTER, Some(&bearer), "application/json; charset=utf-8", metadata);
    assert_eq!(world.send(once).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn refused_client_metadata_is_named_with_the_reason() {
    let world = closed();
    for (metadata, expected) in [
        (json!({}), "grant_types must list urn:openid:params:grant-type:ciba"),
        (
            json!({ "grant_types": ["urn:ietf:params:oauth:grant-type:ciba"] }),
            "not urn:ietf:params:oauth:grant-type:ciba",
        ),
        (
            json!({ "grant_types": [CIBA], "token_endpoint_auth_method": "none" }),
            "a public client can't ask for approvals",
        ),
        (json!({ "grant_types": [CIBA], "client_name": "a\u{202e}b" }), "can't be shown to people"),
        (json!({ "grant_types": [CIBA], "client_name": 7 }), "client_name must be a string"),
        (
            json!({ "grant_types": [CIBA], "token_endpoint_auth_method": "private_key_jwt" }),
            "needs the client's public keys",
        ),
        (
            json!({ "grant_types": [CIBA], "backchannel_token_delivery_mode": "ping" }),
            "needs `backchannel_client_notification_endpoint`",
        ),
        (
            json!({ "grant_types": [CIBA], "backchannel_token_delivery_mode": "ping", "backchannel_client_notification_endpoint": "https://169.254.169.254/latest" }),
            "`backchannel_client_notification_endpoint` is not an address that this provider may call",
        ),
        (
            json!({ "grant_types": [CIBA], "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://10.0.0.1/keys" }),
            "`jwks_uri` is not an address that this provider may call",
        ),
        (json!({ "grant_types": [CIBA], "scope": "profile" }), "a space-delimited list that contains `openid`"),
        (
            json!({ "grant_types": [CIBA], "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "till.example" }),
            "tls_client_auth needs a certificate authority, and this provider has none; ask its operator",
        ),
        (
            json!({ "grant_types": [CIBA], "authorization_details_types": ["deletion"] }),
            "this provider does not accept 'deletion'; ask its operator",
        ),
        (
            json!({ "grant_types": [CIBA], "backchannel_endpoint_login_hint_token_types": ["eid"] }),
            "no hint issuer has the type 'eid'; ask its operator",
        ),
        (json!([1]), "must be a JSON object"),
    ] {
        let reply = register(&world, Some(ACCESS), &metadata).await;
        let description = reply.text("error_description");
        for places in ["[[", "[tls]", "file"] {
            assert!(!description.contains(places), "the operator's file is not the client's matter: {description}");
        }
        assert_eq!(
            (reply.status, reply.text("error")),
            (StatusCode::BAD_REQUEST, "invalid_client_metadata".to_owned()),
            "{metadata}"
        );
        assert!(reply.text("error_description").contains(expected), "{metadata}: {}", reply.body);
    }
    let twice = raw_request(
        REGISTER,
        Some(&format!("Bearer {ACCESS}")),
        "application/json",
        b"{\"scope\":\"openid\",\"scope\":\"openid\"}".to_vec(),
    );
    assert_eq!(world.send(twice).await.text("error"), "invalid_client_metadata");
}

fn rsa_jwk(bits: usize, e: &[u8]) -> Value {
    let encoded = |bytes: &[u8]| countersign_jose::base64url::encode(bytes);
    json!({ "kty": "RSA", "n": encoded(&vec![0xff; bits / 8]), "e": encoded(e) })
}

#[tokio::test]
async fn keys_that_are_slow_to_verify_with_are_refused_at_registration() {
    let world = closed();
    let register_keys = async |keys: Vec<Value>| {
        let metadata = json!({
            "grant_types": [CIBA], "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": keys },
        });
        register(&world, Some(ACCESS), &metadata).await
    };
    let (huge, slow) = (rsa_jwk(8192, &[1, 0, 1]), rsa_jwk(4096, &[2, 0, 0, 0, 1]));
    for (keys, words) in [
        (vec![huge.clone(); 3], "its modulus has 8192 bits; 2048 to 4096 are accepted"),
        (vec![slow], "its exponent e is not an odd number from 3 to 4294967295"),
    ] {
        let reply = register_keys(keys).await;
        assert_eq!(reply.text("error"), "invalid_client_metadata");
        assert!(reply.text("error_description").contains(words), "{}", reply.body);
    }
    let reply = register_keys(vec![huge, rsa_jwk(4096, &[1, 0, 1])]).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
}

#[tokio::test]
async fn registration_ignores_metadata_that_it_does_not_know_whatever_they_hold() {
    let world = closed();
    let deep = format!("{}1{}", "[".repeat(12), "]".repeat(12));
    let body =
        format!("\u{feff}{{\"grant_types\":[\"{CIBA}\"],\"x\":1e999,\"tid\":18446744073709551616,\"deep\":{deep}}}");
    let request = raw_request(REGISTER, Some(&format!("Bearer {ACCESS}")), "application/json", body.into_bytes());
    let reply = world.send(request).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
}

#[tokio::test]
async fn registrations_are_bounded_in_pace_and_number() {
    let limits = "\n[registration]\nenabled = true\nopen = true\nper_minute = 3\nmax_clients = 4\n";
    let world = World::with(&format!("{CONFIG}{limits}"));
    let wish = json!({ "grant_types": [CIBA] });
    for n in 0..3 {
        for _ in 0..10 {
            let refused = register(&world, None, &json!({ "grant_types": [n] })).await;
            assert_eq!(
                refused.status,
                StatusCode::BAD_REQUEST,
                "what was refused counts for nothing: {}",
                refused.body
            );
        }
        assert_eq!(register(&world, None, &wish).await.status, StatusCode::CREATED);
    }
    let fast = register(&world, None, &wish).await;
    assert_eq!((fast.status, fast.text("error")), (StatusCode::TOO_MANY_REQUESTS, "rate_limited".to_owned()));
    world.advance_seconds(60);
    assert_eq!(register(&world, None, &wish).await.status, StatusCode::CREATED);
    let full = register(&world, None, &wish).await;
    assert_eq!((full.status, full.text("error")), (StatusCode::FORBIDDEN, "access_denied".to_owned()));
}
