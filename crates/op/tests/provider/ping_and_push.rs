//! Ping and push to a real https endpoint: every verdict is delivered, and none twice in effect.

use axum::http::StatusCode;
use countersign_jose::base64url;
use countersign_jose::clock::Clock as _;
use countersign_jose::hash::Hash;
use countersign_protocol::answer::DenialReason;
use countersign_protocol::interaction::InteractionType;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use serde_json::{Value, json};
use tokio::task::{JoinHandle, yield_now};

use crate::world::{BC, Reply, TOKEN, World};
use countersign_store::Error;
use countersign_testing::certificates::CertificateAuthority;
use countersign_testing::https_server::{HttpsServer, ReceivedRequest, ScriptedResponse};

/// The `client_notification_token` of these tests: 160 random bits.
const BEARER: &str = "8d67dc78-7faa-4d41-aabd-67707b374255.Zg==";

/// A provider, its clients `pinged` and `pushed` with one endpoint each, and Alice's phone.
struct Fixture {
    world: World,
    config: String,
    ping: HttpsServer,
    push: HttpsServer,
    phone: TestDevice,
    outbox_task: Option<JoinHandle<()>>,
    _certificates: tempfile::TempDir,
}

impl Fixture {
    /// A provider whose outbox does not run yet.
    async fn without_outbox() -> Fixture {
        let authority = CertificateAuthority::new("Test CA");
        let (ping, push) = (
            HttpsServer::start(&authority, "127.0.0.1", &[]).await,
            HttpsServer::start(&authority, "127.0.0.1", &[]).await,
        );
        let certificates = tempfile::tempdir().expect("a folder");
        let ca = certificates.path().join("ca.pem");
        std::fs::write(&ca, authority.pem()).expect("written");
        let egress = format!("[egress]\nallow = [\"127.0.0.1\"]\nca = \"{}\"", ca.display());
        let config = configuration(&egress, &ping.url("/ciba/ping"), &push.url("/ciba/push"));
        let world = World::with(&config);
        let phone = world.enroll("Phone").await;
        Fixture { world, config, ping, push, phone, outbox_task: None, _certificates: certificates }
    }

    async fn new() -> Fixture {
        let mut fixture = Fixture::without_outbox().await;
        fixture.run_outbox();
        fixture
    }

    /// Starts delivering the outbox.
    fn run_outbox(&mut self) {
        self.outbox_task = Some(self.world.provider.run_outbox());
    }

    /// As after `kill -9`: calls under way are cut off; then the same home, with its outbox not yet running.
    async fn crashed(self, config: &str) -> Fixture {
        let Fixture { world, ping, push, phone, outbox_task, _certificates, .. } = self;
        if let Some(outbox_task) = outbox_task {
            outbox_task.abort();
            let _ = outbox_task.await;
            // The calls under way are dropped when the runtime comes to them.
            for _ in 0..1000 {
                yield_now().await;
            }
        }
        let world = world.restarted_with(config);
        Fixture { world, config: config.to_owned(), ping, push, phone, outbox_task: None, _certificates }
    }

    /// A request about Alice; its id.
    async fn ask(&self, client: &str) -> String {
        let reply = self.try_ask(client, Some(BEARER)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.text("auth_req_id")
    }

    async fn try_ask(&self, client: &str, token: Option<&str>) -> Reply {
        self.world.try_ask_about("alice", client, token).await
    }

    async fn approve(&mut self) {
        self.world.approve(&mut self.phone, None).await;
    }

    async fn deny(&mut self, reason: Option<DenialReason>) {
        let challenge = self.phone.next_challenge(&self.world.side).await;
        let denial = self.phone.deny(&challenge, reason);
        self.phone.settle(&self.world.side, &challenge, &denial).await;
    }

    /// Time passes, and the provider looks at its clock.
    fn later(&self, seconds: u64) {
        self.world.advance_seconds(seconds);
        self.world.provider.gateway().store().notifier().notify_all();
    }

    /// Resolves once the only row failed this many times; false if it is no longer there.
    async fn failed(&self, attempts: i64) -> bool {
        while self.world.outbox() > 0 {
            if self.world.only("attempts") >= attempts {
                return true;
            }
            yield_now().await;
        }
        false
    }

    /// Time passes until the only row is due.
    fn until_due(&self) {
        let left = self.world.only("due_at").unsigned_abs().saturating_sub(self.world.side.clock.now().millis());
        self.later(left.div_ceil(1000));
    }

    /// Resolves once the outbox is empty.
    async fn until_delivered(&self) {
        self.world.until_outbox_is_empty().await;
    }
}

impl World {
    pub(crate) async fn try_ask_about(&self, login_hint: &str, client: &str, token: Option<&str>) -> Reply {
        let mut form = vec![("scope", "openid"), ("login_hint", login_hint), ("interaction_type", "boolean")];
        form.extend(token.map(|token| ("client_notification_token", token)));
        self.post(client, BC, &form).await
    }

