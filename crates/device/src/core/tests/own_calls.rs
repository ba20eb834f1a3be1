//! Calls of a device about itself: made once, with a reply for who waits for it.

use countersign_protocol::problem::ProblemCode;
use countersign_protocol::push::{PushAddress, PushState, PushTest};

use super::account_status::{revocation, revoked};
use crate::account::AccountStatus;
use crate::core::{Event, OwnCall, OwnCallId};
use crate::device_event::OfflineReason;
use crate::error::OwnCallError;
use crate::ports::transport::{Reply, StreamEvent, Unreached};
use crate::testing::{CoreHarness, problem};

const ADDRESS: &str = r#"{"type":"web_push","endpoint":"https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    "p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth":"BTBZMqHH6r4Tts7J_aSIgg","quiet":true}"#;

fn address() -> OwnCall {
    let address: PushAddress = serde_json::from_str(ADDRESS).unwrap();
    OwnCall::PushAddress(Some(Box::new(address)))
}

fn begin(harness: &mut CoreHarness, call: OwnCall) -> OwnCallId {
    let (id, effects) = harness.core.call_about_itself(harness.at, call).expect("begun");
    harness.carry_out(effects);
    id
}

fn called(harness: &mut CoreHarness, call: OwnCall) -> Result<Vec<u8>, OwnCallError> {
    let id = begin(harness, call);
    harness.deliver_all();
    assert!(harness.core.has_own_reply(id));
    harness.core.take_own_reply(id)
}

#[test]
fn an_address_is_told_and_withdrawn_and_nothing_else_changes() {
    let mut harness = CoreHarness::pulled();
    called(&mut harness, address()).expect("taken");
    assert_eq!(harness.core.push_status().map(|status| status.state), Some(PushState::Ok));
    let kept = harness.core.account().push_told.as_ref().map(|address| address.quiet);
    assert_eq!(kept, Some(true), "it is compared with the subscription at the next start");
    called(&mut harness, OwnCall::PushAddress(None)).expect("taken");
    assert_eq!(harness.core.account().push_told, None);
    assert_eq!(harness.core.push_status().map(|status| status.state), Some(PushState::None));
    let told: serde_json::Value = serde_json::from_str(ADDRESS).unwrap();
    let wanted = [serde_json::json!({ "push_address": told }), serde_json::json!({ "push_address": null })];
    assert_eq!(harness.provider.patches, wanted, "the name stays as it is");
    assert!(harness.provider.calls.iter().any(|call| call == "PATCH /push/device"));
}

#[test]
fn a_test_push_and_practice_are_asked_for_below_the_devices_own_endpoint() {
    let mut harness = CoreHarness::pulled();
    let report = called(&mut harness, OwnCall::PushTest).expect("tested");
    let report: PushTest = serde_json::from_slice(&report).unwrap();
    assert_eq!((report.queued_ms, report.accepted_ms), (1, Some(2)));
    called(&mut harness, OwnCall::Practice).expect("begun");
    for path in ["POST /push/device/push-test", "POST /push/device/practice"] {
        assert!(harness.provider.calls.iter().any(|call| call == path), "{path}");
    }
}

#[test]
fn a_new_nonce_costs_one_silent_retry() {
    let mut harness = CoreHarness::pulled();
    harness.provider.nonce = "another".into();
    let before = harness.provider.calls.len();
    called(&mut harness, OwnCall::Practice).expect("begun");
    assert_eq!(harness.provider.calls.len() - before, 2);
}

#[test]
fn a_refusal_and_a_lost_reply_are_told_to_who_asked_and_not_repeated() {
    let mut harness = CoreHarness::pulled();
    harness.provider.instead.push(problem(ProblemCode::PushAddressNotAllowed, None));
    let refused = called(&mut harness, address());
    let code = ProblemCode::PushAddressNotAllowed;
    assert_eq!(refused, Err(OwnCallError::Refused { code, detail: Some("no".into()), retry_after: None }));
    harness.provider.instead.push(Reply { retry_after: Some(60), ..problem(ProblemCode::RateLimited, None) });
    let refused = called(&mut harness, OwnCall::Practice);
    assert!(matches!(refused, Err(OwnCallError::Refused { retry_after: Some(60), .. })), "{refused:?}");
    assert!(harness.core.offline().is_none(), "it did answer");

    let no_reply = |why| Err(OwnCallError::NoReply { why: Some(why) });
    let id = begin(&mut harness, address());
    harness.lose_reply();
    assert_eq!(harness.core.take_own_reply(id), no_reply(OfflineReason::NoReply));
    let id = begin(&mut harness, OwnCall::PushTest);
    harness.lose_call();
    assert_eq!(harness.core.take_own_reply(id), no_reply(OfflineReason::Unreachable(Unreached::default())));
    harness.provider.instead.push(Reply { status: 502, ..Reply::default() });
    assert_eq!(called(&mut harness, OwnCall::Practice), no_reply(OfflineReason::Unwell));
    harness.provider.instead.push(Reply { status: 200, body: b"<html>".to_vec(), ..Reply::default() });
    assert_eq!(called(&mut harness, OwnCall::PushAddress(None)), no_reply(OfflineReason::NotTheProvider));
    assert!(harness.core.offline().is_some());
    assert_eq!(harness.provider.patches.len(), 1, "once, whatever became of its reply");
}

