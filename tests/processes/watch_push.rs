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
    for failed in
        [watch(&device, env.free_address(), &[]).finish(), device.run(&["push-test", "--push", "127.0.0.1:0"])]
    {
        let failed = failed.expect_code(4).line("error");
        assert_eq!(failed["error"], "push_address_not_allowed", "{failed}");
        assert!(says(&failed).contains("[egress] allow = [\"127."), "{failed}");
    }
    let outside = "192.0.2.1:9".parse().expect("an address");
    assert_eq!(watch(&device, outside, &[]).finish().expect_code(2).line("error")["error"], "not_loopback");

    let silent = Settings { more: "[push]\nenabled = false\n".to_owned(), ..Settings::default() };
    let silent = Provider::start_with(&env, "silent", &silent);
    let other = Device::enrolled(&env, "other", &silent, "alice");
    let watched = watch(&other, env.free_address(), &[]).finish();
    assert_eq!(watched.errors.matches("does not push").count(), 1, "{}", watched.errors);
    let tested = |arguments: &[&str]| other.run(&[&["push-test"], arguments].concat());
    for failed in [watched, tested(&[]), tested(&["--push", "127.0.0.1:0"])] {
        let failed = failed.expect_code(4).line("error");
        assert_eq!(failed["error"], "no_push", "{failed}");
        assert!(says(&failed).contains("does not push to devices") && !says(&failed).contains(".."), "{failed}");
    }
}

fn says(error: &Value) -> &str {
    error["message"].as_str().expect("a message")
}

#[test]
fn an_address_that_a_killed_watch_left_is_taken_back_by_the_next_one() {
    let env = TestEnv::new();
    let mut provider = Provider::start_with(&env, "provider", &pushing());
    let device = Device::enrolled(&env, "desk", &provider, "alice");
    let left = "An earlier watch left its push address behind";
    let kill = |provider: &Provider<'_>| {
        let mut killed = watch(&device, env.free_address(), &[]);
        wait_for_state(provider, "ok");
        killed.kill_9();
        assert_eq!(push_of(provider)["state"], "ok", "nobody told the provider");
    };
    kill(&provider);
    let plain = device.watch(&[]);
    wait_for_state(&provider, "none");
    plain.terminate();
    let ended = plain.finish().expect_code(0);
    assert_eq!(ended.errors.matches(left).count(), 1, "{}", ended.errors);

    // Also one that could not be told at its end.
    let stopped = watch(&device, env.free_address(), &[]);
    wait_for_state(&provider, "ok");
    provider.process().terminate();
    provider.process().exit();
    stopped.terminate();
    let stopped = stopped.finish().expect_code(0);
    assert!(stopped.errors.contains("the next watch tells it"), "{}", stopped.errors);
    provider.restart();
    assert_eq!(push_of(&provider)["state"], "ok");
    let plain = device.watch(&[]);
    wait_for_state(&provider, "none");
    plain.terminate();
    assert_eq!(plain.finish().expect_code(0).errors.matches(left).count(), 2);

    kill(&provider);
    let second = watch(&device, env.free_address(), &[]);
    let tested = || provider.op(&["device", "push-test", &device_id(&provider)]);
    let deadline = Instant::now() + PATIENCE;
    while tested().code != 0 {
        assert!(Instant::now() < deadline, "the new address has the place of the old one");
    }
    second.terminate();
    assert_eq!(second.finish().expect_code(0).errors.matches(left).count(), 3);
}

