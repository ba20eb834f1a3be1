//! Devices whose approval key is a passkey: registration, answers, and attacks on both. The unaltered input works, the altered
//! one changes nothing.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use countersign_gateway::{
    AttestationRoots, DeviceState, EventSink, Gateway, GatewayEvent, Keys, Ports, Settings, Verdict,
};
use countersign_jose::hash::Hash;
use countersign_jose::key::{PrivateKey, Signer as _};
use countersign_protocol::answer::{Answer, DenialReason};
use countersign_protocol::discovery::{AttestationConveyance, Discovery, Mode, PasskeyPolicy, SharedPolicy};
use countersign_protocol::enrollment::ApprovalKeyType;
use countersign_protocol::interaction::UserVerification;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Ending;
use countersign_protocol::registration::{Confirm, DeviceClass, KeyProof, KeyProtection, RegistrationRequest};
use countersign_protocol::revocation::RevokedBy;
use countersign_protocol::webauthn::{AttestationResult, registration_challenge};
use countersign_store::{Error as StoreError, Transaction};
use countersign_testing::fixture::private_key;
use countersign_testing::passkey::attestation::{Format, TestMaker};
use countersign_testing::passkey::{BE, BS, SForm, TestPasskey, UP, UV, with_assertion};
use countersign_testing_gateway::{DeviceCalls as _, Response, TestDevice, World, alice, issuer, open_store};

/// The passkey, to be altered.
fn passkey(device: &mut TestDevice) -> &mut TestPasskey {
    device.passkey.as_mut().expect("a page with a passkey")
}

/// Alters what a page's registration says, and posts it by a link of its own.
async fn register_altered(world: &World, page: &mut TestDevice, alter: impl Fn(&mut RegistrationRequest)) -> Response {
    let link = world.link(Confirm::None).await;
    let mut request = page.registration(world, &link.link).await;
    alter(&mut request);
    page.post_registration(world, &request, &link.link).await
}

#[tokio::test]
async fn a_passkey_registers_and_its_statement_says_what_is_known_of_it() {
    let world = World::new();
    let discovery: Discovery = world.get("/tenant/.well-known/oauth-push-notification").await.json();
    assert_eq!(discovery.approval_key_types_supported, [ApprovalKeyType::P256, ApprovalKeyType::Webauthn]);
    assert_eq!(discovery.passkeys.map(|passkeys| passkeys.policy), Some(PasskeyPolicy::Any));

    let page = world.enroll_page("Phone").await;
    let enrollment = page.enrollment();
    let statement = enrollment.current().0;
    let stated = statement.webauthn.as_ref().expect("what is known of the passkey");
    assert_eq!((stated.origin.as_str(), stated.rp_id.as_str()), ("https://id.example", "id.example"));
    assert!(stated.backup_eligible && stated.aaguid.is_none());
    assert_eq!(statement.approval_key_type, ApprovalKeyType::Webauthn);
    assert_eq!(statement.approval_key, *page.approval_key());
    assert_eq!(statement.code_origin.as_deref(), Some("https://id.example"));
    assert_eq!(statement.key_protection.claimed, KeyProtection::Passkey);
    assert_eq!(statement.key_protection.verified, None);
    assert_eq!(statement.must_understand, ["approval_key_type", "webauthn"]);
    let listed = world.gateway.devices(&alice()).expect("listed");
    assert_eq!(listed[0].passkey.as_ref(), Some(stated));
    assert_eq!(listed[0].code_origin.as_deref(), Some("https://id.example"));

    let plain = world.enroll("Laptop").await;
    let enrollment = plain.enrollment();
    assert_eq!(enrollment.current().0.approval_key_type, ApprovalKeyType::P256);
    assert!(enrollment.current().0.webauthn.is_none() && enrollment.current().0.must_understand.is_empty());
}

