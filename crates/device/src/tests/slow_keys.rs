//! The whole device on keys that are slow, decline and fall silent, in injected time.

use countersign_jose::clock::Clock;

use super::*;
use crate::history::{self, Head, HistoryEvent};
use crate::ports::runtime::Runtime;
use crate::ports::transport::{Call, Reply, StreamReply, Transport, TransportError};
use crate::testing::SlowKeys;

const BEGAN: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// A wall clock that runs with the runtime's ticks.
struct RuntimeClock(Arc<dyn Runtime>);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        BEGAN.plus_millis(self.0.now().0)
    }
}

/// The fake provider, whose clock runs with the runtime's ticks.
struct TimedTransport {
    provider: Arc<Mutex<FakeProvider>>,
    inner: FakeTransport,
    clock: RuntimeClock,
}

impl Transport for TimedTransport {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, TransportError>> {
        self.provider.lock().unwrap().now = self.clock.now();
        self.inner.call(call)
    }

    fn open_stream(&self, call: Call) -> BoxFuture<'_, Result<StreamReply, TransportError>> {
        self.inner.open_stream(call)
    }
}

struct SlowFixture {
    provider: Arc<Mutex<FakeProvider>>,
    vault: Arc<MemoryVault>,
    keys: Arc<SlowKeys>,
    device: Device,
    account: AccountId,
}

