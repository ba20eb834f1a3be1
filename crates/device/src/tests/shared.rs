//! A device that several people use: each answers with a PIN of their own, and no passkey approves.

use std::sync::Arc;

use countersign_protocol::challenge::Challenge;
use countersign_protocol::discovery::{AttestationConveyance, PasskeyPolicy, Passkeys, SharedPolicy};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::outcome::Ending;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::RegistrationRequest;

use super::{DeviceFixture, NO, YES, pin, script};
use crate::error::{AnswerError, EnrollError};
use crate::ports::user_verifier::{FixedVerifier, Verified};
use crate::ports::vault::MemoryVault;
use crate::testing::{CountingRandom, PasskeyKeys};
use crate::{Device, EnrollmentResult, Ports};

/// Leaves it to the platform.
const PLATFORM: FixedVerifier = FixedVerifier(Verified::Platform { method: None });

fn is_refused(result: Result<EnrollmentResult, EnrollError>) -> bool {
    matches!(result, Err(EnrollError::Refused { code: ProblemCode::SharedNotAllowed, .. }))
}

/// The link of the second provider.
fn other_link(fixture: &DeviceFixture) -> String {
    let other = fixture.other.lock().unwrap();
    other.link(&other.token())
}

#[tokio::test]
async fn a_shared_device_says_so_and_every_later_account_is_one_of_several() {
    let fixture = DeviceFixture::new();
    for provider in [&fixture.provider, &fixture.other] {
        provider.lock().unwrap().shared = Some(SharedPolicy::Allowed);
    }
    let device = fixture.open().await.unwrap();
    let preview = device.preview(&fixture.link()).await.unwrap();
    device.enroll_shared(&preview, "Till", &pin("111111")).await.unwrap();
    let preview = device.preview(&other_link(&fixture)).await.unwrap();
    device.enroll(&preview, "Till", &pin("222222")).await.unwrap();
    for provider in [&fixture.provider, &fixture.other] {
        let body = provider.lock().unwrap().registrations[0].clone();
        assert!(serde_json::from_str::<RegistrationRequest>(&body).unwrap().device.shared);
    }
    assert!(device.accounts().await.unwrap().iter().all(|view| view.shared));
}

#[tokio::test]
async fn attack_the_pin_of_one_person_answers_nothing_of_another_and_wrong_ones_count_for_that_account() {
    let fixture = DeviceFixture::new();
    for provider in [&fixture.provider, &fixture.other] {
        provider.lock().unwrap().shared = Some(SharedPolicy::Allowed);
    }
    let device = fixture.open().await.unwrap();
    for (link, digits) in [(fixture.link(), "111111"), (other_link(&fixture), "222222")] {
        let preview = device.preview(&link).await.unwrap();
        device.enroll_shared(&preview, "Till", &pin(digits)).await.unwrap();
    }
    for provider in [&fixture.provider, &fixture.other] {
        provider.lock().unwrap().confirm_registered();
    }
    let first = fixture.provider.lock().unwrap().ask_login();
    let second = {
        let mut other = fixture.other.lock().unwrap();
        // Both providers count up from the same seed.
        let claims = Challenge { jti: ChallengeId::random(&CountingRandom::seeded(7)), ..other.claims() };
        other.ask(&claims)
    };
    assert_ne!(first, second, "two requests");
    device.pull().await;
    let wrong = device.answer(&first, YES, &pin("222222")).await.unwrap_err();
    assert!(matches!(wrong, AnswerError::WrongPin { tries_left: 9, .. }), "{wrong}");
    let wrong = device.answer(&second, YES, &pin("111111")).await.unwrap_err();
    assert!(matches!(wrong, AnswerError::WrongPin { tries_left: 9, .. }), "each account counts its own: {wrong}");
    assert!(fixture.provider.lock().unwrap().answers.is_empty() && fixture.other.lock().unwrap().answers.is_empty());
    for (id, digits) in [(first, "111111"), (second, "222222")] {
        assert_eq!(device.answer(&id, YES, &pin(digits)).await.unwrap().outcome, Some(Ending::Approved));
    }
}

#[tokio::test]
async fn where_the_provider_takes_no_shared_devices_none_is_made() {
    let fixture = DeviceFixture::new();
    fixture.other.lock().unwrap().shared = Some(SharedPolicy::Allowed);
    let device = fixture.open().await.unwrap();
    let preview = device.preview(&fixture.link()).await.unwrap();
    assert!(!preview.shared_allowed, "absent: refused");
    assert!(is_refused(device.enroll_shared(&preview, "Till", &pin("111111")).await));
    let shared = device.preview(&other_link(&fixture)).await.unwrap();
    for no_person in [PLATFORM, script("111111")] {
        let refused = device.enroll_shared(&shared, "Till", &no_person).await;
        assert!(matches!(refused, Err(EnrollError::NoPin)));
    }
    device.enroll_shared(&shared, "Till", &pin("111111")).await.unwrap();
    assert!(is_refused(device.enroll(&preview, "Till", &pin("222222")).await), "nor beside one that is");
    assert!(fixture.provider.lock().unwrap().registrations.is_empty());
}

#[tokio::test]
async fn attack_the_fingerprint_of_a_shared_device_approves_nothing() {
    let fixture = DeviceFixture::new();
    {
        let mut provider = fixture.provider.lock().unwrap();
        provider.passkeys = Some(Passkeys { policy: PasskeyPolicy::Any, attestation: AttestationConveyance::None });
        provider.shared = Some(SharedPolicy::Allowed);
    }
    fixture.other.lock().unwrap().shared = Some(SharedPolicy::Allowed);
    let ports = Ports { code_origin: Some("https://id.acme.example".to_owned()), ..fixture.ports() };
    let keys = Arc::new(PasskeyKeys::new(fixture.random.clone(), true));
    let device = Device::with_stores(ports, Arc::new(MemoryVault::default()), keys.clone()).await.unwrap();
    let preview = device.preview(&fixture.link()).await.unwrap();
    assert!(preview.passkey.is_some());
    device.enroll(&preview, "Tablet", &PLATFORM).await.unwrap();
    fixture.provider.lock().unwrap().confirm_registered();
    let first = fixture.asked(&device).await;
    assert_eq!(device.answer(&first, YES, &PLATFORM).await.unwrap().outcome, Some(Ending::Approved));

    // Somebody else comes to this tablet. The double's keys of any account are its passkey while it has one.
    let passkey = keys.authenticator().passkey.take();
    let shared = device.preview(&other_link(&fixture)).await.unwrap();
    device.enroll_shared(&shared, "Tablet", &pin("222222")).await.unwrap();
    keys.authenticator().passkey = passkey;
    keys.authenticator().prompts = 0;
    let second = fixture.asked(&device).await;
    let refused = device.answer(&second, YES, &PLATFORM).await.unwrap_err();
    assert!(matches!(refused, AnswerError::SharedDevice), "{refused}");
    assert!(device.preview(&fixture.link()).await.unwrap().passkey.is_none(), "and no other is made");
    assert_eq!(keys.authenticator().prompts, 0, "nobody was asked");
    assert_eq!(fixture.provider.lock().unwrap().answers.len(), 1);
    assert_eq!(device.answer(&second, NO, &PLATFORM).await.unwrap().outcome, Some(Ending::Denied));
}
