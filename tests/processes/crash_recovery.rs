//! Crash recovery: processes are killed between two steps that belong together.

use countersign_tests::client::{Client, PAYMENT};
use countersign_tests::device::{Device, id};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::proxy::{Answers, Did, Proxy};
use countersign_tests::test_env::TestEnv;
use serde_json::{Value, json};

/// A provider behind a proxy. Polls are answered at once, so that a test can ask for a request's status.
fn behind_a_proxy(env: &TestEnv) -> (Proxy, Provider<'_>) {
    let (issuer, listen) = (env.free_address(), env.free_address());
    let proxy = Proxy::start(issuer, listen);
    let settings = Settings { policy: "token_wait = \"0s\"".to_owned(), behind: Some(listen), ..Settings::default() };
    (proxy, Provider::start_at(env, "provider", issuer, &settings))
}

/// The client gets its tokens, and gets them once.
fn tokens_come_once(till: &Client<'_>, acknowledged: &Value) {
    let tokens = till.poll_to_the_end(acknowledged);
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    assert!(tokens.json()["id_token"].is_string());
    let again = till.poll(acknowledged);
    assert_eq!((again.status, again.error().as_str()), (400, "invalid_grant"), "tokens are given out once");
}

/// Every answer that the proxy has seen, as the device wrote it.
fn answers_in(proxy: &Proxy) -> Vec<String> {
    let traffic = String::from_utf8_lossy(&proxy.traffic()).into_owned();
    let answers = traffic.split(r#"{"answer":""#).skip(1);
    answers.map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_device_killed_before_its_answer_left_sends_the_same_bytes_after_its_restart() {
    let env = TestEnv::new();
    let (proxy, provider) = behind_a_proxy(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let till = provider.till();
    proxy.answers(Answers::Refuse);
    let mut watch = phone.watch(&["--approve-if", "{}"]);
    let acknowledged = till.ask(&[("authorization_details", PAYMENT)]);
    let challenge = watch.line("challenge");

    proxy.wait_until(Did::Refused);
    watch.kill_9();
    assert_eq!(till.poll(&acknowledged).error(), "authorization_pending", "nothing of the answer has arrived");

    proxy.recover();
    let mut watch = phone.watch(&[]);
    let answered = watch.line("answered");
    assert_eq!(
        (&answered["id"], &answered["decision"], &answered["outcome"]),
        (&challenge["id"], &json!("approved"), &json!("approved"))
    );
    tokens_come_once(&till, &acknowledged);
    let sent = answers_in(&proxy);
    assert!(sent.len() >= 2, "it was sent before and after");
    assert!(sent.iter().all(|answer| *answer == sent[0]), "and never signed again: {sent:?}");
}

#[test]
fn a_provider_killed_before_it_acknowledged_an_answer_keeps_it() {
    let env = TestEnv::new();
    let (proxy, mut provider) = behind_a_proxy(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let till = provider.till();
    let acknowledged = till.ask(&[("authorization_details", PAYMENT)]);
    proxy.answers(Answers::SwallowReply);
    let mut watch = phone.watch(&["--approve-if", "{}"]);
    let challenge = watch.line("challenge");

    proxy.wait_until(Did::Swallowed);
    provider.kill_9();
    assert!(watch.seen("answered").is_empty(), "the device does not know yet");
    proxy.recover();
    provider.restart();

    let answered = watch.line("answered");
    assert_eq!((&answered["id"], &answered["outcome"]), (&challenge["id"], &json!("approved")));
    tokens_come_once(&till, &acknowledged);
    watch.terminate();
    watch.exit();
    assert!(phone.pending().is_empty());
    assert!(!phone.evidence(id(&challenge)).is_empty());
}

#[test]
fn a_device_and_its_provider_both_killed_agree_afterwards() {
    let env = TestEnv::new();
    let (proxy, mut provider) = behind_a_proxy(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let till = provider.till();
    let acknowledged = till.ask(&[("authorization_details", PAYMENT)]);
    proxy.answers(Answers::SwallowReply);
    let mut watch = phone.watch(&["--deny-if", "{}"]);
    let challenge = watch.line("challenge");

    proxy.wait_until(Did::Swallowed);
    provider.kill_9();
    watch.kill_9();
    proxy.recover();
    provider.restart();

    assert_eq!(till.poll_to_the_end(&acknowledged).error(), "access_denied");
    let answered = phone.watch(&[]).line("answered");
    assert_eq!(
        (&answered["id"], &answered["decision"], &answered["outcome"]),
        (&challenge["id"], &json!("denied"), &json!("denied"))
    );
}
