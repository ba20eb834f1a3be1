//! A push service (RFC 8030) on loopback, and subscriptions at it: it keeps what it received and answers as a test tells it to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use countersign_jose::base64url;
use countersign_jose::key::PublicKey;
use countersign_jose::random::{self, Random};
use countersign_protocol::push::{PushAddress, PushMessage, PushType};
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;
use web_push_native::{Auth, decrypt};

/// How long a test waits for a push.
const PATIENCE: Duration = Duration::from_secs(20);

/// One push, as it arrived.
#[derive(Debug, Clone)]
pub struct Push {
    /// The path of the endpoint.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The encrypted body.
    pub body: Vec<u8>,
}

impl Push {
    /// A header's value; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Everything that the service saw of it.
    pub fn as_seen(&self) -> String {
        format!("{} {:?} {}", self.path, self.headers, String::from_utf8_lossy(&self.body))
    }
}

/// What the service answers.
#[derive(Debug, Clone)]
pub struct ServiceReply {
    /// The status.
    pub status: u16,
    /// A header beside the usual ones.
    pub header: Option<(&'static str, String)>,
    /// The size of the body, in bytes.
    pub body: usize,
    /// It never answers.
    pub hangs: bool,
}

impl ServiceReply {
    /// A status alone.
    pub fn status(status: u16) -> ServiceReply {
        ServiceReply { status, header: None, body: 0, hangs: false }
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> ServiceReply {
        self.header = Some((name, value.to_owned()));
        self
    }
}

#[derive(Default)]
struct Inner {
    pushes: Vec<Push>,
    /// The next replies; after them 201.
    replies: VecDeque<ServiceReply>,
}

/// The service; it ends when it is dropped.
pub struct PushService {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    serving: JoinHandle<()>,
}

impl PushService {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If it can't listen.
    pub async fn start() -> PushService {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Mutex::new(Inner::default()));
        let router = Router::new().fallback(receive).with_state(inner.clone());
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves until the test ends");
        });
        PushService { address, inner, serving }
    }

    /// The endpoint of this name.
    pub fn endpoint(&self, name: &str) -> String {
        format!("http://{}/push/{name}", self.address)
    }

    /// The replies to the next pushes, in order; after them 201.
    pub fn reply(&self, replies: impl IntoIterator<Item = ServiceReply>) {
        self.lock().replies.extend(replies);
    }

    /// What has arrived.
    pub fn pushes(&self) -> Vec<Push> {
        self.lock().pushes.clone()
    }

    /// Waits until so many have arrived, and returns them.
    ///
    /// # Panics
    /// If they don't.
    pub async fn wait_for(&self, count: usize) -> Vec<Push> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pushes = self.pushes();
            if pushes.len() >= count {
                return pushes;
            }
            assert!(Instant::now() < deadline, "{} of {count} pushes arrived", pushes.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 64 * 1024).await.expect("a small body").to_vec();
    let reply = {
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.pushes.push(Push { path: parts.uri.path().to_owned(), headers: parts.headers, body });
        inner.replies.pop_front().unwrap_or_else(|| ServiceReply::status(201))
    };
    if reply.hangs {
        std::future::pending::<()>().await;
    }
    let mut response = Response::new(Body::from(vec![b'x'; reply.body]));
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a status");
    if let Some((name, value)) = reply.header {
        response.headers_mut().insert(name, value.parse().expect("a header's value"));
    }
    response
}

/// The keys of a subscription: what a browser keeps.
pub struct Subscription {
    secret: SecretKey,
    auth: [u8; 16],
}

impl Subscription {
    /// New keys.
    ///
    /// # Panics
    /// Never for a sound source of randomness.
    pub fn new(random: &dyn Random) -> Subscription {
        let secret = SecretKey::from_slice(&random::bytes::<32>(random)).expect("a scalar below the order");
        Subscription { secret, auth: random::bytes(random) }
    }

    /// The address that a device registers.
    ///
    /// # Panics
    /// Never: the key is on the curve.
    pub fn address(&self, endpoint: &str) -> PushAddress {
        let public = self.secret.public_key().to_encoded_point(false);
        PushAddress {
            kind: PushType::WebPush,
            endpoint: endpoint.to_owned(),
            p256dh: PublicKey::from_sec1(public.as_bytes()).expect("a point on the curve"),
            auth: self.auth,
            quiet: false,
        }
    }

    /// The private key and the secret as base64url, for another implementation.
    pub fn exposed(&self) -> (String, String) {
        (base64url::encode(&self.secret.to_bytes()), base64url::encode(&self.auth))
    }

    /// Decrypts a push.
    ///
    /// # Panics
    /// If it was not encrypted for this subscription.
    pub fn plaintext(&self, push: &Push) -> String {
        let plain =
            decrypt(push.body.clone(), &self.secret, &Auth::from(self.auth)).expect("encrypted for this subscription");
        String::from_utf8(plain).expect("UTF-8")
    }

    /// Decrypts and reads a push.
    ///
    /// # Panics
    /// If it is no message of this protocol.
    pub fn read(&self, push: &Push) -> PushMessage {
        serde_json::from_str(&self.plaintext(push)).expect("a push message")
    }
}
