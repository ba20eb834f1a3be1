//! Metrics, and the address that serves them.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use tower::ServiceExt as _;

use crate::world::{BC, CONFIG, World};

const ASK: &[(&str, &str)] = &[("scope", "openid"), ("login_hint", "alice"), ("interaction_type", "boolean")];

pub(crate) async fn read(world: &World) -> String {
    let request = Request::get("/metrics").body(Body::empty()).expect("a request");
    let response = world.provider.metrics_router().oneshot(request).await.expect("a router always answers");
    assert_eq!(response.status(), StatusCode::OK);
    let form = response.headers()[header::CONTENT_TYPE].to_str().expect("ASCII").to_owned();
    assert!(form.starts_with("application/openmetrics-text"), "{form}");
    let body = to_bytes(response.into_body(), 1_000_000).await.expect("a body");
    String::from_utf8(body.to_vec()).expect("text")
}

/// The value of one line of the metrics; what was never counted is 0.
pub(crate) fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

/// The names of everything that is counted in a provider that did a little of everything.
pub(crate) async fn names() -> Vec<String> {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let id = world.post("till", BC, ASK).await.text("auth_req_id");
    world.approve(&mut device, None).await;
    world.poll("till", &id).await;
    let text = read(&world).await;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut names: Vec<String> = types.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    // Nobody is told anything here, so that this one has nothing to show.
    names.push("countersign_notifications".to_owned());
    // No connection was ended: there is none.
    names.push("countersign_connections_closed".to_owned());
    // No device has a push address.
    names.push("countersign_wakeups".to_owned());
    names
}

async fn denied(world: &World, device: &mut TestDevice) {
    let challenge = device.next_challenge(&world.side).await;
    let answer = device.deny(&challenge, None);
    device.settle(&world.side, &challenge, &answer).await;
}

#[tokio::test]
async fn requests_verdicts_and_tokens_are_counted_once_each() {
    let world = World::new();
    let mut device = world.enroll("phone").await;
    let approved = world.post("till", BC, ASK).await.text("auth_req_id");
    let before = read(&world).await;
    assert_eq!(value(&before, "countersign_approvals_pending"), 1.0);
    assert_eq!(world.poll("till", &approved).await.text("error"), "authorization_pending");
    world.advance_seconds(5);
    world.approve(&mut device, None).await;
    assert_eq!(world.poll("till", &approved).await.status, StatusCode::OK);
    world.post("till", BC, ASK).await;
    denied(&world, &mut device).await;
    world.post("till", BC, ASK).await;
    world.advance_seconds(301);
    world.side.gateway.sweep().await.expect("swept");
    world.post("till", BC, &[("scope", "openid"), ("login_hint", "nobody")]).await;

    let text = read(&world).await;
    for (name, expected) in [
        ("countersign_authentication_requests_total{result=\"acknowledged\"}", 3.0),
        ("countersign_authentication_requests_total{result=\"unknown_user_id\"}", 1.0),
        ("countersign_approvals_total{outcome=\"approved\"}", 1.0),
        ("countersign_approvals_total{outcome=\"denied\"}", 1.0),
        ("countersign_approvals_total{outcome=\"expired\"}", 1.0),
        ("countersign_approval_time_seconds_sum{outcome=\"approved\"}", 5.0),
        ("countersign_approval_time_seconds_count{outcome=\"approved\"}", 1.0),
        ("countersign_token_responses_total{result=\"tokens\"}", 1.0),
        ("countersign_token_responses_total{result=\"authorization_pending\"}", 1.0),
        ("countersign_http_requests_total{route=\"/tenant/bc-authorize\",status=\"200\"}", 3.0),
        ("countersign_approvals_pending", 0.0),
        ("countersign_approvals_held", 0.0),
        ("countersign_store_queue", 0.0),
        ("countersign_outbox{kind=\"event\"}", 0.0),
    ] {
        assert_eq!(value(&text, name), expected, "{name} in:\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "a whole document");
    for secret in ["alice", "till", approved.as_str(), device.id().as_str()] {
        assert!(!text.contains(secret), "{secret} is in the metrics");
    }
}

#[tokio::test]
async fn held_requests_are_counted() {
    let world = World::with(&CONFIG.replace("token_wait = 0", "token_wait = 0\nmax_pending = 1"));
    let _device = world.enroll("phone").await;
    for _ in 0..3 {
        assert_eq!(world.post("till", BC, ASK).await.status, StatusCode::OK);
    }
    let text = read(&world).await;
    assert_eq!((value(&text, "countersign_approvals_pending"), value(&text, "countersign_approvals_held")), (3.0, 2.0));
}

#[tokio::test]
async fn clients_and_devices_find_no_metrics() {
    let world = World::new();
    for path in ["/metrics", "/tenant/metrics"] {
        assert_eq!(world.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
