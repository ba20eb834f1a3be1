//! Reconnecting after the provider was down: nothing is lost, and events are delivered in order.

use countersign_tests::client::PAYMENT;
use countersign_tests::device::{Device, id};
use countersign_tests::provider::Provider;
use countersign_tests::test_env::TestEnv;
use serde_json::json;

#[test]
fn an_answer_kept_while_the_provider_was_down_is_settled_before_a_new_request_shows() {
    let env = TestEnv::new();
    let mut provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let till = provider.till();
    let first = till.ask(&[("authorization_details", PAYMENT), ("binding_message", "first")]);
    let challenge = phone.only_pending();

    provider.kill_9();
    let kept = phone.answer(id(&challenge), &["approve"]);
    assert_eq!(kept.code, 4, "the provider is away: {:?} {}", kept.output, kept.errors);
    assert_eq!(kept.line("answered")["outcome"], json!(null), "signed and kept, not settled");

    provider.restart();
    let second = till.ask(&[("authorization_details", PAYMENT), ("binding_message", "second")]);
    let mut watch = phone.watch(&[]);
    let next = watch.line("challenge");
    assert_eq!(next["binding_message"], "second");
    let before = watch.seen("answered");
    assert_eq!(before.len(), 1, "the first request's outcome was printed before the second request");
    assert_eq!((&before[0]["id"], &before[0]["outcome"]), (&challenge["id"], &json!("approved")));

    let tokens = till.poll_to_the_end(&first);
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    watch.terminate();
    watch.exit();
    phone.answer(id(&next), &["deny"]);
    assert_eq!(till.poll_to_the_end(&second).error(), "access_denied");
}

#[test]
fn a_watching_device_reconnects_by_itself() {
    let env = TestEnv::new();
    let mut provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let till = provider.till();
    let mut watch = phone.watch(&["--approve-if", "{}"]);
    let first = till.ask(&[("authorization_details", PAYMENT)]);
    watch.line("answered");
    assert_eq!(till.poll_to_the_end(&first).status, 200);

    provider.kill_9();
    provider.restart();
    let second = till.ask(&[("authorization_details", PAYMENT)]);
    watch.line("answered");
    assert_eq!(till.poll_to_the_end(&second).status, 200);
}