    /// A number of the only row in the outbox; 0 if there is none.
    pub(crate) fn only(&self, column: &str) -> i64 {
        let sql = format!("SELECT coalesce(max({column}), 0) FROM outbox");
        let found = self
            .provider
            .gateway()
            .store()
            .read_blocking(|snapshot| Ok(snapshot.connection().query_row(&sql, [], |row| row.get(0))?));
        found.expect("a number")
    }

    /// Resolves once the outbox is empty.
    pub(crate) async fn until_outbox_is_empty(&self) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while self.outbox() > 0 {
            assert!(std::time::Instant::now() < deadline, "a row of the outbox is never delivered");
            yield_now().await;
        }
    }

    /// The number of rows in the outbox.
    pub(crate) fn outbox(&self) -> i64 {
        let count = self.provider.gateway().store().read_blocking(|snapshot| {
            Ok(snapshot.connection().query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))?)
        });
        count.expect("a count")
    }
}

fn configuration(egress: &str, ping: &str, push: &str) -> String {
    format!(
        r#"
issuer = "https://id.example/tenant"
name = "Test Bank"
mode = "test"

[policy]
interval = 5
token_wait = 0
requests_per_minute = 100000

{egress}

[[users]]
sub = "alice"
name = "Alice"

[[clients]]
client_id = "pinged"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
first_party = true
interaction_types = ["boolean", "input_manual"]
backchannel_token_delivery_mode = "ping"
backchannel_client_notification_endpoint = "{ping}"

[[clients]]
client_id = "pushed"
grant_types = ["urn:openid:params:grant-type:ciba", "refresh_token"]
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
interaction_types = ["boolean", "input_manual"]
backchannel_token_delivery_mode = "push"
backchannel_client_notification_endpoint = "{push}"
"#
    )
}

