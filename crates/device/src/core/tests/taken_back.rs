//! What a provider signed with a key that it revoked afterwards: worth nothing any more, and no reason to stop.

use crate::account::Standing;
use crate::core::Event;
use crate::error::AnswerError;
use crate::events::DeviceEvent;
use crate::ports::key_store::KeyStore as _;
use crate::ports::vault::Stage;
use crate::testing::Bench;
use countersign_protocol::refusal::RefusalCode;

fn look(bench: &mut Bench) {
    bench.event(Event::Wake);
    bench.calm();
}

#[test]
fn a_request_by_a_key_revoked_since_is_refused_at_the_next_start_and_others_are_answered() {
    let mut bench = Bench::pulled();
    bench.office.rotate_signing_key();
    let taken_back = bench.office.ask_login();
    look(&mut bench);
    assert_eq!(bench.stage(&taken_back), Some(Stage::Received));
    bench.pass_ms(61_000);
    bench.office.revoke_signing_key(bench.office.now.seconds() - 61);
    let sound = bench.office.ask_login();
    look(&mut bench);
    bench.crash();
    assert!(bench.approve(&taken_back, None).is_err(), "also before anything was fetched");
    bench.calm();
    let waiting: Vec<_> = bench.core.pending(bench.at).into_iter().map(|view| view.id).collect();
    assert_eq!(waiting, std::slice::from_ref(&sound));
    assert_eq!(bench.stage(&taken_back), Some(Stage::Refused));
    let told: Vec<RefusalCode> = bench.office.refusals.iter().map(|refusal| refusal.code).collect();
    assert_eq!(told, [RefusalCode::Unverifiable], "the provider knows that nobody here will answer");
    bench.crash();
    bench.calm();
    assert_eq!(bench.office.refusals.len(), 1);
    bench.approve(&sound, None).unwrap();
    bench.calm();
    assert_eq!(bench.stage(&sound), Some(Stage::Ended));
}

#[test]
fn an_account_whose_enrollment_was_taken_back_says_so_and_keeps_everything() {
    let mut bench = Bench::pulled();
    let account = bench.core.account().id.clone();
    assert_eq!(bench.core.unusable(), None);
    bench.pass_ms(61_000);
    bench.office.revoke_signing_key(bench.office.now.seconds() - 61);
    let id = bench.office.ask_login();
    look(&mut bench);
    bench.told.clear();
    bench.crash();
    bench.calm();
    assert!(bench.core.unusable().unwrap().contains("revoked the key"));
    assert_eq!(bench.core.account().standing, Standing::Active);
    assert!(matches!(bench.deny(&id), Err(AnswerError::Unusable { .. })));
    assert!(bench.core.pending(bench.at).is_empty());
    assert!(!bench.told.iter().any(|event| matches!(event, DeviceEvent::Challenge(_))));
    assert!(bench.keys.has_approval(&account) && bench.keys.transport(&account).is_ok());
    assert_eq!(bench.stage(&id), Some(Stage::Received), "kept as it was");
}
