//! Attacks on the server's connections: how many of each are held, and when they end. Tokio's time is paused, and moves on to the next
//! deadline when nothing else can happen.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Extension, Router};
use countersign_gateway::{CallConnection, KeyOwner, PeerConnection as _};
use countersign_protocol::discovery::Mode;
use futures_util::stream;
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::admission::{Admission, Admitted};
use super::closed::Closed;
use super::connection::{Next, OpenRequest};
use super::limits;
use super::{ConnectionLimits, Server};
use crate::config::TrustedProxies;
use crate::metrics::Metrics;

const STRANGER: &str = "198.51.100.1";

struct Fixture {
    server: Server,
    metrics: Arc<Metrics>,
}

fn routes() -> Router {
    async fn prove(Extension(connection): Extension<CallConnection>, name: Option<Path<String>>) -> &'static str {
        connection.key_proven(&client(name.as_ref().map_or("till", |Path(name)| name)), true);
        "proven"
    }
    async fn stream(Extension(connection): Extension<CallConnection>) -> Body {
        connection.key_proven(&KeyOwner::Device("phone".to_owned()), true);
        Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>())
    }
    Router::new()
        .route("/healthz", get(async || "alive"))
        .route("/echo", post(async |body: Bytes| body))
        .route("/large", get(async || vec![b'x'; 1024 * 1024]))
        .route("/prove", post(prove))
        .route("/prove/{name}", post(prove))
        .route("/stream", get(stream))
}

fn client(name: &str) -> KeyOwner {
    KeyOwner::Client(name.to_owned())
}

fn limits() -> ConnectionLimits {
    ConnectionLimits::for_descriptors(256)
}

fn fixture(limits: ConnectionLimits) -> Fixture {
    let metrics = Arc::new(Metrics::default());
    let server = Server::new(routes(), None, limits, TrustedProxies::default(), Mode::Production, metrics.clone());
    Fixture { server, metrics }
}

impl Fixture {
    /// A connection of a stranger, whose end is returned.
    fn connect(&self) -> DuplexStream {
        self.connect_with_buffer(256 * 1024)
    }

    fn connect_with_buffer(&self, buffer: usize) -> DuplexStream {
        let (client, io) = duplex(buffer);
        let server = self.server.clone();
        let from = SocketAddr::new(STRANGER.parse().expect("an address"), 4711);
        tokio::spawn(async move { server.serve_one(io, from).await });
        client
    }

    fn occupied(&self) -> (usize, usize, usize, usize) {
        self.server.admission().occupied()
    }
}

/// Reads until the connection ends; what came, and after how many seconds it ended.
async fn read_to_end(client: &mut DuplexStream) -> (String, u64) {
    let begun = Instant::now();
    let mut came = Vec::new();
    let _ = client.read_to_end(&mut came).await;
    (String::from_utf8_lossy(&came).into_owned(), begun.elapsed().as_secs())
}