fn has_bearer(call: &ReceivedRequest) {
    assert_eq!(call.method, "POST");
    assert_eq!(call.header("authorization"), Some(format!("Bearer {BEARER}").as_str()));
    assert_eq!(call.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn b08_ping_and_push_need_a_token_that_can_be_sent_and_not_be_guessed() {
    let fixture = Fixture::without_outbox().await;
    let long = "a1B2c3D4".repeat(129);
    let bad: [(Option<&str>, &str); 7] = [
        (None, "client_notification_token is missing"),
        (Some(&long), "longer than 1024 characters"),
        (Some("8d67dc78 7faa4d41aabd67707b374255"), "not a bearer token"),
        (Some("8d67dc787faa4d41aabd67707b37425\u{e4}"), "not a bearer token"),
        (Some("8d67dc787faa=4d41aabd67707b374255"), "not a bearer token"),
        (Some("8d67dc787faa4d41"), "too easy to guess"),
        (Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "too easy to guess"),
    ];
    for client in ["pinged", "pushed"] {
        for (token, words) in &bad {
            let reply = fixture.try_ask(client, *token).await;
            assert_eq!((reply.status, reply.text("error").as_str()), (StatusCode::BAD_REQUEST, "invalid_request"));
            assert!(reply.text("error_description").contains(words), "{}", reply.body);
            assert!(token.is_none_or(|token| !reply.body.contains(token)), "{}", reply.body);
        }
        for good in [BEARER, &long[..1024]] {
            assert_eq!(fixture.try_ask(client, Some(good)).await.status, StatusCode::OK);
        }
    }
    let poll = fixture.world.restarted_with(crate::world::CONFIG);
    let reply = poll.try_ask_about("alice", "till", Some("of no use to a client that polls")).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
}

#[tokio::test]
async fn an_acknowledgement_names_an_interval_to_whoever_may_poll() {
    let fixture = Fixture::without_outbox().await;
    let pinged = fixture.try_ask("pinged", Some(BEARER)).await;
    assert_eq!(pinged.json()["interval"], 5);
    let pushed = fixture.try_ask("pushed", Some(BEARER)).await;
    let members: Vec<String> = pushed.json().as_object().expect("an object").keys().cloned().collect();
    assert_eq!(members, ["auth_req_id", "expires_in", "interaction_type", "ref"]);
}

#[tokio::test]
async fn p01_a_ping_says_that_there_is_a_verdict_and_nothing_else() {
    let mut fixture = Fixture::new().await;
    let approved = fixture.ask("pinged").await;
    assert_eq!(fixture.world.poll("pinged", &approved).await.text("error"), "authorization_pending");
    fixture.approve().await;
    let calls = fixture.ping.wait_for(1).await;
    has_bearer(&calls[0]);
    assert_eq!((calls[0].path.as_str(), calls[0].json()), ("/ciba/ping", json!({ "auth_req_id": approved })));
    let reply = fixture.world.poll("pinged", &approved).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);

    let denied = fixture.ask("pinged").await;
    fixture.deny(None).await;
    let calls = fixture.ping.wait_for(2).await;
    has_bearer(&calls[1]);
    assert_eq!(calls[1].json(), json!({ "auth_req_id": denied }));
    assert_eq!(fixture.world.poll("pinged", &denied).await.text("error"), "access_denied");
    fixture.until_delivered().await;
    assert_eq!(fixture.ping.requests().len(), 2);
}

#[tokio::test]
async fn p01_an_expired_request_is_not_pinged() {
    let fixture = Fixture::new().await;
    let id = fixture.ask("pinged").await;
    fixture.later(301);
    fixture.until_delivered().await;
    assert!(fixture.ping.requests().is_empty());
    assert_eq!(fixture.world.poll("pinged", &id).await.text("error"), "expired_token");
}

#[tokio::test]
async fn p02_whatever_a_client_answers_its_later_poll_is_served() {
    let mut fixture = Fixture::new().await;
    let elsewhere = fixture.push.url("/ciba/push");
    let answers = [
        ScriptedResponse::Status(204),
        ScriptedResponse::With(200, "content-type", "text/html".to_owned()),
        ScriptedResponse::Status(401),
        ScriptedResponse::Status(403),
        ScriptedResponse::With(302, "location", elsewhere.clone()),
        ScriptedResponse::With(307, "location", elsewhere),
    ];
    for (n, answer) in answers.into_iter().enumerate() {
        fixture.ping.respond_with([answer]);
        let id = fixture.ask("pinged").await;
        fixture.approve().await;
        let calls = fixture.ping.wait_for(n + 1).await;
        assert_eq!(calls[n].json(), json!({ "auth_req_id": id }));
        fixture.until_delivered().await;
        assert_eq!(fixture.world.poll("pinged", &id).await.status, StatusCode::OK);
    }
    fixture.later(60);
    assert_eq!(fixture.ping.requests().len(), 6, "nothing is repeated");
    assert!(fixture.push.requests().is_empty(), "no redirect is followed");
}

#[tokio::test]
async fn p02_an_unreachable_client_is_notified_when_it_is_back() {
    let mut fixture = Fixture::new().await;
    fixture.ping.respond_with([500, 503, 429, 408].map(ScriptedResponse::Status));
    let id = fixture.ask("pinged").await;
    fixture.approve().await;
    for attempt in 1..=4 {
        fixture.failed(attempt).await;
        assert_eq!(fixture.ping.requests().len() as i64, attempt);
        fixture.until_due();
    }
    let calls = fixture.ping.wait_for(5).await;
    assert!(calls.iter().all(|call| call.json() == json!({ "auth_req_id": id })));
    fixture.until_delivered().await;
    let counts = fixture.world.provider.delivery_counts();
    let counts: Vec<_> = counts.iter().map(|of| (of.kind, of.outcome, of.count)).collect();
    assert_eq!(counts, [("ping", "delivered", 1), ("ping", "failed", 4)]);
}

#[tokio::test]
async fn a_client_that_stays_away_is_given_up_at_the_requests_end() {
    let mut fixture = Fixture::new().await;
    fixture.ping.respond_with(vec![ScriptedResponse::Status(500); 50]);
    let id = fixture.ask("pinged").await;
    fixture.approve().await;
    let mut attempt = 1;
    while fixture.failed(attempt).await {
        fixture.until_due();
        attempt += 1;
    }
    let calls = fixture.ping.requests().len();
    assert!((8..14).contains(&calls), "{calls} attempts in 300 s");
    assert!(fixture.world.side.clock.now().seconds() <= 1_800_000_300);
    assert!(fixture.ping.requests().iter().all(|call| call.json() == json!({ "auth_req_id": id })));
}

#[tokio::test]
async fn t06_a_client_that_is_pinged_may_poll_and_is_then_not_pinged() {
    let mut fixture = Fixture::without_outbox().await;
    let id = fixture.ask("pinged").await;
    fixture.approve().await;
    assert_eq!(fixture.world.poll("pinged", &id).await.status, StatusCode::OK);
    fixture.run_outbox();
    fixture.until_delivered().await;
    assert!(fixture.ping.requests().is_empty());
}

#[tokio::test]
async fn p03_a_push_brings_tokens_that_are_bound_to_their_request() {
    let mut fixture = Fixture::new().await;
    let id = fixture.ask("pushed").await;
    fixture.approve().await;
    let call = fixture.push.wait_for(1).await.remove(0);
    has_bearer(&call);
    assert_eq!(call.path, "/ciba/push");
    let pushed = call.json();
    assert_eq!(pushed["auth_req_id"], json!(id));
    assert_eq!(
        (&pushed["token_type"], &pushed["expires_in"], &pushed["scope"]),
        (&json!("Bearer"), &json!(600), &json!("openid"))
    );
    let access_token = pushed["access_token"].as_str().expect("a token");
    let (_, claims) = fixture.world.open(pushed["id_token"].as_str().expect("a token")).await;
    let claims: Value = serde_json::from_str(&claims).expect("claims");
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("alice"), &json!("pushed")));
    assert_eq!(claims["urn:openid:params:jwt:claim:auth_req_id"], json!(id));
    assert_eq!(claims["at_hash"], json!(base64url::encode(&Hash::of(access_token).as_bytes()[..16])));
    fixture.until_delivered().await;
    assert_eq!(fixture.push.requests().len(), 1);
}

