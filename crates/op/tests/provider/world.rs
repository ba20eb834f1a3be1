//! A provider over a folder of its own, a client that posts to it, and a test device at its gateway.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_gateway::{InProcessApprover, Ports};
use countersign_op::{Config, Provider};
use countersign_protocol::id::Subject;
use countersign_testing::{CountingRandom, ManualClock};
use countersign_testing_gateway::TestDevice;
use serde_json::Value;

/// The secret of every client here.
pub(crate) const SECRET: &str = "f7c09d1c2b8e4a6590d3b1a7e2c45f68";

/// Where clients ask and poll.
pub(crate) const BC: &str = "/tenant/bc-authorize";
pub(crate) const TOKEN: &str = "/tenant/token";

/// Users and clients for most tests. `till` is first-party, so nobody is hidden from it; `kiosk` is not.
pub(crate) const CONFIG: &str = r#"
issuer = "https://id.example/tenant"
name = "Test Bank"
mode = "test"
authorization_details_types = ["payment_initiation", "account_information", "generic"]

[policy]
interval = 5
token_wait = 0
requests_per_minute = 100000
pending_requests = 100000

[policy.unvouched_prompts]
per_minute = 1000
pending = 1000

[[users]]
sub = "alice"
name = "Alice"
hints = ["alice@example.com", "+49 170 1234567", "card:4711"]

[[users]]
sub = "bob"

[[users]]
sub = "lara"
locked = true

[[clients]]
client_id = "till"
name = "Acme Coffee"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
first_party = true
verified = true
interaction_types = ["boolean", "input_manual"]

[[clients]]
client_id = "kiosk"
name = "Kiosk"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"

[[clients]]
client_id = "basic"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
token_endpoint_auth_method = "client_secret_basic"

[[clients]]
client_id = "post"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
token_endpoint_auth_method = "client_secret_post"

[[clients]]
client_id = "reader"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
grant_types = ["authorization_code"]

[[clients]]
client_id = "narrow"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
scope = "openid profile"
authorization_details_types = ["account_information"]

[[clients]]
client_id = "strict"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
[clients.policy]
interaction_minimum = "input_manual"

[[clients]]
client_id = "hasty"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
[clients.policy]
requests_per_minute = 1

[[clients]]
client_id = "numbers"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
interaction_types = ["boolean", "input_manual"]

[[clients]]
client_id = "easy"
secret = "f7c09d1c2b8e4a6590d3b1a7e2c45f68"
[clients.policy]
user_verification = "preferred"

[[clients]]
client_id = "odd:id+%"
secret = "100% f7c09d1c2b8e4a65+90d3b1a7e2c45f68:"
"#;

/// A provider, and the side of it that devices see.
pub(crate) struct World {
    pub(crate) provider: Provider,
    /// The same provider's router, gateway, clock and folder, as the gateway's test device wants them.
    pub(crate) side: countersign_testing_gateway::World,
}

