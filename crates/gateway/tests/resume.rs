//! A known passkey registers the page that lost what it stored: with a link, and without one. The unaltered input works, the altered one
//! changes nothing.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use countersign_gateway::{DeviceState, Keys, Settings, Verdict, keys};
use countersign_jose::hash::Hash;
use countersign_jose::key::Signer as _;
use countersign_protocol::discovery::{Discovery, Mode, PasskeyPolicy, ResumePolicy};
use countersign_protocol::enrollment::ConfirmedBy;
use countersign_protocol::evidence::TrustAnchor;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::notice::{DeviceEvent, Notice};
use countersign_protocol::outcome::Ending;
use countersign_protocol::registration::{
    Confirm, DeviceClass, DeviceStatus, KeyProof, KeyProtection, RegistrationRequest, RegistrationResponse,
    ResumeRequest,
};
use countersign_protocol::revocation::RevokedBy;
use countersign_protocol::webauthn::{PasskeyProof, registration_challenge, resume_challenge};
use countersign_testing::passkey::{BE, BS, TestPasskey, UP, UV};
use countersign_testing_gateway::{DeviceCalls as _, Response, TestDevice, World, alice, in_process, issuer};

fn state(world: &World, device: &TestDevice) -> DeviceState {
    let devices = world.gateway.devices(&alice()).expect("listed");
    devices.into_iter().find(|one| one.id == *device.id()).expect("it registered").state
}

fn with_policy(resume: ResumePolicy) -> World {
    World::with_settings(Settings { resume, ..Settings::new(issuer(), Mode::Test) })
}

fn forbidden() -> (u16, String) {
    (403, "resume_not_allowed".to_owned())
}

#[tokio::test]
async fn with_a_link_a_known_passkey_takes_the_place_of_its_device_in_one_step() {
    let world = World::new();
    let mut laptop = world.enroll("Laptop").await;
    let old = world.enroll_page("Phone").await;
    let pending = world.ask().await;
    let mut page = old.emptied();
    let link = world.link(Confirm::Code).await;
    let request = page.known_registration(&world, &link.link).await;
    let response = page.post_registration(&world, &request, &link.link).await;
    assert_eq!(response.status, StatusCode::CREATED, "{response:?}");
    let registered: RegistrationResponse = response.json();
    assert_eq!(registered.status, DeviceStatus::Confirmed, "the passkey confirms: no code");
    assert!(registered.confirmation_code.is_none() && registered.evidence_root.is_none());
    assert_eq!((state(&world, &old), state(&world, &page)), (DeviceState::Revoked, DeviceState::Active));

    // A chain of its own, by the same approval key.
    let fetched = page.pull(&world).await;
    let enrollment = page.enrollment();
    let statement = enrollment.current().0;
    assert_eq!((statement.sequence, statement.confirmed_by), (1, ConfirmedBy::Passkey));
    assert_eq!(statement.approval_key, *old.approval_key());
    assert_eq!(statement.webauthn, old.enrollment().current().0.webauthn);

    // What is pending is asked anew, and can be answered.
    assert_eq!(fetched.challenges.len(), 1);
    let challenge = page.verify(&fetched.challenges[0]);
    assert_eq!(challenge.claims().approval, pending.approval);
    let answer = page.approve(&challenge, None);
    assert_eq!(page.settle(&world, &challenge, &answer).await.ending(), Ending::Approved);
    assert!(matches!(world.verdict(&pending.approval), Verdict::Approved(_)));

    // The old one learns it, and the others.
    let refused = old.call(&world, Method::GET, "/push/challenges", None).await;
    assert_eq!(refused.problem(), (401, "device_revoked".to_owned()));
    laptop.pull(&world).await;
    let notices: Vec<Notice> = laptop.notices.iter().map(|text| Notice::of(text)).collect();
    let is_added = |notice: &Notice| matches!(notice, Notice::Device(told) if told.peek().is_ok_and(|told| told.event == DeviceEvent::DeviceAdded && told.device_id.as_ref() == Some(page.id())));
    let is_revoked = |notice: &Notice| matches!(notice, Notice::Revocation(told) if told.peek().is_ok_and(|told| told.device_id == *old.id() && told.by == RevokedBy::Device));
    assert!(notices.iter().any(is_added) && notices.iter().any(is_revoked), "{notices:?}");

    // A lost 201 is no loss.
    let again = page.post_registration(&world, &request, &link.link).await;
    assert_eq!(again.status, StatusCode::CREATED);
    assert_eq!(again.json::<RegistrationResponse>().device_id, registered.device_id);
}

