//! The whole device on real files, against a fake provider at the transport port.

mod passkeys;
mod shared;
mod slow_keys;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use countersign_jose::clock::Timestamp;
use countersign_protocol::answer::{self, DenialReason};
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::evidence::{Evidence, EvidenceError, TrustAnchor};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::interaction::UserVerification;
use countersign_protocol::outcome::Ending;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::{DeviceClass, KeyProtection, RegistrationToken};

use crate::account::AccountId;
use crate::core::Core;
use crate::edge::key_file::{KeyChoice, PinCosts};
use crate::edge::tokio_runtime::TokioRuntime;
use crate::error::{AnswerError, EnrollError, OpenError, OwnCallError};
use crate::home::HomeError;
use crate::pin::Pin;
use crate::ports::key_store::{KeyError, SigningKey};
use crate::ports::maybe_send::BoxFuture;
use crate::ports::user_verifier::{FixedVerifier, Verified};
use crate::ports::vault::{MemoryVault, Stage};
use crate::ports::wake::{PullNow, Wake};
use crate::seal::Argon2Cost;
use crate::testing::{CountingRandom, FakeProvider, FakeTransport, HandOut, HandedOutKeys, ManualClock, problem};
use crate::transcript::Locale;
use crate::{AccountEnd, AnswerResult, Decision, Device, DeviceEvent, EnrollmentResult, Ports, Unenrolled};

const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 };

struct DeviceFixture {
    home: tempfile::TempDir,
    provider: Arc<Mutex<FakeProvider>>,
    other: Arc<Mutex<FakeProvider>>,
    clock: Arc<ManualClock>,
    random: Arc<CountingRandom>,
}

fn pin(digits: &str) -> FixedVerifier {
    FixedVerifier(Verified::Pin(Pin::parse(digits).unwrap()))
}

fn script(digits: &str) -> FixedVerifier {
    FixedVerifier(Verified::Script(Pin::parse(digits).unwrap()))
}

const YES: Decision = Decision::Approve { value: None };
const NO: Decision = Decision::Deny { reason: Some(DenialReason::NotMe) };

impl DeviceFixture {
    fn new() -> DeviceFixture {
        DeviceFixture {
            home: tempfile::tempdir().unwrap(),
            provider: Arc::new(Mutex::new(FakeProvider::open())),
            other: Arc::new(Mutex::new(FakeProvider::open_at("https://login.bank.example/tenant"))),
            clock: Arc::new(ManualClock::at(Timestamp::from_seconds(1_790_000_000))),
            random: Arc::new(CountingRandom::default()),
        }
    }

    fn ports(&self) -> Ports {
        Ports {
            clock: self.clock.clone(),
            random: self.random.clone(),
            transport: Arc::new(FakeTransport(vec![self.provider.clone(), self.other.clone()])),
            runtime: Arc::new(TokioRuntime::new()),
            locale: Locale::En,
            code_origin: None,
            costs: PinCosts { person: CHEAP, script: CHEAP },
            keyring: None,
            key_choice: KeyChoice::default(),
        }
    }

    async fn open(&self) -> Result<Device, OpenError> {
        Device::open(self.home.path(), self.ports()).await
    }

    fn link(&self) -> String {
        let provider = self.provider.lock().unwrap();
        provider.link(&provider.token())
    }

    /// A device with one account that takes part.
    async fn enrolled(&self) -> (Device, EnrollmentResult) {
        self.enrolled_on(self.open().await.unwrap()).await
    }

    async fn enrolled_on(&self, device: Device) -> (Device, EnrollmentResult) {
        let preview = device.preview(&self.link()).await.unwrap();
        let enrolled = device.enroll(&preview, "Desk", &pin("123456")).await.unwrap();
        self.provider.lock().unwrap().confirm_registered();
        device.pull().await;
        (device, enrolled)
    }

    async fn asked(&self, device: &Device) -> ChallengeId {
        let id = self.provider.lock().unwrap().ask_login();
        device.pull().await;
        id
    }
}

fn outcome(answered: &AnswerResult) -> (answer::Decision, Option<Ending>) {
    (answered.decision, answered.outcome)
}

