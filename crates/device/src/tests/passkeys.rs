//! A page whose approval key is a passkey, against a fake provider.

use std::sync::Arc;

use countersign_protocol::answer;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::discovery::{AttestationConveyance, PasskeyPolicy, Passkeys};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::interaction::UserVerification;
use countersign_protocol::outcome::Ending;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::{KeyProtection, RegistrationRequest};
use countersign_testing::passkey::{BE, BS, UP, UV};

use super::{DeviceFixture, NO, YES, pin};
use crate::error::{AnswerError, EnrollError};
use crate::ports::key_store::KeyError;
use crate::ports::maybe_send::BoxFuture;
use crate::ports::user_verifier::{FixedVerifier, PinPrompt, UserVerifier, Verified};
use crate::ports::vault::{MemoryVault, Stage};
use crate::testing::{AuthenticatorState, PasskeyKeys, problem};
use crate::{Device, EnrollmentResult, Ports};

const ORIGIN: &str = "https://id.acme.example";
const ANY: Passkeys = Passkeys { policy: PasskeyPolicy::Any, attestation: AttestationConveyance::None };

/// Leaves it to the platform.
const PLATFORM: FixedVerifier = FixedVerifier(Verified::Platform { method: None });

/// Nobody is there who could be asked for a PIN.
struct NobodyAsked;

impl UserVerifier for NobodyAsked {
    fn verify(&self, _: PinPrompt) -> BoxFuture<'_, Option<Verified>> {
        panic!("a passkey's account asks for no PIN")
    }
}

struct Page {
    fixture: DeviceFixture,
    keys: Arc<PasskeyKeys>,
    vault: Arc<MemoryVault>,
    device: Device,
}

impl Page {
    async fn at(origin: &str) -> Page {
        Page::with(origin, true).await
    }

    async fn with(origin: &str, makes_passkeys: bool) -> Page {
        let fixture = DeviceFixture::new();
        fixture.provider.lock().unwrap().passkeys = Some(ANY);
        let ports = Ports { code_origin: Some(origin.to_owned()), ..fixture.ports() };
        let keys = Arc::new(PasskeyKeys::new(fixture.random.clone(), makes_passkeys));
        let vault = Arc::new(MemoryVault::default());
        let device = Device::with_stores(ports, vault.clone(), keys.clone()).await.unwrap();
        Page { fixture, keys, vault, device }
    }

    async fn enroll(&self) -> Result<EnrollmentResult, EnrollError> {
        let preview = self.device.preview(&self.fixture.link()).await?;
        self.device.enroll(&preview, "Phone", &PLATFORM).await
    }

    /// A page with one account that takes part.
    async fn enrolled() -> Page {
        let page = Page::at(ORIGIN).await;
        page.enroll().await.unwrap();
        page.fixture.provider.lock().unwrap().confirm_registered();
        page.device.pull().await;
        page.keys.authenticator().prompts = 0;
        page
    }

    async fn asked(&self, verification: UserVerification) -> ChallengeId {
        let id = {
            let mut provider = self.fixture.provider.lock().unwrap();
            let claims = Challenge { user_verification: verification, ..provider.claims() };
            provider.ask(&claims)
        };
        self.device.pull().await;
        id
    }
}

#[tokio::test]
async fn a_page_enrolls_with_a_passkey_that_was_made_for_this_link_and_key() {
    let page = Page::at(ORIGIN).await;
    let enrolled = page.enroll().await.unwrap();
    assert_eq!(enrolled.key_protection, KeyProtection::Passkey);
    let body = page.fixture.provider.lock().unwrap().registrations[0].clone();
    let sent: RegistrationRequest = serde_json::from_str(&body).unwrap();
    assert_eq!(sent.device.code_origin.as_deref(), Some(ORIGIN));
    let authenticator = page.keys.authenticator();
    assert_eq!(authenticator.user_name.as_deref(), Some("acme.example · Alice · approvals"));
    assert_eq!(sent.approval_key.as_ref(), authenticator.passkey.as_ref().map(|passkey| passkey.public_key()));
    assert_eq!(authenticator.prompts, 1, "one touch");
}

#[tokio::test]
async fn a_lost_201_of_a_passkey_costs_no_second_one() {
    let page = Page::at(ORIGIN).await;
    let preview = page.device.preview(&page.fixture.link()).await.unwrap();
    page.fixture.provider.lock().unwrap().lose_status = Some(201);
    assert!(matches!(page.device.enroll(&preview, "Phone", &PLATFORM).await, Err(EnrollError::Transport(_))));
    page.device.enroll(&preview, "Phone", &PLATFORM).await.unwrap();
    assert_eq!(page.keys.authenticator().prompts, 1);
    let registrations = page.fixture.provider.lock().unwrap().registrations.clone();
    assert_eq!(registrations[0], registrations[1]);
}

