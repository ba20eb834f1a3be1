//! The app without its window against a real provider: calls of a page that it refuses, and secrets that it never returns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_app::edge::DownloadsFolder;
use countersign_app::{
    AnswerRequest, AnswerResult, App, Decision, Failure, Link, LinkText, Options, PendingRequest, PinText, Snapshot,
};
use countersign_device::Ports;
use countersign_device::edge::key_file::KeyChoice;
use countersign_device::edge::system;
use countersign_tests::provider::Provider;
use countersign_tests::test_env::TestEnv;

const PIN: &str = "583920";

/// An app, and the monotonic clock for the half second before Approve is accepted.
struct Desk {
    app: App,
    ticks: Arc<AtomicU64>,
}

async fn open(env: &TestEnv, name: &str) -> Desk {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ticks = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&ticks);
    let options = Options {
        version: "test".to_owned(),
        device_name: "Laptop".to_owned(),
        downloads: Arc::new(DownloadsFolder::at(env.path("downloads"))),
        push: None,
        ticks: Arc::new(move || counting.load(Ordering::SeqCst)),
    };
    let mut ports = Ports::new(system::clock(), system::random()).expect("ports");
    // Nothing goes into the keyring of the person who runs the tests.
    ports.key_choice = KeyChoice::File;
    Desk { app: App::open(&env.path(name), ports, options).await, ticks }
}

impl Desk {
    async fn enrolled(env: &TestEnv, name: &str, provider: &Provider<'_>) -> Desk {
        let desk = open(env, name).await;
        desk.app.preview(Some(LinkText::new(provider.link("alice")))).await.expect("a link");
        desk.app.enroll(Some(&PinText::new(PIN)), "Laptop").await.expect("enrolled");
        desk
    }

    /// Waits for a snapshot that fits.
    async fn until<T>(&self, fits: impl Fn(&Snapshot) -> Option<T>) -> T {
        let mut changes = self.app.changes();
        loop {
            if let Some(found) = fits(&self.app.snapshot().await) {
                return found;
            }
            let changed = tokio::time::timeout(countersign_tests::PATIENCE, changes.changed()).await;
            changed.expect("it comes within half a minute").expect("the app is there");
        }
    }

    async fn request(&self) -> PendingRequest {
        self.until(|snapshot| snapshot.requests.first().cloned()).await
    }

    /// Shows a request and lets the half second pass.
    async fn look_at(&self, request: &PendingRequest) {
        self.app.shown(&request.id).await.expect("shown");
        self.ticks.fetch_add(500, Ordering::SeqCst);
    }

    async fn say(&self, said: AnswerRequest) -> Result<AnswerResult, Failure> {
        self.app.answer(said).await
    }
}

fn yes(request: &PendingRequest) -> AnswerRequest {
    AnswerRequest {
        challenge_id: request.id.clone(),
        display_hash: request.display_hash.clone(),
        decision: Decision::Approve,
        pin: Some(PinText::new(PIN)),
        number: None,
    }
}

