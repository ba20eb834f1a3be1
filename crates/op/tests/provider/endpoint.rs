//! A client's own https endpoint: real TLS on a port of this machine, answers as the test orders, and keeps what it was sent.

#![allow(dead_code)] // each test file uses its part

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Longest wait for a call that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate authority nobody knows but whoever is given its certificate.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority { issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate") }
    }

    /// For `[egress] ca`.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn acceptor(&self, names: &[&str]) -> TlsAcceptor {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a configuration");
        TlsAcceptor::from(Arc::new(config))
    }
}

/// One call that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }
}

/// How the endpoint answers one call.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// With this status and no body.
    Status(u16),
    /// With this status, header and body.
    With(u16, &'static str, String),
    /// Never.
    Hang,
}

/// The endpoint; stops when dropped.
pub(crate) struct Endpoint {
    address: SocketAddr,
    calls: watch::Sender<Vec<Call>>,
    script: Arc<Mutex<VecDeque<Behaviour>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Endpoint {
    /// Listens on this address of the machine, with a certificate for it and these names. Answers 204 where nothing is ordered.
    pub(crate) async fn start(authority: &Authority, ip: &str, names: &[&str]) -> Endpoint {
        let ip: IpAddr = ip.parse().expect("an address");
        let listener = TcpListener::bind((ip, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let calls = watch::Sender::new(Vec::new());
        let script: Arc<Mutex<VecDeque<Behaviour>>> = Arc::default();
        let ip = ip.to_string();
        let names: Vec<&str> = names.iter().copied().chain([ip.as_str()]).collect();
        let listener = TlsListener { listener, acceptor: authority.acceptor(&names) };
        let (kept, ordered) = (calls.clone(), script.clone());
        let take = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let body = String::from_utf8(body.to_vec()).expect("text");
            // What to answer is taken before the call shows, so that a test orders the next answer after seeing this call.
            let behaviour = ordered.lock().expect("the script").pop_front();
            kept.send_modify(|calls| calls.push(Call { method, path: uri.path().to_owned(), headers, body }));
            answer(behaviour.unwrap_or(Behaviour::Status(204))).await
        };
        let router = Router::new().fallback(take);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
        Endpoint { address, calls, script, serving }
    }

    /// An https address of this endpoint, by its own IP address.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How the next calls are answered, in this order.
    pub(crate) fn order(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.script.lock().expect("the script").extend(behaviours);
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// Every call, once there are this many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Call> {
        let mut seen = self.calls.subscribe();
        let arrived = tokio::time::timeout(PATIENCE, seen.wait_for(|calls| calls.len() >= count)).await;
        match arrived {
            Ok(calls) => calls.expect("the endpoint lives").clone(),
            Err(_) => panic!("{count} calls expected, these came: {:?}", self.calls()),
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(behaviour: Behaviour) -> Response {
    match behaviour {
        Behaviour::Status(status) => StatusCode::from_u16(status).expect("a status").into_response(),
        Behaviour::With(status, header, value) => {
            let status = StatusCode::from_u16(status).expect("a status");
            let name = header::HeaderName::from_static(header);
            (status, [(name, value)], "a body nobody reads").into_response()
        }
        Behaviour::Hang => std::future::pending().await,
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            // Whoever does not trust the certificate goes away during the handshake.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
