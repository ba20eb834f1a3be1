//! The operator's webhook: events are signed, delivered once in effect, and retried for a day.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_jose::clock::Clock as _;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::registration::Confirm;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use ring::hmac;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, yield_now};

use crate::metrics;
use crate::world::{BC, CONFIG, TOKEN, World};
use countersign_testing::certificates::CertificateAuthority;
use countersign_testing::https_server::{HttpsServer, ReceivedRequest, ScriptedResponse};

const SECRET: &str = "6f1c0a5be2d94f87a3b6c8d0e1f23459";

struct Fixture {
    world: World,
    endpoint: HttpsServer,
    outbox_task: JoinHandle<()>,
    _files: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Fixture {
        Fixture::with_secret(SECRET).await
    }

    async fn with_secret(secret: &str) -> Fixture {
        let authority = CertificateAuthority::new("Test CA");
        let endpoint = HttpsServer::start(&authority, "127.0.0.1", &[]).await;
        let files = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).expect("written");
            #[cfg(unix)]
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("private");
            path.display().to_string()
        };
        let (ca, secret) = (write("ca.pem", &authority.pem()), write("webhook.secret", &format!("{secret}\n")));
        let url = endpoint.url("/countersign");
        let sections = format!(
            "[egress]\nallow = [\"127.0.0.1\"]\nca = \"{ca}\"\n[webhook]\nurl = \"{url}\"\nsecret_file = \"{secret}\"\n[policy]"
        );
        let offline = "\n[[clients]]\nclient_id = \"offline\"\nsecret = \"f7c09d1c2b8e4a6590d3b1a7e2c45f68\"\nfirst_party = true\ngrant_types = [\"urn:openid:params:grant-type:ciba\", \"refresh_token\"]\n";
        let world = World::with(&format!("{}{offline}", CONFIG.replace("[policy]", &sections)));
        let outbox_task = world.provider.run_outbox();
        Fixture { world, endpoint, outbox_task, _files: files }
    }

    /// The next event, its headers checked; all before are known.
    async fn event(&self, n: usize) -> Value {
        let call = self.endpoint.wait_for(n).await.remove(n - 1);
        is_signed(&call, SECRET.as_bytes(), self.world.side.clock.now().seconds());
        let event = call.json();
        assert_eq!(event["issuer"], "https://id.example/tenant");
        assert_eq!(call.header("webhook-id"), event["id"].as_str());
        event
    }

    async fn asked(&self, phone: &mut TestDevice) -> (String, countersign_protocol::challenge::VerifiedChallenge) {
        let id = self.world.ask("till", &[("interaction_type", "boolean")]).await.text("auth_req_id");
        (id, phone.next_challenge(&self.world.side).await)
    }

    fn later(&self, seconds: u64) {
        self.world.advance_seconds(seconds);
        self.world.provider.gateway().store().notifier().notify_all();
    }
}

