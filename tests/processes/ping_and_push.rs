//! Ping and push to a client's notification endpoint, over real TLS, with a crash before the notification is acknowledged.

use countersign_testing::https_server::ReceivedRequest;
use countersign_tests::client::CIBA_GRANT;
use countersign_tests::device::{Device, id};
use countersign_tests::http::{self, Response};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::receiver::Receiver;
use countersign_tests::test_env::TestEnv;
use countersign_tests::tls::Certificates;
use countersign_tests::tokens;
use serde_json::{Value, json};

const ACCESS: &str = "2e1f8c6d9ab34750b2c1d4e5f6a70819";
const SECRET: &str = "f7c09d1c2b8e4a6590d3b1a7e2c45f68";
/// The `client_notification_token`: 160 random bits.
const NOTIFY: &str = "8d67dc78-7faa-4d41-aabd-67707b374255.Zg==";

/// A notification endpoint, and a configuration that lets the provider call it.
fn endpoint(env: &TestEnv, more: &str) -> (Receiver, Settings) {
    let address = env.free_address().ip();
    let certificates = Certificates::make(address, env.folder());
    let receiver = Receiver::start(address, &certificates);
    let ca = certificates.authority.display();
    let more = format!("{more}\n[egress]\nallow = [\"{address}\"]\nca = \"{ca}\"");
    (receiver, Settings { policy: "max_ttl = \"1h\"".to_owned(), more, ..Settings::default() })
}

#[track_caller]
fn assert_notified(call: &ReceivedRequest, path: &str, auth_req_id: &Value) {
    assert_eq!(call.path, path);
    assert_eq!(call.header("authorization"), Some(format!("Bearer {NOTIFY}").as_str()));
    assert_eq!(&call.json()["auth_req_id"], auth_req_id);
}

/// A smart home's hub as in a common tutorial, in the standard's form: it registers itself, asks with a `user_code` for up to an
/// hour, is pinged, and fetches its tokens.
#[test]
fn a_smart_home_device_registers_asks_with_a_user_code_and_is_pinged() {
    let env = TestEnv::new();
    let more = format!(
        "[[users]]\nsub = \"carol\"\nname = \"Carol Example\"\nuser_code = \"xyz789\"\n\n[registration]\nenabled = true\ninitial_access_token = \"{ACCESS}\"\n"
    );
    let (receiver, settings) = endpoint(&env, &more);
    let provider = Provider::start_with(&env, "provider", &settings);
    let phone = Device::enrolled(&env, "phone", &provider, "carol");

    let register = |metadata: &Value| {
        let headers = [("content-type", "application/json"), ("authorization", &format!("Bearer {ACCESS}"))];
        http::send("POST", &format!("{}/register", provider.issuer()), &headers, metadata.to_string().as_bytes())
    };
    let mut hub = json!({
        "client_name": "Smart Home Hub",
        "redirect_uris": ["https://device.example.com/callback"],
        "response_types": ["token"],
        "grant_types": ["urn:ietf:params:oauth:grant-type:ciba"],
        "scope": "openid profile",
        "token_endpoint_auth_method": "client_secret_post",
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": receiver.url("/callback"),
        "backchannel_user_code_parameter": true,
    });
    let refused = register(&hub);
    assert_eq!((refused.status, refused.error()), (400, "invalid_client_metadata".to_owned()));
    assert!(refused.text().contains(CIBA_GRANT), "the grant's name is corrected: {}", refused.text());
    hub["grant_types"] = json!([CIBA_GRANT]);
    let registered = register(&hub);
    assert_eq!(registered.status, 201, "{}", registered.text());
    let text = |member: &str| registered.json()[member].as_str().expect("a text").to_owned();
    let (client_id, secret) = (text("client_id"), text("client_secret"));

    let post = |path: &str, parameters: &[(&str, &str)]| -> Response {
        let own = [("client_id", client_id.as_str()), ("client_secret", secret.as_str())];
        http::post_form(&format!("{}{path}", provider.issuer()), &[], &[&own[..], parameters].concat())
    };
    let ask = |code: &str| {
        let parameters = [
            ("scope", "openid profile"),
            ("login_hint", "carol"),
            ("binding_message", "Please authenticate your smart home device"),
            ("requested_expiry", "3600"),
            ("user_code", code),
            ("interaction_type", "boolean"),
            ("client_notification_token", NOTIFY),
        ];
        post("/bc-authorize", &parameters)
    };
    assert_eq!(ask("abc123").error(), "invalid_user_code");
    let asked = ask("xyz789");
    assert_eq!(asked.status, 200, "{}", asked.text());
    let asked = asked.json();
    assert_eq!(asked["expires_in"], 600, "a sign-in expires after ten minutes at most, and the response says so");

    let poll = |grant: &str| {
        let auth_req_id = asked["auth_req_id"].as_str().expect("a text");
        post("/token", &[("grant_type", grant), ("auth_req_id", auth_req_id)])
    };
    assert_eq!(poll("urn:ietf:params:oauth:grant-type:ciba").error(), "unsupported_grant_type");
    let waiting = phone.only_pending();
    let client = &waiting["client"];
    assert_eq!((&client["name"], &client["verified"]), (&json!("Smart Home Hub"), &json!(false)));
    assert_eq!(waiting["binding_message"], "Please authenticate your smart home device");
    phone.answer(id(&waiting), &["approve"]).expect_code(0);
    assert_notified(&receiver.call(), "/callback", &asked["auth_req_id"]);

    let granted = poll(CIBA_GRANT);
    assert_eq!(granted.status, 200, "{}", granted.text());
    let claims = tokens::verified(provider.issuer(), &granted.json()["id_token"]).claims;
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("carol"), &json!(client_id)));
    assert_eq!(poll(CIBA_GRANT).error(), "invalid_grant", "once");
    assert!(receiver.rest().is_empty(), "called back once");
}

