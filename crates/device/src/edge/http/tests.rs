//! The HTTP transport against a server that sends exactly the bytes of the test.

use std::sync::{Arc, Mutex};

use countersign_jose::clock::Timestamp;
use countersign_tls::CertificateFault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::*;
use crate::ports::transport::{EventStream, StreamEvent};

/// Sends the same bytes to every client, and records the requests. Keeps connections open until `hang_up`.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    hang_up: Arc<Notify>,
}

impl Server {
    async fn saying(bytes: impl Into<Vec<u8>>) -> Server {
        let listener = TcpListener::bind("127.77.1.1:0").await.unwrap();
        let url = format!("http://{}/push/challenges", listener.local_addr().unwrap());
        let (asked, hang_up) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let (heard, until, bytes) = (Arc::clone(&asked), Arc::clone(&hang_up), bytes.into());
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 8192];
                let length = socket.read(&mut request).await.unwrap();
                heard.lock().unwrap().push(String::from_utf8_lossy(&request[..length]).into_owned());
                socket.write_all(&bytes).await.ok();
                until.notified().await;
            }
        });
        Server { url, asked, hang_up }
    }

    fn call(&self) -> Call {
        Call {
            method: Method::Get,
            url: self.url.clone(),
            headers: vec![("dpop", "proof".to_owned())],
            body: None,
            timeout_ms: 5_000,
        }
    }

    async fn stream(&self) -> Box<dyn EventStream> {
        match provider().open_stream(self.call()).await {
            Ok(StreamReply::Open { stream, .. }) => stream,
            _ => panic!("the stream was refused"),
        }
    }
}

fn provider() -> HttpTransport {
    HttpTransport::new().unwrap()
}

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

#[tokio::test]
async fn a_reply_comes_with_status_time_nonce_and_body() {
    let server = Server::saying(
        "HTTP/1.1 429 Too Many Requests\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ndpop-nonce: n-1\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n{}",
    )
    .await;
    let reply = provider().call(server.call()).await.unwrap();
    assert_eq!((reply.status, reply.retry_after, reply.body.as_slice()), (429, Some(7), b"{}".as_slice()));
    assert_eq!(reply.date, Some(Timestamp::from_seconds(784_111_777)));
    assert_eq!(reply.dpop_nonce.as_deref(), Some("n-1"));
    assert!(server.asked.lock().unwrap()[0].contains("dpop: proof\r\n"));
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let target = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let moved = format!("HTTP/1.1 307 Moved\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.url);
    let server = Server::saying(moved).await;
    let reply = provider().call(server.call()).await.unwrap();
    assert_eq!(reply.status, 307);
    assert!(target.asked.lock().unwrap().is_empty(), "credentials go nowhere else");
}

#[tokio::test]
async fn a_body_larger_than_any_fetch_is_not_read() {
    let body = vec![b' '; LARGEST_BODY + 1];
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let server = Server::saying([head.into_bytes(), body].concat()).await;
    assert_eq!(provider().call(server.call()).await.err(), Some(TransportError::TooLarge));
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.77.1.2:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let call = Call { method: Method::Post, url, headers: Vec::new(), body: None, timeout_ms: 5_000 };
    assert_eq!(provider().call(call).await.err(), Some(TransportError::Unreachable(Unreached::Refused)));
}

#[tokio::test]
async fn a_certificate_by_an_unknown_authority_is_no_missing_provider() {
    let authority = countersign_testing::certificates::CertificateAuthority::new("Nobody knows");
    let server = countersign_testing::https_server::HttpsServer::start(&authority, "127.0.0.1", &[]).await;
    let call = Call { method: Method::Post, url: server.url("/"), headers: Vec::new(), body: None, timeout_ms: 5_000 };
    let refused = provider().call(call).await.err().expect("not trusted");
    assert_eq!(refused, TransportError::Certificate(CertificateFault::UnknownAuthority));
    assert!(refused.to_string().contains("SSL_CERT_FILE"), "the next step: {refused}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_silent_provider_costs_no_more_than_the_timeout() {
    let server = Server::saying("").await;
    let call = Call { timeout_ms: 50, ..server.call() };
    assert_eq!(provider().call(call).await.err(), Some(TransportError::TimedOut));
}

#[tokio::test]
async fn a_stream_brings_updates_and_nonces_however_they_are_cut() {
    let events = ": hello\n\nevent: update\nid: 1-2\ndata: {\"cursor\":\ndata: \"1-2\"}\n\nevent: nonce\ndata: n-2\n\nevent: later\ndata: x\n\n";
    let server = Server::saying(format!("{STREAM}{events}")).await;
    let mut stream = server.stream().await;
    let update = StreamEvent::Update(b"{\"cursor\":\n\"1-2\"}".to_vec());
    let mut first = stream.next().await;
    while first == Some(Ok(StreamEvent::Alive)) {
        first = stream.next().await;
    }
    assert_eq!(first, Some(Ok(update)));
    assert_eq!(stream.next().await, Some(Ok(StreamEvent::Nonce("n-2".into()))));
    assert_eq!(stream.next().await, Some(Ok(StreamEvent::Alive)), "an event of a newer version is no harm");
    server.hang_up.notify_one();
    assert!(matches!(stream.next().await, None | Some(Err(_))));
}

#[tokio::test]
async fn an_event_that_never_ends_is_cut_off() {
    let endless = vec![b'x'; LARGEST_BODY + 100];
    let server = Server::saying([STREAM.as_bytes(), b"data: ", &endless].concat()).await;
    let mut stream = server.stream().await;
    let mut next = stream.next().await;
    while next == Some(Ok(StreamEvent::Alive)) {
        next = stream.next().await;
    }
    assert_eq!(next, Some(Err(TransportError::TooLarge)));
}

#[tokio::test]
async fn a_comment_is_a_sign_of_life_each_time_it_comes() {
    let (chunks, received) = futures_channel();
    let mut stream = SseStream::over(received, Arc::new(TokioRuntime::new()));
    for _ in 0..3 {
        chunks.send(Ok(bytes::Bytes::from_static(b":\n\n"))).unwrap();
        assert_eq!(stream.next().await, Some(Ok(StreamEvent::Alive)));
    }
    chunks.send(Ok(bytes::Bytes::from_static(b"event: nonce\nda"))).unwrap();
    assert_eq!(stream.next().await, Some(Ok(StreamEvent::Alive)), "half an event is one, too");
    chunks.send(Ok(bytes::Bytes::from_static(b"ta: n-2\n\n"))).unwrap();
    assert_eq!(stream.next().await, Some(Ok(StreamEvent::Nonce("n-2".into()))));
    drop(chunks);
    assert_eq!(stream.next().await, None);
}

/// Chunks as a test sends them.
fn futures_channel() -> (
    tokio::sync::mpsc::UnboundedSender<Result<bytes::Bytes, TransportError>>,
    impl futures_util::Stream<Item = Result<bytes::Bytes, TransportError>>,
) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let chunks = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    });
    (sender, chunks)
}

#[tokio::test]
async fn a_page_instead_of_a_stream_is_a_refusal() {
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>").await;
    let watched = provider().open_stream(server.call()).await;
    assert!(matches!(watched, Ok(StreamReply::Refused(reply)) if reply.body == b"<html>"));
}