#[test]
fn nothing_is_called_where_the_gateway_does_not_push_or_the_account_takes_no_part() {
    let mut harness = CoreHarness::pulled();
    harness.provider.instead.push(problem(ProblemCode::DeviceSuspended, None));
    harness.event(Event::Wake);
    harness.deliver_all();
    let before = harness.provider.calls.len();
    let refused = harness.core.call_about_itself(harness.at, OwnCall::PushTest);
    assert!(matches!(refused, Err(OwnCallError::NoPart { .. })));
    assert_eq!(harness.provider.calls.len(), before);
}

#[test]
fn replies_that_nobody_takes_are_dropped() {
    let mut harness = CoreHarness::pulled();
    let first = begin(&mut harness, OwnCall::Practice);
    harness.deliver_all();
    for _ in 0..16 {
        begin(&mut harness, OwnCall::Practice);
        harness.deliver_all();
    }
    assert!(harness.core.has_own_reply(first), "it is not waited for");
    assert_eq!(harness.core.take_own_reply(first), Err(OwnCallError::NoReply { why: None }));
}

#[test]
fn what_fails_inside_the_provider_is_told_in_its_words_and_is_no_outage() {
    let mut harness = CoreHarness::pulled();
    harness.provider.instead.push(Reply { retry_after: Some(42), ..problem(ProblemCode::Unavailable, None) });
    let refused = called(&mut harness, OwnCall::PushTest);
    let code = ProblemCode::Unavailable;
    assert_eq!(refused, Err(OwnCallError::Refused { code, detail: Some("no".into()), retry_after: Some(42) }));
    assert!(harness.core.offline().is_none());
}

#[test]
fn a_device_that_was_suspended_or_revoked_since_says_so() {
    let mut harness = CoreHarness::pulled();
    harness.provider.instead.push(problem(ProblemCode::DeviceSuspended, None));
    let suspended = called(&mut harness, OwnCall::PushTest).unwrap_err();
    assert_eq!(suspended.code(), "account_suspended", "{suspended}");

    let mut harness = CoreHarness::pulled();
    let revocation = revocation(&harness.provider);
    let signed = harness.provider.sign(&revocation);
    harness.provider.instead.push(revoked(signed));
    let revoked = called(&mut harness, OwnCall::PushTest).unwrap_err();
    assert_eq!(revoked.code(), "account_revoked", "{revoked}");
    assert!(matches!(revoked, OwnCallError::NoPart { status: AccountStatus::Revoked { .. } }));
}

#[test]
fn a_device_revokes_itself_by_its_id_and_its_credential() {
    let mut harness = CoreHarness::pulled();
    harness.provider.nonce = "another".into();
    called(&mut harness, OwnCall::Revocation).expect("revoked");
    let form = format!("device_id={}&token={}", harness.provider.device, harness.provider.credential);
    assert_eq!(harness.provider.revocations, [form]);
    assert!(harness.provider.calls.iter().any(|call| call == "POST /push/revoke"));
}

#[test]
fn what_a_stream_brings_is_confirmed_where_the_device_could_be_pushed_as_well() {
    let mut harness = CoreHarness::pulled();
    harness.event(Event::Watch(true));
    let stream = harness.open_stream();
    harness.deliver_all();
    let bring = |harness: &mut CoreHarness, cursor: &str| {
        let claims = harness.provider.claims();
        let id = harness.provider.ask(&claims);
        let compact = harness.provider.issued[&id].compact.clone();
        let update = serde_json::json!({ "cursor": cursor, "challenges": [compact] }).to_string();
        harness.event(Event::StreamEvent { id: stream, event: StreamEvent::Update(update.into_bytes()) });
        harness.deliver_all();
    };
    bring(&mut harness, "g1-a");
    assert!(harness.provider.confirmed.is_empty(), "it has no address");
    called(&mut harness, address()).expect("taken");
    bring(&mut harness, "g1-b");
    assert_eq!(harness.provider.confirmed, ["g1-b"]);
    called(&mut harness, OwnCall::PushAddress(None)).expect("taken");
    bring(&mut harness, "g1-c");
    assert_eq!(harness.provider.confirmed, ["g1-b"]);
}
