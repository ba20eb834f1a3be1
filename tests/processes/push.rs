//! Pushes of a running provider: what a push service, a log and the operator see of them, and that none is lost in a crash.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use countersign_device::edge::system;
use countersign_testing::push_service::{Push, PushService, Subscription};
use countersign_tests::PATIENCE;
use countersign_tests::client::PAYMENT;
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use countersign_tests::wire_device;
use serde_json::json;
use tokio::runtime::Runtime;

/// A push service that runs while the test does.
struct Service {
    runtime: Runtime,
    service: PushService,
}

impl Service {
    fn start() -> Service {
        let runtime = Runtime::new().expect("a runtime");
        let service = runtime.block_on(PushService::start());
        Service { runtime, service }
    }

    fn wait_for(&self, count: usize) -> Vec<Push> {
        self.runtime.block_on(self.service.wait_for(count))
    }
}

/// Configuration of a provider that may push to loopback, with users `user-0` to this many.
fn pushing(users: usize) -> Settings {
    let users: String = (0..users).map(|n| format!("[[users]]\nsub = \"user-{n}\"\n")).collect();
    Settings { more: format!("{users}[egress]\nallow = [\"127.0.0.1\"]\n"), ..Settings::default() }
}

#[test]
fn the_operator_sees_who_can_be_woken_and_no_log_holds_an_endpoint() {
    let env = TestEnv::new();
    let pushes = Service::start();
    let provider = Provider::start_with(&env, "provider", &Settings { log: Some("trace"), ..pushing(0) });
    let subscription = Subscription::new(&*system::random());
    let address = subscription.address(&pushes.service.endpoint("s3cr3t-capability-of-this-device"));
    let mut device = wire_device::enroll_with(&provider.link("alice"), "phone", Some(address));
    let id = device.id().as_str().to_owned();
    let listed = || provider.op(&["device", "list", "alice"]).expect_code(0).line("device")["push"].clone();
    let never =
        json!({ "state": "ok", "proven": false, "service": "127.0.0.1", "last_ok": null, "last_failure": null });
    assert_eq!(listed(), never);

    let till = provider.till();
    till.ask(&[("authorization_details", PAYMENT), ("binding_message", "c4n4ry")]);
    let push = pushes.wait_for(1).remove(0);
    let seen = format!("{} {}", push.as_seen(), subscription.plaintext(&push));
    // The digits of this test's own addresses may be the amount's.
    let is_digit = |c: char| c.is_ascii_digit() || c == '.';
    let seen: String = seen.split_inclusive(|c| !is_digit(c)).filter(|part| !part.starts_with("127.")).collect();
    for canary in ["alice", "Alice", "coffee-pos", "Acme Coffee", "4.20", "c4n4ry", "payment", id.as_str()] {
        assert!(!seen.contains(canary), "the push service saw {canary}");
    }
    // Until the service's reply is noted, a call would count as one that came before the push.
    let deadline = Instant::now() + PATIENCE;
    while listed()["last_ok"].is_null() {
        assert!(Instant::now() < deadline, "the push is noted");
    }
    let challenge = wire_device::only_challenge(&mut device);
    while listed()["proven"] != true {
        assert!(Instant::now() < deadline, "the call is noted");
    }
    let steps = provider.op(&["trace", challenge.id().as_str()]).expect_code(0).lines("step");
    let steps: Vec<_> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert!(steps.contains(&"pushed") && steps.contains(&"looked"), "{steps:?}");

    let tested = provider.op(&["device", "push-test", &id]).expect_code(0).line("push");
    assert!(
        tested["queued_ms"].is_u64() && tested["accepted_ms"].is_u64() && tested["service"] == "127.0.0.1",
        "{tested}"
    );
    assert!(tested.get("looked_ms").is_some_and(serde_json::Value::is_null), "{tested}");
    assert_eq!(pushes.wait_for(2).len(), 2);

    let keys = |state: &str| {
        let keys = provider.op(&["keys", "list"]).expect_code(0).lines("key");
        keys.into_iter().filter(|key| key["name"] == "vapid" && key["state"] == state).count()
    };
    provider.op(&["keys", "rotate"]).expect_code(0);
    assert_eq!((keys("signs"), keys("former")), (1, 0), "an ordinary rotation leaves it alone");
    provider.op(&["keys", "rotate", "--push"]).expect_code(0);
    assert_eq!((keys("signs"), keys("former")), (1, 1));
    assert_eq!(listed()["state"], "rekey");
    provider.op(&["keys", "rotate", "--push", "--compromised"]).expect_code(0);
    assert_eq!((keys("signs"), keys("former")), (1, 0));

    let logged = env.standard_errors();
    assert!(logged.contains("pushed"), "the log tells of it");
    let (private, auth) = subscription.exposed();
    for canary in ["s3cr3t-capability", &private, &auth] {
        assert!(!logged.contains(canary), "a log holds {canary}");
    }
}