#[test]
fn tokens_that_were_not_acknowledged_are_pushed_again_unchanged_after_kill_9() {
    let env = TestEnv::new();
    let more = |endpoint: &str| {
        format!(
            "[[clients]]\nclient_id = \"pushed\"\nname = \"Acme Wallet\"\nsecret = \"{SECRET}\"\nfirst_party = true\nbackchannel_token_delivery_mode = \"push\"\nbackchannel_client_notification_endpoint = \"{endpoint}\"\n"
        )
    };
    let (receiver, mut settings) = endpoint(&env, "");
    settings.more = format!("{}\n{}", more(&receiver.url("/ciba/push")), settings.more);
    let mut provider = Provider::start_with(&env, "provider", &settings);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let client = countersign_tests::client::Client::new(&env, provider.issuer(), "pushed", SECRET);
    let asked = client.ask(&[("binding_message", "Sign in"), ("client_notification_token", NOTIFY)]);

    receiver.answer(503);
    let waiting = phone.only_pending();
    phone.answer(id(&waiting), &["approve"]).expect_code(0);
    let first = receiver.call();
    assert_notified(&first, "/ciba/push", &asked["auth_req_id"]);
    provider.kill_9();
    receiver.answer(204);
    provider.restart();
    let second = receiver.call();
    assert_notified(&second, "/ciba/push", &asked["auth_req_id"]);
    assert_eq!(second.json(), first.json(), "the very tokens: made once");

    let claims = tokens::verified(provider.issuer(), &second.json()["id_token"]).claims;
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("alice"), &json!("pushed")));
    assert_eq!(claims["urn:openid:params:jwt:claim:auth_req_id"], asked["auth_req_id"]);
    assert_eq!(client.poll(&asked).error(), "unauthorized_client", "its tokens are pushed, not fetched");

    let denied = client.ask(&[("binding_message", "Sign in again"), ("client_notification_token", NOTIFY)]);
    let waiting = phone.only_pending();
    phone.answer(id(&waiting), &["deny"]).expect_code(0);
    let denial = receiver.call();
    assert_notified(&denial, "/ciba/push", &denied["auth_req_id"]);
    assert_eq!(denial.json()["error"], "access_denied", "{}", denial.body);
    assert!(denial.json().get("access_token").is_none());
    assert!(receiver.rest().is_empty(), "nothing is sent again once it was acknowledged");
}
