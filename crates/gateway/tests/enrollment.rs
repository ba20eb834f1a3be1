//! Enrollment, renewal and revocation of devices.

use axum::http::{Method, StatusCode};
use countersign_gateway::{ConfirmError, DeviceState, LinkError, LinkRequest, RenameError, Verdict};
use countersign_jose::hash::Hash;
use countersign_jose::key::Signer as _;
use countersign_protocol::discovery::{Discovery, Mode};
use countersign_protocol::enrollment::ConfirmedBy;
use countersign_protocol::fetch::FetchResponse;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::notice::{DeviceEvent, DeviceNotice, Notice};
use countersign_protocol::problem::Problem;
use countersign_protocol::registration::{
    Confirm, CredentialResponse, DeviceClass, DeviceStatus, RegistrationResponse,
};
use countersign_protocol::revocation::{Revocation, RevokedBy};
use countersign_store::Transaction;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice, World, alice, issuer};

/// The news a device got about others, verified.
fn news(device: &TestDevice) -> Vec<DeviceEvent> {
    let keys = device.keys.as_ref().expect("registered");
    let about = |text: &String| match Notice::of(text) {
        Notice::Device(notice) => {
            Some(DeviceNotice::verify(&notice, keys, device.id(), &alice()).expect("a sound notice").event)
        }
        _ => None,
    };
    device.notices.iter().filter_map(about).collect()
}

#[tokio::test]
async fn discovery_names_endpoints_of_the_issuer_at_both_places() {
    let world = World::new();
    let between: Discovery = world.get("/.well-known/oauth-push-notification/tenant").await.json();
    let appended: Discovery = world.get("/tenant/.well-known/oauth-push-notification").await.json();
    assert_eq!(between, appended);
    let endpoints = between.endpoints(&issuer()).expect("all its own");
    assert_eq!(endpoints.challenge.as_str(), "https://id.example/tenant/push/challenges");
}

#[tokio::test]
async fn typing_the_devices_code_activates_it_and_notifies_the_others() {
    let world = World::new();
    let mut first = world.enroll("Phone").await;
    let link = world.link(Confirm::Code).await;
    let mut tablet = world.device("Tablet");
    let registered: RegistrationResponse = tablet.register(&world, &link.link).await.json();
    assert_eq!(registered.status, DeviceStatus::Unconfirmed);
    assert_eq!(registered.registration_ref, format!("urn:push-reg:{}", registered.device_id));
    assert_eq!(registered.subject_label, "Alice");

    // Until then it gets nothing: neither statement nor challenge.
    world.ask().await;
    let before = tablet.pull(&world).await;
    assert!(before.challenges.is_empty() && before.notices.is_empty());
    assert_eq!(first.pull(&world).await.challenges.len(), 1);

    let code = tablet.code.clone().expect("six digits");
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()));
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    let confirmed = world.gateway.confirm(&link.id, &spaced).await.expect("the right code");
    assert_eq!((&confirmed.device_id, confirmed.device_name.as_str()), (tablet.id(), "Tablet"));
    tablet.pull(&world).await;
    let enrollment = tablet.enrollment();
    assert_eq!(enrollment.current().0.confirmed_by, ConfirmedBy::Code);
    assert_eq!(enrollment.current().0.approval_key, *tablet.approval.public_key());
    first.pull(&world).await;
    assert_eq!(news(&first), [DeviceEvent::DeviceAdded]);
    world.ask_as("another").await;
    assert_eq!(tablet.pull(&world).await.challenges.len(), 1);
    assert!(matches!(world.gateway.confirm(&link.id, &code).await, Err(ConfirmError::AlreadyConfirmed)));
}

#[tokio::test]
async fn three_wrong_codes_end_link_and_device() {
    let world = World::new();
    let link = world.link(Confirm::Code).await;
    assert!(matches!(world.gateway.confirm(&link.id, "000000").await, Err(ConfirmError::NotRegistered)));
    let mut phone = world.device("Phone");
    phone.register(&world, &link.link).await;
    let code = phone.code.clone().expect("six digits");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for tries_left in [2, 1] {
        let error = world.gateway.confirm(&link.id, wrong).await.expect_err("the wrong code");
        assert!(matches!(error, ConfirmError::WrongCode { tries_left: left } if left == tries_left));
    }
    assert!(matches!(world.gateway.confirm(&link.id, wrong).await, Err(ConfirmError::Ended)));
    assert!(
        matches!(world.gateway.confirm(&link.id, &code).await, Err(ConfirmError::Ended)),
        "the right one is too late"
    );

    let response = phone.call(&world, Method::GET, "/push/challenges", None).await;
    assert_eq!(response.problem(), (401, "device_revoked".to_owned()));
    let problem: Problem = response.json();
    let keys = phone.keys.as_ref().expect("registered");
    let revocation = Revocation::verify(&problem.revocation.expect("signed"), keys, phone.id(), &alice());
    assert_eq!(revocation.expect("a sound revocation").by, RevokedBy::Confirmation);
    let again = phone.register(&world, &link.link).await;
    assert_eq!(again.problem().1, "registration_token_already_used");
}