#[tokio::test]
async fn a_passkey_that_the_provider_does_not_take_is_forgotten_and_the_link_takes_a_pin() {
    let page = Page::at(ORIGIN).await;
    let preview = page.device.preview(&page.fixture.link()).await.unwrap();
    page.fixture.provider.lock().unwrap().instead = vec![problem(ProblemCode::PasskeyNotAllowed, None)];
    let refused = page.device.enroll(&preview, "Phone", &PLATFORM).await;
    assert!(matches!(refused, Err(EnrollError::Refused { code: ProblemCode::PasskeyNotAllowed, .. })));
    let enrolled = page.device.enroll(&preview, "Phone", &pin("135790")).await.unwrap();
    assert_ne!(enrolled.key_protection, KeyProtection::Passkey);
    assert_eq!(page.fixture.provider.lock().unwrap().registrations.len(), 1);
}

#[tokio::test]
async fn a_passkey_signs_each_approval_by_itself_and_no_pin_is_asked() {
    let page = Page::enrolled().await;
    for verification in [UserVerification::Required, UserVerification::Preferred] {
        let id = page.asked(verification).await;
        let account = page.device.accounts().await.unwrap()[0].account.clone();
        assert!(!page.device.asks_for_pin(&account, &id).await);
        let answered = page.device.answer(&id, YES, &NobodyAsked).await.unwrap();
        assert_eq!((answered.decision, answered.outcome), (answer::Decision::Approved, Some(Ending::Approved)));
    }
    assert_eq!(page.keys.authenticator().prompts, 2, "nothing stays open");
    let answers = page.fixture.provider.lock().unwrap().answers.clone();
    for answer in answers {
        let claims = answer.peek().unwrap();
        assert_eq!((claims.amr, claims.uv_at), (Vec::<String>::new(), None), "the passkey itself says so");
    }
}

#[tokio::test]
async fn denying_asks_nobody_and_what_is_discouraged_neither() {
    let page = Page::enrolled().await;
    let denied = page.asked(UserVerification::Required).await;
    assert_eq!(page.device.answer(&denied, NO, &NobodyAsked).await.unwrap().outcome, Some(Ending::Denied));
    let tapped = page.asked(UserVerification::Discouraged).await;
    assert_eq!(page.device.answer(&tapped, YES, &NobodyAsked).await.unwrap().outcome, Some(Ending::Approved));
    assert_eq!(page.keys.authenticator().prompts, 0);
}

#[tokio::test]
async fn a_person_who_would_not_signs_nothing_and_may_try_again() {
    let page = Page::enrolled().await;
    let id = page.asked(UserVerification::Required).await;
    page.keys.authenticator().declines = true;
    let refused = page.device.answer(&id, YES, &NobodyAsked).await.unwrap_err();
    assert!(matches!(refused, AnswerError::Keys(KeyError::Declined)), "{refused}");
    page.keys.authenticator().declines = false;
    assert_eq!(page.device.answer(&id, YES, &NobodyAsked).await.unwrap().outcome, Some(Ending::Approved));
}

#[tokio::test]
async fn a_signature_without_the_persons_verification_is_no_answer() {
    let page = Page::enrolled().await;
    let id = page.asked(UserVerification::Required).await;
    let set = |flags| page.keys.authenticator().passkey.as_mut().unwrap().flags = flags;
    set(UP | BE | BS);
    let refused = page.device.answer(&id, YES, &NobodyAsked).await.unwrap_err();
    assert!(matches!(refused, AnswerError::NotVerified), "{refused}");
    set(UP | UV | BE | BS);
    let origin = std::mem::replace(
        &mut page.keys.authenticator().passkey.as_mut().unwrap().origin,
        "https://evil.example".to_owned(),
    );
    assert!(page.device.answer(&id, YES, &NobodyAsked).await.is_err(), "another page's");
    page.keys.authenticator().passkey.as_mut().unwrap().origin = origin;
    assert!(page.fixture.provider.lock().unwrap().answers.is_empty());
    let account = page.device.accounts().await.unwrap()[0].account.clone();
    let kept = page.vault.challenge(&account, &id).unwrap().unwrap();
    assert!(kept.answer.is_none() && kept.stage < Stage::Answering, "nothing of it is in the history");
    assert_eq!(page.device.answer(&id, YES, &NobodyAsked).await.unwrap().outcome, Some(Ending::Approved));
}

#[tokio::test]
async fn no_passkey_is_made_for_another_page_or_against_the_providers_policy() {
    let elsewhere = Page::at("https://phone.example").await;
    assert!(matches!(elsewhere.enroll().await, Err(EnrollError::NoPasskey)));
    let unwanted = Page::at(ORIGIN).await;
    unwanted.fixture.provider.lock().unwrap().passkeys = Some(Passkeys { policy: PasskeyPolicy::Off, ..ANY });
    assert!(matches!(unwanted.enroll().await, Err(EnrollError::NoPasskey)));
    assert_eq!(unwanted.keys.authenticator().prompts, 0);
}