fn code(result: Result<AnswerResult, Failure>) -> String {
    result.err().map(|failure| failure.code).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_display_hash_must_match_what_would_be_signed() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let desk = Desk::enrolled(&env, "app", &provider).await;
    let asked = provider.till().pay("4.20", "Till 2");
    let request = desk.request().await;
    desk.look_at(&request).await;
    let other = request.display_hash.replace(|character: char| character.is_ascii_lowercase(), "a");
    assert_eq!(code(desk.say(AnswerRequest { display_hash: other, ..yes(&request) }).await), "display_changed");
    let denied = AnswerRequest { display_hash: String::new(), decision: Decision::NotMe, ..yes(&request) };
    assert_eq!(code(desk.say(denied).await), "display_changed");
    let answered = desk.say(yes(&request)).await.expect("the unaltered answer counts");
    assert_eq!(answered.outcome.map(|outcome| outcome.as_str()), Some("approved"));
    asked.finish().expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn approving_within_half_a_second_or_unseen_is_refused_and_denying_is_not() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let desk = Desk::enrolled(&env, "app", &provider).await;
    let asked = provider.till().pay("4.20", "Till 2");
    let request = desk.request().await;
    assert_eq!(code(desk.say(yes(&request)).await), "too_soon", "nobody has seen it");
    desk.app.shown(&request.id).await.expect("shown");
    desk.ticks.fetch_add(499, Ordering::SeqCst);
    // Saying again that it is shown begins nothing anew, and shortens nothing.
    desk.app.shown(&request.id).await.expect("shown");
    assert_eq!(code(desk.say(yes(&request)).await), "too_soon");
    let no = AnswerRequest { decision: Decision::Deny, pin: None, ..yes(&request) };
    assert_eq!(desk.say(no).await.expect("denied").outcome.map(|outcome| outcome.as_str()), Some("denied"));
    asked.finish().expect_code(1);
    assert_eq!(code(desk.say(yes(&request)).await), "request_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn pins_and_numbers_are_read_strictly() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let desk = Desk::enrolled(&env, "app", &provider).await;
    let (asked, shown) = provider.till().acknowledged(&["--binding-message", "Kiosk"]);
    let number = shown["interaction_value"].as_str().expect("a number").to_owned();
    let request = desk.request().await;
    desk.look_at(&request).await;
    let with = |pin: Option<&str>, number: Option<&str>| AnswerRequest {
        pin: pin.map(PinText::new),
        number: number.map(str::to_owned),
        ..yes(&request)
    };
    assert_eq!(code(desk.say(with(Some(PIN), None)).await), "value_needed");
    assert_eq!(code(desk.say(with(Some(PIN), Some("12345"))).await), "value_unfit");
    assert_eq!(code(desk.say(with(Some(PIN), Some("12345x"))).await), "value_unfit");
    assert_eq!(code(desk.say(with(None, Some(&number))).await), "not_verified");
    assert_eq!(code(desk.say(with(Some("12345x"), Some(&number))).await), "pin_not_digits");
    let wrong = desk.say(with(Some("000000"), Some(&number))).await.expect_err("wrong");
    assert_eq!((wrong.code.as_str(), wrong.tries_left), ("wrong_pin", Some(9)));
    desk.say(with(Some(PIN), Some(&number))).await.expect("approved");
    asked.finish().expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_request_can_be_disputed_and_its_evidence_saved() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let desk = Desk::enrolled(&env, "app", &provider).await;
    let asked = provider.till().pay("4.20", "Till 2");
    let request = desk.request().await;
    desk.look_at(&request).await;
    desk.say(yes(&request)).await.expect("approved");
    asked.finish().expect_code(0);
    let past = desk.app.activity().await.expect("the record");
    assert!(past.len() == 1 && past[0].can_dispute && past[0].lines.is_some());
    let saved = desk.app.save_evidence(&request.id).await.expect("saved");
    assert!(std::fs::read_to_string(saved).expect("a file").contains("\"outcome\""));
    desk.app.dispute(&request.id).await.expect("told");
    let past = desk.app.activity().await.expect("the record");
    assert_eq!(past[0].outcome.map(|outcome| outcome.as_str()), Some("disputed"));
    assert!(!past[0].can_dispute, "once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_and_a_pin_are_never_returned_to_a_page() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let desk = open(&env, "app").await;
    let (link, mut waiting) = provider.link_with_code("alice");
    desk.app.offer_link(Link::read(&LinkText::new(link.clone())).expect("a link"));
    let mut told = vec![serde_json::to_string(&desk.app.snapshot().await).expect("JSON")];
    assert!(told[0].contains("\"link_waiting\":true"));
    told.push(serde_json::to_string(&desk.app.preview(None).await.expect("a preview")).expect("JSON"));
    let enrolled = desk.app.enroll(Some(&PinText::new(PIN)), "Laptop").await.expect("enrolled");
    told.push(serde_json::to_string(&desk.app.snapshot().await).expect("JSON"));
    waiting.say(&enrolled.confirmation_code.expect("a code"));
    desk.until(|snapshot| snapshot.accounts.iter().any(|account| account.status == "active").then_some(())).await;
    told.push(serde_json::to_string(&desk.app.snapshot().await).expect("JSON"));
    assert!(!told[3].contains("confirmation_code\":\""), "a code that was used is not shown any more");
    told.extend(desk.app.preview(Some(LinkText::new(format!("{link}x")))).await.err().map(|failure| failure.message));
    let token = link.split_once('#').expect("a fragment").1;
    for text in told {
        assert!(!text.contains(token) && !text.contains(PIN), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_app_on_the_same_home_says_so_in_every_snapshot() {
    let env = TestEnv::new();
    let _first = open(&env, "app").await;
    let second = open(&env, "app").await;
    let trouble = second.app.snapshot().await.trouble.expect("a reason");
    assert_eq!(trouble.code, "home_in_use");
    assert_eq!(second.app.check_now().await.expect_err("nothing to check").code, "home_in_use");
}