#[tokio::test]
async fn a_code_that_is_never_typed_ends_the_device_after_ten_minutes() {
    let world = World::new();
    let link = world.link(Confirm::Code).await;
    let mut phone = world.device("Phone");
    phone.register(&world, &link.link).await;
    world.clock.advance_seconds(601);
    world.gateway.sweep().await.expect("swept");
    let code = phone.code.clone().expect("six digits");
    assert!(matches!(world.gateway.confirm(&link.id, &code).await, Err(ConfirmError::Ended)));
    assert_eq!(world.gateway.devices(&alice()).expect("read")[0].state, DeviceState::Abandoned);
}

#[tokio::test]
async fn a_lost_201_is_no_loss() {
    let world = World::new();
    let link = world.link(Confirm::Code).await;
    let mut phone = world.device("Phone");
    let request = phone.registration(&world, &link.link).await;
    let first: RegistrationResponse = phone.post_registration(&world, &request, &link.link).await.json();
    let second: RegistrationResponse = phone.post_registration(&world, &request, &link.link).await.json();
    assert_eq!(first.device_id, second.device_id);
    assert!(first.confirmation_code.expect("a code") == second.confirmation_code.expect("a code"), "the same code");
    assert!(first.device_credential != second.device_credential);

    assert_eq!(phone.call(&world, Method::GET, "/push/challenges", None).await.status, StatusCode::OK);
    phone.credential = first.device_credential.expose().to_owned();
    let void = phone.call(&world, Method::GET, "/push/challenges", None).await;
    assert_eq!(void.problem(), (401, "invalid_device_credential".to_owned()));
    assert_eq!(world.gateway.devices(&alice()).expect("read").len(), 1);
}

#[tokio::test]
async fn attack_13_a_photographed_link_is_worthless_and_the_user_hears_of_it() {
    let world = World::new();
    let mut old = world.enroll("Phone").await;
    let link = world.link(Confirm::Code).await;
    let mut tablet = world.device("Tablet");
    assert_eq!(tablet.register(&world, &link.link).await.status, StatusCode::CREATED);
    let mut thief = world.device("Tablet");
    for _ in 0..3 {
        let stolen = thief.register(&world, &link.link).await;
        assert_eq!(stolen.problem(), (400, "registration_token_already_used".to_owned()));
    }
    old.pull(&world).await;
    assert_eq!(news(&old), [DeviceEvent::LinkUsedAgain], "told once");
    assert_eq!(world.gateway.devices(&alice()).expect("read").len(), 2);
    let code = tablet.code.clone().expect("six digits");
    world.gateway.confirm(&link.id, &code).await.expect("the first device is not harmed");
}

#[tokio::test]
async fn a_thief_who_is_first_shows_another_code_than_the_person_sees() {
    let world = World::new();
    let link = world.link(Confirm::Code).await;
    let mut thief = world.device("Phone");
    thief.register(&world, &link.link).await;
    let mut phone = world.device("Phone");
    let response = phone.register(&world, &link.link).await;
    assert_eq!(response.problem().1, "registration_token_already_used");
    assert!(phone.code.is_none(), "so there is nothing to type");
    assert!(thief.pull(&world).await.notices.is_empty());
}

