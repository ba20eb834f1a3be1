#![doc = include_str!("../README.md")]
#![expect(clippy::missing_panics_doc, reason = "a fixture panics where a test would fail")]

mod device_calls;
pub mod event_stream;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use countersign_gateway::{
    AcceptError, AcceptedRequest, ApprovalRequest, Gateway, InteractionPolicy, IssuedLink, Keys, Limits, LinkRequest,
    Ports, SCHEMA, Settings, Verdict,
};
use countersign_jose::clock::Clock as _;
use countersign_jose::random;
use countersign_protocol::challenge::{Client, Party};
use countersign_protocol::details::Details;
use countersign_protocol::discovery::Mode;
use countersign_protocol::id::{ApprovalId, Subject};
use countersign_protocol::interaction::{InteractionType, UserVerification};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::registration::{Confirm, DeviceClass};
use countersign_store::{HistoryId, Store};
use tower::ServiceExt as _;

use countersign_testing::{CountingRandom, ManualClock};

pub use countersign_testing::TestDevice;
pub use device_calls::{DeviceCalls, in_process};

/// The issuer of every gateway here; its path is part of it.
pub const ISSUER: &str = "https://id.example/tenant";

/// A gateway with nothing of `op` above it, in process.
pub struct World {
    /// The gateway.
    pub gateway: Gateway,
    /// Its router.
    pub router: Router,
    /// Its clock, and its devices'.
    pub clock: Arc<ManualClock>,
    /// Its randomness, and its devices'.
    pub random: Arc<CountingRandom>,
    /// The folder with its store and keys.
    pub home: tempfile::TempDir,
}

/// A response, read whole.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A gateway in test mode over a folder of its own.
    pub fn new() -> Self {
        Self::with_mode(Mode::Test)
    }

    /// A gateway in this mode over a folder of its own.
    pub fn with_mode(mode: Mode) -> Self {
        Self::with_settings(Settings::new(issuer(), mode))
    }

    /// A gateway with these settings, of [`ISSUER`], over a folder of its own.
    pub fn with_settings(settings: Settings) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let clock = Arc::new(ManualClock::at_seconds(1_800_000_000));
        let random = Arc::new(CountingRandom::seeded(7));
        let gateway = open(home.path(), settings, &clock, &random);
        Self { router: gateway.router(), gateway, clock, random, home }
    }

    /// As after a crash: the same files, another process.
    pub fn restart(&mut self) {
        self.gateway = self.beside();
        self.router = self.gateway.router();
    }

    /// As [`World::restart`], with other settings.
    pub fn restart_with(&mut self, change: impl FnOnce(&mut Settings)) {
        let random = Arc::new(CountingRandom::seeded(u64::from(counter()) + 100));
        let mut settings = self.gateway.settings().clone();
        change(&mut settings);
        self.gateway = open(self.home.path(), settings, &self.clock, &random);
        self.router = self.gateway.router();
    }

    /// Returns once a task listens for news, so that a test wakes a poll that waits instead of racing it.
    pub async fn until_somebody_waits(&self) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while self.gateway.store().notifier().topics() == 0 {
            assert!(std::time::Instant::now() < deadline, "nobody waits");
            tokio::task::yield_now().await;
        }
    }

    /// Another gateway over the same files, as `op link` beside a running provider.
    pub fn beside(&self) -> Gateway {
        let random = Arc::new(CountingRandom::seeded(u64::from(counter()) + 100));
        open(self.home.path(), self.gateway.settings().clone(), &self.clock, &random)
    }

    /// A link for Alice.
    pub async fn link(&self, confirm: Confirm) -> IssuedLink {
        let request =
            LinkRequest { subject: alice(), subject_label: "Alice".to_owned(), confirm, allow_automated: false };
        self.gateway.issue_link(request).await.expect("a link")
    }

    /// A device that follows this issuer's links, not yet registered.
    pub fn device(&self, name: &str) -> TestDevice {
        TestDevice::new(name, issuer(), self.clock.clone(), self.random.clone())
    }

    /// An interactive device of Alice, enrolled.
    pub async fn enroll(&self, name: &str) -> TestDevice {
        self.enrolled(self.device(name)).await
    }

    /// An automated device of Alice, enrolled.
    pub async fn enroll_automated(&self, name: &str) -> TestDevice {
        let mut device = self.device(name);
        device.class = DeviceClass::Automated;
        self.enrolled(device).await
    }

    /// A page of Alice with a passkey, enrolled.
    pub async fn enroll_page(&self, name: &str) -> TestDevice {
        self.enrolled(self.device(name).with_passkey()).await
    }

    async fn enrolled(&self, mut device: TestDevice) -> TestDevice {
        let link = self.link(Confirm::None).await;
        let response = device.register(self, &link.link).await;
        assert_eq!(response.status, StatusCode::CREATED, "{response:?}");
        device.pull(self).await;
        device
    }

    /// A request for Alice by the till `coffee-pos` that shows no number.
    pub fn request(&self) -> ApprovalRequest {
        ApprovalRequest {
            subject: alice(),
            subject_allows_automated: false,
            provider: Party { issuer: issuer(), name: "Example Bank".to_owned() },
            client: Client { id: "coffee-pos".to_owned(), name: "Acme Coffee".to_owned(), verified: true },
            binding_message: Some("POS terminal #14".to_owned()),
            scope: Some("openid".to_owned()),
            acr_values: None,
            authorization_details: None,
            interaction_policy: InteractionPolicy {
                requested: None,
                client_supported: Vec::new(),
                minimum: InteractionType::Boolean,
                disclosed: None,
                number_preferred: false,
            },
            user_verification: UserVerification::Required,
            context: BTreeMap::new(),
            requested_at: self.clock.now(),
            ttl_seconds: 300,
            interval_seconds: 5,
            limits: Limits::default(),
        }
    }

    /// Asks Alice's devices.
    pub async fn accept(&self, request: ApprovalRequest) -> Result<AcceptedRequest, AcceptError> {
        let gateway = self.gateway.clone();
        self.gateway.store().write(move |tx| gateway.accept(tx, &request)).await
    }

    /// A plain request, accepted.
    pub async fn ask(&self) -> AcceptedRequest {
        self.accept(self.request()).await.expect("accepted")
    }

    /// A request of another client than the usual one.
    pub async fn ask_as(&self, client: &str) -> AcceptedRequest {
        let mut request = self.request();
        request.client.id = client.to_owned();
        self.accept(request).await.expect("accepted")
    }

    /// A request whose number the person must type.
    pub async fn ask_with_number(&self) -> AcceptedRequest {
        let mut request = self.request();
        request.interaction_policy.requested = Some(InteractionType::InputManual);
        request.interaction_policy.client_supported = vec![InteractionType::InputManual];
        self.accept(request).await.expect("accepted")
    }

    /// How an approval ended, or that it is pending.
    pub fn verdict(&self, approval: &ApprovalId) -> Verdict {
        self.gateway.store().read_blocking(|connection| self.gateway.verdict(connection, approval)).expect("a verdict")
    }

    /// A response whose body is still to come.
    pub async fn open_call(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.expect("the router answers")
    }

    /// Sends a request and reads the whole response.
    pub async fn call(&self, request: Request<Body>) -> Response {
        let response = self.open_call(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        Response { status: parts.status, headers: parts.headers, body }
    }

    /// A GET without credentials.
    pub async fn get(&self, path: &str) -> Response {
        self.call(Request::get(path).body(Body::empty()).expect("a request")).await
    }
}

