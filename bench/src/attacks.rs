//! Attacks on a provider's connections. Each goes on, and opens again what was closed, until its task is aborted.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use crate::bench_provider::HIDING_CLIENT_ID;
use crate::failure::Failure;
use crate::load_client::{Client, Target};
use crate::loopback_tls;

/// What an attacker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// Opens HTTP/2 streams and never ends them.
    EndlessStreams,
    /// Holds connections: silent, with half a header, with half a body.
    SlowConnections,
    /// Opens silent connections, a hundred a second.
    SilentConnections,
    /// Polls without pause, as one client that is not the honest one.
    Polling,
}

/// Connections of [`Attack::EndlessStreams`], and streams on each.
const HTTP2_CONNECTIONS: usize = 100;
const STREAMS: u32 = 200;
/// Connections of [`Attack::SlowConnections`].
const SLOW_CONNECTIONS: usize = 300;
/// Between two connections of [`Attack::SilentConnections`].
const PAUSE: Duration = Duration::from_millis(10);
/// Connections of [`Attack::Polling`].
const POLLING_CONNECTIONS: usize = 8;
/// From the end of an attacker's connection to its next one. Without it this would measure who has more processors: a flood of
/// complete requests or connections is left to a proxy in front (docs/operating.md).
const AGAIN: Duration = Duration::from_secs(1);

impl Attack {
    /// All of them.
    pub const ALL: [Attack; 4] =
        [Attack::EndlessStreams, Attack::SlowConnections, Attack::SilentConnections, Attack::Polling];

    /// The end of the figure's name.
    pub fn name(self) -> &'static str {
        match self {
            Attack::EndlessStreams => "http2_streams",
            Attack::SlowConnections => "slow",
            Attack::SilentConnections => "silent",
            Attack::Polling => "polling",
        }
    }

    /// What an honest client's 99th percentile may be, as a multiple of its unloaded one.
    pub fn most_of_unloaded(self) -> f64 {
        if self == Attack::Polling { 2.0 } else { 5.0 }
    }

    /// Begins the attack.
    ///
    /// # Errors
    /// [`Failure`] when the provider's documents can't be read.
    pub async fn begin(self, address: SocketAddr, target: &Target) -> Result<JoinHandle<()>, Failure> {
        let mut attackers = JoinSet::new();
        let tls = target.issuer.scheme() == "https";
        match self {
            Attack::EndlessStreams => {
                let layer = if tls { Layer::Http2OverTls } else { Layer::Tcp };
                for _ in 0..HTTP2_CONNECTIONS {
                    attackers.spawn(again(address, layer, endless_streams()));
                }
            }
            Attack::SlowConnections => {
                let half_body = b"POST /token HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\ngrant".as_slice();
                let begun = [b"".as_slice(), b"GET /healthz HTTP/1.1\r\nhos".as_slice(), half_body];
                // Over TLS the silent ones make no handshake at all.
                let layers = [Layer::Tcp, if tls { Layer::Tls } else { Layer::Tcp }];
                for n in 0..SLOW_CONNECTIONS {
                    let bytes = begun[n % begun.len()];
                    attackers.spawn(again(address, layers[usize::from(!bytes.is_empty())], bytes.to_vec()));
                }
            }
            Attack::SilentConnections => {
                attackers.spawn(silent_connections(address));
            }
            Attack::Polling => {
                let target = Target { client_id: HIDING_CLIENT_ID.to_owned(), ..target.clone() };
                for _ in 0..POLLING_CONNECTIONS {
                    let mut client = Client::discover(&target).await?;
                    attackers.spawn(async move { while client.poll_once("no-such-request").await.is_ok() {} });
                }
            }
        }
        Ok(tokio::spawn(async move { while attackers.join_next().await.is_some() {} }))
    }
}

/// What an attacker's bytes are sent over.
#[derive(Clone, Copy)]
enum Layer {
    Tcp,
    Tls,
    /// TLS in which `h2` was agreed on by ALPN.
    Http2OverTls,
}

/// Sends these bytes and waits until the connection is closed; and so on.
async fn again(address: SocketAddr, layer: Layer, begun: Vec<u8>) {
    loop {
        if let Ok(stream) = TcpStream::connect(address).await {
            let protocol = match layer {
                Layer::Http2OverTls => Some(b"h2".as_slice()),
                Layer::Tcp | Layer::Tls => None,
            };
            match layer {
                Layer::Tcp => send_and_wait(stream, &begun).await,
                Layer::Tls | Layer::Http2OverTls => {
                    if let Ok(session) = loopback_tls::connect(stream, protocol).await {
                        send_and_wait(session, &begun).await;
                    }
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn send_and_wait<I: AsyncRead + AsyncWrite + Unpin>(mut io: I, begun: &[u8]) {
    if io.write_all(begun).await.is_ok() && io.flush().await.is_ok() {
        let mut ignored = [0; 4096];
        while io.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
    }
}

async fn silent_connections(address: SocketAddr) {
    let mut ticks = tokio::time::interval(PAUSE);
    let mut open = JoinSet::new();
    loop {
        ticks.tick().await;
        open.spawn(async move {
            let Ok(mut stream) = TcpStream::connect(address).await else { return };
            let _ = stream.read(&mut [0; 1]).await;
        });
        while open.try_join_next().is_some() {}
    }
}

/// An HTTP/2 connection's first bytes (RFC 9113 §3.4), and HEADERS without END_STREAM of `POST /token` on many streams. A header of
/// 3 KiB is sent once, and then named by its index in the peer's table (RFC 7541 §6.1): the attacker sends 30 bytes a stream.
fn endless_streams() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(0x4, 0, 0, &[]));
    for n in 0..STREAMS {
        let mut block = vec![0x83, 0x86, 0x04, 6];
        block.extend(b"/token");
        block.extend([0x01, 1, b'a']);
        if n == 0 {
            block.extend([0x40, 1, b'x']);
            // 3,000 as an integer with a prefix of seven bits: 127, then 2,873 in groups of seven.
            block.extend([0x7f, 0xb9, 0x16]);
            block.extend([b'y'; 3000]);
        } else {
            block.push(0xbe);
        }
        const END_HEADERS: u8 = 0x4;
        bytes.extend(frame(0x1, END_HEADERS, 2 * n + 1, &block));
    }
    bytes
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}