/// The id of alice's only device.
fn device_id(provider: &Provider<'_>) -> String {
    let device = provider.op(&["device", "list", "alice"]).expect_code(0).line("device");
    device["device_id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_push_that_nobody_takes_is_told_as_such_and_ends_with_4_for_device_and_operator() {
    let env = TestEnv::new();
    let provider = Provider::start_with(&env, "provider", &pushing());
    let device = Device::enrolled(&env, "desk", &provider, "alice");
    let mut killed = watch(&device, env.free_address(), &[]);
    wait_for_state(&provider, "ok");
    killed.kill_9();

    let tested = device.run(&["push-test"]).expect_code(4);
    let report = tested.line("push");
    assert!(report["accepted_ms"].is_null() && report["queued_ms"].is_u64(), "{report}");
    let error = tested.line("error");
    assert_eq!(error["error"], "push_not_accepted", "{error}");
    let next = format!("countersign watch --home {}", device.home().display());
    assert!(says(&error).contains(" did not accept the push") && says(&error).contains(&next), "{error}");

    let id = device_id(&provider);
    let told = provider.op(&["device", "push-test", &id]).expect_code(4).line("error");
    assert!(["push_not_accepted", "unavailable"].contains(&told["error"].as_str().expect("a code")), "{told}");
    assert!(says(&told).contains("accept"), "{told}");
    let status = provider.op(&["status"]).lines("status");
    let push = status.iter().find(|line| line["name"] == "push").expect("a line about pushes");
    assert!(push["detail"].as_str().is_some_and(|detail| detail.contains("failed")), "{push}");

    // A test with an address that works has the pause of the failures at most, and says how long.
    let again = device.run(&["push-test", "--push", "127.0.0.1:0"]);
    if again.code != 0 {
        let error = again.expect_code(4).line("error");
        assert_eq!(error["error"], "unavailable");
        assert!(says(&error).contains("try again in "), "{error}");
    }
}

#[test]
fn a_test_push_says_what_is_known_of_provider_and_device() {
    let env = TestEnv::new();
    let mut provider = Provider::start_with(&env, "provider", &pushing());
    let device = Device::enrolled(&env, "desk", &provider, "alice");
    let id = device_id(&provider);
    let unknown = device.run(&["push-test", "--account", "ac_none"]).expect_code(2).line("error");
    assert_eq!(unknown["error"], "unknown_account");
    let hint = format!("`countersign accounts --home {}`", device.home().display());
    assert!(says(&unknown).contains(&hint), "{unknown}");

    provider.process().terminate();
    provider.process().exit();
    for arguments in [["push-test"].as_slice(), &["push-test", "--push", "127.0.0.1:0"]] {
        let error = device.run(arguments).expect_code(4).line("error");
        assert_eq!(error["error"], "unreachable");
        assert!(says(&error).contains("nothing listens at its address; check host and port"), "{error}");
    }
    let idle = provider.op(&["device", "push-test", &id]).expect_code(4).line("error");
    assert_eq!(idle["error"], "unreachable");
    assert!(says(&idle).contains(&format!("countersign op serve --config {}", provider.config().display())), "{idle}");
    provider.restart();

    for _ in 0..3 {
        device.run(&["push-test", "--push", "127.0.0.1:0"]).expect_code(0);
    }
    let limited = device.run(&["push-test", "--push", "127.0.0.1:0"]).expect_code(4).line("error");
    assert_eq!(limited["error"], "rate_limited");
    assert!(says(&limited).contains("try again in ") && says(&limited).ends_with(" minutes"), "{limited}");

    provider.op(&["device", "revoke", &id]).expect_code(0);
    for _ in 0..2 {
        let error = device.run(&["push-test", "--push", "127.0.0.1:0"]).expect_code(4).line("error");
        assert_eq!(error["error"], "account_revoked");
        assert!(says(&error).contains("the provider has revoked this device"), "{error}");
    }
}

#[test]
fn push_test_says_how_long_each_step_took() {
    let env = TestEnv::new();
    let provider = Provider::start_with(&env, "provider", &pushing());
    let device = Device::enrolled(&env, "desk", &provider, "alice");
    let bare = device.run(&["push-test"]).expect_code(2).line("error");
    assert_eq!(bare["error"], "no_push", "it has no address: {bare}");
    let next = format!("countersign push-test --push 127.0.0.1:0 --home {}", device.home().display());
    assert!(says(&bare).contains(&next), "{bare}");
    let bare = provider.op(&["device", "push-test", &device_id(&provider)]).expect_code(2).line("error");
    assert_eq!(bare["error"], "no_push");

    let tested = device.run(&["push-test", "--push", "127.0.0.1:0"]).expect_code(0).line("push");
    let members: Vec<_> = tested.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["accepted_ms", "event", "looked_ms", "queued_ms", "service"]);
    assert!(["queued_ms", "accepted_ms", "looked_ms"].iter().all(|step| tested[step].is_u64()), "{tested}");
    assert_eq!(tested["service"], "127.0.0.1");
    assert_eq!(push_of(&provider)["state"], "none", "what was registered for the test is gone");

    let mut watching = watch(&device, env.free_address(), &[]);
    wait_for_state(&provider, "ok");
    let tested = provider.op(&["device", "push-test", &device_id(&provider)]).expect_code(0).line("push");
    assert!(tested["looked_ms"].is_u64(), "the device calls: {tested}");
    watching.terminate();
    assert_eq!(watching.exit(), 0);
}
