//! `countersign watch --push` and `countersign push-test`: a headless device that is woken in place of holding a stream.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use countersign_tests::device::Device;
use countersign_tests::process::Process;
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use countersign_tests::{PATIENCE, http};
use serde_json::Value;

/// A provider that may push to loopback.
fn pushing() -> Settings {
    Settings { more: "[egress]\nallow = [\"127.0.0.0/8\"]\n".to_owned(), log: Some("debug"), ..Settings::default() }
}

/// What the operator sees of the address of alice's only device.
fn push_of(provider: &Provider<'_>) -> Value {
    provider.op(&["device", "list", "alice"]).expect_code(0).line("device")["push"].clone()
}

fn wait_for_state(provider: &Provider<'_>, state: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let push = push_of(provider);
        if push["state"] == state {
            return;
        }
        assert!(Instant::now() < deadline, "not {state}: {push}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn watch(device: &Device<'_>, at: SocketAddr, more: &[&str]) -> Process {
    device.watch(&[&["--push", &at.to_string(), "--approve-if", "{}"], more].concat())
}

#[test]
fn a_push_makes_a_watching_device_look_and_answer_without_a_stream() {
    let env = TestEnv::new();
    let provider = Provider::start_with(&env, "provider", &pushing());
    let device = Device::enrolled(&env, "desk", &provider, "alice");
    let mut watching = watch(&device, env.free_address(), &["--count", "1"]);
    wait_for_state(&provider, "ok");

    let (mut request, _) = provider.till().acknowledged(&["--interaction", "boolean"]);
    let asked = watching.line("challenge");
    assert_eq!(watching.line("answered")["outcome"], "approved");
    request.line("tokens");
    assert_eq!((watching.exit(), request.exit()), (0, 0));

    let steps = provider.op(&["trace", asked["id"].as_str().expect("an id")]).expect_code(0).lines("step");
    let steps: Vec<_> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert!(steps.contains(&"pushed"), "{steps:?}");
    let push = push_of(&provider);
    assert_eq!((&push["state"], &push["proven"]), (&"none".into(), &false.into()), "withdrawn at its end");
    let logged = env.standard_errors();
    assert!(logged.contains("/push/challenges") && !logged.contains("/push/stream"), "no stream was held");
}

#[test]
fn a_stop_withdraws_the_address_and_a_crash_loses_no_request() {
    let env = TestEnv::new();
    let provider = Provider::start_with(&env, "provider", &pushing());
    let device = Device::enrolled(&env, "desk", &provider, "alice");
    let at = env.free_address();
    let mut first = watch(&device, at, &[]);
    wait_for_state(&provider, "ok");
    first.terminate();
    assert_eq!(first.exit(), 0);
    wait_for_state(&provider, "none");

    let mut second = watch(&device, at, &[]);
    wait_for_state(&provider, "ok");
    second.kill_9();
    // The provider believes in the address; nothing listens there any more.
    let (mut request, _) = provider.till().acknowledged(&["--interaction", "boolean"]);
    let mut third = watch(&device, env.free_address(), &["--count", "1"]);
    assert_eq!(third.line("answered")["outcome"], "approved");
    request.line("tokens");
    assert_eq!((third.exit(), request.exit()), (0, 0));
}

#[test]
fn junk_at_the_listener_wakes_nobody_and_holds_up_nothing() {
    let env = TestEnv::new();
    let provider = Provider::start_with(&env, "provider", &pushing());
    let device = Device::enrolled(&env, "desk", &provider, "alice");
    let at = env.free_address();
    let mut watching = watch(&device, at, &["--count", "1"]);
    wait_for_state(&provider, "ok");
    let url = |path: &str| format!("http://{at}{path}");
    assert_eq!(http::send("GET", &url("/push/x"), &[], b"").status, 405);
    assert_eq!(http::send("POST", &url("/push/x"), &[], b"junk").status, 404);
    assert_eq!(http::send("POST", &url("/"), &[], &[0; 4096]).status, 404);
    assert_eq!(http::send("POST", &url("/push/x"), &[], &vec![0; 5000]).status, 413);
    let mut raw = TcpStream::connect(at).expect("it listens");
    raw.write_all(&[0xff; 2048]).expect("written");
    // Some that never say anything: fewer than it serves at once.
    let _idle: Vec<_> = (0..8).map(|_| TcpStream::connect(at).expect("it listens")).collect();
    assert_eq!(push_of(&provider)["proven"], false, "it has not looked");

    let (mut request, _) = provider.till().acknowledged(&["--interaction", "boolean"]);
    assert_eq!(watching.line("answered")["outcome"], "approved");
    request.line("tokens");
    assert_eq!(watching.exit(), 0);
}

#[test]
fn a_provider_that_takes_no_such_address_is_told_and_the_command_ends() {
    let env = TestEnv::new();
    let refusing = Provider::start(&env);
    let device = Device::enrolled(&env, "desk", &refusing, "alice");
    let failed = watch(&device, env.free_address(), &[]).finish().expect_code(4).line("error");
    assert_eq!(failed["error"], "push_address_not_allowed", "{failed}");
    let outside = "192.0.2.1:9".parse().expect("an address");
    assert_eq!(watch(&device, outside, &[]).finish().expect_code(2).line("error")["error"], "not_loopback");

    let silent = Settings { more: "[push]\nenabled = false\n".to_owned(), ..Settings::default() };
    let silent = Provider::start_with(&env, "silent", &silent);
    let other = Device::enrolled(&env, "other", &silent, "alice");
    let failed = watch(&other, env.free_address(), &[]).finish().expect_code(4).line("error");
    assert_eq!(failed["error"], "push_address_not_allowed", "{failed}");
}

#[test]
fn push_test_says_how_long_each_step_took() {
    let env = TestEnv::new();
    let provider = Provider::start_with(&env, "provider", &pushing());
    let device = Device::enrolled(&env, "desk", &provider, "alice");
    let bare = device.run(&["push-test"]).expect_code(4).line("error");
    assert_eq!(bare["error"], "invalid_request", "it has no address: {bare}");

    let tested = device.run(&["push-test", "--push", "127.0.0.1:0"]).expect_code(0).line("push");
    let members: Vec<_> = tested.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["accepted_ms", "event", "looked_ms", "queued_ms", "service"]);
    assert!(["queued_ms", "accepted_ms", "looked_ms"].iter().all(|step| tested[step].is_u64()), "{tested}");
    assert_eq!(tested["service"], "127.0.0.1");
    assert_eq!(push_of(&provider)["state"], "none", "what was registered for the test is gone");

    let mut watching = watch(&device, env.free_address(), &[]);
    wait_for_state(&provider, "ok");
    let id = provider.op(&["device", "list", "alice"]).expect_code(0).line("device")["device_id"].clone();
    let tested = provider.op(&["device", "push-test", id.as_str().expect("an id")]).expect_code(0).line("push");
    assert!(tested["looked_ms"].is_u64(), "the device calls: {tested}");
    watching.terminate();
    assert_eq!(watching.exit(), 0);
}