#[tokio::test]
async fn an_inconsistent_registration_is_refused() {
    let world = World::with_mode(Mode::Production);
    let link = world.link(Confirm::Code).await;
    let mut phone = world.device("Phone");
    let good = phone.registration(&world, &link.link).await;
    let other = world.device("Other");

    let mut swapped = good.clone();
    swapped.approval_key = Some(other.approval.public_key().clone());
    let mut foreign = good.clone();
    foreign.public_key = other.transport.public_key().clone();
    let mut one_key = good.clone();
    one_key.approval_key = Some(good.public_key.clone());
    for bad in [&swapped, &foreign, &one_key] {
        let response = phone.post_registration(&world, bad, &link.link).await;
        assert_eq!(response.problem(), (400, "invalid_public_key".to_owned()));
    }
    let mut nameless = good.clone();
    nameless.device.device_name = "\u{202e}enohP".to_owned();
    assert_eq!(phone.post_registration(&world, &nameless, &link.link).await.problem().1, "invalid_request");
    let mut mute = good.clone();
    mute.device.interaction_types.clear();
    assert_eq!(phone.post_registration(&world, &mute, &link.link).await.problem().1, "interaction_type_unsupported");
    let mut robot = good.clone();
    robot.device.device_class = DeviceClass::Automated;
    assert_eq!(phone.post_registration(&world, &robot, &link.link).await.problem().1, "automated_not_allowed");

    assert!(world.gateway.devices(&alice()).expect("read").is_empty(), "nothing was kept");
    assert_eq!(phone.post_registration(&world, &good, &link.link).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_link_ends_after_ten_minutes_and_serves_one_issuer() {
    let world = World::new();
    let link = world.link(Confirm::Code).await;
    let mut phone = world.device("Phone");
    let request = phone.registration(&world, &link.link).await;
    world.clock.advance_seconds(600);
    let response = phone.post_registration(&world, &request, &link.link).await;
    assert_eq!(response.problem(), (400, "registration_token_expired".to_owned()));

    let mut forged = request.clone();
    let claims = request.registration_token.peek().expect("read");
    forged.registration_token = Compact::sign(&claims, &*phone.transport).expect("signed");
    let response = phone.post_registration(&world, &forged, &link.link).await;
    assert_eq!(response.problem(), (400, "invalid_registration_token".to_owned()));
}

#[tokio::test]
async fn production_makes_no_link_without_confirmation() {
    let world = World::with_mode(Mode::Production);
    let request = LinkRequest {
        subject: alice(),
        subject_label: "Alice".to_owned(),
        confirm: Confirm::None,
        allow_automated: false,
    };
    assert!(matches!(world.gateway.issue_link(request).await, Err(LinkError::ConfirmationNeeded)));
}

#[tokio::test]
async fn an_eleventh_device_is_one_too_many() {
    let world = World::new();
    for n in 0..10 {
        world.enroll(&format!("Device {n}")).await;
    }
    let link = world.link(Confirm::None).await;
    let mut one_more = world.device("Phone");
    assert_eq!(one_more.register(&world, &link.link).await.problem(), (403, "device_limit".to_owned()));
}

#[tokio::test]
async fn a_renewed_credential_ends_the_old_one_at_its_first_use() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    let old = phone.credential.clone();
    let lost: CredentialResponse = phone.call(&world, Method::POST, "/push/credential", None).await.json();
    phone.pull(&world).await;
    let kept: CredentialResponse = phone.call(&world, Method::POST, "/push/credential", None).await.json();

    phone.credential = lost.device_credential.expose().to_owned();
    let response = phone.call(&world, Method::GET, "/push/challenges", None).await;
    assert_eq!(response.problem().1, "invalid_device_credential", "a renewal that was lost is void");
    phone.credential = kept.device_credential.expose().to_owned();
    phone.pull(&world).await;
    phone.credential = old;
    let response = phone.call(&world, Method::GET, "/push/challenges", None).await;
    assert_eq!(response.problem().1, "invalid_device_credential");
}

#[tokio::test]
async fn an_expired_credential_only_fetches_a_new_one_and_for_ninety_days() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    world.clock.advance_seconds(30 * 86_400);
    let response = phone.call(&world, Method::GET, "/push/challenges", None).await;
    assert_eq!(response.problem(), (401, "invalid_device_credential".to_owned()));
    phone.renew(&world).await;
    phone.pull(&world).await;
    world.clock.advance_seconds(120 * 86_400);
    let response = phone.call(&world, Method::POST, "/push/credential", None).await;
    assert_eq!(response.problem(), (401, "invalid_device_credential".to_owned()));
}