/// Verifies an event as docs/operating.md tells receivers to.
fn is_signed(call: &ReceivedRequest, key: &[u8], now: u64) {
    let header = |name| call.header(name).unwrap_or_else(|| panic!("{name} is missing"));
    let (id, seconds) = (header("webhook-id"), header("webhook-timestamp"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, format!("{id}.{seconds}.{}", call.body).as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{}", STANDARD.encode(tag)));
    assert_eq!(seconds.parse::<u64>(), Ok(now));
    assert_eq!((call.method.as_str(), header("content-type")), ("POST", "application/json"));
}

#[tokio::test]
async fn every_event_is_delivered_signed_with_what_an_operator_needs() {
    let fixture = Fixture::new().await;
    let world = &fixture.world;
    let mut phone = world.enroll("Phone").await;
    let added = fixture.event(1).await;
    assert_eq!(added["type"], "device_added");
    assert_eq!(added["timestamp"], "2027-01-15T08:00:00Z");
    let data =
        json!({ "sub": "alice", "device_id": phone.id(), "device_name": "Phone", "device_class": "interactive" });
    assert_eq!(added["data"], data);

    let (_, challenge) = fixture.asked(&mut phone).await;
    let denial = phone.deny(&challenge, Some(DenialReason::NotMe));
    phone.settle(&world.side, &challenge, &denial).await;
    let not_me = fixture.event(2).await;
    assert_eq!(not_me["type"], "not_me");
    let approval = &challenge.claims().approval;
    let name = ApprovalRef::of(approval);
    let data =
        json!({ "sub": "alice", "client_id": "till", "approval": approval, "ref": name, "held_until": 1_800_000_900 });
    assert_eq!(not_me["data"], data);

    world.advance_seconds(1000);
    let (_, challenge) = fixture.asked(&mut phone).await;
    let answer = phone.approve(&challenge, None);
    phone.settle(&world.side, &challenge, &answer).await;
    assert_eq!(phone.dispute(&world.side, &challenge).await.status, StatusCode::OK);
    let dispute = fixture.event(3).await;
    assert_eq!(dispute["type"], "dispute");
    let approval = &challenge.claims().approval;
    assert_eq!(
        dispute["data"],
        json!({
            "sub": "alice", "client_id": "till", "approval": approval, "ref": ApprovalRef::of(approval),
            "device_id": phone.id()
        })
    );

    let (_, challenge) = fixture.asked(&mut phone).await;
    phone.seq -= 1;
    let of_the_copy = phone.deny(&challenge, None);
    let refused = phone.send_answer(&world.side, challenge.id(), &of_the_copy).await;
    assert_eq!(refused.problem(), (403, "device_suspended".to_owned()));
    let copied = fixture.event(4).await;
    assert_eq!(copied["type"], "device_copied");
    assert_eq!(copied["data"], json!({ "sub": "alice", "device_id": phone.id(), "device_name": "Phone" }));
    world.until_outbox_is_empty().await;
    assert_eq!(fixture.endpoint.requests().len(), 4);
}

#[tokio::test]
async fn an_event_is_repeated_under_its_own_id_until_it_was_received() {
    let fixture = Fixture::new().await;
    fixture.endpoint.respond_with([ScriptedResponse::Status(503), ScriptedResponse::Status(500)]);
    fixture.world.enroll("Phone").await;
    for attempt in 1..=2 {
        fixture.event(attempt).await;
        while fixture.world.only("attempts") < attempt as i64 {
            yield_now().await;
        }
        fixture.later(5);
    }
    let event = fixture.event(3).await;
    assert!(fixture.endpoint.requests().iter().all(|call| call.json() == event));
    fixture.world.until_outbox_is_empty().await;
}

#[tokio::test]
async fn an_event_is_dropped_after_a_day_without_delivery() {
    let fixture = Fixture::new().await;
    fixture.endpoint.respond_with(vec![ScriptedResponse::Status(503); 2]);
    fixture.world.enroll("Phone").await;
    fixture.event(1).await;
    while fixture.world.only("attempts") < 1 {
        yield_now().await;
    }
    fixture.later(24 * 3600);
    fixture.world.until_outbox_is_empty().await;
    assert_eq!(fixture.endpoint.requests().len(), 2, "one last attempt");
}

#[tokio::test]
async fn an_event_before_a_crash_is_delivered_after_it() {
    let fixture = Fixture::new().await;
    fixture.endpoint.respond_with([ScriptedResponse::Hang]);
    fixture.world.enroll("Phone").await;
    let first = fixture.endpoint.wait_for(1).await.remove(0);
    fixture.outbox_task.abort();
    let _ = fixture.outbox_task.await;
    let _telling = fixture.world.provider.run_outbox();
    let second = fixture.endpoint.wait_for(2).await.remove(1);
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
}

#[tokio::test]
async fn a_secret_in_the_form_of_standard_webhooks_is_decoded() {
    let secret = format!("whsec_{}", STANDARD.encode(SECRET));
    let fixture = Fixture::with_secret(&secret).await;
    fixture.world.enroll("Phone").await;
    fixture.event(1).await;
}

#[tokio::test]
async fn a_reused_refresh_token_is_reported_to_the_operator() {
    let fixture = Fixture::new().await;
    let mut phone = fixture.world.enroll("Phone").await;
    assert_eq!(fixture.event(1).await["type"], "device_added");
    let form = [("scope", "openid offline_access"), ("login_hint", "alice"), ("interaction_type", "boolean")];
    let id = fixture.world.post("offline", BC, &form).await.text("auth_req_id");
    fixture.world.approve(&mut phone, None).await;
    let token = fixture.world.poll("offline", &id).await.text("refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    assert_eq!(fixture.world.post("offline", TOKEN, &form).await.status, StatusCode::OK);
    fixture.world.advance_seconds(60);
    assert_eq!(fixture.world.post("offline", TOKEN, &form).await.text("error"), "invalid_grant");
    let event = fixture.event(2).await;
    assert_eq!(event["type"], "refresh_reuse");
    assert_eq!((&event["data"]["sub"], &event["data"]["client_id"]), (&json!("alice"), &json!("offline")));
    let approval = event["data"]["approval"].as_str().expect("an approval").parse().expect("an id");
    assert_eq!(event["data"]["ref"], json!(ApprovalRef::of(&approval)));
    assert!(!event.to_string().contains(&token));
}

#[tokio::test]
async fn an_approval_of_other_lines_than_were_asked_is_reported_to_the_operator() {
    let fixture = Fixture::new().await;
    let world = &fixture.world;
    let mut phone = world.enroll("Phone").await;
    fixture.event(1).await;
    let (id, challenge) = fixture.asked(&mut phone).await;
    let lying = phone.approve_showing(&challenge, Vec::new(), None);
    let counted = async || metrics::value(&metrics::read(world).await, "countersign_display_mismatches_total");
    assert_eq!(counted().await, 0.0, "it is there before the first, so that an alert sees the first");
    let refused = phone.send_answer(&world.side, challenge.id(), &lying).await;
    assert_eq!(refused.problem(), (422, "display_mismatch".to_owned()));
    assert_eq!(counted().await, 1.0);
    let event = fixture.event(2).await;
    assert_eq!(event["type"], "display_mismatch");
    let approval = &challenge.claims().approval;
    assert_eq!(
        event["data"],
        json!({
            "sub": "alice", "client_id": "till", "approval": approval, "ref": ApprovalRef::of(approval),
            "device_id": phone.id(), "why": "missing"
        })
    );
    world.advance_seconds(5);
    let poll = world.poll("till", &id).await;
    assert_eq!((poll.text("error"), poll.text("denial_reason")), ("access_denied".into(), "refused".into()));
}

#[tokio::test]
async fn a_client_that_must_not_learn_who_exists_hears_of_a_display_mismatch_as_of_a_denial() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let id = world.ask("kiosk", &[]).await.text("auth_req_id");
    let challenge = phone.next_challenge(&world.side).await;
    let lying = phone.approve_showing(&challenge, Vec::new(), None);
    let refused = phone.send_answer(&world.side, challenge.id(), &lying).await;
    assert_eq!(refused.problem(), (422, "display_mismatch".to_owned()));
    let poll = world.poll("kiosk", &id).await;
    assert_eq!((poll.text("error"), poll.text("denial_reason")), ("access_denied".into(), "refused".into()));
}

#[tokio::test]
async fn without_a_webhook_nothing_is_kept_for_one() {
    let world = World::new();
    let link = world.side.link(Confirm::None).await;
    let mut device = world.side.device("Phone");
    assert_eq!(device.register(&world.side, &link.link).await.status, StatusCode::CREATED);
    assert_eq!(world.outbox(), 0);
}
