//! What the provider says about the account itself: nothing unsigned destroys anything.

use countersign_protocol::id::MessageId;
use countersign_protocol::notice::{DeviceEvent as OtherDevice, DeviceNotice};
use countersign_protocol::problem::{Problem, ProblemCode};
use countersign_protocol::revocation::{Revocation, RevokedBy};

use crate::account::Standing;
use crate::core::Event;
use crate::events::{DeviceEvent, Trouble};
use crate::ports::key_store::KeyStore as _;
use crate::ports::provider::Reply;
use crate::testing::{Bench, Office, problem};

fn revocation(office: &Office) -> Revocation {
    Revocation {
        iss: office.issuer.clone(),
        aud: office.device.clone(),
        sub: office.subject.clone(),
        jti: MessageId::random(&office.random),
        iat: office.now.seconds(),
        device_id: office.device.clone(),
        device_name: "Desk".into(),
        by: RevokedBy::User,
    }
}

fn revoked(revocation: countersign_protocol::jws::Compact<Revocation>) -> Reply {
    let problem = Problem { revocation: Some(revocation), ..Problem::new(ProblemCode::DeviceRevoked, "revoked") };
    Reply { status: 401, body: serde_json::to_vec(&problem).unwrap(), ..Reply::default() }
}

#[test]
fn a_statement_of_the_provider_confirms_the_account() {
    let bench = Bench::pulled();
    assert_eq!(bench.core.account().standing, Standing::Active);
    assert!(matches!(bench.told[..], [DeviceEvent::Confirmed { .. }]));
}

#[test]
fn an_unsigned_401_destroys_nothing_and_is_asked_again_every_hour() {
    let mut bench = Bench::pulled();
    let id = bench.office.ask_login();
    bench.event(Event::Wake);
    bench.calm();
    bench.approve(&id, None).unwrap();
    let real = std::mem::replace(&mut bench.office.credential, "another".into());
    bench.calm();
    let since = bench.office.now.seconds();
    assert_eq!(bench.core.account().standing, Standing::NotKnown { since });
    assert!(bench.keys.has_approval(&bench.core.account().id));
    let calls = bench.office.calls.len();
    bench.pass_ms(3_500_000);
    bench.calm();
    assert_eq!(bench.office.calls.len(), calls, "not before the hour is over");
    bench.office.credential = real;
    bench.pass_ms(200_000);
    bench.calm();
    assert_eq!(bench.core.account().standing, Standing::Active);
    assert_eq!(bench.office.answers.len(), 1, "the answer was kept");
}

#[test]
fn a_suspended_device_says_so_and_is_known_again_when_it_is_lifted() {
    let mut bench = Bench::pulled();
    let account = bench.core.account().id.clone();
    bench.told.clear();
    bench.office.instead = vec![problem(ProblemCode::DeviceSuspended, None)];
    bench.event(Event::Wake);
    bench.calm();
    let since = bench.office.now.seconds();
    assert_eq!(bench.core.account().standing, Standing::Suspended { since });
    assert!(matches!(bench.told[..], [DeviceEvent::AccountSuspended { .. }]));
    assert!(bench.keys.has_approval(&account), "the word is unsigned: nothing is destroyed");
    bench.pass_ms(3_600_000);
    bench.calm();
    assert_eq!(bench.core.account().standing, Standing::Active);
}

#[test]
fn a_credential_that_is_no_longer_taken_is_renewed_once() {
    let mut bench = Bench::pulled();
    bench.office.instead = vec![problem(ProblemCode::InvalidDeviceCredential, None)];
    bench.event(Event::Wake);
    bench.calm();
    assert_eq!(bench.core.account().standing, Standing::Active);
    assert_eq!(bench.office.credential, "first-credential+");
    bench.crash();
    bench.calm();
    assert_eq!(bench.core.account().standing, Standing::Active, "the new credential survives a crash");
}

#[test]
fn a_credential_is_renewed_from_half_its_life() {
    let mut bench = Bench::pulled();
    bench.pass_ms(14 * 86_400_000);
    bench.event(Event::Wake);
    bench.calm();
    assert_eq!(bench.office.credential, "first-credential");
    bench.pass_ms(2 * 86_400_000);
    bench.event(Event::Wake);
    bench.calm();
    assert_eq!(bench.office.credential, "first-credential+");
}