#[tokio::test]
async fn p03_a_refresh_token_is_pushed_with_its_hash_and_is_good_once_the_push_was_made() {
    let mut fixture = Fixture::new().await;
    let form = [
        ("scope", "openid offline_access"),
        ("login_hint", "alice"),
        ("interaction_type", "boolean"),
        ("client_notification_token", BEARER),
    ];
    assert_eq!(fixture.world.post("pushed", BC, &form).await.status, StatusCode::OK);
    fixture.approve().await;
    let said = fixture.push.wait_for(1).await.remove(0).json();
    let token = said["refresh_token"].as_str().expect("a refresh token");
    let (_, claims) = fixture.world.open(said["id_token"].as_str().expect("an ID token")).await;
    let claims: Value = serde_json::from_str(&claims).expect("claims");
    let expected = base64url::encode(&Hash::of(token).as_bytes()[..16]);
    assert_eq!(claims["urn:openid:params:jwt:claim:rt_hash"], json!(expected));
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let new = fixture.world.post("pushed", TOKEN, &form).await;
    assert_eq!(new.status, StatusCode::OK, "{}", new.body);
}

#[tokio::test]
async fn p03_details_are_pushed_as_they_were_signed_to_the_byte() {
    let mut fixture = Fixture::new().await;
    let details = " [ {\"type\":\"payment_initiation\", \"instructedAmount\":{\"currency\":\"EUR\",\"amount\":\"80.00\"},\"creditorName\":\"Acme Coffee\"} ]\n";
    let form = [
        ("scope", "openid"),
        ("login_hint", "alice"),
        ("client_notification_token", BEARER),
        ("authorization_details", details),
    ];
    let reply = fixture.world.post("pushed", BC, &form).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    fixture.approve().await;
    let call = fixture.push.wait_for(1).await.remove(0);
    assert!(call.body.ends_with(&format!(",\"authorization_details\":{details}}}")), "{}", call.body);
}

