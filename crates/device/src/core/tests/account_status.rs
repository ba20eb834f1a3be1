//! The account's status by the provider's replies: nothing unsigned destroys anything.

use countersign_protocol::id::MessageId;
use countersign_protocol::notice::{DeviceEvent as OtherDevice, DeviceNotice};
use countersign_protocol::problem::{Problem, ProblemCode};
use countersign_protocol::revocation::{Revocation, RevokedBy};
use countersign_protocol::transcript::{LineValue, Role};
use countersign_tls::CertificateFault;

use crate::account::AccountStatus;
use crate::core::Event;
use crate::device_event::{DeviceEvent, OfflineReason};
use crate::ports::transport::{Reply, TransportError};
use crate::testing::{CoreHarness, FakeProvider, problem};

pub(super) fn revocation(provider: &FakeProvider) -> Revocation {
    Revocation {
        iss: provider.issuer.clone(),
        aud: provider.device.clone(),
        sub: provider.subject.clone(),
        jti: MessageId::random(&provider.random),
        iat: provider.now.seconds(),
        device_id: provider.device.clone(),
        device_name: "Desk".into(),
        by: RevokedBy::User,
    }
}

pub(super) fn revoked(revocation: countersign_protocol::jws::Compact<Revocation>) -> Reply {
    let problem = Problem { revocation: Some(revocation), ..Problem::new(ProblemCode::DeviceRevoked, "revoked") };
    Reply { status: 401, body: serde_json::to_vec(&problem).unwrap(), ..Reply::default() }
}

#[test]
fn a_statement_of_the_provider_confirms_the_account() {
    let harness = CoreHarness::pulled();
    assert_eq!(harness.core.account().status, AccountStatus::Active);
    assert!(matches!(harness.emitted[..], [DeviceEvent::Confirmed { .. }]));
}

#[test]
fn an_unsigned_401_destroys_nothing_and_is_asked_again_every_hour() {
    let mut harness = CoreHarness::pulled();
    let id = harness.provider.ask_login();
    harness.event(Event::Wake);
    harness.deliver_all();
    harness.approve(&id, None).unwrap();
    let real = std::mem::replace(&mut harness.provider.credential, "another".into());
    harness.deliver_all();
    let since = harness.provider.now.seconds();
    assert_eq!(harness.core.account().status, AccountStatus::NotKnown { since });
    assert!(harness.keys.has_approval(&harness.core.account().id));
    let calls = harness.provider.calls.len();
    harness.pass_ms(3_500_000);
    harness.deliver_all();
    assert_eq!(harness.provider.calls.len(), calls, "not before the hour is over");
    harness.provider.credential = real;
    harness.pass_ms(200_000);
    harness.deliver_all();
    assert_eq!(harness.core.account().status, AccountStatus::Active);
    assert_eq!(harness.provider.answers.len(), 1, "the answer was kept");
}

#[test]
fn a_suspended_device_says_so_and_is_known_again_when_it_is_lifted() {
    let mut harness = CoreHarness::pulled();
    let account = harness.core.account().id.clone();
    harness.emitted.clear();
    harness.provider.instead = vec![problem(ProblemCode::DeviceSuspended, None)];
    harness.event(Event::Wake);
    harness.deliver_all();
    let since = harness.provider.now.seconds();
    assert_eq!(harness.core.account().status, AccountStatus::Suspended { since });
    assert!(matches!(harness.emitted[..], [DeviceEvent::AccountSuspended { .. }]));
    assert!(harness.keys.has_approval(&account), "the word is unsigned: nothing is destroyed");
    harness.pass_ms(3_600_000);
    harness.deliver_all();
    assert_eq!(harness.core.account().status, AccountStatus::Active);
}

#[test]
fn an_account_that_takes_no_part_signs_nothing_and_says_why() {
    for (refusal, code) in [
        (problem(ProblemCode::DeviceSuspended, None), "account_suspended"),
        (Reply { status: 401, ..Reply::default() }, "account_unknown"),
    ] {
        let mut harness = CoreHarness::pulled();
        let id = harness.provider.ask_login();
        harness.event(Event::Wake);
        harness.deliver_all();
        harness.provider.instead = vec![refusal];
        harness.event(Event::Wake);
        harness.deliver_all();
        for answered in [harness.approve(&id, None), harness.deny(&id)] {
            let error = answered.unwrap_err();
            assert_eq!(error.code(), code);
            assert!(error.to_string().contains("enroll this device again"), "{error}");
        }
        assert!(harness.core.may_approve(harness.at, &id, None).is_err(), "before a PIN is asked for");
        assert!(harness.vault.load(&harness.core.account().id).unwrap().outbox.is_empty());
        harness.event(Event::Wake);
        harness.deliver_all();
        harness.approve(&id, None).unwrap();
        harness.deliver_all();
        assert_eq!(harness.provider.answers.len(), 1, "once the provider takes it again");
    }
}