/// Reads one response to a request.
async fn exchange(client: &mut DuplexStream, request: &str) -> String {
    client.write_all(request.as_bytes()).await.expect("sent");
    let mut came = vec![0; 4096];
    let length = client.read(&mut came).await.expect("a response");
    String::from_utf8_lossy(&came[..length]).into_owned()
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: id.example\r\n\r\n";
const PROVE: &str = "POST /prove HTTP/1.1\r\nhost: id.example\r\ncontent-length: 0\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_or_half_a_header_is_closed_after_ten_seconds() {
    let fixture = fixture(limits());
    for begun in ["", "P", "PRI * HTTP/2.0\r\n", "GET /healthz HTTP/1.1\r\nhost: id.exam"] {
        let mut client = fixture.connect();
        client.write_all(begun.as_bytes()).await.expect("sent");
        let (came, seconds) = read_to_end(&mut client).await;
        assert_eq!((came.as_str(), seconds), ("", 10), "{begun:?}");
    }
    assert_eq!(fixture.metrics.closed_connections("headers"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_header_that_trickles_is_closed_after_ten_seconds_however_much_came() {
    let fixture = fixture(limits());
    let (mut reading, mut writing) = tokio::io::split(fixture.connect());
    let trickle = async {
        writing.write_all(b"GET /healthz HTTP/1.1\r\n").await?;
        loop {
            sleep(Duration::from_secs(1)).await;
            writing.write_all(b"x: y\r\n").await?;
        }
    };
    let begun = Instant::now();
    let mut came = Vec::new();
    tokio::select! {
        read = reading.read_to_end(&mut came) => assert_eq!((read.ok(), begun.elapsed().as_secs()), (Some(0), 10)),
        end = trickle => { let _: std::io::Result<()> = end; panic!("written to a closed connection") }
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_body_is_answered_408_after_ten_seconds_and_the_connection_closed() {
    let fixture = fixture(limits());
    let mut client = fixture.connect();
    let request = b"POST /echo HTTP/1.1\r\nhost: id.example\r\ncontent-length: 10\r\n\r\nhalf";
    client.write_all(request).await.expect("sent");
    let (came, seconds) = read_to_end(&mut client).await;
    assert!(came.starts_with("HTTP/1.1 408 ") && came.contains("invalid_request"), "{came}");
    assert_eq!(seconds, 10);
    assert_eq!(fixture.occupied(), (0, 0, 0, limits().unproven_body_bytes), "everything was given back");
}

#[tokio::test(start_paused = true)]
async fn between_two_requests_a_connection_is_kept_for_75_seconds() {
    let fixture = fixture(limits());
    let mut client = fixture.connect();
    assert!(exchange(&mut client, HEALTH).await.ends_with("alive"));
    sleep(Duration::from_secs(60)).await;
    assert!(exchange(&mut client, HEALTH).await.ends_with("alive"), "a request in time is served");
    let (came, seconds) = read_to_end(&mut client).await;
    assert_eq!((came.as_str(), seconds), ("", 75));
    assert_eq!(fixture.metrics.closed_connections("idle"), 1);

    let mut client = fixture.connect();
    exchange(&mut client, HEALTH).await;
    sleep(Duration::from_secs(30)).await;
    client.write_all(b"GET /hea").await.expect("sent");
    let (_, seconds) = read_to_end(&mut client).await;
    assert_eq!(seconds, 10, "a further request's header has the same deadline as the first one's");
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_is_not_idle() {
    let fixture = fixture(limits());
    let mut client = fixture.connect();
    let response = exchange(&mut client, "GET /stream HTTP/1.1\r\nhost: id.example\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let mut byte = [0];
    assert!(timeout(Duration::from_secs(86_400), client.read(&mut byte)).await.is_err(), "it lives on");
    assert_eq!((fixture.occupied().0, fixture.occupied().1), (1, 0), "among those that proved a key");
}

#[tokio::test(start_paused = true)]
async fn who_takes_no_response_is_closed() {
    let fixture = fixture(limits());
    for prove in [false, true] {
        let mut client = fixture.connect_with_buffer(512);
        if prove {
            assert!(exchange(&mut client, PROVE).await.ends_with("proven"));
        }
        let begun = Instant::now();
        client.write_all(b"GET /large HTTP/1.1\r\nhost: id.example\r\n\r\n").await.expect("sent");
        sleep(Duration::from_secs(1)).await;
        while fixture.occupied().0 > 0 {
            sleep(Duration::from_secs(1)).await;
        }
        assert!((29..=32).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }
    assert_eq!(fixture.metrics.closed_connections("stalled"), 2);
}

/// A client that gives every response this window, and answers pings.
async fn http2_client(fixture: &Fixture, window: u32) -> hyper::client::conn::http2::SendRequest<Body> {
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(fixture.connect())).await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

#[tokio::test(start_paused = true)]
async fn who_leaves_an_http2_response_no_window_is_closed_after_30_seconds_whatever_it_proved() {
    let fixture = fixture(limits());
    let mut sender = http2_client(&fixture, 0).await;
    let begun = Instant::now();
    let prove = Request::post("http://id.example/prove").body(Body::empty()).expect("a request");
    let response = sender.send_request(prove).await.expect("headers need no window");
    assert_eq!((response.status().as_u16(), fixture.occupied().1), (200, 0));
    while fixture.occupied().0 > 0 && begun.elapsed() < Duration::from_secs(150) {
        sleep(Duration::from_secs(1)).await;
    }
    assert!((29..=32).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(fixture.metrics.closed_connections("stalled"), 1);
}

#[tokio::test(start_paused = true)]
async fn attack_a_window_of_one_byte_hides_no_response_that_nobody_takes() {
    let fixture = fixture(limits());
    let mut sender = http2_client(&fixture, 1).await;
    let begun = Instant::now();
    let large = Request::get("http://id.example/large").body(Body::empty()).expect("a request");
    let response = sender.send_request(large).await.expect("headers need no window");
    while fixture.occupied().0 > 0 && begun.elapsed() < Duration::from_secs(150) {
        sleep(Duration::from_secs(1)).await;
    }
    assert!((29..=32).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(fixture.metrics.closed_connections("stalled"), 1);
    drop(response);
}

#[tokio::test(start_paused = true)]
async fn attack_who_takes_no_responses_loses_its_connections_once_they_fill_its_share_of_memory() {
    // A quarter of it for one owner: four of these responses.
    let limits = ConnectionLimits { proven_response_bytes: 16 * 1024 * 1024 + 64, ..limits() };
    let fixture = fixture(limits);
    let prove = || Request::post("http://id.example/prove").body(Body::empty()).expect("a request");
    let other = Request::post("http://id.example/prove/other").body(Body::empty()).expect("a request");
    let large = || Request::get("http://id.example/large").body(Body::empty()).expect("a request");
    let mut honest = http2_client(&fixture, 4 * 1024 * 1024).await;
    honest.send_request(other).await.expect("proven");
    let (mut senders, mut untaken) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let mut sender = http2_client(&fixture, 0).await;
        untaken.push(sender.send_request(prove()).await.expect("proven"));
        for _ in 0..3 {
            untaken.extend(sender.send_request(large()).await);
        }
        senders.push(sender);
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(fixture.metrics.closed_connections("displaced"), 2, "nine responses, of which four fit");
    assert_eq!(fixture.occupied().0, 2, "its newest, and another's");
    let mut taken = honest.send_request(large()).await.expect("a response").into_body();
    let mut length = 0;
    while let Some(frame) = http_body_util::BodyExt::frame(&mut taken).await {
        length += frame.expect("a frame").into_data().map_or(0, |data| data.len());
    }
    assert_eq!(length, 1024 * 1024, "who takes everything has room");
}

#[tokio::test(start_paused = true)]
async fn an_http2_event_stream_whose_peer_takes_everything_is_not_stalled() {
    let fixture = fixture(limits());
    let mut sender = http2_client(&fixture, 64 * 1024).await;
    let stream = Request::get("http://id.example/stream").body(Body::empty()).expect("a request");
    let response = sender.send_request(stream).await.expect("a response");
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(fixture.occupied().0, 1);
    drop(response);
}

#[tokio::test(start_paused = true)]
async fn http2_streams_that_are_never_ended_are_bounded_answered_408_and_their_connection_closed() {
    let fixture = fixture(limits());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(fixture.connect()))
            .await
            .expect("a handshake");
    let connection = tokio::spawn(connection);
    let begun = Instant::now();
    let mut responses = Vec::new();
    for _ in 0..200 {
        let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let request = Request::post("http://id.example/echo").body(body).expect("a request");
        responses.push(tokio::spawn(sender.send_request(request)));
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(fixture.occupied().2, limits::STREAMS as usize, "no more than these are open");
    let mut statuses = Vec::new();
    for response in responses {
        statuses.extend(response.await.expect("no panic").ok().map(|response| response.status().as_u16()));
    }
    assert_eq!(statuses, [408; limits::STREAMS as usize], "the others never began");
    let _ = connection.await;
    assert!((10..=12).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(fixture.occupied(), (0, 0, 0, limits().unproven_body_bytes));
}

/// An HTTP/2 frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The first bytes of a client that does not wait for the server's limits (RFC 9113 §3.4).
fn preface() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(0x4, 0, 0, &[])].concat()
}

/// HEADERS of `POST /echo` without END_STREAM, on the client's n-th stream.
fn endless(n: u32) -> Vec<u8> {
    let block = [&[0x83, 0x86, 0x04, 5][..], b"/echo", &[0x01, 1], b"a"].concat();
    frame(0x1, 0x4, 2 * n + 1, &block)
}

/// RST_STREAM with CANCEL, on the client's n-th stream.
fn reset(n: u32) -> Vec<u8> {
    frame(0x3, 0, 2 * n + 1, &8_u32.to_be_bytes())
}

#[tokio::test(start_paused = true)]
async fn a_client_may_open_a_hundred_http2_streams_at_once_and_more_end_its_connection_at_once() {
    for (streams, is_open) in [(100, true), (101, false), (200, false)] {
        let fixture = fixture(limits());
        let mut client = fixture.connect();
        let bytes = preface().into_iter().chain((0..streams).flat_map(endless)).collect::<Vec<_>>();
        client.write_all(&bytes).await.expect("sent");
        sleep(Duration::from_secs(1)).await;
        let awaited = if is_open { limits::STREAMS as usize } else { 0 };
        assert_eq!(fixture.occupied().2, awaited, "{streams} streams");
        assert_eq!(fixture.occupied().0, usize::from(is_open), "{streams} streams");
        assert_eq!(fixture.metrics.closed_connections("flood"), u64::from(!is_open), "{streams} streams");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_gives_up_one_http2_stream_after_another_is_ended() {
    for pause in [Duration::ZERO, Duration::from_millis(1)] {
        let fixture = fixture(limits());
        let mut client = fixture.connect();
        client.write_all(&preface()).await.expect("sent");
        let mut sent = 0;
        while sent < 500 && fixture.metrics.closed_connections("flood") == 0 {
            client.write_all(&endless(sent)).await.expect("sent");
            sleep(pause).await;
            client.write_all(&reset(sent)).await.expect("sent");
            sleep(pause).await;
            sent += 1;
            tokio::task::yield_now().await;
        }
        sleep(Duration::from_millis(10)).await;
        assert_eq!(fixture.metrics.closed_connections("flood"), 1, "{pause:?}, after {sent}");
        assert!(sent as usize <= limits::WASTED_STREAMS + 2, "{sent}");
        assert_eq!(fixture.occupied(), (0, 0, 0, limits().unproven_body_bytes));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_ends_only_its_own_stream_where_a_key_was_proven() {
    let fixture = fixture(limits());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(fixture.connect()))
            .await
            .expect("a handshake");
    tokio::spawn(connection);
    let prove = Request::post("http://id.example/prove").body(Body::empty()).expect("a request");
    assert_eq!(sender.send_request(prove).await.expect("a response").status(), 200);
    let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let slow = Request::post("http://id.example/echo").body(body).expect("a request");
    assert_eq!(sender.send_request(slow).await.expect("a response").status(), 408);
    let next = Request::get("http://id.example/healthz").body(Body::empty()).expect("a request");
    assert_eq!(sender.send_request(next).await.expect("a response").status(), 200);
}

#[tokio::test(start_paused = true)]
async fn header_lists_over_16_kib_are_refused_over_both_protocols() {
    let fixture = fixture(limits());
    let long = "y".repeat(17 * 1024);
    let mut client = fixture.connect();
    let request = format!("GET /healthz HTTP/1.1\r\nhost: id.example\r\nx: {long}\r\n\r\n");
    let response = exchange(&mut client, &request).await;
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");

    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(fixture.connect()))
            .await
            .expect("a handshake");
    tokio::spawn(connection);
    let with = |value: &str| {
        Request::get("http://id.example/healthz").header("x", value).body(Body::empty()).expect("a request")
    };
    let refused = sender.send_request(with(&long)).await.map(|response| response.status().as_u16());
    assert_eq!(refused.ok(), Some(431));
    let next = sender.send_request(with("short")).await.map(|response| response.status().as_u16());
    assert_eq!(next.ok(), Some(200), "the connection goes on");
}

#[tokio::test(start_paused = true)]
async fn bodies_of_strangers_have_a_bounded_room_and_those_that_came_whole_need_none_of_it() {
    let few = ConnectionLimits { awaited_bodies: 2, unproven_body_bytes: 100, ..limits() };
    let fixture = fixture(few);
    let half = "POST /echo HTTP/1.1\r\nhost: id.example\r\ncontent-length: 10\r\n\r\nhalf";
    let whole = "POST /echo HTTP/1.1\r\nhost: id.example\r\ncontent-length: 5\r\n\r\nwhole";
    let (mut one, mut two) = (fixture.connect(), fixture.connect());
    one.write_all(half.as_bytes()).await.expect("sent");
    two.write_all(half.as_bytes()).await.expect("sent");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(fixture.occupied(), (2, 2, 2, 92));
    let third = exchange(&mut fixture.connect(), half).await;
    assert!(third.starts_with("HTTP/1.1 503 ") && third.contains("retry-after: 1"), "{third}");
    assert!(exchange(&mut fixture.connect(), whole).await.ends_with("whole"));
    let large = format!("POST /echo HTTP/1.1\r\nhost: id.example\r\ncontent-length: 93\r\n\r\n{}", "z".repeat(93));
    assert!(exchange(&mut fixture.connect(), &large).await.starts_with("HTTP/1.1 503 "), "no room for its bytes");
    let mut known = fixture.connect();
    exchange(&mut known, PROVE).await;
    assert!(exchange(&mut known, &large).await.ends_with("zzz"), "there is room for who proved a key");
}

#[tokio::test(start_paused = true)]
async fn bodies_of_one_client_one_connection_and_one_address_leave_room_for_every_others() {
    let few = ConnectionLimits {
        proven_body_bytes: 400,
        unproven_body_bytes: 200,
        body_bytes_per_connection: 80,
        ..limits()
    };
    let fixture = fixture(few);
    let half = |bytes: usize| {
        format!("POST /echo HTTP/1.1\r\nhost: id.example\r\ncontent-length: 99\r\n\r\n{}", "z".repeat(bytes))
    };
    let proven = async |name: &str| {
        let mut connection = fixture.connect();
        let prove = format!("POST /prove/{name} HTTP/1.1\r\nhost: id.example\r\ncontent-length: 0\r\n\r\n");
        assert!(exchange(&mut connection, &prove).await.ends_with("proven"));
        connection
    };
    let is_refused = async |mut connection: DuplexStream, bytes: usize| {
        let asked = half(bytes);
        let answered = timeout(Duration::from_secs(1), exchange(&mut connection, &asked)).await;
        if let Ok(answer) = &answered {
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        }
        (answered.is_ok(), connection)
    };
    let (is_larger_than_its_connections_room, _one) = is_refused(proven("till").await, 81).await;
    assert!(is_larger_than_its_connections_room);
    let (first, _two) = is_refused(proven("till").await, 60).await;
    let (second, _three) = is_refused(proven("till").await, 60).await;
    assert_eq!((first, second), (false, true), "a quarter of 400 is a client's");
    assert!(!is_refused(proven("shop").await, 60).await.0, "another's has room");
    let (first, _four) = is_refused(fixture.connect(), 40).await;
    let (second, _five) = is_refused(fixture.connect(), 40).await;
    assert_eq!((first, second), (false, true), "a quarter of 200 is one address's");
}

#[tokio::test(start_paused = true)]
async fn a_tls_handshake_that_never_comes_is_closed_after_five_seconds() {
    let made = countersign_testing::certificates::self_signed(&["id.example"]);
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a pair");
    let metrics = Arc::new(Metrics::default());
    let (tls, proxies) = (Some(Arc::new(config)), TrustedProxies::default());
    let server = Server::new(routes(), tls, limits(), proxies, Mode::Production, metrics.clone());
    let fixture = Fixture { server, metrics };
    for begun in [&b""[..], b"\x16\x03\x01"] {
        let mut client = fixture.connect();
        client.write_all(begun).await.expect("sent");
        assert_eq!(read_to_end(&mut client).await.1, 5);
    }
    assert_eq!(fixture.metrics.closed_connections("handshake"), 2);
}

#[tokio::test(start_paused = true)]
async fn at_shutdown_idle_connections_end_and_open_requests_are_finished() {
    let fixture = fixture(limits());
    let mut idle = fixture.connect();
    exchange(&mut idle, HEALTH).await;
    let mut busy = fixture.connect();
    busy.write_all(b"POST /echo HTTP/1.1\r\nhost: id.example\r\ncontent-length: 8\r\n\r\nhalf").await.expect("sent");
    sleep(Duration::from_millis(10)).await;
    let admission = fixture.server.admission().clone();
    admission.close();
    assert_eq!(read_to_end(&mut idle).await, (String::new(), 0));
    busy.write_all(b"+end").await.expect("sent");
    let (came, _) = read_to_end(&mut busy).await;
    assert!(came.ends_with("half+end"), "{came}");
    admission.drained().await;
}

/// Real sockets, and tokio's time as it is.
#[tokio::test]
async fn among_hundreds_of_silent_connections_everybody_else_is_served() {
    let few = ConnectionLimits { connections: 40, unproven: 20, unproven_per_address: 15, ..limits() };
    let fixture = fixture(few);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = fixture.server.clone();
    let serving = tokio::spawn(async move { server.serve(vec![listener], async { drop(stopped.await) }).await });
    let connect = async |request: &str| {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        stream
    };
    let answer = async |stream: &mut TcpStream| {
        let mut came = vec![0; 1024];
        let length = stream.read(&mut came).await.expect("a response");
        String::from_utf8_lossy(&came[..length]).into_owned()
    };
    let mut known = connect(PROVE).await;
    assert!(answer(&mut known).await.ends_with("proven"));
    let mut silent = Vec::new();
    for n in 0..300 {
        silent.push(connect(["", "GET /he", "POST /echo HTTP/1.1\r\ncontent-length: 9\r\n\r\nha"][n % 3]).await);
    }
    assert!(answer(&mut connect(HEALTH).await).await.ends_with("alive"), "a newcomer");
    known.write_all(HEALTH.as_bytes()).await.expect("sent");
    assert!(answer(&mut known).await.ends_with("alive"), "a connection that proved a key stays");
    let (all, unproven, _, _) = fixture.occupied();
    assert!(unproven <= 15 && all <= 40, "{all} connections, {unproven} of them unproven");
    assert!(fixture.metrics.closed_connections("displaced") >= 285);
    drop(stop);
    drop((silent, known));
    serving.await.expect("stopped");
}

#[tokio::test]
async fn a_connections_task_has_room_for_its_state_once() {
    let fixture = fixture(limits());
    let ((one, _client), (other, _other_client)) = (duplex(1), duplex(1));
    let [plain, tls] = fixture.server.task_bytes(one, other, SocketAddr::new(STRANGER.parse().expect("an address"), 1));
    assert!(plain <= 400 && tls <= 1000, "{plain} and {tls} bytes, beside the boxed state");
}

fn admit(admission: &Arc<Admission>, from: &str) -> Option<Admitted> {
    admission.admit(from.parse::<IpAddr>().expect("an address"))
}

fn is_displaced(admitted: &Admitted) -> bool {
    admitted.connection.next(Instant::now()) == Next::Close(Closed::Displaced)
}

#[tokio::test(start_paused = true)]
async fn one_address_displaces_its_own_oldest_and_nobody_elses() {
    let limits = ConnectionLimits { unproven_per_address: 2, ..limits() };
    let fixture = fixture(limits);
    let admission = fixture.server.admission();
    let other = admit(admission, "203.0.113.7").expect("room");
    let first = admit(admission, STRANGER).expect("room");
    let second = admit(admission, STRANGER).expect("room");
    let third = admit(admission, STRANGER).expect("room");
    assert_eq!([&other, &first, &second, &third].map(is_displaced), [false, true, false, false]);

    second.connection.key_proven(&client("till"), true);
    let fourth = admit(admission, STRANGER).expect("room");
    assert_eq!([&second, &third, &fourth].map(is_displaced), [false; 3], "who proved a key does not count");
    let (one, two) = (admit(admission, "2001:db8::1").expect("room"), admit(admission, "2001:db8::2:1").expect("room"));
    let next = admit(admission, "2001:db8::3").expect("room");
    assert_eq!([&one, &two, &next].map(is_displaced), [true, false, false], "a /64 is one address");
}

#[tokio::test(start_paused = true)]
async fn a_trusted_proxy_and_loopback_in_test_mode_are_not_limited_by_address() {
    let limits = ConnectionLimits { unproven_per_address: 1, unproven: 3, ..limits() };
    let networks = vec!["10.0.0.0/8".parse().expect("a network")];
    let proxies = TrustedProxies { networks, ..TrustedProxies::default() };
    let admission = Admission::new(limits.clone(), proxies.clone(), Mode::Production, Arc::default());
    let of_proxy: Vec<_> = (0..10).map(|_| admit(&admission, "::ffff:10.0.0.1").expect("room")).collect();
    assert!(!of_proxy.iter().any(is_displaced));
    assert_eq!(admission.occupied().1, 0, "they are not among the strangers");
    let loopback = [admit(&admission, "127.0.0.1").expect("room"), admit(&admission, "127.0.0.1").expect("room")];
    assert_eq!(loopback.each_ref().map(is_displaced), [true, false], "in production");

    let admission = Admission::new(limits, proxies, Mode::Test, Arc::default());
    let loopback: Vec<_> = (0..4).map(|_| admit(&admission, "127.0.0.1").expect("room")).collect();
    let displaced: Vec<_> = loopback.iter().map(is_displaced).collect();
    assert_eq!(displaced, [true, false, false, false], "in test mode only the bound for all strangers");
}

#[tokio::test(start_paused = true)]
async fn strangers_never_take_the_room_of_those_that_proved_a_key() {
    let limits = ConnectionLimits { connections: 4, unproven: 2, ..limits() };
    let fixture = fixture(limits);
    let admission = fixture.server.admission();
    let strangers: Vec<_> = (1..=4).map(|n| admit(admission, &format!("203.0.113.{n}")).expect("room")).collect();
    assert_eq!(strangers.iter().map(is_displaced).collect::<Vec<_>>(), [true, true, false, false]);
    drop(strangers);
    let mut known = Vec::new();
    for name in ["till", "shop", "bank", "kiosk"] {
        known.push(admit(admission, STRANGER).expect("room"));
        known[known.len() - 1].connection.key_proven(&client(name), true);
    }
    let open: Vec<_> = known[..3].iter().map(|one| one.connection.open_request(false)).collect();
    let newcomer = admit(admission, "203.0.113.9").expect("room");
    assert_eq!(known.iter().map(is_displaced).collect::<Vec<_>>(), [false, false, false, true], "the idle one goes");
    drop((open, newcomer));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_being_answered_is_not_displaced_unless_nobody_takes_the_answer() {
    let limits = ConnectionLimits { unproven: 1, ..limits() };
    let fixture = fixture(limits);
    let admission = fixture.server.admission();
    let busy = admit(admission, STRANGER).expect("room");
    let open = busy.connection.open_request(true);
    open.is_whole();
    sleep(Duration::from_secs(20)).await;
    assert!(admit(admission, "203.0.113.7").is_none(), "there is no room, however long the answer takes");
    open.is_answered(0);
    sleep(Duration::from_secs(1)).await;
    assert!(admit(admission, "203.0.113.7").is_none(), "it may still be taken");
    assert!(!is_displaced(&busy));
    sleep(Duration::from_secs(1)).await;
    assert!(admit(admission, "203.0.113.7").is_some());
    assert!(is_displaced(&busy));
}

#[tokio::test(start_paused = true)]
async fn attack_one_fresh_response_after_another_keeps_no_room_while_the_first_is_not_taken() {
    let limits = ConnectionLimits { unproven: 1, ..limits() };
    let fixture = fixture(limits);
    let admission = fixture.server.admission();
    let hostile = admit(admission, STRANGER).expect("room");
    let mut untaken = Vec::new();
    for _ in 0..3 {
        let open = hostile.connection.open_request(true);
        open.is_whole();
        open.is_answered(0);
        untaken.push(open);
        sleep(Duration::from_millis(900)).await;
    }
    let newcomer = admit(admission, "203.0.113.7").expect("room for a first contact");
    assert_eq!([&hostile, &newcomer].map(is_displaced), [true, false]);
}

#[tokio::test(start_paused = true)]
async fn attack_strangers_that_are_always_being_answered_make_room_after_half_a_minute() {
    let limits = ConnectionLimits { unproven: 2, ..limits() };
    let fixture = fixture(limits);
    let admission = fixture.server.admission();
    let hostile = [STRANGER, "203.0.113.7"].map(|from| admit(admission, from).expect("room"));
    let begin = || hostile.each_ref().map(|one| one.connection.open_request(true));
    let mut open = begin();
    for _ in 0..31 {
        open.iter().for_each(OpenRequest::is_whole);
        assert!(admit(admission, "203.0.113.9").is_none(), "others are being answered");
        sleep(Duration::from_secs(1)).await;
        // The next ones begin before these end.
        open = begin();
    }
    open.iter().for_each(OpenRequest::is_whole);
    let newcomer = admit(admission, "203.0.113.9").expect("room for a first contact");
    assert_eq!(hostile.each_ref().map(is_displaced), [true, false], "the oldest");
    assert!(!is_displaced(&newcomer));
}

#[tokio::test(start_paused = true)]
async fn one_owner_of_a_key_has_its_share_of_the_connections_and_displaces_its_own_oldest() {
    let limits = ConnectionLimits { connections: 1024, unproven: 512, ..limits() };
    let fixture = fixture(limits);
    let admission = fixture.server.admission();
    for (owner, share) in [(client("till"), 256), (KeyOwner::Device("phone".to_owned()), 128)] {
        let mut of_one: Vec<Admitted> = Vec::new();
        for _ in 0..share + 2 {
            let admitted = admit(admission, STRANGER).expect("room");
            let open = of_one.is_empty().then(|| admitted.connection.open_request(true));
            admitted.connection.key_proven(&owner, true);
            // The oldest has an open request for ever.
            std::mem::forget(open);
            of_one.push(admitted);
        }
        let displaced = of_one.iter().enumerate().filter(|(_, one)| is_displaced(one)).map(|(n, _)| n);
        assert_eq!(displaced.collect::<Vec<_>>(), [1, 2], "{owner:?}: the oldest idle ones");
        drop(of_one.split_off(3));
        let another = admit(admission, STRANGER).expect("room");
        another.connection.key_proven(&owner, true);
        assert_eq!([&of_one[0], &another].map(is_displaced), [false; 2], "what ended counts no more");
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_connection_ends_too_where_its_owner_has_no_idle_one() {
    let limits = ConnectionLimits { connections: 8, unproven: 4, ..limits() };
    let fixture = fixture(limits);
    let admission = fixture.server.admission();
    let of_one: Vec<_> = (0..3).map(|_| admit(admission, STRANGER).expect("room")).collect();
    let open: Vec<_> = of_one.iter().map(|one| one.connection.open_request(true)).collect();
    of_one.iter().for_each(|one| one.connection.key_proven(&client("till"), true));
    assert_eq!(of_one.iter().map(is_displaced).collect::<Vec<_>>(), [true, false, false]);
    drop(open);
}

#[tokio::test(start_paused = true)]
async fn who_registered_itself_or_is_not_confirmed_has_no_part_of_the_room_of_the_known() {
    let limits = ConnectionLimits { connections: 64, unproven: 16, unproven_per_address: 3, ..limits() };
    let fixture = fixture(limits);
    let admission = fixture.server.admission();
    let guests: Vec<_> = (0..3).map(|_| admit(admission, STRANGER).expect("room")).collect();
    for (n, guest) in guests.iter().enumerate() {
        guest.connection.key_proven(&client(&format!("rc_{n}")), false);
    }
    assert_eq!(admission.occupied().1, 3, "they count among strangers");
    let open = guests[0].connection.open_request(true);
    sleep(Duration::from_secs(40)).await;
    assert_ne!(guests[0].connection.next(Instant::now()), Next::Close(Closed::Stalled), "it may hold a poll");
    let newcomer = admit(admission, STRANGER).expect("room");
    assert!(is_displaced(&guests[0]) && !is_displaced(&newcomer), "but not for long where others need the room");
    let newcomers: Vec<_> = (0..6).map(|n| admit(admission, &format!("203.0.113.{n}")).expect("room")).collect();
    newcomers.iter().for_each(|one| one.connection.key_proven(&client("rc_9"), false));
    let left = newcomers.iter().filter(|one| !is_displaced(one)).count();
    assert_eq!(left, 4, "a quarter of the strangers' room");
    newcomers[5].connection.key_proven(&client("till"), true);
    assert_eq!(admission.occupied().1, 2 + 1 + 3, "until a known owner's key is proven");
    drop(open);
}