#[tokio::test]
async fn p04_a_denial_is_pushed_with_its_reason() {
    let mut fixture = Fixture::new().await;
    for (n, reason) in [(0, None), (1, Some(DenialReason::NotMe))] {
        let id = fixture.ask("pushed").await;
        fixture.deny(reason).await;
        let call = fixture.push.wait_for(n + 1).await.remove(n);
        has_bearer(&call);
        let mut expected =
            json!({ "auth_req_id": id, "error": "access_denied", "error_description": "the user denied the request" });
        if reason.is_some() {
            expected["denial_reason"] = json!("not_me");
        }
        let mut said = call.json();
        said.as_object_mut().and_then(|said| said.remove("ref")).expect("the request's name");
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn p04_an_expired_request_is_pushed_alike_whether_a_user_was_asked_or_not() {
    let fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for hint in ["alice", "mallory"] {
        let reply = fixture.world.try_ask_about(hint, "pushed", Some(BEARER)).await;
        ids.push((reply.text("auth_req_id"), reply.text("ref")));
    }
    // The devices' time is over, the clients' is not.
    fixture.later(295);
    fixture.world.provider.gateway().sweep().await.expect("swept");
    fixture.later(0);
    for _ in 0..200 {
        yield_now().await;
    }
    assert!(fixture.push.requests().is_empty(), "pushed too early");
    fixture.later(6);
    let calls = fixture.push.wait_for(2).await;
    let mut told_about: Vec<(String, String)> = Vec::new();
    for call in &calls {
        has_bearer(call);
        let mut said = call.json();
        let names = ["auth_req_id", "ref"].map(|name| said[name].take().as_str().expect("a text").to_owned());
        told_about.push(names.into());
        let words = "the request was not answered in time: make a new authentication request";
        let nameless =
            json!({ "auth_req_id": null, "ref": null, "error": "expired_token", "error_description": words });
        assert_eq!(said, nameless);
    }
    ids.sort();
    told_about.sort();
    assert_eq!(told_about, ids);
    fixture.until_delivered().await;
}

#[tokio::test]
async fn p04_a_cancelled_request_is_pushed_alike_whether_a_user_was_asked_or_not() {
    let fixture = Fixture::new().await;
    for (n, hint) in ["alice", "mallory"].into_iter().enumerate() {
        let asked = fixture.world.try_ask_about(hint, "pushed", Some(BEARER)).await;
        let (id, name) = (asked.text("auth_req_id"), asked.text("ref"));
        let revoked = fixture.world.post("pushed", "/tenant/revoke", &[("token", &id)]).await;
        assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.body);
        let call = fixture.push.wait_for(n + 1).await.remove(n);
        has_bearer(&call);
        let words = "this client cancelled the request";
        let expected = json!({ "auth_req_id": id, "ref": name, "error": "access_denied", "error_description": words, "denial_reason": "cancelled" });
        assert_eq!(call.json(), expected);
    }
    fixture.until_delivered().await;
}

#[tokio::test]
async fn p04_what_can_not_be_completed_is_pushed_as_transaction_failed() {
    let mut fixture = Fixture::without_outbox().await;
    let id = fixture.ask("pushed").await;
    fixture.approve().await;
    // The approval's record is damaged: it says no more how the person was verified.
    let store = fixture.world.provider.gateway().store();
    store
        .write(|transaction| Ok::<_, Error>(transaction.connection().execute("UPDATE approval SET acr = NULL", [])?))
        .await
        .expect("damaged");
    fixture.run_outbox();
    for attempt in 1..=2 {
        fixture.failed(attempt).await;
        fixture.until_due();
    }
    let call = fixture.push.wait_for(1).await.remove(0);
    let said = call.json();
    assert_eq!((&said["auth_req_id"], &said["error"]), (&json!(id), &json!("transaction_failed")));
    assert!(!call.body.contains("access_token"));
    fixture.until_delivered().await;
}

#[tokio::test]
async fn t07_a_user_locked_since_the_approval_is_pushed_a_denial() {
    let mut fixture = Fixture::without_outbox().await;
    let id = fixture.ask("pushed").await;
    fixture.approve().await;
    let locked = fixture.config.replace("name = \"Alice\"", "name = \"Alice\"\nlocked = true");
    let mut fixture = fixture.crashed(&locked).await;
    fixture.run_outbox();
    let said = fixture.push.wait_for(1).await.remove(0).json();
    assert_eq!((&said["auth_req_id"], &said["error"]), (&json!(id), &json!("access_denied")));
}

#[tokio::test]
async fn t07_an_approval_disputed_before_its_push_is_pushed_as_a_denial() {
    let mut fixture = Fixture::without_outbox().await;
    fixture.ask("pushed").await;
    let challenge = fixture.phone.next_challenge(&fixture.world.side).await;
    let answer = fixture.phone.approve(&challenge, None);
    fixture.phone.settle(&fixture.world.side, &challenge, &answer).await;
    assert_eq!(fixture.phone.dispute(&fixture.world.side, &challenge).await.status, StatusCode::OK);
    fixture.run_outbox();
    let said = fixture.push.wait_for(1).await.remove(0).json();
    assert_eq!((&said["error"], &said["denial_reason"]), (&json!("access_denied"), &json!("disputed")));
}

#[tokio::test]
async fn t04_a_client_that_is_pushed_to_may_not_poll() {
    let mut fixture = Fixture::without_outbox().await;
    let id = fixture.ask("pushed").await;
    let refused = async |fixture: &Fixture| {
        let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id.as_str())];
        let reply = fixture.world.post("pushed", TOKEN, &form).await;
        assert_eq!((reply.status, reply.text("error").as_str()), (StatusCode::BAD_REQUEST, "unauthorized_client"));
    };
    refused(&fixture).await;
    fixture.approve().await;
    refused(&fixture).await;
    fixture.run_outbox();
    fixture.push.wait_for(1).await;
    refused(&fixture).await;
}