#[tokio::test]
async fn a_pending_request_survives_the_page_that_alone_was_asked_also_after_a_new_signing_key() {
    let world = World::new();
    let old = world.enroll_page("Phone").await;
    let pending = world.ask_with_number().await;
    world.clock.advance_seconds(30);
    let folder = world.home.path().join("keys");
    let now = countersign_jose::clock::Clock::now(&*world.clock).seconds();
    keys::add_key_version(&folder, keys::SIGNING, now, || keys::new_key(&*world.random)).expect("added");
    world.gateway.renew_keys(Keys::load(&folder).expect("read"), false).expect("renewed");
    world.clock.advance_seconds(30);
    let mut page = old.emptied();
    let link = world.link(Confirm::None).await;
    let request = page.known_registration(&world, &link.link).await;
    assert_eq!(page.post_registration(&world, &request, &link.link).await.status, StatusCode::CREATED);
    let fetched = page.pull(&world).await;
    let challenge = page.verify(fetched.challenges.last().expect("asked anew"));
    assert_eq!(challenge.claims().interaction.kind, InteractionType::InputManual);
    let answer = page.approve(&challenge, pending.interaction_value.as_deref());
    assert_eq!(page.settle(&world, &challenge, &answer).await.ending(), Ending::Approved);

    // What follows is evidence like any other.
    let anchor = TrustAnchor { issuer: issuer(), root: world.gateway.evidence_root(), manifest: None };
    let records = world.gateway.challenge_records(&pending.approval).expect("records");
    let decisive = records.iter().find(|record| record.decided).expect("it decided");
    let report = decisive.evidence.verify(Some(&[anchor])).expect("sound evidence");
    assert!(report.is_approved() && report.by_approval_key);
    assert_eq!(report.statement.confirmed_by, ConfirmedBy::Passkey);
}

