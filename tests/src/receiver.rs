//! A client's notification endpoint as a thread: real TLS on a port of the test, one call after another.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver as Calls, Sender, channel};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::PATIENCE;
use crate::http::Head;
use crate::tls::Certificates;

/// One call that arrived.
#[derive(Debug)]
pub struct Call {
    /// The path of its URL.
    pub path: String,
    /// The value of `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: Value,
}

/// The endpoint. Its thread waits for calls until the test's process ends.
pub struct Receiver {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    calls: Mutex<Calls<Call>>,
}

impl Receiver {
    /// Listens at this address of the machine with a certificate for it, and answers 204.
    ///
    /// # Panics
    /// If it can't.
    pub fn start(address: IpAddr, certificates: &Certificates) -> Receiver {
        let listener = TcpListener::bind((address, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let status = Arc::new(AtomicU16::new(204));
        let (config, answered) = (Arc::new(config(certificates)), status.clone());
        let (arrived, calls) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that ends early is no call.
                let _ = serve(stream, &config, &answered, &arrived);
            }
        });
        Receiver { address, status, calls: Mutex::new(calls) }
    }

    /// An address of this endpoint.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// The status of the responses from now on.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// The next call.
    ///
    /// # Panics
    /// If none comes.
    pub fn call(&self) -> Call {
        let calls = self.calls.lock().expect("one test at a time");
        calls.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("nobody called {}: {error}", self.address))
    }

    /// The calls that arrived and were not yet returned by [`Receiver::call`].
    pub fn rest(&self) -> Vec<Call> {
        self.calls.lock().expect("one test at a time").try_iter().collect()
    }
}

fn config(certificates: &Certificates) -> ServerConfig {
    let chain = vec![CertificateDer::from_pem_file(&certificates.cert).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(&certificates.key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    config.expect("versions").with_no_client_auth().with_single_cert(chain, key).expect("a certificate and its key")
}

fn serve(stream: TcpStream, config: &Arc<ServerConfig>, status: &AtomicU16, arrived: &Sender<Call>) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).ok()?, stream);
    let mut bytes = Vec::new();
    let call = loop {
        let mut some = [0; 4096];
        let read = stream.read(&mut some).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&some[..read]);
        if let Some(call) = parse(&bytes) {
            break call;
        }
    };
    // Before it is answered: a test that has the call knows how it is answered.
    let status = status.load(Ordering::Relaxed);
    arrived.send(call).ok()?;
    write!(stream, "HTTP/1.1 {status} As ordered\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

fn parse(bytes: &[u8]) -> Option<Call> {
    let Head { second, headers, rest } = Head::read(bytes)?;
    let header = |name: &str| headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
    let body = rest.get(..header("content-length")?.parse().ok()?)?;
    Some(Call {
        path: second.to_owned(),
        authorization: header("authorization").map(str::to_owned),
        body: serde_json::from_slice(body).ok()?,
    })
}