#[tokio::test]
async fn a_passkeys_answer_approves_and_says_by_itself_that_the_person_was_verified() {
    let world = World::new();
    for (name, s_form) in [("Phone", SForm::Low), ("Tablet", SForm::High)] {
        let mut page = world.enroll_page(name).await;
        passkey(&mut page).s_form = s_form;
        let accepted = world.ask().await;
        let challenge = page.next_challenge(&world).await;
        world.clock.advance_seconds(7);
        let answer = page.approve(&challenge, None);
        assert_eq!(page.settle(&world, &challenge, &answer).await.ending(), Ending::Approved);
        let Verdict::Approved(approval) = world.verdict(&accepted.approval) else { panic!("approved") };
        let signed = approval.signed.expect("by a device");
        assert_eq!(signed.amr, ["swk", "user", "mfa"], "no attestation was verified");
        assert_eq!(signed.acr, "urn:countersign:acr:verified");
        assert_eq!(approval.auth_time, countersign_jose::clock::Clock::now(&*world.clock), "the arrival");
        // Whoever is asked again signs by the other s: the same answer, the same reply.
        passkey(&mut page).s_form = if s_form == SForm::Low { SForm::High } else { SForm::Low };
        let again = page.passkey.as_ref().expect("it has one").sign_message(&answer.peek().expect("claims"));
        assert_ne!(again.as_str(), answer.as_str());
        assert_eq!(page.send_answer(&world, challenge.id(), &again).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_page_with_a_passkey_denies_refuses_and_disputes_by_its_transport_key() {
    let world = World::new();
    let mut page = world.enroll_page("Phone").await;
    let denied = world.ask().await;
    let challenge = page.next_challenge(&world).await;
    let claims = page.deny(&challenge, Some(DenialReason::NotMe)).peek().expect("claims");
    let by_passkey = page.passkey.as_ref().expect("it has one").sign_message(&claims);
    let refused = page.send_answer(&world, challenge.id(), &by_passkey).await;
    assert_eq!(refused.problem(), (400, "invalid_answer".to_owned()), "a passkey signs approvals alone");
    let denial = Compact::sign(&claims, &*page.transport).expect("signs");
    assert_eq!(page.settle(&world, &challenge, &denial).await.ending(), Ending::Denied);
    assert!(matches!(world.verdict(&denied.approval), Verdict::Denied { .. }));

    world.ask_as("another").await;
    let challenge = page.next_challenge(&world).await;
    assert_eq!(page.refuse(&world, &challenge).await.status, StatusCode::OK);
    world.ask_as("a third").await;
    let challenge = page.next_challenge(&world).await;
    let answer = page.approve(&challenge, None);
    page.settle(&world, &challenge, &answer).await;
    assert_eq!(page.dispute(&world, &challenge).await.status, StatusCode::OK);
}

#[tokio::test]
async fn attack_29_only_what_the_passkey_signed_for_this_answer_approves() {
    let world = World::new();
    let (mut page, other) = (world.enroll_page("Phone").await, world.enroll_page("Tablet").await);
    let accepted = world.ask().await;
    let challenge = page.next_challenge(&world).await;
    let good = page.approve(&challenge, None);
    let claims = good.peek().expect("claims");
    let own = page.passkey.clone().expect("it has one");
    let input = own.signing_input(&claims);
    let with_claims = |alter: &dyn Fn(&mut Answer)| {
        let mut altered = claims.clone();
        alter(&mut altered);
        own.sign_message(&altered)
    };
    let altered_key = |alter: &dyn Fn(&mut TestPasskey)| {
        let mut altered = own.clone();
        alter(&mut altered);
        altered.sign_message(&claims)
    };
    let login = own.get(&Hash::of("a sign-in at the same page"));
    let creation = own.sign(own.client_data("webauthn.create", &Hash::of(&input)), own.authenticator_data());
    for (name, answer) in [
        ("the challenge of another answer", with_assertion(&input, &own.get(&Hash::of("another answer")))),
        ("a login by the same passkey", with_assertion(&input, &login)),
        ("a creation", with_assertion(&input, &creation)),
        ("another origin", altered_key(&|key| key.origin = "https://evil.example".into())),
        ("another port", altered_key(&|key| key.origin = "https://id.example:8443".into())),
        ("a subdomain", altered_key(&|key| key.origin = "https://www.id.example".into())),
        ("another RP ID", altered_key(&|key| key.rp_id = "example".into())),
        ("UP unset", altered_key(&|key| key.flags = UV | BE | BS)),
        ("UV unset", altered_key(&|key| key.flags = UP | BE | BS)),
        ("BE changed", altered_key(&|key| key.flags = UP | UV)),
        ("BS without BE", altered_key(&|key| key.flags = UP | UV | BS)),
        ("another passkey of the user", other.passkey.as_ref().expect("it has one").sign_message(&claims)),
        ("ES256 by a key that is not the passkey", Compact::sign(&claims, &*page.approval).expect("signs")),
        ("the transport key, where verification is required", Compact::sign(&claims, &*page.transport).expect("signs")),
        ("a user value of its own", with_claims(&|claims| claims.amr = vec!["swk".into(), "user".into()])),
        ("a time of its own", with_claims(&|claims| claims.uv_at = Some(claims.iat))),
    ] {
        let response = page.send_answer(&world, challenge.id(), &answer).await;
        assert_eq!(response.problem(), (400, "invalid_answer".to_owned()), "{name}");
        assert_eq!(world.verdict(&accepted.approval), Verdict::Pending, "{name}");
    }

    // Replayed by another device of the same user, for its own copy.
    let mut tablet = other;
    let copy = tablet.next_challenge(&world).await;
    let response = tablet.send_answer(&world, copy.id(), &good).await;
    assert_eq!(response.problem(), (400, "invalid_answer".to_owned()));

    assert_eq!(page.settle(&world, &challenge, &good).await.ending(), Ending::Approved);
    assert!(matches!(world.verdict(&accepted.approval), Verdict::Approved(_)));
}

#[tokio::test]
async fn attack_29_an_es256_answer_by_the_passkeys_own_key_is_refused_and_a_passkeys_under_a_p256_key() {
    let world = World::new();
    let key = PrivateKey::generate(&*world.random);
    let mut page = world.device("Phone").with_passkey();
    *passkey(&mut page) = TestPasskey::new(key.clone(), &issuer().origin());
    let link = world.link(Confirm::None).await;
    assert_eq!(page.register(&world, &link.link).await.status, StatusCode::CREATED);
    page.pull(&world).await;
    world.ask().await;
    let challenge = page.next_challenge(&world).await;
    let good = page.approve(&challenge, None);
    let es256 = Compact::sign(&good.peek().expect("claims"), &key.into_signer()).expect("signs");
    assert_eq!(page.send_answer(&world, challenge.id(), &es256).await.problem().0, 400);
    assert_eq!(page.settle(&world, &challenge, &good).await.ending(), Ending::Approved);

    let p256 = PrivateKey::generate(&*world.random);
    let mut laptop = world.device("Laptop");
    laptop.approval = Arc::new(p256.clone().into_signer());
    let link = world.link(Confirm::None).await;
    assert_eq!(laptop.register(&world, &link.link).await.status, StatusCode::CREATED);
    laptop.pull(&world).await;
    world.ask_as("another").await;
    let challenge = laptop.next_challenge(&world).await;
    let good = laptop.approve(&challenge, None);
    let as_passkey = TestPasskey::new(p256, &issuer().origin()).sign_message(&good.peek().expect("claims"));
    assert_eq!(laptop.send_answer(&world, challenge.id(), &as_passkey).await.problem().0, 400);
    assert_eq!(laptop.settle(&world, &challenge, &good).await.ending(), Ending::Approved);
}

#[tokio::test]
async fn attack_30_a_creation_serves_one_registration_of_one_page() {
    let world = World::new();
    let mut page = world.device("Phone").with_passkey();
    let own = page.passkey.clone().expect("it has one");
    let transport = *page.transport.public_key().thumbprint();
    let altered = |alter: &dyn Fn(&mut TestPasskey)| {
        let mut altered = (*own).clone();
        alter(&mut altered);
        altered
    };
    let evil = altered(&|key| key.origin = "https://evil.example".into());
    let other_rp = altered(&|key| key.rp_id = "example".into());
    let no_uv = altered(&|key| key.flags = UP | BE);
    for (name, key) in [("another origin", &evil), ("another RP ID", &other_rp), ("UV unset", &no_uv)] {
        let response = register_altered(&world, &mut page, |request| {
            let challenge = registration_challenge(&request.registration_token.hash(), &transport);
            request.approval_proof = KeyProof::Created(key.create(&challenge));
        });
        assert_eq!(response.await.problem(), (400, "invalid_public_key".to_owned()), "{name}");
    }
    let astray = KeyProof::Created(own.create(&registration_challenge(&Hash::of("another token"), &transport)));
    let response = register_altered(&world, &mut page, |request| request.approval_proof = astray.clone()).await;
    assert_eq!(response.problem(), (400, "invalid_public_key".to_owned()), "made for another link");
    let asserted = KeyProof::Known(own.prove(&Hash::of("anything")));
    let response = register_altered(&world, &mut page, |request| request.approval_proof = asserted.clone()).await;
    assert_eq!(response.problem(), (400, "invalid_public_key".to_owned()), "a signature in place of a creation");
    let other_key = PrivateKey::generate(&*world.random).public_key().clone();
    let response = register_altered(&world, &mut page, |request| request.approval_key = Some(other_key.clone())).await;
    assert_eq!(response.problem(), (400, "invalid_public_key".to_owned()), "another key than was made");

    for (name, alter) in [
        (
            "an unknown type",
            (|request| request.approval_key_type = ApprovalKeyType::Unknown) as fn(&mut RegistrationRequest),
        ),
        ("another protection", |request| request.device.key_protection = KeyProtection::Tpm2),
        ("an automated device", |request| request.device.device_class = DeviceClass::Automated),
        ("another page's code", |request| request.device.code_origin = Some("https://evil.example".into())),
    ] {
        let response = register_altered(&world, &mut page, alter).await;
        assert_eq!(response.problem(), (400, "invalid_request".to_owned()), "{name}");
    }
    // The browser's Origin must say the same.
    let link = world.link(Confirm::None).await;
    let request = page.registration(&world, &link.link).await;
    let mut call: Request<Body> = page.registration_call(&request).map(Body::from);
    call.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().expect("a value"));
    let response = world.call(call).await;
    assert!([400, 401].contains(&response.status.as_u16()), "{response:?}");

    let link = world.link(Confirm::None).await;
    assert_eq!(page.register(&world, &link.link).await.status, StatusCode::CREATED, "unaltered");
    page.pull(&world).await;

    // A second device by the same key, and by another key under the same credential id.
    let mut thief = world.device("Thief").with_passkey();
    *passkey(&mut thief) = (*own).clone();
    let response = register_altered(&world, &mut thief, |_| {}).await;
    assert_eq!(response.problem(), (400, "invalid_public_key".to_owned()), "a known key");
    let mut thief = world.device("Thief").with_passkey();
    passkey(&mut thief).id = own.id.clone();
    let response = register_altered(&world, &mut thief, |_| {}).await;
    assert_eq!(response.problem(), (400, "invalid_public_key".to_owned()), "a known credential id");
    let devices = world.gateway.devices(&alice()).expect("listed");
    assert_eq!(devices.iter().filter(|device| device.state == DeviceState::Active).count(), 1);
}

#[tokio::test]
async fn attack_30_policy_decides_which_passkeys_register() {
    for (policy, listed) in [(PasskeyPolicy::DeviceBound, 2), (PasskeyPolicy::Off, 1)] {
        let world = World::with_settings(Settings { passkeys: policy, ..Settings::new(issuer(), Mode::Test) });
        let discovery: Discovery = world.get("/tenant/.well-known/oauth-push-notification").await.json();
        assert_eq!(discovery.passkeys.map(|passkeys| passkeys.policy), Some(policy));
        assert_eq!(discovery.approval_key_types_supported.len(), listed);
        let mut page = world.device("Phone").with_passkey();
        let response = register_altered(&world, &mut page, |_| {}).await;
        assert_eq!(response.problem(), (403, "passkey_not_allowed".to_owned()), "attestation none under {policy:?}");
        let mut bound = world.device("Key").with_passkey();
        passkey(&mut bound).flags = UP | UV;
        let response = register_altered(&world, &mut bound, |_| {}).await;
        assert_eq!(response.problem(), (403, "passkey_not_allowed".to_owned()), "it says so, and nobody signed it");
        world.enroll("Laptop").await;
    }
}

/// Registers a page by what its maker attests of its passkey.
async fn register_attested(world: &World, page: &mut TestDevice, maker: &TestMaker, format: Format) -> Response {
    let passkey = page.passkey.clone().expect("it has one");
    let transport = *page.transport.public_key().thumbprint();
    register_altered(world, page, |request| {
        let challenge = registration_challenge(&request.registration_token.hash(), &transport);
        request.approval_proof = KeyProof::Created(maker.create(format, &passkey, &challenge));
    })
    .await
}

/// A maker, and settings that believe its attestations.
fn believing(world_maker: &TestMaker, passkeys: PasskeyPolicy) -> Settings {
    let mut attestation_roots = AttestationRoots::default();
    attestation_roots.add_pem(world_maker.root_pem().as_bytes()).expect("a root");
    Settings { passkeys, attestation_roots, ..Settings::new(issuer(), Mode::Test) }
}

fn maker(seed: u8) -> TestMaker {
    TestMaker::new(private_key(seed), private_key(seed + 1))
}

#[tokio::test]
async fn an_attestation_under_a_listed_root_is_verified_and_stays_so_when_the_passkey_registers_again() {
    let world = World::with_settings(believing(&maker(20), PasskeyPolicy::Any));
    let discovery: Discovery = world.get("/tenant/.well-known/oauth-push-notification").await.json();
    assert_eq!(discovery.passkeys.map(|passkeys| passkeys.attestation), Some(AttestationConveyance::Direct));
    for (format, by, level) in [
        (Format::Packed, 20, Some(KeyProtection::Passkey)),
        (Format::Tpm, 20, Some(KeyProtection::Tpm2)),
        (Format::AndroidKey, 20, Some(KeyProtection::Tee)),
        (Format::Apple, 20, Some(KeyProtection::SecureEnclave)),
        (Format::SelfSigned, 20, None),
        (Format::None, 20, None),
        (Format::Packed, 30, None),
    ] {
        let mut page = world.device("Phone").with_passkey();
        passkey(&mut page).flags = UP | UV;
        let response = register_attested(&world, &mut page, &maker(by), format).await;
        assert_eq!(response.status, StatusCode::CREATED, "{format:?}: {response:?}");
        page.pull(&world).await;
        let mut again = page.emptied();
        assert_eq!(again.resume(&world, |_| {}).await.status, StatusCode::CREATED);
        again.pull(&world).await;
        for device in [&page, &again] {
            let enrollment = device.enrollment();
            let statement = enrollment.current().0;
            let stated = statement.webauthn.as_ref().expect("what is known of the passkey");
            assert_eq!(stated.attestation == AttestationResult::Verified, level.is_some(), "{format:?} by {by}");
            assert_eq!(statement.key_protection.verified, level, "{format:?} by {by}");
            assert_eq!(statement.key_protection.claimed, KeyProtection::Passkey);
        }
        let listed = world.gateway.devices(&alice()).expect("listed");
        let listed = listed.iter().find(|one| one.id == *again.id()).expect("it registered");
        assert_eq!((listed.key_verified, listed.backup_state), (level, Some(false)));

        let accepted = world.ask_as(&format!("{format:?}-{by}")).await;
        let challenge = again.next_challenge(&world).await;
        let answer = again.approve(&challenge, None);
        again.settle(&world, &challenge, &answer).await;
        let Verdict::Approved(approval) = world.verdict(&accepted.approval) else { panic!("approved") };
        let signed = approval.signed.expect("by a device");
        assert_eq!(signed.amr[0], if level.is_some() { "hwk" } else { "swk" }, "{format:?} by {by}");
        assert_eq!(signed.key.expect("the approval key signed").verified, level);
        world.gateway.revoke_device(again.id(), RevokedBy::User).await.expect("revoked");
    }
}

#[tokio::test]
async fn attack_30_a_passkey_that_only_says_it_stays_on_its_device_is_refused_where_that_is_asked_for() {
    let world = World::with_settings(believing(&maker(20), PasskeyPolicy::DeviceBound));
    let not_allowed = (403, "passkey_not_allowed".to_owned());
    let bound = || {
        let mut page = world.device("Key").with_passkey();
        passkey(&mut page).flags = UP | UV;
        page
    };
    for (format, by) in [(Format::None, 20), (Format::SelfSigned, 20), (Format::Packed, 30), (Format::Apple, 30)] {
        let response = register_attested(&world, &mut bound(), &maker(by), format).await;
        assert_eq!(response.problem(), not_allowed, "{format:?} by {by}");
    }
    let mut synced = world.device("Phone").with_passkey();
    let response = register_attested(&world, &mut synced, &maker(20), Format::Packed).await;
    assert_eq!(response.problem(), not_allowed, "attested, and may be copied");
    // Made for another link.
    let mut page = bound();
    let elsewhere = maker(20).create(Format::Packed, page.passkey.as_ref().expect("it"), &Hash::of("another link"));
    let response = register_altered(&world, &mut page, |request| {
        request.approval_proof = KeyProof::Created(elsewhere.clone());
    });
    assert_eq!(response.await.problem(), (400, "invalid_public_key".to_owned()));
    for format in [Format::Packed, Format::Tpm, Format::AndroidKey, Format::Apple] {
        let response = register_attested(&world, &mut bound(), &maker(20), format).await;
        assert_eq!(response.status, StatusCode::CREATED, "{format:?}, unaltered");
    }
}

#[tokio::test]
async fn a_shared_device_says_so_and_has_no_passkey() {
    let world = World::new();
    let mut tablet = world.device("Tablet");
    let response = register_altered(&world, &mut tablet, |request| request.device.shared = true).await;
    assert_eq!(response.status, StatusCode::CREATED, "{response:?}");
    tablet.pull(&world).await;
    assert!(tablet.enrollment().current().0.shared);
    assert!(world.gateway.devices(&alice()).expect("listed")[0].shared);
    let discovery: Discovery = world.get("/tenant/.well-known/oauth-push-notification").await.json();
    assert_eq!(discovery.shared, Some(SharedPolicy::Allowed));
    let mut page = world.device("Phone").with_passkey();
    let response = register_altered(&world, &mut page, |request| request.device.shared = true).await;
    assert_eq!(response.problem(), (400, "invalid_request".to_owned()));

    let world = World::with_settings(Settings { shared: SharedPolicy::Refused, ..Settings::new(issuer(), Mode::Test) });
    let discovery: Discovery = world.get("/tenant/.well-known/oauth-push-notification").await.json();
    assert_eq!(discovery.shared, Some(SharedPolicy::Refused));
    let mut tablet = world.device("Tablet");
    let response = register_altered(&world, &mut tablet, |request| request.device.shared = true).await;
    assert_eq!(response.problem(), (403, "shared_not_allowed".to_owned()));
    assert_eq!(register_altered(&world, &mut tablet, |_| {}).await.status, StatusCode::CREATED, "alone");
}

#[tokio::test]
async fn where_verification_is_discouraged_either_key_of_a_page_approves() {
    let world = World::new();
    let mut page = world.enroll_page("Phone").await;
    for by_passkey in [true, false] {
        let mut request = world.request();
        request.user_verification = UserVerification::Discouraged;
        let accepted = world.accept(request).await.expect("accepted");
        let challenge = page.next_challenge(&world).await;
        let answer = if by_passkey {
            page.approve(&challenge, None)
        } else {
            let draft = page.draft(&challenge);
            let unsigned = countersign_protocol::answer::TransportKey::new(page.transport.public_key());
            let unsigned = unsigned.approve_unverified(draft, None).expect("discouraged");
            unsigned.sign(&*page.transport).expect("a key in memory signs")
        };
        page.settle(&world, &challenge, &answer).await;
        let Verdict::Approved(approval) = world.verdict(&accepted.approval) else { panic!("approved") };
        let amr = approval.signed.expect("by a device").amr;
        assert_eq!(amr, if by_passkey { vec!["swk", "user", "mfa"] } else { vec!["swk"] });
    }
}

/// Keeps what it is told of sign counts.
#[derive(Default)]
struct Counts(Mutex<Vec<(u32, u32)>>);

impl EventSink for Counts {
    fn record(&self, _: &Transaction<'_>, event: &GatewayEvent<'_>) -> Result<(), StoreError> {
        if let GatewayEvent::SignCount { before, received, .. } = event {
            self.0.lock().expect("not poisoned").push((*before, *received));
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_sign_count_that_does_not_grow_is_told_to_the_operator_and_refuses_nothing() {
    let counts = Arc::new(Counts::default());
    let mut world = World::new();
    let (home, random) = (world.home.path(), world.random.clone());
    let (store, keys) = (open_store(home, &random), Keys::load_or_create(&home.join("keys"), &*random).expect("keys"));
    let ports = Ports { clock: world.clock.clone(), random };
    let settings = Settings::new(issuer(), Mode::Test);
    world.gateway = Gateway::open_with_event_sink(settings, store, keys, ports, counts.clone()).expect("it opens");
    world.router = world.gateway.router();
    let mut page = world.enroll_page("Phone").await;
    for (at, count) in [0, 0, 5, 6, 6, 2, 0, 7].into_iter().enumerate() {
        passkey(&mut page).sign_count = count;
        world.ask_as(&format!("client-{at}")).await;
        let challenge = page.next_challenge(&world).await;
        let answer = page.approve(&challenge, None);
        assert_eq!(page.settle(&world, &challenge, &answer).await.ending(), Ending::Approved);
    }
    assert_eq!(*counts.0.lock().expect("not poisoned"), [(6, 6), (6, 2), (2, 0)]);
}
