//! The provider's own server over real sockets: whose connections count among strangers', and HTTP/2 without TLS.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::metrics::{read, value};
use crate::world::{SECRET, World, basic};

/// Serves until the sender is dropped.
async fn served(world: &World) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let provider = world.provider.clone();
    let serving = tokio::spawn(async move {
        provider.serve(listener, async { drop(stopped.await) }).await.expect("served");
    });
    (address, stop, serving)
}

/// Sends a request and reads the beginning of its response.
async fn exchange(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut came = vec![0; 4096];
    let length = stream.read(&mut came).await.expect("a response");
    String::from_utf8_lossy(&came[..length]).into_owned()
}

fn introspection(authorization: &str) -> String {
    let form = "token=unknown";
    format!(
        "POST /tenant/introspect HTTP/1.1\r\nhost: id.example\r\nauthorization: {authorization}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_counts_among_strangers_until_a_client_has_authenticated_on_it() {
    let world = World::new();
    let (address, stop, serving) = served(&world).await;
    let counts = async || {
        let text = read(&world).await;
        (value(&text, "countersign_connections"), value(&text, "countersign_unproven_connections"))
    };
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let health = exchange(&mut stream, "GET /healthz HTTP/1.1\r\nhost: id.example\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert_eq!(counts().await, (1.0, 1.0));
    let refused = exchange(&mut stream, &introspection(&basic("till", "a-wrong-secret"))).await;
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    assert_eq!(counts().await, (1.0, 1.0), "a wrong secret proves nothing");
    let known = exchange(&mut stream, &introspection(&basic("till", SECRET))).await;
    assert!(known.starts_with("HTTP/1.1 200 ") && known.ends_with(r#"{"active":false}"#), "{known}");
    assert_eq!(counts().await, (1.0, 0.0));
    drop(stop);
    serving.await.expect("stopped");
    assert_eq!(counts().await, (0.0, 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_without_tls_is_served_by_its_preface_and_names_its_limits() {
    let world = World::new();
    let (address, stop, serving) = served(&world).await;
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    stream.write_all(preface).await.expect("sent");
    let mut came = [0; 9];
    stream.read_exact(&mut came).await.expect("a frame's header");
    assert_eq!(came[3], 4, "SETTINGS first");
    let mut settings = vec![0; usize::from(came[2])];
    stream.read_exact(&mut settings).await.expect("its settings");
    let named = |id: u8| {
        let found = settings.chunks(6).find(|setting| setting[1] == id);
        found.map(|setting| u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]))
    };
    const MAX_CONCURRENT_STREAMS: u8 = 3;
    const MAX_HEADER_LIST_SIZE: u8 = 6;
    assert_eq!((named(MAX_CONCURRENT_STREAMS), named(MAX_HEADER_LIST_SIZE)), (Some(32), Some(16 * 1024)));
    drop((stop, stream));
    serving.await.expect("stopped");
}