#[tokio::test]
async fn a_link_becomes_an_account_that_approves() {
    let fixture = DeviceFixture::new();
    let device = fixture.open().await.unwrap();
    let preview = device.preview(&fixture.link()).await.unwrap();
    assert_eq!((preview.domain.shown.as_str(), preview.subject_label.as_str()), ("acme.example", "Alice"));
    assert!(preview.new_provider && !preview.test);
    let mut events = device.events();
    let enrolled = device.enroll(&preview, " DeviceFixture ", &pin("123456")).await.unwrap();
    assert_eq!(enrolled.confirmation_code.as_ref().map(|code| code.expose()), Some("314159"));
    assert_eq!(enrolled.device_class, DeviceClass::Interactive);
    fixture.provider.lock().unwrap().confirm_registered();
    let id = fixture.asked(&device).await;
    assert!(matches!(events.next().await, Some(DeviceEvent::Confirmed { .. })));
    assert!(matches!(events.next().await, Some(DeviceEvent::Challenge(view)) if view.id == id));
    let answered = device.answer(&id, YES, &pin("123456")).await.unwrap();
    assert_eq!(outcome(&answered), (answer::Decision::Approved, Some(Ending::Approved)));
    assert!(device.pending().await.is_empty());
    let known = device.preview(&fixture.link()).await.unwrap();
    assert!(!known.new_provider);
}

#[tokio::test]
async fn a_lost_201_is_no_loss() {
    let fixture = DeviceFixture::new();
    let device = fixture.open().await.unwrap();
    let link = fixture.link();
    let preview = device.preview(&link).await.unwrap();
    fixture.provider.lock().unwrap().lose_status = Some(201);
    assert!(matches!(device.enroll(&preview, "Desk", &pin("123456")).await, Err(EnrollError::Transport(_))));
    drop(device);
    let device = fixture.open_when_free().await;
    let preview = device.preview(&link).await.unwrap();
    assert!(matches!(device.enroll(&preview, "Desk", &pin("999999")).await, Err(EnrollError::OtherPin)));
    device.enroll(&preview, "Desk", &pin("123456")).await.unwrap();
    let provider = fixture.provider.lock().unwrap();
    assert_eq!(provider.registrations.len(), 2);
    assert_eq!(provider.registrations[0], provider.registrations[1], "the same keys and bytes");
}

#[tokio::test]
async fn an_attempt_that_was_begun_goes_on_only_with_the_protection_that_is_insisted_on() {
    let fixture = DeviceFixture::new();
    let link = fixture.link();
    let insisting = |key_choice| Ports { key_choice, ..fixture.ports() };
    let device = Device::open(fixture.home.path(), insisting(KeyChoice::File)).await.unwrap();
    fixture.provider.lock().unwrap().lose_status = Some(201);
    let preview = device.preview(&link).await.unwrap();
    assert!(matches!(device.enroll(&preview, "Desk", &pin("123456")).await, Err(EnrollError::Transport(_))));
    drop(device);
    fixture.when_free().await;
    let device = Device::open(fixture.home.path(), insisting(KeyChoice::Keyring)).await.unwrap();
    let preview = device.preview(&link).await.unwrap();
    let refused = device.enroll(&preview, "Desk", &pin("123456")).await.err().unwrap();
    assert!(matches!(refused, EnrollError::OtherKey { made: KeyProtection::FilePin }), "{refused}");
    assert_eq!(fixture.provider.lock().unwrap().registrations.len(), 1);
    drop(device);
    let device = fixture.open_when_free().await;
    let preview = device.preview(&link).await.unwrap();
    device.enroll(&preview, "Desk", &pin("123456")).await.unwrap();
}

impl DeviceFixture {
    /// A second account, at the other provider.
    async fn enrolled_elsewhere(&self, device: &Device) -> EnrollmentResult {
        let link = {
            let provider = self.other.lock().unwrap();
            provider.link(&provider.token())
        };
        let preview = device.preview(&link).await.unwrap();
        let enrolled = device.enroll(&preview, "Desk", &pin("654321")).await.unwrap();
        self.other.lock().unwrap().confirm_registered();
        enrolled
    }

    /// Returns when the tasks of the home's last holder have ended.
    async fn when_free(&self) {
        drop(self.open_when_free().await);
    }

    /// Opens the home as soon as the tasks of its last holder have ended.
    async fn open_when_free(&self) -> Device {
        loop {
            match self.open().await {
                Err(OpenError::Home(HomeError::InUse { .. })) => tokio::task::yield_now().await,
                opened => return opened.unwrap(),
            }
        }
    }
}