#[tokio::test]
async fn p04_a_wrong_number_is_pushed_as_a_denial() {
    let mut fixture = Fixture::new().await;
    fixture.phone.interaction_types = InteractionType::ALL.to_vec();
    let form = [
        ("scope", "openid"),
        ("login_hint", "alice"),
        ("client_notification_token", BEARER),
        ("interaction_type", "input_manual"),
    ];
    let shown = fixture.world.post("pushed", BC, &form).await.text("interaction_value");
    let wrong = if shown == "000000" { "000001" } else { "000000" };
    fixture.world.approve(&mut fixture.phone, Some(wrong)).await;
    let said = fixture.push.wait_for(1).await.remove(0).json();
    assert_eq!((&said["error"], &said["denial_reason"]), (&json!("access_denied"), &json!("mismatch")));
}

#[tokio::test]
async fn a_push_cut_off_by_a_crash_is_repeated_word_for_word() {
    let mut fixture = Fixture::new().await;
    fixture.push.respond_with([ScriptedResponse::Hang]);
    fixture.ask("pushed").await;
    fixture.approve().await;
    fixture.push.wait_for(1).await;
    let config = fixture.config.clone();
    let mut fixture = fixture.crashed(&config).await;
    fixture.world.advance_seconds(30);
    fixture.run_outbox();
    let calls = fixture.push.wait_for(2).await;
    assert_eq!(calls[0].body, calls[1].body, "the tokens were made once");
    has_bearer(&calls[1]);
    fixture.until_delivered().await;
    let config = fixture.config.clone();
    let mut fixture = fixture.crashed(&config).await;
    fixture.run_outbox();
    fixture.later(60);
    fixture.until_delivered().await;
    assert_eq!(fixture.push.requests().len(), 2, "what was received is not repeated");
}