#[test]
fn a_refused_certificate_is_told_as_what_it_is() {
    for fault in CertificateFault::ALL {
        let mut harness = CoreHarness::pulled();
        harness.event(Event::Wake);
        let (id, _) = harness.wire.pop_front().unwrap();
        harness.event(Event::Failed { id, why: Some(TransportError::Certificate(fault)) });
        let (_, why) = harness.core.offline().unwrap();
        assert_eq!(why, OfflineReason::Certificate(fault));
        assert_eq!(serde_json::to_value(why).unwrap(), fault.code());
    }
}

#[test]
fn a_refused_credential_is_renewed_once() {
    let mut harness = CoreHarness::pulled();
    harness.provider.instead = vec![problem(ProblemCode::InvalidDeviceCredential, None)];
    harness.event(Event::Wake);
    harness.deliver_all();
    assert_eq!(harness.core.account().status, AccountStatus::Active);
    assert_eq!(harness.provider.credential, "first-credential+");
    harness.crash();
    harness.deliver_all();
    assert_eq!(harness.core.account().status, AccountStatus::Active, "the new credential survives a crash");
}

#[test]
fn a_credential_is_renewed_from_half_of_its_lifetime() {
    let mut harness = CoreHarness::pulled();
    harness.pass_ms(14 * 86_400_000);
    harness.event(Event::Wake);
    harness.deliver_all();
    assert_eq!(harness.provider.credential, "first-credential");
    harness.pass_ms(2 * 86_400_000);
    harness.event(Event::Wake);
    harness.deliver_all();
    assert_eq!(harness.provider.credential, "first-credential+");
}

#[test]
fn only_a_signed_revocation_of_this_device_ends_the_account() {
    let mut harness = CoreHarness::pulled();
    let account = harness.core.account().id.clone();
    let signed = revocation(&harness.provider);
    let forger = FakeProvider::open();
    let of_other = Revocation { device_id: "dv_other".parse().unwrap(), ..signed.clone() };
    let mut forged = harness.provider.sign(&signed).into_string();
    forged.replace_range(forged.len() - 4.., "AAAA");
    drop(forger);
    for unsound in [countersign_protocol::jws::Compact::from_text(forged), harness.provider.sign(&of_other)] {
        harness.provider.instead = vec![revoked(unsound)];
        harness.event(Event::Wake);
        harness.deliver();
        assert!(matches!(harness.core.account().status, AccountStatus::NotKnown { .. }));
        assert!(harness.keys.has_approval(&account));
    }
    harness.provider.instead = vec![revoked(harness.provider.sign(&signed))];
    harness.event(Event::Wake);
    harness.deliver();
    assert!(matches!(harness.core.account().status, AccountStatus::Revoked { .. }));
    assert!(!harness.keys.has_approval(&account));
    assert_eq!(harness.core.deadline(), None);
    harness.crash();
    assert!(harness.wire.is_empty(), "a revoked account calls nobody");
}

#[test]
fn a_refused_proof_counts_as_offline_and_only_many_in_a_row_as_not_known() {
    for code in [ProblemCode::UseDpopNonce, ProblemCode::InvalidDpopProof] {
        let mut harness = CoreHarness::pulled();
        harness.provider.instead = vec![problem(code, None), problem(code, None)];
        harness.event(Event::Wake);
        harness.deliver_all();
        assert_eq!(harness.core.account().status, AccountStatus::Active, "{code:?}");
        assert!(matches!(harness.core.offline(), Some((_, OfflineReason::Unwell))));
        let id = harness.provider.ask_login();
        for _ in 0..4 {
            harness.pass_ms(2_000);
            harness.deliver_all();
        }
        assert_eq!(harness.core.offline(), None);
        assert!(harness.kept(&id).is_some(), "it was fetched within seconds");
        harness.provider.instead = vec![problem(code, None); 100];
        for _ in 0..10 {
            harness.event(Event::Wake);
            harness.deliver_all();
        }
        assert!(matches!(harness.core.account().status, AccountStatus::NotKnown { .. }), "{code:?}");
        let calls = harness.provider.calls.len();
        harness.pass_ms(3_500_000);
        harness.deliver_all();
        assert_eq!(harness.provider.calls.len(), calls, "asked again every hour");
        harness.provider.instead.clear();
        harness.pass_ms(200_000);
        harness.deliver_all();
        assert_eq!(harness.core.account().status, AccountStatus::Active);
    }
}