/// How often the provider is killed, and how many devices are woken between two kills: 30 challenges and 3 kills, or what the
/// environment says (`make soak`: 1,000 and 25).
fn size() -> (usize, usize) {
    let from = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    (from("WAKEUP_KILLS").unwrap_or(3), from("WAKEUP_DEVICES").unwrap_or(10))
}

/// Pushes that the provider has not sent, or whose result it has not noted.
fn unsent(provider: &Provider<'_>) -> i64 {
    let database = rusqlite::Connection::open_with_flags(
        provider.home().join("provider.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    );
    let database = database.expect("the provider's database");
    database.query_row("SELECT count(*) FROM wakeup", [], |row| row.get(0)).expect("its outbox of pushes")
}

#[test]
fn every_request_wakes_its_device_although_the_provider_is_killed_again_and_again() {
    let (kills, devices) = size();
    let env = TestEnv::new();
    let pushes = Service::start();
    let unlimited = "requests_per_minute = 100000\npending_requests = 100000\nmax_pending = 1000\n";
    let mut provider =
        Provider::start_with(&env, "provider", &Settings { policy: unlimited.to_owned(), ..pushing(devices) });
    for n in 0..devices {
        let subscription = Subscription::new(&*system::random());
        let address = subscription.address(&pushes.service.endpoint(&format!("device-{n}")));
        wire_device::enroll_with(&provider.link(&format!("user-{n}")), "phone", Some(address));
    }
    let counts = || {
        let mut counts = BTreeMap::<String, usize>::new();
        for push in pushes.service.pushes() {
            *counts.entry(push.path).or_default() += 1;
        }
        counts
    };
    let mut before = counts();
    for round in 0..kills {
        let mut till = provider.till();
        for n in 0..devices {
            let response = till.post("/bc-authorize", &[("login_hint", &format!("user-{n}")), ("scope", "openid")]);
            assert_eq!(response.status, 200, "{}", response.text());
            if n == (round * 7 + devices / 2) % devices {
                // Soon after an acknowledgement: some pushes are sent, some under way, some only rows.
                std::thread::sleep(Duration::from_millis(round as u64 * 5 % 16));
                provider.kill_9();
                provider.restart();
                till = provider.till();
            }
        }
        let deadline = Instant::now() + PATIENCE;
        while unsent(&provider) > 0 {
            assert!(Instant::now() < deadline, "{} pushes are left in round {round}", unsent(&provider));
            std::thread::sleep(Duration::from_millis(20));
        }
        let now = counts();
        for n in 0..devices {
            let path = format!("/push/device-{n}");
            let of = |counts: &BTreeMap<String, usize>| counts.get(&path).copied().unwrap_or_default();
            let woken = of(&now) - of(&before);
            assert!((1..=2).contains(&woken), "device {n} was woken {woken} times in round {round}");
        }
        before = now;
    }
    // One that was under way when the provider was killed comes twice.
    let (challenges, woken) = (kills * devices, before.values().sum::<usize>());
    let twice = woken - challenges;
    assert!(twice <= (challenges / 100).max(3), "{twice} of {challenges} came twice");
}