#[tokio::test]
async fn a_revoked_device_finds_its_signed_revocation_and_what_waited_for_it_ends() {
    let world = World::new();
    let (phone, mut tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    let shared = world.ask().await;
    world.gateway.revoke_device(phone.id(), RevokedBy::Operator).await.expect("revoked");
    assert_eq!(world.verdict(&shared.approval), Verdict::Pending, "the tablet can still answer");
    let response = phone.call(&world, Method::GET, "/push/challenges", None).await;
    assert_eq!(response.problem(), (401, "device_revoked".to_owned()));
    assert!(response.headers.contains_key("www-authenticate"));
    let problem: Problem = response.json();
    let keys = phone.keys.as_ref().expect("registered");
    let revocation = Revocation::verify(&problem.revocation.expect("signed"), keys, phone.id(), &alice());
    assert_eq!(revocation.expect("sound").by, RevokedBy::Operator);

    tablet.pull(&world).await;
    let told = tablet.notices.iter().any(|text| match Notice::of(text) {
        Notice::Revocation(notice) => {
            let keys = tablet.keys.as_ref().expect("registered");
            Revocation::verify(&notice, keys, tablet.id(), &alice()).expect("sound").device_id == *phone.id()
        }
        _ => false,
    });
    assert!(told, "the other device hears of it");

    let form = format!("device_id={}&token={}", tablet.id(), tablet.credential);
    let response = tablet.call(&world, Method::POST, "/push/revoke", Some(form.as_bytes())).await;
    assert_eq!(response.status, StatusCode::NO_CONTENT);
    assert_eq!(world.verdict(&shared.approval), Verdict::DeviceRevoked, "nobody is left to answer");
    let again = tablet.call(&world, Method::POST, "/push/revoke", Some(form.as_bytes())).await;
    assert_eq!(again.problem().1, "device_revoked", "a lost 204 is no loss");
}

#[tokio::test]
async fn a_device_revokes_only_itself() {
    let world = World::new();
    let (phone, tablet) = (world.enroll("Phone").await, world.enroll("Tablet").await);
    let form = format!("device_id={}&token={}", tablet.id(), tablet.credential);
    let response = phone.call(&world, Method::POST, "/push/revoke", Some(form.as_bytes())).await;
    assert_eq!(response.problem(), (400, "invalid_request".to_owned()));
    assert!(world.gateway.devices(&alice()).expect("read").iter().all(|d| d.state == DeviceState::Active));
}

#[tokio::test]
async fn another_process_makes_links_and_types_codes_in_the_same_file() {
    let world = World::new();
    // `op link` beside a running provider: the same home, its own gateway.
    let other = world.beside();
    let request = LinkRequest {
        subject: alice(),
        subject_label: "Alice".to_owned(),
        confirm: Confirm::Code,
        allow_automated: false,
    };
    let link = other.issue_link(request).await.expect("a link");
    let mut phone = world.device("Phone");
    assert_eq!(phone.register(&world, &link.link).await.status, StatusCode::CREATED);
    let code = phone.code.clone().expect("six digits");
    other.confirm(&link.id, &code).await.expect("the code is derived from the same secret");
    let fetched: FetchResponse = phone.pull(&world).await;
    assert_eq!(fetched.notices.len(), 1);
    assert_eq!(phone.enrollment().first_hash(), &Hash::of(&fetched.notices[0]));
}

#[tokio::test]
async fn who_is_renamed_is_told_by_a_statement_that_follows_the_last() {
    let world = World::new();
    let mut phone = world.enroll("Phone").await;
    phone.pull(&world).await;
    let relabel = |label: &'static str| {
        let gateway = world.gateway.clone();
        world.gateway.store().write(move |tx: &Transaction<'_>| gateway.relabel(tx, &alice(), label))
    };
    assert_eq!(relabel("Alice").await.expect("stored"), 0, "her name already");
    assert_eq!(relabel("Alice Example").await.expect("stored"), 1);
    assert!(world.gateway.rename_device(phone.id(), "Work phone").await.expect("stored"));
    assert!(world.gateway.rename_device(phone.id(), "Work phone").await.expect("stored"), "and nothing is said twice");
    assert!(matches!(world.gateway.rename_device(phone.id(), "a\u{202e}b").await, Err(RenameError::Name(_))));
    let nobody = countersign_protocol::id::DeviceId::random(&countersign_testing::CountingRandom::default());
    assert!(!world.gateway.rename_device(&nobody, "Phone").await.expect("stored"));
    phone.pull(&world).await;
    let enrollment = phone.enrollment();
    let (latest, _) = enrollment.current();
    assert_eq!((latest.sequence, phone.statements.len()), (3, 3));
    assert_eq!((latest.subject_label.as_deref(), latest.device_name.as_str()), (Some("Alice Example"), "Work phone"));
    assert_eq!(latest.confirmed_by, ConfirmedBy::None, "how it was confirmed has not changed");
    assert_eq!(latest.on_behalf_of, None);
}

#[tokio::test]
async fn devices_are_told_on_whose_behalf_their_gateway_asks_and_when_it_no_longer_does() {
    let mut world = World::new();
    let mut phone = world.enroll("Phone").await;
    let bank: Issuer = "https://id.redbank.example".parse().expect("an issuer");
    for (sequence, issuers) in [(2, vec![bank]), (3, Vec::new())] {
        let listed = issuers.clone();
        world.restart_with(move |settings| settings.on_behalf_of = listed);
        for _ in 0..2 {
            world.gateway.sweep().await.expect("swept");
        }
        phone.pull(&world).await;
        let enrollment = phone.enrollment();
        let (latest, _) = enrollment.current();
        assert_eq!(latest.sequence, sequence, "once for each change");
        assert_eq!(latest.on_behalf_of.clone().unwrap_or_default(), issuers);
    }
}