#[tokio::test]
async fn a_verdict_before_a_crash_is_delivered_after_it() {
    let mut fixture = Fixture::without_outbox().await;
    let (pinged, pushed) = (fixture.ask("pinged").await, fixture.ask("pushed").await);
    for challenge in fixture.phone.pull(&fixture.world.side).await.challenges {
        let challenge = fixture.phone.verify(&challenge);
        let answer = fixture.phone.approve(&challenge, None);
        fixture.phone.settle(&fixture.world.side, &challenge, &answer).await;
    }
    let config = fixture.config.clone();
    let mut fixture = fixture.crashed(&config).await;
    fixture.run_outbox();
    assert_eq!(fixture.ping.wait_for(1).await[0].json()["auth_req_id"], json!(pinged));
    assert_eq!(fixture.push.wait_for(1).await[0].json()["auth_req_id"], json!(pushed));
    fixture.until_delivered().await;
}

#[tokio::test]
async fn a_verdict_made_by_another_process_is_delivered() {
    let mut fixture = Fixture::new().await;
    let watching = fixture.world.provider.gateway().run_background();
    let id = fixture.ask("pinged").await;
    fixture.phone.pull(&fixture.world.side).await;
    let admin = countersign_op::Provider::open_for_admin(
        countersign_op::Config::parse(&fixture.config, fixture.world.home())
            .unwrap_or_else(|errors| panic!("{errors:?}")),
        fixture.world.home(),
        fixture.world.ports(),
    );
    let admin = admin.unwrap_or_else(|error| panic!("{error}"));
    let by = countersign_protocol::revocation::RevokedBy::Operator;
    admin.gateway().revoke_device(fixture.phone.id(), by).await.expect("revoked");
    let calls = fixture.ping.wait_for(1).await;
    assert_eq!(calls[0].json(), json!({ "auth_req_id": id }));
    watching.abort();
}

#[tokio::test]
async fn an_endpoint_that_hangs_delays_no_other_client() {
    let mut fixture = Fixture::without_outbox().await;
    fixture.ping.respond_with(vec![ScriptedResponse::Hang; 100]);
    for _ in 0..20 {
        fixture.ask("pinged").await;
    }
    let pushed = fixture.ask("pushed").await;
    for challenge in fixture.phone.pull(&fixture.world.side).await.challenges {
        let challenge = fixture.phone.verify(&challenge);
        let answer = fixture.phone.deny(&challenge, None);
        fixture.phone.settle(&fixture.world.side, &challenge, &answer).await;
    }
    fixture.run_outbox();
    fixture.ping.wait_for(4).await;
    assert_eq!(fixture.push.wait_for(1).await[0].json()["auth_req_id"], json!(pushed));
    assert_eq!(fixture.ping.requests().len(), 4, "one client has four places at most");
}

/// An end that is hidden from a client that must not learn who exists.
#[derive(Debug, Clone, Copy)]
enum HiddenEnd {
    RefusedByTheDevice,
    DeviceRevoked,
    UserLocked,
}