#[tokio::test]
async fn a_page_without_a_screen_lock_enrolls_by_pin() {
    let page = Page::with(ORIGIN, false).await;
    let preview = page.device.preview(&page.fixture.link()).await.unwrap();
    assert!(preview.passkey.is_none());
    let enrolled = page.device.enroll(&preview, "Phone", &pin("123456")).await.unwrap();
    assert_eq!(enrolled.key_protection, KeyProtection::BrowserPin);
    page.fixture.provider.lock().unwrap().confirm_registered();
    page.device.pull().await;
    let id = page.asked(UserVerification::Required).await;
    assert!(page.device.asks_for_pin(&enrolled.account, &id).await);
    assert_eq!(page.device.answer(&id, YES, &pin("123456")).await.unwrap().outcome, Some(Ending::Approved));
}

/// A page at the same provider and authenticator, with nothing in its storage. Its provider knows the passkey.
async fn emptied(page: Page) -> Page {
    let Page { fixture, keys, .. } = page;
    let passkey = keys.authenticator().passkey.take();
    {
        let mut provider = fixture.provider.lock().unwrap();
        provider.known_passkey = passkey.as_ref().map(|passkey| passkey.public_key().clone());
        provider.registrations.clear();
    }
    let ports = Ports { code_origin: Some(ORIGIN.to_owned()), ..fixture.ports() };
    let keys = Arc::new(PasskeyKeys::new(fixture.random.clone(), true));
    keys.authenticator().passkey = passkey;
    let vault = Arc::new(MemoryVault::default());
    let device = Device::with_stores(ports, vault.clone(), keys.clone()).await.unwrap();
    Page { fixture, keys, vault, device }
}

#[tokio::test]
async fn a_page_that_lost_its_storage_enrolls_by_the_same_passkey_and_approves_with_it() {
    let page = emptied(Page::enrolled().await).await;
    let preview = page.device.preview(&page.fixture.link()).await.unwrap();
    assert!(preview.takes_known_passkey);
    let enrolled = page.device.enroll_again(&preview, "Phone").await.unwrap();
    assert_eq!(enrolled.key_protection, KeyProtection::Passkey);
    assert_eq!(page.keys.authenticator().prompts, 1, "one touch");
    page.fixture.provider.lock().unwrap().confirm_registered();
    page.device.pull().await;
    let id = page.asked(UserVerification::Required).await;
    assert_eq!(page.device.answer(&id, YES, &NobodyAsked).await.unwrap().outcome, Some(Ending::Approved));
}

#[tokio::test]
async fn a_lost_201_of_the_same_passkey_costs_no_second_touch() {
    let page = emptied(Page::enrolled().await).await;
    let preview = page.device.preview(&page.fixture.link()).await.unwrap();
    page.fixture.provider.lock().unwrap().lose_status = Some(201);
    assert!(matches!(page.device.enroll_again(&preview, "Phone").await, Err(EnrollError::Transport(_))));
    page.device.enroll_again(&preview, "Phone").await.unwrap();
    assert_eq!(page.keys.authenticator().prompts, 1);
    let registrations = page.fixture.provider.lock().unwrap().registrations.clone();
    assert_eq!(registrations[0], registrations[1]);
}

#[tokio::test]
async fn attack_another_persons_passkey_enrolls_nothing_and_the_link_still_takes_a_new_one() {
    let page = emptied(Page::enrolled().await).await;
    let other = countersign_jose::key::PrivateKey::generate(&*page.fixture.random);
    page.fixture.provider.lock().unwrap().known_passkey = Some(other.public_key().clone());
    let preview = page.device.preview(&page.fixture.link()).await.unwrap();
    assert!(matches!(page.device.enroll_again(&preview, "Phone").await, Err(EnrollError::UnknownPasskey)));
    assert!(page.device.accounts().await.unwrap().is_empty());
    page.device.enroll(&preview, "Phone", &PLATFORM).await.unwrap();
}

#[tokio::test]
async fn a_person_who_chooses_no_passkey_leaves_nothing_behind() {
    let page = emptied(Page::enrolled().await).await;
    let preview = page.device.preview(&page.fixture.link()).await.unwrap();
    // The double forgets a passkey with its keys, which no system does.
    let passkey = page.keys.authenticator().passkey.clone();
    page.keys.authenticator().declines = true;
    let declined = page.device.enroll_again(&preview, "Phone").await;
    assert!(matches!(declined, Err(EnrollError::Keys(KeyError::Declined))));
    assert!(page.fixture.provider.lock().unwrap().registrations.is_empty());
    *page.keys.authenticator() = AuthenticatorState { passkey, ..AuthenticatorState::default() };
    page.device.enroll_again(&preview, "Phone").await.unwrap();
}

#[tokio::test]
async fn attack_a_provider_that_names_another_approval_key_gets_no_account() {
    let page = emptied(Page::enrolled().await).await;
    let preview = page.device.preview(&page.fixture.link()).await.unwrap();
    page.fixture.provider.lock().unwrap().named_approval_key =
        Some(countersign_jose::key::PrivateKey::generate(&*page.fixture.random).public_key().clone());
    let refused = page.device.enroll_again(&preview, "Phone").await;
    assert!(matches!(refused, Err(EnrollError::NotAProvider { what: "approval key", .. })));
    assert!(page.device.accounts().await.unwrap().is_empty());
}
