//! An HTTPS server on a port of this machine: real TLS, responses that the test scripts, and a record of every call.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificates::{CertificateAuthority, server_config};

/// Longest wait for a request that must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// The method.
    pub method: Method,
    /// The path, without a query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which must be UTF-8.
    pub body: String,
}

impl ReceivedRequest {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The value of a header.
    ///
    /// # Panics
    /// If it is not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }
}

/// How the server answers one request.
#[derive(Debug, Clone)]
pub enum ScriptedResponse {
    /// With this status and no body.
    Status(u16),
    /// With this status, header and body.
    With(u16, &'static str, String),
    /// Never responds.
    Hang,
}

/// The server; stops when dropped.
pub struct HttpsServer {
    address: SocketAddr,
    requests: watch::Sender<Vec<ReceivedRequest>>,
    script: Arc<Mutex<VecDeque<ScriptedResponse>>>,
    default_status: Arc<AtomicU16>,
    serving: tokio::task::JoinHandle<()>,
}

impl HttpsServer {
    /// Listens on this address of the machine, with a certificate for it and these names. Answers 204 where the script is empty.
    ///
    /// # Panics
    /// If it can't listen there.
    pub async fn start(authority: &CertificateAuthority, ip: &str, names: &[&str]) -> HttpsServer {
        let ip: IpAddr = ip.parse().expect("an address");
        let listener = TcpListener::bind((ip, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = watch::Sender::new(Vec::new());
        let script: Arc<Mutex<VecDeque<ScriptedResponse>>> = Arc::default();
        let ip = ip.to_string();
        let names: Vec<&str> = names.iter().copied().chain([ip.as_str()]).collect();
        let listener = TlsListener { listener, acceptor: TlsAcceptor::from(server_config(&authority.issue(&names))) };
        let default_status = Arc::new(AtomicU16::new(204));
        let (record, next, otherwise) = (requests.clone(), script.clone(), default_status.clone());
        let handle = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let body = String::from_utf8(body.to_vec()).expect("text");
            // Taken before the request is recorded, so that a test that has seen this request scripts the next response.
            let response = next.lock().expect("the script").pop_front();
            let response = response.unwrap_or_else(|| ScriptedResponse::Status(otherwise.load(Ordering::Relaxed)));
            record.send_modify(|requests| {
                requests.push(ReceivedRequest { method, path: uri.path().to_owned(), headers, body })
            });
            answer(response).await
        };
        let router = Router::new().fallback(handle);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
        HttpsServer { address, requests, script, default_status, serving }
    }

    /// An https URL of this server, by its IP address.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Appends to the script: one response for each of the next requests.
    ///
    /// # Panics
    /// If another thread panicked with the script in hand.
    pub fn respond_with(&self, responses: impl IntoIterator<Item = ScriptedResponse>) {
        self.script.lock().expect("the script").extend(responses);
    }

    /// The status where the script is empty, from now on; 204 at first.
    pub fn set_default_status(&self, status: u16) {
        self.default_status.store(status, Ordering::Relaxed);
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.borrow().clone()
    }

    /// Every request, once there are this many.
    ///
    /// # Panics
    /// If they do not come within 30 seconds.
    pub async fn wait_for(&self, count: usize) -> Vec<ReceivedRequest> {
        let mut seen = self.requests.subscribe();
        let arrived = tokio::time::timeout(PATIENCE, seen.wait_for(|requests| requests.len() >= count)).await;
        match arrived {
            Ok(requests) => requests.expect("the endpoint lives").clone(),
            Err(_) => panic!("{count} requests expected, these came: {:?}", self.requests()),
        }
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(response: ScriptedResponse) -> Response {
    match response {
        ScriptedResponse::Status(status) => StatusCode::from_u16(status).expect("a status").into_response(),
        ScriptedResponse::With(status, header, value) => {
            let status = StatusCode::from_u16(status).expect("a status");
            let name = header::HeaderName::from_static(header);
            (status, [(name, value)], "a body nobody reads").into_response()
        }
        ScriptedResponse::Hang => std::future::pending().await,
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
            // A client that does not trust the certificate closes during the handshake.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