impl Response {
    /// The body, deserialized.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a problem document, and its status.
    pub fn problem(&self) -> (u16, String) {
        let problem: countersign_protocol::problem::Problem = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers["cache-control"], "no-store");
        assert_eq!(problem.status, self.status.as_u16());
        (problem.status, problem.title.as_str().to_owned())
    }

    /// The value of `DPoP-Nonce`.
    pub fn nonce(&self) -> Option<String> {
        self.headers.get("dpop-nonce").map(|nonce| nonce.to_str().expect("ASCII").to_owned())
    }
}

fn open(home: &Path, settings: Settings, clock: &Arc<ManualClock>, random: &Arc<CountingRandom>) -> Gateway {
    let store = open_store(home, random);
    let keys = Keys::load_or_create(&home.join("keys"), &**random).expect("keys");
    let ports = Ports { clock: clock.clone(), random: random.clone() };
    Gateway::open(settings, store, keys, ports).expect("the gateway opens")
}

/// The store in this folder, with the gateway's tables.
pub fn open_store(home: &Path, random: &CountingRandom) -> Store {
    let fresh = HistoryId::from_bytes(random::bytes(random));
    Store::open(&home.join("provider.db"), &[SCHEMA], &fresh).expect("the store opens")
}

/// [`ISSUER`], parsed.
pub fn issuer() -> Issuer {
    ISSUER.parse().expect("an issuer")
}

/// The subject `alice`.
pub fn alice() -> Subject {
    "alice".parse().expect("a subject")
}

/// A payment of this amount in EUR to Acme Coffee.
pub fn payment(amount: &str) -> Details {
    let text = format!(
        r#"[{{"type":"payment_initiation","instructedAmount":{{"currency":"EUR","amount":"{amount}"}},"creditorName":"Acme Coffee"}}]"#
    );
    Details::parse(&text).expect("sound details")
}

/// A number that no other caller in this process gets.
pub fn counter() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    COUNT.fetch_add(1, Ordering::SeqCst)
}
