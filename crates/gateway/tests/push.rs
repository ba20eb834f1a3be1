//! Pushes, end to end: from a request to a push service on loopback, and back to what a device is told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use countersign_egress::{Egress, EgressConfig, SystemResolver};
use countersign_gateway::keys::{self, VAPID};
use countersign_gateway::{Keys, LinkRequest, PushObserver, PushRecord, PushSettings, Settings};
use countersign_jose::base64url;
use countersign_protocol::discovery::Mode;
use countersign_protocol::fetch::FetchResponse;
use countersign_protocol::id::Subject;
use countersign_protocol::push::{DeviceResponse, PushState, PushStatus};
use countersign_protocol::registration::Confirm;
use countersign_protocol::revocation::RevokedBy;
use countersign_testing::push_service::{PushService, ServiceReply, Subscription};
use countersign_testing_gateway::event_stream::Events;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice, World, alice, issuer, payment};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// What became of pushes.
#[derive(Default)]
struct Counts(Mutex<(BTreeMap<&'static str, u64>, Vec<Duration>)>);

impl PushObserver for Counts {
    fn wakeup(&self, result: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).0.entry(result).or_default() += 1;
    }

    fn looked(&self, after: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.push(after);
    }
}

impl Counts {
    fn of(&self, result: &str) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.get(result).copied().unwrap_or_default()
    }

    fn looks(&self) -> Vec<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    async fn wait_for(&self, result: &str, count: u64) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.of(result) < count {
            assert!(Instant::now() < deadline, "{} of {count} {result}", self.of(result));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A gateway that pushes, a push service, and the task that sends.
struct Pushing {
    world: World,
    service: PushService,
    counts: Arc<Counts>,
    sender: JoinHandle<()>,
}

impl Drop for Pushing {
    fn drop(&mut self) {
        self.sender.abort();
    }
}

fn settings(counts: &Arc<Counts>, mode: Mode, change: impl FnOnce(&mut PushSettings)) -> Settings {
    let loopback = EgressConfig { allow: vec!["127.0.0.0/8".parse().expect("a network")], ..EgressConfig::default() };
    let mut push = PushSettings {
        egress: Egress::new(loopback, Arc::new(SystemResolver)),
        contact: Some("mailto:ops@example.com".to_owned()),
        services: None,
        title: "Example Bank".to_owned(),
        navigate: "https://id.example/tenant/device/".to_owned(),
        observer: counts.clone(),
    };
    change(&mut push);
    Settings { push: Some(push), ..Settings::new(issuer(), mode) }
}

impl Pushing {
    async fn start() -> Pushing {
        let counts = Arc::new(Counts::default());
        let world = World::with_settings(settings(&counts, Mode::Test, |_| {}));
        let sender = world.gateway.run_push_sender().expect("it pushes");
        Pushing { world, service: PushService::start().await, counts, sender }
    }

    /// A device with an address at the push service.
    async fn enroll(&self, name: &str) -> (TestDevice, Subscription) {
        let subscription = Subscription::new(&*self.world.random);
        let mut device = self.world.device(name);
        device.push_address = Some(subscription.address(&self.service.endpoint(name)));
        let link = self.world.link(Confirm::None).await;
        let response = device.register(&self.world, &link.link).await;
        assert_eq!(response.status, StatusCode::CREATED, "{response:?}");
        device.pull(&self.world).await;
        (device, subscription)
    }

    /// Moves the clock, and has the queue read again.
    fn advance_millis(&self, millis: u64) {
        self.world.clock.advance_millis(millis);
        self.world.gateway.store().notifier().notify("wakeups");
    }

    async fn status(&self, device: &mut TestDevice) -> PushStatus {
        device.pull(&self.world).await.push.expect("every fetch says it")
    }

    fn record(&self, device: &TestDevice) -> PushRecord {
        let devices = self.world.gateway.devices(&alice()).expect("listed");
        devices.into_iter().find(|record| record.id == *device.id()).expect("listed").push
    }

    async fn patch(&self, device: &TestDevice, body: &Value) -> countersign_testing_gateway::Response {
        device.call(&self.world, Method::PATCH, "/push/device", Some(body.to_string().as_bytes())).await
    }

    async fn confirm(&self, device: &TestDevice, cursor: &str) {
        let body = json!({ "cursor": cursor }).to_string();
        let response = device.call(&self.world, Method::POST, "/push/challenges/received", Some(body.as_bytes())).await;
        assert_eq!(response.status, StatusCode::NO_CONTENT, "{response:?}");
    }

    /// Proof that nothing else is under way: another person's device is woken, and so many pushes have arrived before that.
    async fn nothing_but(&self, pushes: usize) {
        let mut marker = self.world.device("marker");
        marker.push_address = Some(Subscription::new(&*self.world.random).address(&self.service.endpoint("marker")));
        let bob: Subject = "bob".parse().expect("a subject");
        let link = LinkRequest {
            subject: bob.clone(),
            subject_label: "Bob".to_owned(),
            confirm: Confirm::None,
            allow_automated: false,
        };
        let link = self.world.gateway.issue_link(link).await.expect("a link");
        assert_eq!(marker.register(&self.world, &link.link).await.status, StatusCode::CREATED);
        let paths = |service: &PushService| service.pushes().iter().map(|push| push.path.clone()).collect::<Vec<_>>();
        self.advance_millis(10_000);
        let mut request = self.world.request();
        request.subject = bob;
        self.world.accept(request).await.expect("accepted");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !paths(&self.service).iter().any(|path| path.ends_with("/marker")) {
            assert!(Instant::now() < deadline, "the marker is woken");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let arrived = paths(&self.service);
        let others = arrived.iter().filter(|path| !path.ends_with("/marker")).count();
        assert_eq!(others, pushes, "{arrived:?}");
    }
}

#[tokio::test]
async fn a_request_wakes_a_device_and_says_nothing_of_itself() {
    let pushing = Pushing::start().await;
    let (mut device, subscription) = pushing.enroll("phone").await;
    let mut request = pushing.world.request();
    request.authorization_details = Some(payment("80.00"));
    let accepted = pushing.world.accept(request).await.expect("accepted");
    let push = pushing.service.wait_for(1).await.remove(0);
    assert_eq!(
        (push.path.as_str(), push.header("urgency"), push.header("content-encoding")),
        ("/push/phone", "high", "aes128gcm")
    );
    let ttl: u64 = push.header("ttl").parse().expect("seconds");
    assert!((290..=300).contains(&ttl), "{ttl}");
    assert_eq!(push.header("topic").len(), 32);
    let message = subscription.plaintext(&push);
    let message: Value = serde_json::from_str(&message).expect("JSON");
    let members: Vec<_> = message.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["id", "mutable", "notification", "v", "web_push"]);
    assert_eq!(
        message["notification"],
        json!({ "title": "Example Bank", "navigate": "https://id.example/tenant/device/" })
    );
    let seen = format!("{} {message}", push.as_seen());
    for canary in [
        "alice",
        "Alice",
        "coffee-pos",
        "Acme Coffee",
        "80.00",
        "terminal",
        "openid",
        device.id().as_str(),
        accepted.approval.as_str(),
    ] {
        assert!(!seen.contains(canary), "the push service saw {canary}");
    }
    let (jwt, key) = push
        .header("authorization")
        .strip_prefix("vapid t=")
        .and_then(|rest| rest.split_once(", k="))
        .expect("RFC 8292");
    assert_eq!(Some(key), pushing.world.gateway.discovery().vapid_public_key.as_deref());
    let claims: Value =
        serde_json::from_slice(&base64url::decode(jwt.split('.').nth(1).expect("claims")).expect("base64url"))
            .expect("JSON");
    assert!(pushing.service.endpoint("").starts_with(claims["aud"].as_str().expect("text")));
    assert_eq!(claims["sub"], "mailto:ops@example.com");

    // The first call after it proves the address.
    pushing.counts.wait_for("sent", 1).await;
    pushing.world.clock.advance_millis(250);
    let challenge = device.next_challenge(&pushing.world).await;
    assert_eq!(challenge.claims().approval, accepted.approval);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !pushing.record(&device).proven {
        assert!(Instant::now() < deadline, "noted");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(pushing.counts.looks(), [Duration::from_millis(250)]);
    let record = pushing.record(&device);
    assert_eq!(
        (record.state, record.service.as_deref(), record.last_failure),
        (PushState::Ok, Some("127.0.0.1"), None)
    );
    assert!(record.last_ok.is_some());
}

#[tokio::test]
async fn every_push_has_one_length_whatever_waits() {
    let pushing = Pushing::start().await;
    let (_device, subscription) = pushing.enroll("phone").await;
    for n in 0..4 {
        let mut request = pushing.world.request();
        request.client.id = format!("client-{n}");
        request.binding_message = Some("x".repeat(n * 40 + 1));
        pushing.world.accept(request).await.expect("accepted");
        pushing.service.wait_for(n + 1).await;
        pushing.counts.wait_for("sent", n as u64 + 1).await;
        pushing.advance_millis(1000);
    }
    let pushes = pushing.service.wait_for(4).await;
    assert!(pushes.iter().all(|push| push.body.len() == pushes[0].body.len()));
    let ids: std::collections::BTreeSet<_> = pushes.iter().map(|push| subscription.read(push).id).collect();
    assert_eq!(ids.len(), 4, "a reference that is random per push");
    assert!(
        pushes.iter().all(|push| push.header("topic") == pushes[0].header("topic")),
        "the next replaces what was not delivered"
    );
}

#[tokio::test]
async fn a_device_changes_and_removes_its_address_by_a_merge_patch() {
    let pushing = Pushing::start().await;
    let mut device = pushing.world.enroll("phone").await;
    assert_eq!(pushing.status(&mut device).await, PushStatus::default());
    let subscription = Subscription::new(&*pushing.world.random);
    let address = json!(subscription.address(&pushing.service.endpoint("one")));
    let response = pushing.patch(&device, &json!({ "push_address": address })).await;
    assert_eq!(response.status, StatusCode::OK, "{response:?}");
    let changed: DeviceResponse = response.json();
    assert_eq!((changed.device_name.as_str(), changed.push.state), ("phone", PushState::Ok));
    let response = pushing.patch(&device, &json!({})).await;
    assert_eq!(response.json::<DeviceResponse>().push.state, PushState::Ok, "what is absent stays");
    pushing.world.ask().await;
    assert_eq!(pushing.service.wait_for(1).await[0].path, "/push/one");
    let response = pushing.patch(&device, &json!({ "push_address": null })).await;
    assert_eq!(response.json::<DeviceResponse>().push.state, PushState::None);
    assert_eq!(pushing.status(&mut device).await.state, PushState::None);
    let response = pushing.patch(&device, &json!({ "device_name": "New phone" })).await;
    assert_eq!(response.json::<DeviceResponse>().device_name, "New phone");
    let statements = device.pull(&pushing.world).await.notices.len();
    assert_eq!(statements, 1, "a new name makes a new statement");
    for body in [json!({ "device_name": null }), json!({ "push_address": "https://push.example.net/x" }), json!([])] {
        assert_eq!(pushing.patch(&device, &body).await.problem(), (400, "invalid_request".to_owned()), "{body}");
    }
}

#[tokio::test]
async fn an_address_that_may_not_be_pushed_to_is_refused_when_it_is_offered() {
    let counts = Arc::new(Counts::default());
    let services = |push: &mut PushSettings| push.services = Some(vec!["*.example.net".parse().expect("a service")]);
    let world = World::with_settings(settings(&counts, Mode::Production, services));
    assert_eq!(world.gateway.discovery().push_services, Some(vec!["*.example.net".to_owned()]));
    let link = world.link(Confirm::Code).await;
    let mut device = world.device("phone");
    let subscription = Subscription::new(&*world.random);
    for endpoint in [
        "https://push.example.org/x",
        "https://example.net/x",
        "http://push.example.net/x",
        "https://me@push.example.net/x",
        "https://push.example.net/x#y",
        "https://push.example.net:8443/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "ftp://push.example.net/x",
        "push.example.net",
        "",
    ] {
        device.push_address = Some(subscription.address(endpoint));
        let response = device.register(&world, &link.link).await;
        assert_eq!(response.problem(), (400, "push_address_not_allowed".to_owned()), "{endpoint}");
    }
    device.push_address = Some(subscription.address(&format!("https://push.example.net/{}", "x".repeat(2048))));
    assert_eq!(device.register(&world, &link.link).await.problem().1, "push_address_not_allowed");
    device.push_address = Some(subscription.address("https://push.example.net/x"));
    assert_eq!(device.register(&world, &link.link).await.status, StatusCode::CREATED);

    let silent = World::new();
    let link = silent.link(Confirm::None).await;
    let mut device = silent.device("phone");
    device.push_address = Some(subscription.address("https://push.example.net/x"));
    assert_eq!(device.register(&silent, &link.link).await.problem(), (400, "push_address_not_allowed".to_owned()));
    device.push_address = None;
    assert_eq!(device.register(&silent, &link.link).await.status, StatusCode::CREATED);
    assert_eq!(device.pull(&silent).await.push.expect("a status").state, PushState::Off);
    let discovery = silent.gateway.discovery();
    assert!(discovery.push_types_supported.is_empty() && discovery.vapid_public_key.is_none());
}

#[tokio::test]
async fn an_address_that_its_service_no_longer_knows_is_forgotten() {
    for status in [404, 410] {
        let pushing = Pushing::start().await;
        let (mut device, _) = pushing.enroll("phone").await;
        pushing.service.reply([ServiceReply::status(status)]);
        pushing.world.ask().await;
        pushing.counts.wait_for("gone", 1).await;
        assert_eq!(pushing.status(&mut device).await, PushStatus { state: PushState::Gone, vapid_public_key: None });
        let database =
            std::fs::read(pushing.world.home.path().join("provider.db-wal")).expect("the log of the database");
        let _ = database;
        let endpoint = pushing.service.endpoint("phone");
        let kept = pushing.world.gateway.store().read_blocking(|snapshot| {
            let count: i64 = snapshot.connection().query_row(
                "SELECT count(*) FROM push_address WHERE endpoint = ?1 OR auth IS NOT NULL",
                [&endpoint],
                |row| row.get(0),
            )?;
            Ok(count)
        });
        assert_eq!(kept.expect("read"), 0, "nothing of the capability is left");
        pushing.world.ask_as("other").await;
        pushing.nothing_but(1).await;
    }
}

#[tokio::test]
async fn a_service_that_refuses_our_key_makes_the_device_subscribe_anew() {
    for status in [400, 403] {
        let pushing = Pushing::start().await;
        let (mut device, subscription) = pushing.enroll("phone").await;
        pushing.service.reply([ServiceReply::status(status)]);
        pushing.world.ask().await;
        pushing.counts.wait_for("rekey", 1).await;
        let status = pushing.status(&mut device).await;
        assert_eq!(status.state, PushState::Rekey);
        assert_eq!(status.vapid_public_key, pushing.world.gateway.discovery().vapid_public_key);
        let address = json!(subscription.address(&pushing.service.endpoint("anew")));
        let response = pushing.patch(&device, &json!({ "push_address": address })).await;
        assert_eq!(response.json::<DeviceResponse>().push.state, PushState::Ok);
        pushing.advance_millis(1000);
        pushing.world.ask_as("other").await;
        assert_eq!(pushing.service.wait_for(2).await[1].path, "/push/anew");
    }
}

#[tokio::test]
async fn a_service_that_fails_is_tried_again_when_it_asks_for_it() {
    let pushing = Pushing::start().await;
    let (_device, _) = pushing.enroll("phone").await;
    pushing.service.reply([ServiceReply::status(429).with("retry-after", "30"), ServiceReply::status(503)]);
    pushing.world.ask().await;
    pushing.counts.wait_for("failed", 1).await;
    // Another request does not make it less patient.
    pushing.advance_millis(29_000);
    pushing.world.ask_as("other").await;
    pushing.advance_millis(500);
    assert_eq!(pushing.service.pushes().len(), 1);
    pushing.advance_millis(500);
    pushing.counts.wait_for("failed", 2).await;
    pushing.advance_millis(3000);
    pushing.counts.wait_for("sent", 1).await;
    pushing.nothing_but(3).await;
}

#[tokio::test]
async fn a_push_is_given_up_when_nothing_waits_any_more() {
    let pushing = Pushing::start().await;
    let (_device, _) = pushing.enroll("phone").await;
    pushing.service.reply([ServiceReply::status(503).with("retry-after", "3600")]);
    pushing.world.ask().await;
    pushing.counts.wait_for("given_up", 1).await;

    pushing.advance_millis(1000);
    pushing.service.reply([ServiceReply::status(500)]);
    let asked = pushing.world.ask_as("other").await;
    pushing.counts.wait_for("failed", 2).await;
    let gateway = pushing.world.gateway.clone();
    let withdrawn = pushing.world.gateway.store().write(move |tx| gateway.withdraw(tx, &asked.approval)).await;
    assert!(withdrawn.expect("withdrawn"));
    pushing.world.clock.advance_seconds(400);
    pushing.world.gateway.sweep().await.expect("swept");
    pushing.advance_millis(0);
    pushing.counts.wait_for("ended", 1).await;
    assert_eq!(pushing.service.pushes().len(), 2);
}

#[tokio::test]
async fn what_a_service_must_not_do_is_not_followed_nor_read_nor_waited_for() {
    let pushing = Pushing::start().await;
    let (_device, _) = pushing.enroll("phone").await;
    let elsewhere = pushing.service.endpoint("elsewhere");
    pushing.service.reply([
        ServiceReply::status(307).with("location", &elsewhere),
        ServiceReply::status(413),
        ServiceReply { body: 8 << 20, ..ServiceReply::status(201) },
        ServiceReply { hangs: true, ..ServiceReply::status(201) },
    ]);
    for (client, result, count) in [("one", "refused", 1), ("two", "refused", 2), ("three", "sent", 1)] {
        pushing.world.ask_as(client).await;
        pushing.counts.wait_for(result, count).await;
        pushing.advance_millis(1000);
    }
    pushing.world.ask_as("four").await;
    pushing.service.wait_for(4).await;
    // While that one hangs, another device at the same service is woken.
    let (_tablet, _) = pushing.enroll("tablet").await;
    pushing.world.ask_as("five").await;
    let pushes = pushing.service.wait_for(5).await;
    assert_eq!(pushes[4].path, "/push/tablet");
    assert!(pushes.iter().all(|push| !push.path.ends_with("elsewhere")), "no redirect is followed");
}

#[tokio::test]
async fn the_wake_up_lives_as_long_as_the_last_of_what_waits() {
    let pushing = Pushing::start().await;
    let (_device, _) = pushing.enroll("phone").await;
    let mut consent = pushing.world.request();
    consent.ttl_seconds = 72 * 3600;
    pushing.world.accept(consent).await.expect("accepted");
    pushing.counts.wait_for("sent", 1).await;
    pushing.advance_millis(1000);
    let mut payment = pushing.world.request();
    (payment.ttl_seconds, payment.client.id) = (120, "till".to_owned());
    pushing.world.accept(payment).await.expect("accepted");
    let pushes = pushing.service.wait_for(2).await;
    let ttl = |at: usize| pushes[at].header("ttl").parse::<u64>().expect("seconds");
    assert!(ttl(0) > 71 * 3600 && ttl(1) > 71 * 3600, "{} {}", ttl(0), ttl(1));
}

#[tokio::test]
async fn a_stream_that_confirms_is_not_pushed_and_one_that_does_not_is_after_three_seconds() {
    let pushing = Pushing::start().await;
    let (device, _) = pushing.enroll("phone").await;
    let mut events = Events::open(&pushing.world, &device).await;
    pushing.world.ask().await;
    let update = events.update().await;
    assert_eq!(update.push.expect("in the first event").state, PushState::Ok);
    pushing.advance_millis(2999);
    pushing.confirm(&device, "unknown").await;
    pushing.confirm(&device, &update.cursor).await;
    assert_eq!((pushing.counts.of("queued"), pushing.counts.of("confirmed")), (1, 1));

    pushing.world.ask_as("other").await;
    assert_eq!(events.update().await.push, None, "told once");
    pushing.advance_millis(2999);
    assert!(pushing.service.pushes().is_empty());
    pushing.advance_millis(1);
    pushing.service.wait_for(1).await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_unconfirmed_is_pushed_at_once() {
    let pushing = Pushing::start().await;
    let (device, _) = pushing.enroll("phone").await;
    let mut events = Events::open(&pushing.world, &device).await;
    pushing.world.ask().await;
    events.update().await;
    drop(events);
    pushing.service.wait_for(1).await;
}

#[tokio::test]
async fn an_answer_and_the_next_fetch_confirm_as_well() {
    let pushing = Pushing::start().await;
    let (mut device, _) = pushing.enroll("phone").await;
    let mut events = Events::open(&pushing.world, &device).await;
    pushing.world.ask().await;
    let update = events.update().await;
    let challenge = device.verify(update.challenges.last().expect("a challenge"));
    let denial = device.deny(&challenge, None);
    device.settle(&pushing.world, &challenge, &denial).await;
    assert_eq!(pushing.counts.of("confirmed"), 1);

    pushing.world.ask_as("other").await;
    // The end of the first comes before it.
    let mut update = events.update().await;
    while update.challenges.is_empty() {
        update = events.update().await;
    }
    device.cursor = Some(update.cursor.clone());
    let _: FetchResponse = device.pull(&pushing.world).await;
    assert_eq!(pushing.counts.of("confirmed"), 2);
    drop(events);
    pushing.nothing_but(0).await;
}

#[tokio::test]
async fn a_stream_is_told_when_the_address_no_longer_works() {
    let pushing = Pushing::start().await;
    let (device, _) = pushing.enroll("phone").await;
    let mut events = Events::open(&pushing.world, &device).await;
    pushing.world.ask().await;
    events.update().await;
    let response = pushing.patch(&device, &json!({ "push_address": null })).await;
    assert_eq!(response.status, StatusCode::OK);
    let update = events.update().await;
    assert_eq!(update.push.expect("it has changed").state, PushState::None);
    assert!(update.challenges.is_empty() && update.withdrawn.is_empty() && update.notices.is_empty());
}

#[tokio::test]
async fn a_stream_that_brought_nothing_yet_is_told_as_well() {
    let pushing = Pushing::start().await;
    let (device, _) = pushing.enroll("phone").await;
    let mut events = Events::open(&pushing.world, &device).await;
    assert!(events.next().await.expect("it is open").is_comment, "it has looked, and found nothing");
    pushing.service.reply([ServiceReply::status(410)]);
    device.call(&pushing.world, Method::POST, "/push/device/push-test", None).await;
    assert_eq!(events.update().await.push.expect("it has changed").state, PushState::Gone);
}

#[tokio::test]
async fn held_unconfirmed_suspended_and_revoked_devices_are_not_pushed() {
    let pushing = Pushing::start().await;
    let (mut phone, _) = pushing.enroll("phone").await;
    // Held: beyond the client's limit of pending requests.
    for _ in 0..6 {
        pushing.world.ask().await;
    }
    let held = phone
        .pull(&pushing.world)
        .await
        .challenges
        .iter()
        .filter(|challenge| phone.verify(challenge).claims().held)
        .count();
    assert!(held > 0, "some are held");
    assert_eq!(pushing.counts.of("queued"), 6 - held as u64);

    let queued = pushing.counts.of("queued");
    let revoked = pushing.world.gateway.revoke_device(phone.id(), RevokedBy::Operator).await;
    assert!(revoked.expect("revoked"));
    assert_eq!(pushing.record(&phone).state, PushState::None, "its address is deleted with it");

    let mut unconfirmed = pushing.world.device("unconfirmed");
    let subscription = Subscription::new(&*pushing.world.random);
    unconfirmed.push_address = Some(subscription.address(&pushing.service.endpoint("unconfirmed")));
    let link = pushing.world.link(Confirm::Code).await;
    assert_eq!(unconfirmed.register(&pushing.world, &link.link).await.status, StatusCode::CREATED);
    let body = br#"{"cursor":"x"}"#;
    let response = unconfirmed.call(&pushing.world, Method::POST, "/push/challenges/received", Some(body)).await;
    assert_eq!(response.problem(), (404, "not_found".to_owned()));
    let (_tablet, _) = pushing.enroll("tablet").await;
    pushing.world.ask_as("other").await;
    assert_eq!(pushing.counts.of("queued"), queued + 1, "the tablet alone");
}

#[tokio::test]
async fn a_withdrawal_is_pushed_to_quiet_addresses_alone() {
    let pushing = Pushing::start().await;
    let (_loud, _) = pushing.enroll("loud").await;
    let subscription = Subscription::new(&*pushing.world.random);
    let mut quiet = pushing.world.device("quiet");
    quiet.push_address = Some(subscription.address(&pushing.service.endpoint("quiet")));
    quiet.push_address.as_mut().expect("an address").quiet = true;
    let link = pushing.world.link(Confirm::None).await;
    assert_eq!(quiet.register(&pushing.world, &link.link).await.status, StatusCode::CREATED);
    let asked = pushing.world.ask().await;
    pushing.counts.wait_for("sent", 2).await;
    pushing.advance_millis(1000);
    let gateway = pushing.world.gateway.clone();
    let withdrawn = pushing.world.gateway.store().write(move |tx| gateway.withdraw(tx, &asked.approval)).await;
    assert!(withdrawn.expect("withdrawn"));
    let pushes = pushing.service.wait_for(3).await;
    assert_eq!(pushes[2].path, "/push/quiet");
    assert_eq!(pushes[2].body.len(), pushes[0].body.len());
}

#[tokio::test]
async fn a_device_is_pushed_once_a_second_at_most_and_one_push_brings_all() {
    let pushing = Pushing::start().await;
    let (_device, _) = pushing.enroll("phone").await;
    pushing.world.ask_as("client-0").await;
    pushing.counts.wait_for("sent", 1).await;
    for n in 1..10 {
        pushing.world.ask_as(&format!("client-{n}")).await;
    }
    pushing.advance_millis(999);
    assert_eq!(pushing.service.pushes().len(), 1);
    pushing.advance_millis(1);
    pushing.counts.wait_for("sent", 2).await;
    pushing.nothing_but(2).await;
}

#[tokio::test]
async fn a_push_that_a_crash_cut_off_is_sent_after_the_restart() {
    let mut pushing = Pushing::start().await;
    let (_device, _) = pushing.enroll("phone").await;
    pushing.sender.abort();
    pushing.world.ask().await;
    pushing.world.restart();
    pushing.sender = pushing.world.gateway.run_push_sender().expect("it pushes");
    pushing.service.wait_for(1).await;
    pushing.counts.wait_for("sent", 1).await;
    pushing.nothing_but(1).await;
}

#[tokio::test]
async fn an_address_goes_on_with_the_key_it_was_made_for_until_its_device_moved() {
    let pushing = Pushing::start().await;
    let (mut device, subscription) = pushing.enroll("phone").await;
    let folder = pushing.world.home.path().join("keys");
    let old = pushing.world.gateway.discovery().vapid_public_key.expect("a key");
    keys::add_key_version(&folder, VAPID, 1_800_000_000, || keys::new_key(&*pushing.world.random)).expect("added");
    pushing.world.gateway.renew_keys(Keys::load(&folder).expect("read"), false).expect("renewed");
    let new = pushing.world.gateway.discovery().vapid_public_key.expect("a key");
    assert_ne!(old, new);
    assert_eq!(
        pushing.status(&mut device).await,
        PushStatus { state: PushState::Rekey, vapid_public_key: Some(new.clone()) }
    );
    pushing.world.ask().await;
    let pushes = pushing.service.wait_for(1).await;
    assert!(pushes[0].header("authorization").ends_with(&format!("k={old}")));

    let address = json!(subscription.address(&pushing.service.endpoint("moved")));
    let response = pushing.patch(&device, &json!({ "push_address": address })).await;
    assert_eq!(response.json::<DeviceResponse>().push.state, PushState::Ok);
    pushing.counts.wait_for("sent", 1).await;
    pushing.advance_millis(1000);
    pushing.world.ask_as("other").await;
    let pushes = pushing.service.wait_for(2).await;
    assert!(pushes[1].header("authorization").ends_with(&format!("k={new}")));
}

#[tokio::test]
async fn nothing_is_pushed_with_a_key_that_was_compromised() {
    let pushing = Pushing::start().await;
    let (mut device, _) = pushing.enroll("phone").await;
    let folder = pushing.world.home.path().join("keys");
    keys::add_key_version(&folder, VAPID, 1_800_000_000, || keys::new_key(&*pushing.world.random)).expect("added");
    for former in keys::key_versions(&folder, VAPID).expect("listed").into_iter().filter(|one| one.from == 0) {
        keys::remove_key_version(&former).expect("removed");
    }
    pushing.world.gateway.renew_keys(Keys::load(&folder).expect("read"), false).expect("renewed");
    pushing.world.ask().await;
    pushing.counts.wait_for("rekey", 1).await;
    assert!(pushing.service.pushes().is_empty());
    assert_eq!(pushing.status(&mut device).await.state, PushState::Rekey);
}

#[tokio::test]
async fn practice_is_pushed_although_a_stream_brings_and_confirms_it() {
    let pushing = Pushing::start().await;
    let (device, _) = pushing.enroll("phone").await;
    let mut events = Events::open(&pushing.world, &device).await;
    let response = device.call(&pushing.world, Method::POST, "/push/device/practice", None).await;
    assert_eq!(response.status, StatusCode::ACCEPTED, "{response:?}");
    let update = events.update().await;
    assert!(device.verify(&update.challenges[0]).claims().practice);
    pushing.confirm(&device, &update.cursor).await;
    assert_eq!(pushing.counts.of("confirmed"), 0);
    let push = pushing.service.wait_for(1).await.remove(0);
    let ttl: u64 = push.header("ttl").parse().expect("seconds");
    assert!((295..=300).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn a_test_push_is_measured_and_limited() {
    let pushing = Pushing::start().await;
    let (device, subscription) = pushing.enroll("phone").await;
    for n in 0..3 {
        let response = device.call(&pushing.world, Method::POST, "/push/device/push-test", None).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        let report: Value = response.json();
        assert_eq!(
            (&report["service"], report["queued_ms"].is_u64(), report["accepted_ms"].is_u64()),
            (&json!("127.0.0.1"), true, true)
        );
        assert_eq!(subscription.read(&pushing.service.pushes()[n]).v, 1);
        pushing.world.clock.advance_seconds(2);
    }
    let response = device.call(&pushing.world, Method::POST, "/push/device/push-test", None).await;
    assert_eq!(response.problem(), (429, "rate_limited".to_owned()));
    let seconds: u64 = response.headers["retry-after"].to_str().expect("ASCII").parse().expect("seconds");
    assert!((3590..=3600).contains(&seconds), "{seconds}");
    let bare = pushing.world.enroll("bare").await;
    let response = bare.call(&pushing.world, Method::POST, "/push/device/push-test", None).await;
    assert_eq!(response.problem(), (400, "invalid_request".to_owned()));
}

/// A port of this machine that closes the first connection and answers on none of the others; how many it took.
async fn silent_port() -> (String, Arc<AtomicUsize>, JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}/", listener.local_addr().expect("bound"));
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let serving = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            if counted.fetch_add(1, Ordering::SeqCst) > 0 {
                held.push(connection);
            }
        }
    });
    (endpoint, taken, serving)
}

async fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A device of another person at the same host, with a push that hangs.
async fn hanging_device(pushing: &Pushing, endpoint: &str) -> TestDevice {
    let mallory: Subject = "mallory".parse().expect("a subject");
    let link = LinkRequest {
        subject: mallory.clone(),
        subject_label: "Mallory".to_owned(),
        confirm: Confirm::None,
        allow_automated: false,
    };
    let link = pushing.world.gateway.issue_link(link).await.expect("a link");
    let mut device = pushing.world.device("hostile");
    device.push_address = Some(Subscription::new(&*pushing.world.random).address(endpoint));
    assert_eq!(device.register(&pushing.world, &link.link).await.status, StatusCode::CREATED);
    let mut request = pushing.world.request();
    request.subject = mallory;
    pushing.world.accept(request).await.expect("accepted");
    device
}

#[tokio::test]
async fn attack_a_device_at_a_port_that_nobody_answers_at_delays_no_push_to_the_host() {
    let pushing = Pushing::start().await;
    let (_alices, _) = pushing.enroll("phone").await;
    let (endpoint, taken, serving) = silent_port().await;
    let hostile = hanging_device(&pushing, &format!("{endpoint}0")).await;
    pushing.counts.wait_for("failed", 1).await;
    pushing.advance_millis(2000);
    wait_until("it is tried again", || taken.load(Ordering::SeqCst) == 2).await;
    // Its address changes again and again while the call hangs.
    for n in 1..6 {
        let address = Subscription::new(&*pushing.world.random).address(&format!("{endpoint}{n}"));
        let response = pushing.patch(&hostile, &json!({ "push_address": address })).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        pushing.world.ask_as(&format!("client-{n}")).await;
        pushing.service.wait_for(n).await;
        pushing.counts.wait_for("sent", n as u64).await;
        pushing.advance_millis(1000);
    }
    assert_eq!(taken.load(Ordering::SeqCst), 2, "one call at once for one device");
    serving.abort();
}

#[tokio::test]
async fn attack_a_device_whose_pushes_fail_at_the_same_service_takes_none_of_the_others_turns() {
    let pushing = Pushing::start().await;
    let (alices, _) = pushing.enroll("phone").await;
    let at = |name: &str| Subscription::new(&*pushing.world.random).address(&pushing.service.endpoint(name));
    pushing.service.reply([ServiceReply::status(503)]);
    let hostile = hanging_device(&pushing, &pushing.service.endpoint("hostile")).await;
    pushing.counts.wait_for("failed", 1).await;
    // It pauses as before whatever address it gives, and then hangs.
    pushing.service.reply([ServiceReply { hangs: true, ..ServiceReply::status(201) }]);
    let response = pushing.patch(&hostile, &json!({ "push_address": at("other") })).await;
    assert_eq!(response.status, StatusCode::OK, "{response:?}");
    pushing.advance_millis(400);
    assert_eq!(pushing.service.pushes().len(), 1, "the pause after a failure is the device's");
    pushing.advance_millis(2000);
    pushing.service.wait_for(2).await;
    let response = pushing.patch(&hostile, &json!({ "push_address": at("third") })).await;
    assert_eq!(response.status, StatusCode::OK, "{response:?}");
    pushing.world.ask().await;
    let pushes = pushing.service.wait_for(3).await;
    let paths: Vec<_> = pushes.iter().map(|push| push.path.as_str()).collect();
    assert_eq!(paths, ["/push/hostile", "/push/other", "/push/phone"]);
    assert!(pushing.record(&alices).last_failure.is_none());
}

#[tokio::test]
async fn attack_a_device_offers_ten_new_addresses_an_hour_and_the_present_one_as_often_as_it_likes() {
    let pushing = Pushing::start().await;
    let (device, subscription) = pushing.enroll("phone").await;
    let at = |n: usize| json!({ "push_address": subscription.address(&pushing.service.endpoint(&format!("{n}"))) });
    for n in 0..10 {
        for _ in 0..3 {
            assert_eq!(pushing.patch(&device, &at(n)).await.status, StatusCode::OK, "{n}");
        }
    }
    let refused = pushing.patch(&device, &at(10)).await;
    assert_eq!(refused.headers["retry-after"], "3600");
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    assert_eq!(pushing.patch(&device, &at(9)).await.status, StatusCode::OK, "it keeps the one it has");
    assert_eq!(pushing.patch(&device, &json!({ "push_address": null })).await.status, StatusCode::OK);
    pushing.world.clock.advance_seconds(3600);
    assert_eq!(pushing.patch(&device, &at(10)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_test_that_could_not_be_queued_says_why_and_is_not_counted() {
    let pushing = Pushing::start().await;
    let (mut device, subscription) = pushing.enroll("phone").await;
    let path = "/push/device/push-test";
    let test = async |device: &TestDevice| device.call(&pushing.world, Method::POST, path, None).await;
    let said = |response: &countersign_testing_gateway::Response| response.json::<Value>()["detail"].to_string();

    pushing.service.reply([ServiceReply::status(503).with("retry-after", "120")]);
    pushing.world.ask().await;
    pushing.counts.wait_for("failed", 1).await;
    for _ in 0..4 {
        let response = test(&device).await;
        assert_eq!(response.problem(), (503, "unavailable".to_owned()));
        assert_eq!(response.headers["retry-after"], "120");
        let detail = said(&response);
        assert!(detail.contains("last push was not accepted; the next try is in 120 s"), "{detail}");
    }
    assert_eq!(pushing.service.pushes().len(), 1, "its patience is not tried");

    // A new address of the same service waits as long; then that one is not known any more.
    let other = json!(subscription.address(&pushing.service.endpoint("other")));
    pushing.service.reply([ServiceReply::status(410)]);
    pushing.patch(&device, &json!({ "push_address": other })).await;
    pushing.advance_millis(120_000);
    pushing.counts.wait_for("gone", 1).await;
    while pushing.status(&mut device).await.state != PushState::Gone {}
    let bare = pushing.world.enroll("bare").await;
    for (device, why) in [(&device, "127.0.0.1 no longer knows"), (&bare, "no push address")] {
        for _ in 0..4 {
            let response = test(device).await;
            assert_eq!(response.problem(), (400, "invalid_request".to_owned()));
            assert!(said(&response).contains(why), "{}", said(&response));
        }
    }
    pushing
        .patch(&device, &json!({ "push_address": json!(subscription.address(&pushing.service.endpoint("third"))) }))
        .await;
    pushing.advance_millis(2000);
    assert_eq!(test(&device).await.status, StatusCode::OK, "none was counted");
}

#[tokio::test]
async fn a_service_that_refuses_a_test_push_ends_it_at_once() {
    let pushing = Pushing::start().await;
    let (device, _) = pushing.enroll("phone").await;
    pushing.service.reply([ServiceReply::status(413)]);
    let response = device.call(&pushing.world, Method::POST, "/push/device/push-test", None).await;
    assert_eq!(response.status, StatusCode::OK, "{response:?}");
    assert_eq!(response.json::<Value>()["accepted_ms"], Value::Null);
    assert_eq!(pushing.service.pushes().len(), 1);
}