impl Fixture {
    /// Ends everything that is pending, in the way `end` says; afterwards Alice can be asked again.
    async fn end_hidden(&mut self, end: HiddenEnd) {
        match end {
            HiddenEnd::RefusedByTheDevice => {
                for challenge in self.phone.pull(&self.world.side).await.challenges {
                    let challenge = self.phone.verify(&challenge);
                    assert!(self.phone.refuse(&self.world.side, &challenge).await.status.is_success());
                }
            }
            HiddenEnd::DeviceRevoked => {
                let by = countersign_protocol::revocation::RevokedBy::Operator;
                let gateway = self.world.provider.gateway();
                assert!(gateway.revoke_device(self.phone.id(), by).await.expect("revoked"));
                self.phone = self.world.enroll("New phone").await;
            }
            HiddenEnd::UserLocked => {
                let alice = self.world.provider.user("alice").expect("alice").sub.clone();
                assert_eq!(self.world.provider.lock_user(&alice).await.expect("locked"), 5);
                assert!(self.world.provider.unlock_user(&alice).await.expect("unlocked"));
            }
        }
    }

    /// Resolves once no row is due.
    async fn until_nothing_is_due(&self) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let now = i64::try_from(self.world.side.clock.now().millis()).expect("small");
        let due = || {
            let store = self.world.provider.gateway().store();
            let count = store.read_blocking(|snapshot| {
                let connection = snapshot.connection();
                Ok(connection
                    .query_row("SELECT count(*) FROM outbox WHERE due_at <= ?1", [now], |row| row.get::<_, i64>(0))?)
            });
            count.expect("a count")
        };
        while due() > 0 {
            assert!(std::time::Instant::now() < deadline, "a row stays due and is tried again and again");
            yield_now().await;
        }
    }
}

#[tokio::test]
async fn attack_22_ends_that_are_hidden_wait_for_the_requests_expiry_and_delay_no_other_push() {
    for end in [HiddenEnd::RefusedByTheDevice, HiddenEnd::DeviceRevoked, HiddenEnd::UserLocked] {
        let mut fixture = Fixture::new().await;
        // One more than attempts to one client at once.
        let mut hidden = Vec::new();
        for _ in 0..5 {
            hidden.push(fixture.ask("pushed").await);
        }
        fixture.end_hidden(end).await;
        fixture.until_nothing_is_due().await;

        let answered = fixture.ask("pushed").await;
        fixture.approve().await;
        let call = fixture.push.wait_for(1).await.remove(0).json();
        assert_eq!((&call["auth_req_id"], call["access_token"].is_string()), (&json!(answered), true), "{end:?}");

        fixture.later(301);
        let calls = fixture.push.wait_for(6).await;
        let mut told: Vec<String> = Vec::new();
        for call in &calls[1..] {
            assert_eq!(call.json()["error"], json!("expired_token"), "{end:?}");
            told.push(call.json()["auth_req_id"].as_str().expect("a text").to_owned());
        }
        told.sort();
        hidden.sort();
        assert_eq!(told, hidden, "{end:?}");
        fixture.until_delivered().await;
    }
}

#[tokio::test]
async fn nothing_is_kept_for_a_client_once_it_was_notified() {
    let mut fixture = Fixture::new().await;
    for client in ["pinged", "pushed"] {
        fixture.ask(client).await;
        fixture.approve().await;
    }
    fixture.ping.wait_for(1).await;
    fixture.push.wait_for(1).await;
    fixture.until_delivered().await;
}

#[tokio::test]
async fn attack_15_p06_an_address_inside_is_never_called() {
    // A listener that would see any connection, at an address that no [egress] names.
    let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = trap.local_addr().expect("an address").port();
    let forms = [
        "127.0.0.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "localhost",
        "[::1]",
        "169.254.169.254",
    ];
    for host in forms {
        let inside = format!("https://{host}:{port}/");
        let world = World::with(&configuration("", &inside, &inside));
        let mut phone = world.enroll("Phone").await;
        let outbox_task = world.provider.run_outbox();
        for client in ["pinged", "pushed"] {
            let reply = world.try_ask_about("alice", client, Some(BEARER)).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            world.approve(&mut phone, None).await;
        }
        world.until_outbox_is_empty().await;
        outbox_task.abort();
    }
    let nobody = std::future::poll_fn(|context| std::task::Poll::Ready(trap.poll_accept(context).is_pending())).await;
    assert!(nobody, "an address inside was called");
}