impl SlowFixture {
    /// An enrolled device whose keys are slow from now on.
    async fn new() -> SlowFixture {
        let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime::new());
        let provider = Arc::new(Mutex::new(FakeProvider::open()));
        let random = Arc::new(CountingRandom::default());
        let (vault, keys) =
            (Arc::new(MemoryVault::default()), Arc::new(SlowKeys::new(random.clone(), Arc::clone(&runtime))));
        let transport = TimedTransport {
            provider: Arc::clone(&provider),
            inner: FakeTransport(vec![Arc::clone(&provider)]),
            clock: RuntimeClock(Arc::clone(&runtime)),
        };
        let ports = Ports {
            clock: Arc::new(RuntimeClock(Arc::clone(&runtime))),
            random,
            transport: Arc::new(transport),
            runtime,
            locale: Locale::En,
            code_origin: None,
            costs: PinCosts { person: CHEAP, script: CHEAP },
            keyring: None,
            key_choice: KeyChoice::default(),
        };
        let device = Device::with_stores(ports, vault.clone(), keys.clone()).await.unwrap();
        let link = {
            let provider = provider.lock().unwrap();
            provider.link(&provider.token())
        };
        let preview = device.preview(&link).await.unwrap();
        let account = device.enroll(&preview, "Desk", &pin("123456")).await.unwrap().account;
        provider.lock().unwrap().confirm_registered();
        device.pull().await;
        keys.slow_down();
        SlowFixture { provider, vault, keys, device, account }
    }

    fn ask(&self) -> ChallengeId {
        let mut provider = self.provider.lock().unwrap();
        let claims = provider.claims();
        provider.ask(&Challenge { exp: claims.iat + 100_000, ..claims })
    }

    /// Pulls until the device has this request.
    async fn received(&self, id: &ChallengeId) {
        for _ in 0..50 {
            self.device.pull().await;
            if self.device.pending().await.iter().any(|view| view.id == *id) {
                return;
            }
        }
        panic!("the request never came");
    }

    /// Decides until the answer is stored. Returns how often it was declined or nobody answered.
    async fn decided(&self, id: &ChallengeId, decision: &Decision) -> u32 {
        for tries in 0..50 {
            match self.device.answer(id, decision.clone(), &pin("123456")).await {
                Ok(_) | Err(AnswerError::Answered | AnswerError::Ended) => return tries,
                Err(AnswerError::Keys(KeyError::Declined) | AnswerError::TimedOut) => {}
                Err(other) => panic!("{other}"),
            }
        }
        panic!("the answer was never signed");
    }

    /// Waits until every answer has arrived and every message was delivered.
    async fn settled(&self) {
        for _ in 0..50 {
            self.device.pull().await;
            let kept = self.vault.load(&self.account).unwrap();
            if kept.outbox.is_empty() && kept.open.is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_secs(61)).await;
        }
        panic!("something was never delivered");
    }

    /// The history, checked as a chain from the enrollment statement on.
    fn history(&self) -> Vec<HistoryEvent> {
        let entries = self.vault.history(&self.account).unwrap();
        let beginning = Head::beginning(self.provider.lock().unwrap().statements[0].as_str());
        history::check(beginning, &entries).unwrap();
        entries.iter().map(|entry| entry.body().what.clone()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_slow_decline_and_fall_silent_lose_and_double_nothing() {
    let fixture = SlowFixture::new().await;
    let mut asked = Vec::new();
    let mut declined = 0;
    for round in 0..12 {
        let (one, other) = (fixture.ask(), fixture.ask());
        fixture.received(&one).await;
        fixture.received(&other).await;
        let second = if round % 3 == 0 { NO } else { YES };
        // Both at once: one waits for the other's key.
        let (first, second) = tokio::join!(fixture.decided(&one, &YES), fixture.decided(&other, &second));
        declined += first + second;
        asked.extend([one, other]);
    }
    fixture.settled().await;
    assert!(declined > 5 && fixture.keys.approvals_asked() > 20, "the keys were as unwilling as they should be");
    let provider = fixture.provider.lock().unwrap();
    let answers: Vec<_> = provider.answers.iter().map(|answer| answer.peek().unwrap()).collect();
    assert_eq!(answers.len(), asked.len(), "one answer to each request");
    assert!(asked.iter().all(|id| answers.iter().any(|answer| answer.challenge == *id)));
    assert_eq!(provider.forks, 0);
    let posts =
        |id: &ChallengeId| provider.calls.iter().filter(|call| call.ends_with(&format!("/{id}/answer"))).count();
    assert!(asked.iter().all(|id| posts(id) == 1), "no call was sent twice");
    drop(provider);
    let history = fixture.history();
    let numbered = |answer: &answer::Answer| {
        let at = usize::try_from(answer.seq).unwrap() - 1;
        matches!(&history[at], HistoryEvent::Answered { challenge, .. } if *challenge == answer.challenge)
    };
    assert!(answers.iter().all(numbered), "each answer's seq is its entry's");
    assert_eq!(history.len(), 2 * asked.len(), "answered and ended, nothing else");
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_nobody_waits_for_any_more_is_taken_back() {
    let fixture = SlowFixture::new().await;
    let id = fixture.ask();
    fixture.received(&id).await;
    let soon = std::time::Duration::from_millis(100);
    let verifier = pin("123456");
    let answering = fixture.device.answer(&id, YES, &verifier);
    assert!(tokio::time::timeout(soon, answering).await.is_err(), "the key takes twice as long");
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(fixture.device.pending().await.len(), 1, "it waits as before");
    assert!(fixture.history().is_empty());
    fixture.decided(&id, &NO).await;
    fixture.settled().await;
    assert_eq!(fixture.provider.lock().unwrap().answers[0].peek().unwrap().decision, answer::Decision::Denied);
}

#[tokio::test(start_paused = true)]
async fn locking_takes_the_prompt_away_while_the_key_waits() {
    let fixture = SlowFixture::new().await;
    let id = fixture.ask();
    fixture.received(&id).await;
    let verifier = pin("123456");
    let locking = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        fixture.device.lock().await;
    };
    let (answered, ()) = tokio::join!(fixture.device.answer(&id, YES, &verifier), locking);
    assert!(matches!(answered, Err(AnswerError::Locked)), "{answered:?}");
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(fixture.provider.lock().unwrap().answers.len(), 0);
    assert!(fixture.history().is_empty());
}