#[tokio::test]
async fn nothing_of_a_link_is_shown_before_it_is_verified() {
    let fixture = DeviceFixture::new();
    let device = fixture.open().await.unwrap();
    let sound = fixture.provider.lock().unwrap().token();
    assert!(device.preview(&fixture.link()).await.is_ok());
    let now = sound.iat;
    let altered: [(&str, RegistrationToken); 4] = [
        ("link_expired", RegistrationToken { iat: now - 300, exp: now, ..sound.clone() }),
        ("link_expired", RegistrationToken { exp: now + 601, ..sound.clone() }),
        ("link_not_verified", RegistrationToken { aud: "https://id.acme.example/elsewhere".into(), ..sound.clone() }),
        ("manifest_not_verified", RegistrationToken { evidence_root: FakeProvider::stranger_root(), ..sound.clone() }),
    ];
    for (code, token) in altered {
        let link = fixture.provider.lock().unwrap().link(&token);
        let refused = device.preview(&link).await.err().expect(code);
        assert_eq!(refused.code(), code);
        assert!(!refused.to_string().contains("Alice"), "{refused}");
    }
    let link = fixture.link();
    let cut = &link[..link.len() - 4];
    for (code, link) in [
        ("link_not_verified", format!("{cut}AAAA")),
        ("invalid_link", link.replace("https://id.acme.example", "https://id.acme.example.evil.com")),
        ("invalid_link", link.replace("https://", "http://")),
        ("invalid_link", "https://id.acme.example/push/enroll".to_owned()),
        ("invalid_link", "rubbish".to_owned()),
    ] {
        assert_eq!(device.preview(&link).await.err().expect(code).code(), code, "{link}");
    }
    assert!(device.accounts().await.unwrap().is_empty());
}

#[tokio::test]
async fn wrong_pins_are_counted_across_restarts_and_denying_needs_none() {
    let fixture = DeviceFixture::new();
    let (device, enrolled) = fixture.enrolled().await;
    let id = fixture.asked(&device).await;
    for left in [9, 8] {
        let wrong = device.answer(&id, YES, &pin("000000")).await;
        assert!(matches!(wrong, Err(AnswerError::WrongPin { tries_left, .. }) if tries_left == left), "{wrong:?}");
    }
    drop(device);
    let device = fixture.open_when_free().await;
    device.pull().await;
    let wrong = device.answer(&id, YES, &pin("000000")).await;
    assert!(matches!(wrong, Err(AnswerError::WrongPin { tries_left: 7, .. })), "{wrong:?}");
    let scripted = device.answer(&id, YES, &script("123456")).await;
    assert!(matches!(scripted, Err(AnswerError::PersonNeeded)), "{scripted:?}");
    let denied = device.answer(&id, NO, &pin("000000")).await.unwrap();
    assert_eq!(outcome(&denied), (answer::Decision::Denied, Some(Ending::Denied)));
    assert!(matches!(device.answer(&id, NO, &pin("000000")).await, Err(AnswerError::Ended)));
    assert!(device.accounts().await.unwrap().iter().all(|view| view.account == enrolled.account && view.can_approve));
}

#[tokio::test]
async fn one_verification_serves_requests_that_prefer_one_until_the_device_is_locked() {
    struct Absent;
    impl crate::ports::user_verifier::UserVerifier for Absent {
        fn verify(
            &self,
            _: crate::ports::user_verifier::PinPrompt,
        ) -> std::pin::Pin<Box<dyn Future<Output = Option<Verified>> + Send + '_>> {
            Box::pin(std::future::ready(None))
        }
    }
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    let ask = |verification| {
        let mut provider = fixture.provider.lock().unwrap();
        let claims = Challenge { user_verification: verification, ..provider.claims() };
        provider.ask(&claims)
    };
    let (first, second, third) =
        (ask(UserVerification::Preferred), ask(UserVerification::Preferred), ask(UserVerification::Preferred));
    let strict = ask(UserVerification::Required);
    device.pull().await;
    assert!(matches!(device.answer(&first, YES, &Absent).await, Err(AnswerError::NotVerified)));
    device.answer(&first, YES, &pin("123456")).await.unwrap();
    device.answer(&second, YES, &Absent).await.expect("verified a moment ago");
    assert!(
        matches!(device.answer(&strict, YES, &Absent).await, Err(AnswerError::NotVerified)),
        "required asks each time"
    );
    device.answer(&strict, YES, &pin("123456")).await.unwrap();
    device.lock().await;
    assert!(matches!(device.answer(&third, YES, &Absent).await, Err(AnswerError::NotVerified)));
    let provider = fixture.provider.lock().unwrap();
    assert!(provider.answers.iter().all(|answer| answer.peek().unwrap().amr == ["swk", "pin"]));
}

