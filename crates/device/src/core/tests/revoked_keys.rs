//! Signatures by a key that the provider has revoked since: they no longer verify, and do not keep an account from
//! opening.

use crate::account::AccountStatus;
use crate::core::Event;
use crate::device_event::DeviceEvent;
use crate::error::AnswerError;
use crate::ports::vault::Stage;
use crate::testing::CoreHarness;
use countersign_protocol::refusal::RefusalCode;

fn look(harness: &mut CoreHarness) {
    harness.event(Event::Wake);
    harness.deliver_all();
}

#[test]
fn a_request_by_a_key_revoked_since_is_refused_at_the_next_start_and_others_are_answered() {
    let mut harness = CoreHarness::pulled();
    harness.provider.rotate_signing_key();
    let revoked = harness.provider.ask_login();
    look(&mut harness);
    assert_eq!(harness.stage(&revoked), Some(Stage::Received));
    harness.pass_ms(61_000);
    harness.provider.revoke_signing_key(harness.provider.now.seconds() - 61);
    let sound = harness.provider.ask_login();
    look(&mut harness);
    harness.crash();
    assert!(harness.approve(&revoked, None).is_err(), "also before anything was fetched");
    harness.deliver_all();
    let waiting: Vec<_> = harness.core.pending(harness.at).into_iter().map(|view| view.id).collect();
    assert_eq!(waiting, std::slice::from_ref(&sound));
    assert_eq!(harness.stage(&revoked), Some(Stage::Refused));
    let refused: Vec<RefusalCode> = harness.provider.refusals.iter().map(|refusal| refusal.code).collect();
    assert_eq!(refused, [RefusalCode::Unverifiable], "the provider knows that nobody here will answer");
    harness.crash();
    harness.deliver_all();
    assert_eq!(harness.provider.refusals.len(), 1);
    harness.approve(&sound, None).unwrap();
    harness.deliver_all();
    assert_eq!(harness.stage(&sound), Some(Stage::Ended));
}

#[test]
fn an_account_whose_enrollment_key_was_revoked_says_so_and_keeps_everything() {
    let mut harness = CoreHarness::pulled();
    let account = harness.core.account().id.clone();
    assert_eq!(harness.core.unusable(), None);
    harness.pass_ms(61_000);
    harness.provider.revoke_signing_key(harness.provider.now.seconds() - 61);
    let id = harness.provider.ask_login();
    look(&mut harness);
    harness.emitted.clear();
    harness.crash();
    harness.deliver_all();
    assert!(harness.core.unusable().unwrap().contains("revoked the key"));
    assert_eq!(harness.core.account().status, AccountStatus::Active);
    assert!(matches!(harness.deny(&id), Err(AnswerError::Unusable { .. })));
    assert!(harness.core.pending(harness.at).is_empty());
    assert!(!harness.emitted.iter().any(|event| matches!(event, DeviceEvent::Challenge(_))));
    assert!(harness.keys.has_approval(&account) && harness.keys.transport(&account).is_ok());
    assert_eq!(harness.stage(&id), Some(Stage::Received), "kept as it was");
}