#[test]
fn only_a_signed_revocation_of_this_device_ends_the_account() {
    let mut bench = Bench::pulled();
    let account = bench.core.account().id.clone();
    let signed = revocation(&bench.office);
    let forger = Office::open();
    let of_other = Revocation { device_id: "dv_other".parse().unwrap(), ..signed.clone() };
    let mut forged = bench.office.sign(&signed).into_string();
    forged.replace_range(forged.len() - 4.., "AAAA");
    drop(forger);
    for unsound in [countersign_protocol::jws::Compact::from_text(forged), bench.office.sign(&of_other)] {
        bench.office.instead = vec![revoked(unsound)];
        bench.event(Event::Wake);
        bench.deliver();
        assert!(matches!(bench.core.account().standing, Standing::NotKnown { .. }));
        assert!(bench.keys.has_approval(&account));
    }
    bench.office.instead = vec![revoked(bench.office.sign(&signed))];
    bench.event(Event::Wake);
    bench.deliver();
    assert!(matches!(bench.core.account().standing, Standing::Revoked { .. }));
    assert!(!bench.keys.has_approval(&account));
    assert_eq!(bench.core.deadline(), None);
    bench.crash();
    assert!(bench.wire.is_empty(), "a revoked account calls nobody");
}

#[test]
fn a_proof_that_is_not_taken_is_trouble_and_only_many_in_a_row_mean_not_known() {
    for code in [ProblemCode::UseDpopNonce, ProblemCode::InvalidDpopProof] {
        let mut bench = Bench::pulled();
        bench.office.instead = vec![problem(code, None), problem(code, None)];
        bench.event(Event::Wake);
        bench.calm();
        assert_eq!(bench.core.account().standing, Standing::Active, "{code:?}");
        assert!(matches!(bench.core.offline(), Some((_, Trouble::Unwell))));
        let id = bench.office.ask_login();
        for _ in 0..4 {
            bench.pass_ms(2_000);
            bench.calm();
        }
        assert_eq!(bench.core.offline(), None);
        assert!(bench.kept(&id).is_some(), "it was fetched within seconds");
        bench.office.instead = vec![problem(code, None); 100];
        for _ in 0..10 {
            bench.event(Event::Wake);
            bench.calm();
        }
        assert!(matches!(bench.core.account().standing, Standing::NotKnown { .. }), "{code:?}");
        let calls = bench.office.calls.len();
        bench.pass_ms(3_500_000);
        bench.calm();
        assert_eq!(bench.office.calls.len(), calls, "asked again every hour");
        bench.office.instead.clear();
        bench.pass_ms(200_000);
        bench.calm();
        assert_eq!(bench.core.account().standing, Standing::Active);
    }
}

#[test]
fn a_crash_right_after_a_revocation_was_stored_keeps_neither_keys_nor_requests() {
    let mut bench = Bench::pulled();
    let account = bench.core.account().id.clone();
    let id = bench.office.ask_login();
    bench.event(Event::Wake);
    bench.calm();
    let signed = bench.office.sign(&revocation(&bench.office));
    bench.office.instead = vec![revoked(signed)];
    bench.event(Event::Wake);
    bench.told.clear();
    bench.plug = Some(1); // The write happens, the keys stay.
    bench.deliver();
    assert_eq!(bench.crashes, 1);
    assert!(matches!(bench.core.account().standing, Standing::Revoked { .. }));
    assert!(!bench.keys.has_approval(&account), "the next start destroys them");
    assert!(bench.keys.transport(&account).is_err());
    assert!(bench.core.pending(bench.at).is_empty(), "a revoked account has nothing to answer");
    assert!(bench.deny(&id).is_err());
    bench.crash();
    assert!(bench.core.pending(bench.at).is_empty());
    assert!(!bench.told.iter().any(|event| matches!(event, DeviceEvent::Challenge(_))));
}

#[test]
fn news_about_other_devices_are_told_and_forged_ones_ignored() {
    let mut bench = Bench::pulled();
    let notice = DeviceNotice {
        iss: bench.office.issuer.clone(),
        aud: bench.office.device.clone(),
        sub: bench.office.subject.clone(),
        jti: MessageId::random(&bench.office.random),
        iat: bench.office.now.seconds(),
        event: OtherDevice::DeviceAdded,
        device_id: None,
        device_name: Some("Phone".into()),
        device_class: None,
    };
    let sound = bench.office.sign(&notice);
    let foreign = bench.office.sign(&DeviceNotice { aud: "dv_x".parse().unwrap(), ..notice });
    bench.office.notify(sound.as_str());
    bench.office.notify(foreign.as_str());
    bench.office.notify("rubbish");
    bench.told.clear();
    bench.event(Event::Wake);
    bench.calm();
    assert!(
        matches!(&bench.told[..], [
        DeviceEvent::OtherDevice { change: OtherDevice::DeviceAdded, device_name: Some(name), .. },
        DeviceEvent::Ignored { .. },
    ] if name == "Phone"),
        "{:?}",
        bench.told
    );
}

#[test]
fn being_offline_is_said_once_and_so_is_its_end() {
    let mut bench = Bench::pulled();
    bench.told.clear();
    bench.event(Event::Wake);
    bench.lose_call();
    bench.pass_ms(60_000);
    bench.lose_call();
    bench.pass_ms(60_000);
    bench.calm();
    assert!(matches!(
        bench.told[..],
        [DeviceEvent::Offline { why: Trouble::Unreachable, .. }, DeviceEvent::Online { .. }]
    ));
}