/// Counts how many approval keys are opened at once.
#[derive(Default)]
struct OpeningHand {
    opening: AtomicU32,
    most: AtomicU32,
    opened: AtomicU32,
}

impl HandOut for OpeningHand {
    fn approval<'a>(
        &'a self,
        open: impl FnOnce() -> Result<Arc<dyn SigningKey>, KeyError> + Send + 'a,
    ) -> BoxFuture<'a, Result<Arc<dyn SigningKey>, KeyError>> {
        Box::pin(async move {
            let now = self.opening.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            self.opened.fetch_add(1, Ordering::SeqCst);
            // As Argon2 does, it takes a while.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            self.opening.fetch_sub(1, Ordering::SeqCst);
            open()
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_are_opened_one_at_a_time_and_kept_where_the_policy_allows() {
    for (verification, opened) in [(UserVerification::Required, 8), (UserVerification::Preferred, 2)] {
        let fixture = DeviceFixture::new();
        let keys = Arc::new(HandedOutKeys::by(OpeningHand::default(), fixture.random.clone()));
        let vault = Arc::new(MemoryVault::default());
        let (device, _) =
            fixture.enrolled_on(Device::with_stores(fixture.ports(), vault, keys.clone()).await.unwrap()).await;
        fixture.enrolled_elsewhere(&device).await;
        // Of their own, or both would draw the same challenge ids.
        fixture.other.lock().unwrap().random = CountingRandom::seeded(1);
        // Enrolling opened each of them once.
        keys.hand.opened.store(0, Ordering::SeqCst);
        let mut asked: Vec<(ChallengeId, &str)> = Vec::new();
        for (provider, digits) in [(&fixture.provider, "123456"), (&fixture.other, "654321")] {
            for _ in 0..4 {
                let mut provider = provider.lock().unwrap();
                let claims = Challenge { user_verification: verification, ..provider.claims() };
                asked.push((provider.ask(&claims), digits));
            }
        }
        device.pull().await;
        let mut answers = tokio::task::JoinSet::new();
        for (id, digits) in asked {
            let device = device.clone();
            answers.spawn(async move { device.answer(&id, YES, &pin(digits)).await });
        }
        for answered in answers.join_all().await {
            assert_eq!(answered.unwrap().outcome, Some(Ending::Approved));
        }
        assert_eq!(keys.hand.most.load(Ordering::SeqCst), 1, "at once");
        assert_eq!(keys.hand.opened.load(Ordering::SeqCst), opened, "{verification:?}");
    }
}

#[tokio::test]
async fn an_answer_that_gets_the_device_suspended_is_not_waited_for() {
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    let id = fixture.asked(&device).await;
    fixture.provider.lock().unwrap().instead = vec![problem(ProblemCode::DeviceSuspended, None)];
    let pin = pin("123456");
    let answered = tokio::time::timeout(std::time::Duration::from_secs(10), device.answer(&id, NO, &pin));
    assert_eq!(answered.await.expect("at once").unwrap().outcome, None);
    let account = &device.accounts().await.unwrap()[0];
    assert!(account.no_part().unwrap().contains("suspended"));
}

#[tokio::test]
async fn an_answer_is_kept_while_the_provider_is_away_and_sent_after_a_restart() {
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    let id = fixture.asked(&device).await;
    fixture.provider.lock().unwrap().away = true;
    let kept = device.answer(&id, YES, &pin("123456")).await.unwrap();
    assert_eq!(outcome(&kept), (answer::Decision::Approved, None), "kept, will be sent");
    drop(device);
    fixture.provider.lock().unwrap().away = false;
    let device = fixture.open_when_free().await;
    let mut events = device.events();
    device.pull().await;
    loop {
        match events.next().await.unwrap() {
            DeviceEvent::Answered { id: ended, outcome, .. } => {
                assert_eq!((ended, outcome), (id.clone(), Some(Ending::Approved)));
                break;
            }
            _ => continue,
        }
    }
    assert_eq!(fixture.provider.lock().unwrap().answers.len(), 1);
}

#[tokio::test]
async fn a_request_is_named_as_people_do_once_it_was_answered_and_never_before() {
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    let id = fixture.asked(&device).await;
    let approval = fixture.provider.lock().unwrap().issued[&id].compact.peek().unwrap().approval;
    let name = ApprovalRef::of(&approval).to_string();
    assert!(!serde_json::to_string(&device.pending().await).unwrap().contains(&name), "nobody is to compare it");
    assert_eq!(device.history().await.unwrap()[0].approval_ref, None);
    let mut events = device.events();
    let answered = device.answer(&id, YES, &pin("123456")).await.unwrap();
    let past = &device.history().await.unwrap()[0];
    let said = [serde_json::to_value(&answered), serde_json::to_value(past)].map(Result::unwrap);
    for said in said {
        assert_eq!(said["ref"], name.as_str());
    }
    loop {
        let event = events.next().await.unwrap();
        if let DeviceEvent::Answered { .. } = event {
            assert_eq!(serde_json::to_value(&event).unwrap()["ref"], name.as_str());
            break;
        }
    }
}

#[tokio::test]
async fn a_lost_reply_is_retried_within_the_same_answer() {
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    let id = fixture.asked(&device).await;
    fixture.provider.lock().unwrap().lose_status = Some(200);
    let answered = device.answer(&id, YES, &pin("123456")).await.unwrap();
    assert_eq!(outcome(&answered), (answer::Decision::Approved, Some(Ending::Approved)));
    assert_eq!(fixture.provider.lock().unwrap().answers.len(), 1);
}

#[tokio::test]
async fn evidence_verifies_offline_and_a_changed_byte_does_not() {
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    let id = fixture.asked(&device).await;
    assert!(device.evidence(&id).await.is_err(), "nothing was signed about it yet");
    device.answer(&id, YES, &pin("123456")).await.unwrap();
    let file = device.evidence(&id).await.unwrap();
    let trust = {
        let provider = fixture.provider.lock().unwrap();
        TrustAnchor { issuer: provider.issuer.clone(), root: provider.root(), manifest: None }
    };
    let verify = |bytes: &[u8]| Evidence::from_file(bytes)?.verify(Some(std::slice::from_ref(&trust)));
    let report = verify(file.as_bytes()).unwrap();
    assert!(report.authenticated && report.by_approval_key);
    assert_eq!(report.ending, Some(Ending::Approved));
    for at in (0..file.len()).step_by(97) {
        let mut changed = file.clone().into_bytes();
        changed[at] ^= 1;
        assert!(verify(&changed).is_err(), "byte {at}");
    }
    let other = TrustAnchor { root: FakeProvider::stranger_root(), ..trust.clone() };
    let foreign = Evidence::from_file(file.as_bytes()).unwrap().verify(Some(&[other]));
    assert_eq!(foreign.err(), Some(EvidenceError::Untrusted));
    let past = &device.history().await.unwrap()[0];
    assert_eq!((past.decision, past.outcome), (Some(answer::Decision::Approved), Some(Ending::Approved)));
    assert!(past.transcript.is_some());
}

#[tokio::test]
async fn the_vault_holds_no_credential_in_plain() {
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    let credential = fixture.provider.lock().unwrap().credential.clone();
    drop(device);
    for name in ["device.db", "device.db-wal"] {
        let bytes = std::fs::read(fixture.home.path().join(name)).unwrap_or_default();
        let found = bytes.windows(credential.len()).any(|window| window == credential.as_bytes());
        assert!(!found, "{name} holds the credential");
    }
}

#[tokio::test]
async fn a_second_process_learns_which_process_holds_the_home() {
    let fixture = DeviceFixture::new();
    let _device = fixture.open().await.unwrap();
    let Err(OpenError::Home(HomeError::InUse { pid, .. })) = fixture.open().await else {
        panic!("two devices hold one home")
    };
    assert_eq!(pid, Some(std::process::id()));
}

#[tokio::test]
async fn a_program_enrolls_as_automated() {
    let fixture = DeviceFixture::new();
    let device = fixture.open().await.unwrap();
    let preview = device.preview(&fixture.link()).await.unwrap();
    let enrolled = device.enroll(&preview, "Robot", &script("123456")).await.unwrap();
    assert_eq!(enrolled.device_class, DeviceClass::Automated);
    fixture.provider.lock().unwrap().confirm_registered();
    let id = fixture.asked(&device).await;
    device.answer(&id, YES, &script("123456")).await.unwrap();
    assert_eq!(fixture.provider.lock().unwrap().answers[0].peek().unwrap().amr, ["swk"]);
}

/// A push service in the test's hand.
struct HandWake(tokio::sync::mpsc::UnboundedReceiver<()>);

impl Wake for HandWake {
    fn next(&mut self) -> std::pin::Pin<Box<dyn Future<Output = Option<PullNow>> + Send + '_>> {
        Box::pin(async { self.0.recv().await.map(|()| PullNow) })
    }
}

#[tokio::test]
async fn attack_12_a_push_brings_what_the_provider_has_and_nothing_else() {
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    let (push, wake) = tokio::sync::mpsc::unbounded_channel();
    device.wake_by(Box::new(HandWake(wake)));
    let mut events = device.events();
    push.send(()).unwrap();
    let id = fixture.provider.lock().unwrap().ask_login();
    push.send(()).unwrap();
    assert!(matches!(events.next().await, Some(DeviceEvent::Challenge(view)) if view.id == id));
    device.pull().await;
    assert!(events.try_next().is_none(), "the first push, with nothing behind it, claimed nothing");
}

#[tokio::test]
async fn a_provider_that_is_away_does_not_hold_up_another() {
    let fixture = DeviceFixture::new();
    let (device, first) = fixture.enrolled().await;
    let second = fixture.enrolled_elsewhere(&device).await;
    fixture.provider.lock().unwrap().away = true;
    let id = fixture.other.lock().unwrap().ask_login();
    let pulled = device.pull().await;
    let offline = |account| pulled.iter().find(|pulled| pulled.account == account).unwrap().offline.is_some();
    assert_eq!((offline(first.account), offline(second.account.clone())), (true, false));
    assert_eq!(device.pending().await.len(), 1);
    assert!(device.answer(&id, YES, &pin("123456")).await.is_err(), "each account has its own PIN");
    let answered = device.answer(&id, YES, &pin("654321")).await.unwrap();
    assert_eq!(
        (outcome(&answered), answered.account),
        ((answer::Decision::Approved, Some(Ending::Approved)), second.account)
    );
}

#[tokio::test]
async fn attack_another_providers_request_with_the_same_id_is_not_answered_in_its_place() {
    let fixture = DeviceFixture::new();
    let (device, first) = fixture.enrolled().await;
    let second = fixture.enrolled_elsewhere(&device).await;
    let id = fixture.provider.lock().unwrap().ask_login();
    let copied = Challenge { jti: id.clone(), ..fixture.other.lock().unwrap().claims() };
    fixture.other.lock().unwrap().ask(&copied);
    device.pull().await;
    assert_eq!(device.pending().await.len(), 2);
    for (account, own) in [(second.account, "654321"), (first.account, "123456")] {
        let answered = device.answer_for(&account, &id, YES, &pin(own)).await.unwrap();
        assert_eq!((answered.account, answered.outcome), (account, Some(Ending::Approved)));
    }
    assert_eq!(fixture.provider.lock().unwrap().answers.len(), 1);
    assert_eq!(fixture.other.lock().unwrap().answers.len(), 1);
}

#[tokio::test]
async fn watching_falls_back_to_long_polls_where_streams_are_refused() {
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    let mut events = device.run().await;
    // Refused twice, a second or so apart; then each long poll of the stand-in returns at once.
    let id = fixture.provider.lock().unwrap().ask_login();
    loop {
        match events.next().await {
            Some(DeviceEvent::Challenge(view)) if view.id == id => break,
            Some(_) => continue,
            None => panic!("the device stopped"),
        }
    }
    device.rest().await;
}

#[tokio::test]
async fn a_waiting_reader_reads_again_after_a_step_and_not_after_a_read() {
    let fixture = DeviceFixture::new();
    let (device, first) = fixture.enrolled().await;
    let task = device.handles().remove(&first.account).unwrap().task;
    task.wait_idle().await.unwrap();
    let looks = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&looks);
    let waiting = tokio::spawn({
        let task = task.clone();
        async move {
            let read = move |core: &Core, _| {
                counted.fetch_add(1, Ordering::SeqCst);
                core.offline().map(drop)
            };
            task.wait_for(read).await
        }
    });
    // Commands run in order, so that each of these leaves room for a read by the one that waits.
    for _ in 0..50 {
        task.read(|_, _| ()).await.unwrap();
    }
    assert!(looks.load(Ordering::SeqCst) <= 2, "{looks:?} looks, though nothing happened");
    fixture.provider.lock().unwrap().away = true;
    device.pull().await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_account_that_cannot_be_opened_says_why_and_stops_no_other() {
    let fixture = DeviceFixture::new();
    let (device, first) = fixture.enrolled().await;
    let waiting = fixture.asked(&device).await;
    let second = fixture.enrolled_elsewhere(&device).await;
    drop(device);
    // One account lost its key; the other one's provider has a say neither in this nor in what follows.
    fixture.when_free().await;
    let key = |which| fixture.home.path().join("keys").join(format!("{}.{which}", first.account));
    std::fs::rename(key("transport"), key("elsewhere")).unwrap();
    let device = fixture.open_when_free().await;
    let mut events = device.run().await;
    device.rest().await;
    assert!(
        matches!(events.next().await, Some(DeviceEvent::AccountUnusable { account, .. }) if account == first.account)
    );
    let accounts = device.accounts().await.unwrap();
    let ids: Vec<_> = accounts.iter().map(|view| view.account.clone()).collect();
    assert_eq!(ids, [first.account.clone(), second.account.clone()]);
    let why = accounts[0].unusable.as_deref().unwrap();
    assert!(why.contains("key of this account is gone"), "{why}");
    assert_eq!(accounts[1].unusable, None);
    assert!(matches!(device.answer(&waiting, NO, &pin("123456")).await, Err(AnswerError::Unusable { .. })));
    let id = {
        let mut other = fixture.other.lock().unwrap();
        // Both fake providers generate the same ids; this one has to differ from what waits at the first.
        drop(other.claims());
        other.ask_login()
    };
    assert_ne!(id, waiting);
    device.pull().await;
    let answered = device.answer(&id, YES, &pin("654321")).await.unwrap();
    assert_eq!(
        (outcome(&answered), answered.account),
        ((answer::Decision::Approved, Some(Ending::Approved)), second.account)
    );
    drop(device);
    fixture.when_free().await;
    std::fs::rename(key("elsewhere"), key("transport")).unwrap();
    let device = fixture.open_when_free().await;
    device.pull().await;
    let answered = device.answer(&waiting, YES, &pin("123456")).await.unwrap();
    assert_eq!(outcome(&answered), (answer::Decision::Approved, Some(Ending::Approved)), "nothing was lost");
}

#[tokio::test]
async fn a_request_that_is_open_in_one_account_is_answered_though_another_knows_its_id_as_ended() {
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    fixture.enrolled_elsewhere(&device).await;
    let claims = fixture.provider.lock().unwrap().claims();
    // Both ways round, since accounts are looked through in one order.
    for (ends, stays) in [(&fixture.provider, &fixture.other), (&fixture.other, &fixture.provider)] {
        let id = ChallengeId::random(&*fixture.random);
        for provider in [ends, stays] {
            let mut provider = provider.lock().unwrap();
            let own = provider.claims();
            provider.ask(&Challenge { jti: id.clone(), binding_message: claims.binding_message.clone(), ..own });
        }
        device.pull().await;
        ends.lock().unwrap().end(&id, Ending::Cancelled, None);
        device.pull().await;
        let answered = device.answer(&id, NO, &pin("123456")).await.unwrap();
        assert_eq!(outcome(&answered), (answer::Decision::Denied, Some(Ending::Denied)));
        assert!(matches!(device.answer(&id, NO, &pin("123456")).await, Err(AnswerError::Ended)));
    }
}

#[tokio::test]
async fn a_dispute_of_an_account_that_takes_no_part_says_what_is_the_case() {
    let fixture = DeviceFixture::new();
    let (device, _) = fixture.enrolled().await;
    let id = fixture.asked(&device).await;
    device.answer(&id, YES, &pin("123456")).await.unwrap();
    let suspend = || fixture.provider.lock().unwrap().instead = vec![problem(ProblemCode::DeviceSuspended, None); 2];
    suspend();
    device.pull().await;
    let refused = device.dispute(&id).await.unwrap_err();
    assert_eq!(refused.code(), "account_suspended", "asked once more, and nothing was signed");
    // The provider says so only in reply to the dispute.
    fixture.provider.lock().unwrap().instead.clear();
    device.pull().await;
    suspend();
    let stored = device.dispute(&id).await.unwrap_err();
    assert_eq!(stored.code(), "not_taken");
    assert!(stored.to_string().contains("suspended"), "{stored}");
    fixture.provider.lock().unwrap().instead.clear();
    device.pull().await;
    device.pull().await;
    assert_eq!(device.history().await.unwrap()[0].outcome, Some(Ending::Disputed), "it was kept");
}

#[tokio::test]
async fn an_account_taken_off_the_device_leaves_no_key_and_its_history_and_stays_away_after_a_restart() {
    let fixture = DeviceFixture::new();
    let (device, first) = fixture.enrolled().await;
    let again = device.preview(&fixture.link()).await.unwrap();
    assert_eq!(again.enrolled_already.as_ref(), Some(&first.account), "the same person of the same provider");
    let id = fixture.asked(&device).await;
    device.answer(&id, YES, &pin("123456")).await.unwrap();
    let evidence = device.evidence(&id).await.unwrap();
    let waiting = fixture.asked(&device).await;
    let second = fixture.enrolled_elsewhere(&device).await;
    let keys = |account: &AccountId| {
        let of = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(account.as_str());
        std::fs::read_dir(fixture.home.path().join("keys")).unwrap().filter(|entry| of(entry.as_ref().unwrap())).count()
    };
    assert!(keys(&first.account) > 0);

    assert_eq!(device.unenroll(&first.account).await.unwrap(), Unenrolled { not_told: None });
    assert_eq!(fixture.provider.lock().unwrap().revocations.len(), 1, "the provider goes on asking nobody");
    assert_eq!(keys(&first.account), 0);
    let mut device = Some(device);
    for _ in ["at once", "after a restart"] {
        let device = match device.take() {
            Some(device) => device,
            None => fixture.open_when_free().await,
        };
        let accounts = device.accounts().await.unwrap();
        assert_eq!(accounts.iter().map(|view| &view.account).collect::<Vec<_>>(), [&second.account]);
        assert!(device.pending().await.is_empty() && device.pull().await.len() == 1);
        assert!(matches!(device.answer(&waiting, NO, &pin("123456")).await, Err(AnswerError::Unknown)));
        assert_eq!(device.evidence(&id).await.unwrap(), evidence, "what it signed stays evidence");
        let history = device.history().await.unwrap();
        let ends = history.iter().map(|past| (past.id == waiting, past.stage, past.ended_with)).collect::<Vec<_>>();
        assert!(ends.contains(&(true, Stage::Ended, Some(AccountEnd::Unenrollment))), "{ends:?}");
        assert!(ends.contains(&(false, Stage::Ended, None)), "{ends:?}");
        assert_eq!(history.len(), 2);
        let preview = device.preview(&fixture.link()).await.unwrap();
        assert!(preview.new_provider && preview.enrolled_already.is_none());
        let unknown = device.unenroll(&first.account).await.unwrap_err();
        assert_eq!(unknown.code(), "unknown_account");
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_opened_can_be_taken_off_the_device() {
    let fixture = DeviceFixture::new();
    let (device, first) = fixture.enrolled().await;
    drop(device);
    fixture.when_free().await;
    let transport = fixture.home.path().join("keys").join(format!("{}.transport", first.account));
    std::fs::remove_file(transport).unwrap();
    let device = fixture.open_when_free().await;
    assert!(device.accounts().await.unwrap()[0].unusable.is_some());
    let unenrolled = device.unenroll(&first.account).await.unwrap();
    assert_eq!(unenrolled.not_told, Some(OwnCallError::Stopped));
    assert!(device.accounts().await.unwrap().is_empty());
    let left: Vec<_> = std::fs::read_dir(fixture.home.path().join("keys")).unwrap().flatten().collect();
    assert_eq!(left.iter().map(|entry| entry.file_name()).collect::<Vec<_>>(), ["home"], "the home's own key");
}

#[tokio::test]
async fn an_account_leaves_although_its_provider_cannot_be_told() {
    let fixture = DeviceFixture::new();
    let (device, first) = fixture.enrolled().await;
    fixture.provider.lock().unwrap().away = true;
    let not_told = device.unenroll(&first.account).await.unwrap().not_told;
    assert_eq!(not_told.map(|why| why.code()), Some("unreachable"));
    assert!(device.accounts().await.unwrap().is_empty());
    assert!(fixture.provider.lock().unwrap().revocations.is_empty());
}