/// Registers the page by a link, and crashes once that is written: what follows it is not done.
async fn crash_after_registration(
    world: &mut World,
    page: &mut TestDevice,
    link: &EnrollmentLink,
) -> RegistrationRequest {
    let request = page.known_registration(world, link).await;
    let ended = |world: &World| {
        let devices = world.gateway.devices(&alice()).expect("listed");
        devices.iter().any(|one| one.state == DeviceState::Revoked)
    };
    {
        let mut posted = pin!(page.post_registration(world, &request, link));
        let deadline = Instant::now() + Duration::from_secs(20);
        while !ended(world) {
            assert!(Instant::now() < deadline, "it registers");
            let is_pending = poll_fn(|context| Poll::Ready(posted.as_mut().poll(context).is_pending())).await;
            assert!(is_pending, "the rest follows");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    world.restart();
    request
}

#[tokio::test]
async fn attack_31_what_is_pending_is_asked_anew_in_small_writes_and_nothing_is_lost_in_between() {
    let mut world = World::new();
    let old = world.enroll_page("Phone").await;
    let mut pending = Vec::new();
    for n in 0..20 {
        pending.push(world.ask_as(&format!("client-{n}")).await.approval);
    }
    let mut page = old.emptied();
    let link = world.link(Confirm::None).await;
    let request = crash_after_registration(&mut world, &mut page, &link.link).await;
    let asked = |world: &World| {
        let count = "SELECT count(*) FROM challenge c JOIN device d ON d.id = c.device_id WHERE d.status = 'active'";
        let read = world
            .gateway
            .store()
            .read_blocking(|snapshot| Ok(snapshot.connection().query_row(count, [], |row| row.get::<_, i64>(0))?));
        read.expect("a count")
    };
    assert_eq!(asked(&world), 8, "the first, in the registration's own write");
    world.gateway.sweep().await.expect("swept");
    assert_eq!(asked(&world), 20, "the rest after the restart");
    world.gateway.sweep().await.expect("swept");
    assert_eq!(asked(&world), 20, "each once");
    assert!(pending.iter().all(|approval| world.verdict(approval) == Verdict::Pending));

    // A lost 201 is no loss, and each can be answered.
    assert_eq!(page.post_registration(&world, &request, &link.link).await.status, StatusCode::CREATED);
    let mut found: Vec<_> = Vec::new();
    let mut fetched = page.pull(&world).await;
    while !fetched.challenges.is_empty() {
        found.extend(fetched.challenges.iter().map(|text| page.verify(text).claims().approval.clone()));
        fetched = page.pull(&world).await;
    }
    found.sort();
    pending.sort();
    assert_eq!(found, pending);
}

#[tokio::test]
async fn what_a_replaced_device_approved_stays_approved_until_its_passkeys_last_device_ends() {
    let world = World::new();
    let mut old = world.enroll_page("Phone").await;
    let given = world.ask().await;
    let challenge = old.next_challenge(&world).await;
    let answer = old.approve(&challenge, None);
    old.settle(&world, &challenge, &answer).await;
    let redeemable = || {
        let read = world.gateway.store().read_blocking(|c| Ok(world.gateway.redeemable(c, &given.approval)));
        read.expect("read").is_ok()
    };
    assert!(redeemable());
    let mut page = old.emptied();
    assert_eq!(page.resume(&world, |_| {}).await.status, StatusCode::CREATED);
    assert!(redeemable(), "the key is still the user's");
    world.gateway.revoke_device(page.id(), RevokedBy::Operator).await.expect("revoked");
    assert!(!redeemable());
}

#[tokio::test]
async fn attack_31_a_known_passkey_registers_for_its_own_user_link_and_key_alone() {
    let world = World::new();
    let old = world.enroll_page("Phone").await;
    let other = world.device("Other").with_passkey();
    let mut page = old.emptied();
    let stranger = old.emptied();
    let link = world.link(Confirm::None).await;
    let sound = page.known_registration(&world, &link.link).await;
    let token = sound.registration_token.hash();
    let transport = *sound.public_key.thumbprint();
    let passkey = page.passkey.clone().expect("a passkey");
    let challenge = resume_challenge(&token, &transport);
    let altered = |alter: &dyn Fn(&mut TestPasskey)| {
        let mut altered = (*passkey).clone();
        alter(&mut altered);
        altered.prove(&challenge)
    };
    let created = passkey.sign(passkey.client_data("webauthn.create", &challenge), passkey.authenticator_data());
    let by_another_id = PasskeyProof { credential_id: vec![1; 20], ..passkey.prove(&challenge) };
    let proofs: Vec<(&str, PasskeyProof)> = vec![
        ("another link's", passkey.prove(&resume_challenge(&Hash::of("another token"), &transport))),
        ("another transport key's", stranger.resume_proof(&token)),
        ("the challenge of a creation", passkey.prove(&registration_challenge(&token, &transport))),
        ("a login by the same passkey", passkey.prove(&Hash::of("a sign-in"))),
        ("a creation", PasskeyProof { credential_id: passkey.id.clone(), assertion: created }),
        ("an unknown passkey", other.passkey.as_ref().expect("it").prove(&challenge)),
        ("an unknown id", by_another_id),
        ("another origin", altered(&|key| key.origin = "https://evil.example".into())),
        ("another RP ID", altered(&|key| key.rp_id = "example".into())),
        ("UP unset", altered(&|key| key.flags = UV | BE | BS)),
        ("UV unset", altered(&|key| key.flags = UP | BE | BS)),
        ("BE changed", altered(&|key| key.flags = UP | UV)),
    ];
    for (name, proof) in proofs {
        let request = RegistrationRequest { approval_proof: KeyProof::Known(proof), ..sound.clone() };
        let response = page.post_registration(&world, &request, &link.link).await;
        assert_eq!(response.problem(), (400, "invalid_public_key".to_owned()), "{name}");
    }
    for (name, alter) in [
        (
            "another protection",
            (|request| request.device.key_protection = KeyProtection::Tpm2) as fn(&mut RegistrationRequest),
        ),
        ("an automated device", |request| request.device.device_class = DeviceClass::Automated),
        ("a shared device", |request| request.device.shared = true),
        ("another page's code", |request| request.device.code_origin = Some("https://evil.example".into())),
    ] {
        let mut request = sound.clone();
        alter(&mut request);
        let response = page.post_registration(&world, &request, &link.link).await;
        assert_eq!(response.problem(), (400, "invalid_request".to_owned()), "{name}");
    }
    // The old device's own transport key again.
    let mut same_keys = old.copy();
    let request = same_keys.known_registration(&world, &link.link).await;
    let response = same_keys.post_registration(&world, &request, &link.link).await;
    assert_eq!(response.problem(), (400, "invalid_public_key".to_owned()), "a known transport key");

    assert_eq!(state(&world, &old), DeviceState::Active);
    assert_eq!(page.post_registration(&world, &sound, &link.link).await.status, StatusCode::CREATED, "unaltered");
    assert_eq!(state(&world, &old), DeviceState::Revoked);

    // Another user's link.
    let request = countersign_gateway::LinkRequest {
        subject: "bob".parse().expect("a subject"),
        subject_label: "Bob".to_owned(),
        confirm: Confirm::None,
        allow_automated: false,
    };
    let bobs = world.gateway.issue_link(request).await.expect("a link");
    let mut thief = page.emptied();
    let request = thief.known_registration(&world, &bobs.link).await;
    let response = thief.post_registration(&world, &request, &bobs.link).await;
    assert_eq!(response.problem(), (400, "invalid_public_key".to_owned()), "another user's link");

    // One that was never confirmed, and one that was revoked.
    let mut waiting = world.device("Waiting").with_passkey();
    let link = world.link(Confirm::Code).await;
    assert_eq!(waiting.register(&world, &link.link).await.status, StatusCode::CREATED);
    let revoked = world.enroll_page("Lost").await;
    world.gateway.revoke_device(revoked.id(), RevokedBy::User).await.expect("revoked");
    for (name, device) in [("its code was never typed", &waiting), ("it was revoked", &revoked)] {
        let mut thief = device.emptied();
        let link = world.link(Confirm::None).await;
        let request = thief.known_registration(&world, &link.link).await;
        let response = thief.post_registration(&world, &request, &link.link).await;
        assert_eq!(response.problem(), (400, "invalid_public_key".to_owned()), "{name}");
        assert_eq!(thief.resume(&world, |_| {}).await.problem(), forbidden(), "{name}");
    }
}

#[tokio::test]
async fn without_a_link_a_page_continues_what_was_enrolled_in_another() {
    let world = World::new();
    let discovery: Discovery = world.get("/tenant/.well-known/oauth-push-notification").await.json();
    assert_eq!(discovery.resume, Some(ResumePolicy::Link));
    assert_eq!(discovery.resume_endpoint.as_deref(), Some("https://id.example/tenant/push/resume"));
    let old = world.enroll_page("Phone").await;
    let pending = world.ask().await;
    world.clock.advance_seconds(200);
    let mut page = old.emptied();
    let response = page.resume(&world, |_| {}).await;
    assert_eq!(response.status, StatusCode::CREATED, "{response:?}");
    assert_eq!(page.keys().root(), &world.gateway.evidence_root());
    assert_eq!((state(&world, &old), state(&world, &page)), (DeviceState::Revoked, DeviceState::Active));
    let fetched = page.pull(&world).await;
    let enrollment = page.enrollment();
    assert_eq!(enrollment.current().0.confirmed_by, ConfirmedBy::Passkey);
    assert_eq!(enrollment.current().0.subject_label.as_deref(), Some("Alice"));
    let challenge = page.verify(&fetched.challenges[0]);
    assert_eq!(challenge.claims().approval, pending.approval);
    let answer = page.approve(&challenge, None);
    assert_eq!(page.settle(&world, &challenge, &answer).await.ending(), Ending::Approved);
}

#[tokio::test]
async fn a_lost_response_without_a_link_is_no_loss_either() {
    let world = World::new();
    let old = world.enroll_page("Phone").await;
    let mut page = old.emptied();
    let first: RegistrationResponse = page.resume(&world, |_| {}).await.json();
    let lost = page.credential.clone();
    world.clock.advance_seconds(60);
    let second: RegistrationResponse = page.resume(&world, |_| {}).await.json();
    assert_eq!(first.device_id, second.device_id);
    assert_ne!(lost, page.credential);
    page.pull(&world).await;
    page.credential = lost;
    let refused = page.call(&world, Method::GET, "/push/challenges", None).await;
    assert_eq!(refused.problem(), (401, "invalid_device_credential".to_owned()));
    world.clock.advance_seconds(900);
    assert_eq!(page.resume(&world, |_| {}).await.problem(), forbidden(), "later it renews as any device");
}

#[tokio::test]
async fn attack_31_a_registration_without_a_link_outside_its_window_is_refused() {
    let world = World::new();
    let old = world.enroll_page("Phone").await;
    world.clock.advance_seconds(899);
    let mut page = old.emptied();
    assert_eq!(page.resume(&world, |_| {}).await.status, StatusCode::CREATED, "within fifteen minutes");
    let mut third = page.emptied();
    assert_eq!(third.resume(&world, |_| {}).await.problem(), forbidden(), "once");

    let old = world.enroll_page("Tablet").await;
    world.clock.advance_seconds(900);
    let mut late = old.emptied();
    assert_eq!(late.resume(&world, |_| {}).await.problem(), forbidden(), "and not later");
    assert_eq!(state(&world, &old), DeviceState::Active);
    // With a link at any time; that is an enrollment, and opens the window again.
    let link = world.link(Confirm::None).await;
    let request = late.known_registration(&world, &link.link).await;
    assert_eq!(late.post_registration(&world, &request, &link.link).await.status, StatusCode::CREATED);
    let mut home_screen = late.emptied();
    assert_eq!(home_screen.resume(&world, |_| {}).await.status, StatusCode::CREATED);

    let world = with_policy(ResumePolicy::Off);
    let old = world.enroll_page("Phone").await;
    let discovery: Discovery = world.get("/tenant/.well-known/oauth-push-notification").await.json();
    assert_eq!((discovery.resume, discovery.resume_endpoint), (Some(ResumePolicy::Off), None));
    let mut page = old.emptied();
    assert_eq!(page.resume(&world, |_| {}).await.problem(), forbidden());
    let link = world.link(Confirm::None).await;
    let request = page.known_registration(&world, &link.link).await;
    assert_eq!(page.post_registration(&world, &request, &link.link).await.problem(), forbidden(), "nor with a link");
}

#[tokio::test]
async fn where_the_operator_allows_it_a_passkey_registers_without_a_link_three_times_a_day() {
    let world = with_policy(ResumePolicy::Passkey);
    let mut page = world.enroll_page("Phone").await;
    for _ in 0..3 {
        world.clock.advance_seconds(3600);
        let mut next = page.emptied();
        assert_eq!(next.resume(&world, |_| {}).await.status, StatusCode::CREATED);
        page = next;
    }
    let mut fourth = page.emptied();
    let refused = fourth.resume(&world, |_| {}).await;
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    assert_eq!(refused.headers["retry-after"], (86_400 - 7200).to_string().as_str());
    assert_eq!(state(&world, &page), DeviceState::Active);
    world.clock.advance_seconds(86_400 - 7200);
    assert_eq!(fourth.resume(&world, |_| {}).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn attack_31_without_a_link_an_unknown_and_a_forbidden_passkey_are_answered_alike() {
    let world = World::new();
    let old = world.enroll_page("Phone").await;
    let stale = world.enroll_page("Stale").await;
    world.clock.advance_seconds(901);
    let fresh = world.enroll_page("Fresh").await;
    let mut late = stale.emptied();
    let known = late.resume(&world, |_| {}).await;
    assert_eq!(known.problem(), forbidden(), "its window is over");
    let mut unknown = world.device("Unknown").with_passkey();
    let mut page = fresh.emptied();
    let own = page.passkey.clone().expect("a passkey");
    let same = |response: Response, name: &str| {
        assert_eq!((response.problem(), response.body), (forbidden(), known.body.clone()), "{name}")
    };
    same(unknown.resume(&world, |_| {}).await, "unknown");
    let flip = |request: &mut ResumeRequest| request.approval_proof.assertion.signature[20] ^= 1;
    same(page.resume(&world, flip).await, "a signature that does not hold");
    let other_id = |request: &mut ResumeRequest| request.approval_proof.credential_id = vec![1; 20];
    same(page.resume(&world, other_id).await, "an unknown id");
    let login = |request: &mut ResumeRequest| request.approval_proof = own.prove(&Hash::of("a sign-in"));
    same(page.resume(&world, login).await, "a login by the same passkey");
    let elsewhere = |request: &mut ResumeRequest| {
        let nonce = Hash::of("another nonce");
        request.approval_proof = own.prove(&resume_challenge(&nonce, request.public_key.thumbprint()));
    };
    same(page.resume(&world, elsewhere).await, "signed for another nonce");
    let others_key = *old.transport.public_key().thumbprint();
    let for_another = |request: &mut ResumeRequest| {
        request.approval_proof = own.prove(&resume_challenge(&Hash::of(&request.resume_nonce), &others_key));
    };
    same(page.resume(&world, for_another).await, "signed for another transport key");

    let invalid = (400, "invalid_request".to_owned());
    let foreign_nonce = |request: &mut ResumeRequest| request.resume_nonce = "other".to_owned();
    assert_eq!(page.resume(&world, foreign_nonce).await.problem(), invalid, "another nonce than the proof's");
    let key = old.transport.public_key().clone();
    let other_key = |request: &mut ResumeRequest| request.public_key = key.clone();
    assert_eq!(page.resume(&world, other_key).await.problem(), invalid, "another key than the proof's");
    for (name, alter) in [
        (
            "another page",
            (|request| request.device.code_origin = Some("https://evil.example".into())) as fn(&mut ResumeRequest),
        ),
        ("a shared device", |request| request.device.shared = true),
        ("an automated device", |request| request.device.device_class = DeviceClass::Automated),
        ("another protection", |request| request.device.key_protection = KeyProtection::FilePin),
    ] {
        assert_eq!(page.resume(&world, alter).await.problem(), invalid, "{name}");
    }
    assert_eq!(page.resume(&world, |_| {}).await.status, StatusCode::CREATED, "unaltered");
}

#[tokio::test]
async fn attack_31_a_nonce_serves_one_registration_without_a_link() {
    let world = World::new();
    let old = world.enroll_page("Phone").await;
    let page = old.emptied();
    let nonce = world.call(in_process(page.resume_nonce_call())).await.nonce().expect("a nonce");
    page.keep_nonce(Some(&nonce));
    let mut flawed = page.resume_request(&nonce);
    flawed.approval_proof.assertion.signature[20] ^= 1;
    assert_eq!(world.call(in_process(page.resume_call(&flawed))).await.problem(), forbidden());
    let again = world.call(in_process(page.resume_call(&page.resume_request(&nonce)))).await;
    assert_eq!(again.problem(), (401, "invalid_dpop_proof".to_owned()), "the nonce was used");
    assert_eq!(state(&world, &old), DeviceState::Active);

    // The same request once more, as it was sent.
    world.clock.advance_millis(1);
    let nonce = world.call(in_process(page.resume_nonce_call())).await.nonce().expect("a nonce");
    page.keep_nonce(Some(&nonce));
    let call = page.resume_call(&page.resume_request(&nonce));
    let copy = |call: &axum::http::Request<Vec<u8>>| in_process(call.clone());
    assert_eq!(world.call(copy(&call)).await.status, StatusCode::CREATED, "unaltered");
    assert_eq!(world.call(copy(&call)).await.problem(), (401, "invalid_dpop_proof".to_owned()), "replayed");

    // A nonce of another transport key, and one that is too old.
    let (thief, late) = (page.emptied(), page.emptied());
    let foreign = world.call(in_process(page.resume_nonce_call())).await.nonce().expect("a nonce");
    thief.keep_nonce(Some(&foreign));
    let response = world.call(in_process(thief.resume_call(&thief.resume_request(&foreign)))).await;
    assert_eq!(response.problem(), (401, "use_dpop_nonce".to_owned()));
    let old_nonce = world.call(in_process(late.resume_nonce_call())).await.nonce().expect("a nonce");
    late.keep_nonce(Some(&old_nonce));
    world.clock.advance_seconds(300);
    let response = world.call(in_process(late.resume_call(&late.resume_request(&old_nonce)))).await;
    assert_eq!(response.problem(), (401, "use_dpop_nonce".to_owned()));
}

#[tokio::test]
async fn a_passkey_that_policy_no_longer_takes_does_not_register_again() {
    let mut world = with_policy(ResumePolicy::Passkey);
    let old = world.enroll_page("Phone").await;
    world.restart_with(|settings| settings.passkeys = PasskeyPolicy::Off);
    assert_eq!(old.emptied().resume(&world, |_| {}).await.problem(), forbidden());
    world.restart_with(|settings| settings.passkeys = PasskeyPolicy::Any);
    assert_eq!(old.emptied().resume(&world, |_| {}).await.status, StatusCode::CREATED);
}