#[test]
fn a_crash_right_after_a_revocation_was_stored_keeps_neither_keys_nor_requests() {
    let mut harness = CoreHarness::pulled();
    let account = harness.core.account().id.clone();
    let id = harness.provider.ask_login();
    harness.event(Event::Wake);
    harness.deliver_all();
    let signed = harness.provider.sign(&revocation(&harness.provider));
    harness.provider.instead = vec![revoked(signed)];
    harness.event(Event::Wake);
    harness.emitted.clear();
    harness.kill_after = Some(1); // The write happens, the keys stay.
    harness.deliver();
    assert_eq!(harness.crashes, 1);
    assert!(matches!(harness.core.account().status, AccountStatus::Revoked { .. }));
    assert!(!harness.keys.has_approval(&account), "the next start destroys them");
    assert!(harness.keys.transport(&account).is_err());
    assert!(harness.core.pending(harness.at).is_empty(), "a revoked account has nothing to answer");
    assert!(harness.deny(&id).is_err());
    harness.crash();
    assert!(harness.core.pending(harness.at).is_empty());
    assert!(!harness.emitted.iter().any(|event| matches!(event, DeviceEvent::Challenge(_))));
}

#[test]
fn notices_about_other_devices_are_emitted_and_forged_ones_ignored() {
    let mut harness = CoreHarness::pulled();
    let notice = DeviceNotice {
        iss: harness.provider.issuer.clone(),
        aud: harness.provider.device.clone(),
        sub: harness.provider.subject.clone(),
        jti: MessageId::random(&harness.provider.random),
        iat: harness.provider.now.seconds(),
        event: OtherDevice::DeviceAdded,
        device_id: None,
        device_name: Some("Phone".into()),
        device_class: None,
    };
    let sound = harness.provider.sign(&notice);
    let foreign = harness.provider.sign(&DeviceNotice { aud: "dv_x".parse().unwrap(), ..notice });
    harness.provider.notify(sound.as_str());
    harness.provider.notify(foreign.as_str());
    harness.provider.notify("rubbish");
    harness.emitted.clear();
    harness.event(Event::Wake);
    harness.deliver_all();
    assert!(
        matches!(&harness.emitted[..], [
        DeviceEvent::OtherDevice { change: OtherDevice::DeviceAdded, device_name: Some(name), .. },
        DeviceEvent::Ignored { .. },
    ] if name == "Phone"),
        "{:?}",
        harness.emitted
    );
}

#[test]
fn going_offline_and_online_again_is_emitted_once_each() {
    let mut harness = CoreHarness::pulled();
    harness.emitted.clear();
    harness.event(Event::Wake);
    harness.lose_call();
    harness.pass_ms(60_000);
    harness.lose_call();
    harness.pass_ms(60_000);
    harness.deliver_all();
    assert!(matches!(
        harness.emitted[..],
        [DeviceEvent::Offline { why: OfflineReason::Unreachable(_), .. }, DeviceEvent::Online { .. }]
    ));
}

#[test]
fn a_user_who_is_renamed_has_the_new_name_from_the_next_request_on() {
    let mut harness = CoreHarness::pulled();
    let before = harness.provider.ask_login();
    harness.event(Event::Wake);
    harness.deliver_all();
    harness.provider.restate(|next| {
        next.subject_label = Some("Alice Example".into());
        next.device_name = "Kitchen".into();
    });
    let after = harness.provider.ask_login();
    harness.event(Event::Wake);
    harness.deliver_all();
    let account = harness.core.account();
    assert_eq!((account.subject_label.as_str(), account.device_name.as_str()), ("Alice Example", "Kitchen"));
    let label_of = |harness: &CoreHarness, id: &countersign_protocol::id::ChallengeId| {
        let view = harness.core.pending(harness.at).into_iter().find(|view| view.id == *id).unwrap();
        let line = view.transcript.lines.iter().find(|line| line.role == Role::Subject).unwrap();
        assert_eq!(line.value, LineValue::Text(view.subject_label.clone()));
        view.subject_label
    };
    assert_eq!(label_of(&harness, &after), "Alice Example");
    assert_eq!(label_of(&harness, &before), "Alice", "lines don't change before a person's eyes");
    harness.approve(&before, None).unwrap();
    assert!(harness.kept(&before).unwrap().transcript.unwrap().contains("\"Alice\""), "what was shown is signed");
    harness.crash();
    harness.deliver_all();
    assert_eq!(harness.core.account().subject_label, "Alice Example");
}