/// For how long a home may stay in use by what is ending.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl World {
    pub(crate) fn new() -> World {
        World::with(CONFIG)
    }

    pub(crate) fn with(config: &str) -> World {
        let home = tempfile::tempdir().expect("a folder");
        World::over(home, config, Arc::new(ManualClock::at_seconds(1_800_000_000)), 7)
    }

    /// The same home under another configuration, as after a restart.
    pub(crate) fn restarted_with(self, config: &str) -> World {
        let (home, clock) = self.stopped();
        World::over(home, config, clock, 8)
    }

    /// As [`World::restarted_with`], after the provider has served: what it began may still be ending.
    pub(crate) async fn restarted_after_serving(self, config: &str) -> World {
        let (home, clock) = self.stopped();
        let began = Instant::now();
        let is_held = || File::open(home.path().join("serving.lock")).is_ok_and(|file| file.try_lock_shared().is_err());
        while is_held() {
            assert!(began.elapsed() < PATIENCE, "the provider has not ended");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        World::over(home, config, clock, 8)
    }

    /// What is left of it once it is stopped.
    fn stopped(self) -> (tempfile::TempDir, Arc<ManualClock>) {
        let World { provider, side } = self;
        let countersign_testing_gateway::World { home, clock, gateway, router, random: _ } = side;
        drop((provider, gateway, router));
        (home, clock)
    }

    /// A provider over these keys and another file in the database's place, in a folder of its own: the threads of the one that goes on
    /// here may still write to its files.
    pub(crate) fn restored_from(&self, database: &Path, config: &str) -> World {
        World::over(self.restored_home(database), config, self.side.clock.clone(), 8)
    }

    /// A home with these keys and another file in the database's place.
    fn restored_home(&self, database: &Path) -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a folder");
        let keys = home.path().join("keys");
        std::fs::create_dir(&keys).expect("made");
        for entry in std::fs::read_dir(self.home().join("keys")).expect("readable") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, keys.join(path.file_name().expect("a name"))).expect("copied");
        }
        std::fs::copy(database, home.path().join("provider.db")).expect("restored");
        home
    }

    /// As [`World::restored_from`], as the benchmark opens a provider.
    #[expect(clippy::disallowed_methods, reason = "its approver approves nothing")]
    pub(crate) fn restored_with_approver(&self, database: &Path, config: &str) -> World {
        struct Nobody;
        impl InProcessApprover for Nobody {
            fn approves(&self, _: &Subject) -> bool {
                false
            }
        }
        let (home, clock) = (self.restored_home(database), self.side.clock.clone());
        let random = Arc::new(CountingRandom::seeded(8));
        let ports = Ports { clock: clock.clone(), random: random.clone() };
        let config = read(config, home.path());
        let opened = Provider::open_with_approver(config, home.path(), ports, Arc::new(Nobody));
        World::of(opened.expect("a provider"), home, clock, random)
    }

    /// A provider over these files, with random numbers of its own.
    pub(crate) fn over(home: tempfile::TempDir, config: &str, clock: Arc<ManualClock>, seed: u64) -> World {
        let random = Arc::new(CountingRandom::seeded(seed));
        let ports = Ports { clock: clock.clone(), random: random.clone() };
        let provider = match Provider::open(read(config, home.path()), home.path(), ports) {
            Ok(provider) => provider,
            Err(error) => panic!("{error}"),
        };
        World::of(provider, home, clock, random)
    }

    fn of(provider: Provider, home: tempfile::TempDir, clock: Arc<ManualClock>, random: Arc<CountingRandom>) -> World {
        let (gateway, router) = (provider.gateway().clone(), provider.router());
        World { provider, side: countersign_testing_gateway::World { gateway, router, clock, random, home } }
    }

    /// The configuration of most tests, read anew.
    pub(crate) fn config(&self) -> Config {
        read(CONFIG, self.home())
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports { clock: self.side.clock.clone(), random: self.side.random.clone() }
    }

    pub(crate) fn home(&self) -> &Path {
        self.side.home.path()
    }

    pub(crate) fn advance_seconds(&self, seconds: u64) {
        self.side.clock.advance_seconds(seconds);
    }

    /// A device of Alice.
    pub(crate) async fn enroll(&self, name: &str) -> TestDevice {
        self.side.enroll(name).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let countersign_testing_gateway::Response { status, headers, body } = self.side.call(request).await;
        // Of an image, what is text in it.
        Reply { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// How often the provider has waited for its disk: commits in the journal, each the frame that names the size of the
    /// file after it (https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
    pub(crate) fn commits(&self) -> usize {
        let journal = std::fs::read(self.home().join("provider.db-wal")).expect("a journal");
        let (head, frames) = journal.split_at(32);
        let page = usize::try_from(u32::from_be_bytes(head[8..12].try_into().expect("four bytes"))).expect("small");
        frames.chunks_exact(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
    }

    /// Polls for a request of this client.
    pub(crate) async fn poll(&self, client: &str, auth_req_id: &str) -> Reply {
        let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id)];
        self.post(client, TOKEN, &form).await
    }

    /// Posts a form as this client, by `client_secret_basic`.
    pub(crate) async fn post(&self, client: &str, path: &str, form: &[(&str, &str)]) -> Reply {
        self.send(form_request(path, Some(&basic(client, SECRET)), form)).await
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("{member} in {}", self.body)).to_owned()
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }
}

fn read(config: &str, home: &Path) -> Config {
    match Config::parse(config, home) {
        Ok(config) => config,
        Err(errors) => panic!("{errors:?}"),
    }
}

pub(crate) fn form_request(path: &str, authorization: Option<&str>, form: &[(&str, &str)]) -> Request<Body> {
    let body = form.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let body = body.collect::<Vec<_>>().join("&");
    raw_request(path, authorization, "application/x-www-form-urlencoded", body.into_bytes())
}

pub(crate) fn raw_request(path: &str, authorization: Option<&str>, content_type: &str, body: Vec<u8>) -> Request<Body> {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, content_type);
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    request.body(Body::from(body)).expect("a request")
}

/// The header of `client_secret_basic`: both halves form-encoded, then joined.
pub(crate) fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(client), encoded(secret))))
}

pub(crate) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
