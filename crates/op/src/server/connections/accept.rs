//! The accept loop: one task per connection, over TCP or TLS. A handshake runs on its connection's task, so that a peer that is slow
//! with it, or never speaks TLS, delays no other.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use countersign_protocol::discovery::Mode;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::admission::{Admission, Admitted};
use super::closed::Closed;
use super::limits::{self, ConnectionLimits};
use super::request::RequestService;
use super::watched_io::WatchedIo;
use crate::config::TrustedProxies;
use crate::metrics::Metrics;
use crate::server::client_address::Peer;

/// Pause after the system refused a connection (no descriptor, no memory).
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Serves routes on connections. Cheap to clone.
#[derive(Clone)]
pub(in crate::server) struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    routes: Router,
    tls: Option<TlsAcceptor>,
    protocol: auto::Builder<TokioExecutor>,
    admission: Arc<Admission>,
}

impl Server {
    pub(in crate::server) fn new(
        routes: Router,
        tls: Option<Arc<ServerConfig>>,
        limits: ConnectionLimits,
        proxies: TrustedProxies,
        mode: Mode,
        metrics: Arc<Metrics>,
    ) -> Server {
        let admission = Admission::new(limits, proxies, mode, metrics);
        let shared = Shared { routes, tls: tls.map(TlsAcceptor::from), protocol: protocol(), admission };
        Server { shared: Arc::new(shared) }
    }

    /// Accepts connections until `stop` resolves, and then waits until the last one has ended: those without an open request end at
    /// once, the others with their responses.
    pub(in crate::server) async fn serve(&self, listeners: Vec<TcpListener>, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                accepted = next_connection(&listeners) => self.accepted(accepted).await,
                () = &mut stop => break,
            }
        }
        drop(listeners);
        self.shared.admission.close();
        self.shared.admission.drained().await;
    }

    async fn accepted(&self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        match accepted {
            Ok((stream, address)) => {
                let Some(admitted) = self.shared.admission.admit(address.ip()) else { return };
                // A device's event stream sends several small segments without a response: with Nagle's algorithm the second event
                // would wait for the first one's acknowledgement.
                let _ = stream.set_nodelay(true);
                let shared = self.shared.clone();
                match &self.shared.tls {
                    None => tokio::spawn(async move { shared.serve_plain(stream, address, admitted).await }),
                    Some(_) => tokio::spawn(async move { shared.serve_tls(stream, address, admitted).await }),
                };
            }
            // The peer was gone before it was accepted.
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "the system has no room for a connection");
                self.shared.admission.free_a_descriptor();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn admission(&self) -> &Arc<Admission> {
        &self.shared.admission
    }

    /// Bytes of a connection's task over this socket, without and with TLS, beside what it keeps in boxes.
    #[cfg(test)]
    pub(super) fn task_bytes<I>(&self, plain: I, tls: I, from: SocketAddr) -> [usize; 2]
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let admitted = || self.shared.admission.admit(from.ip()).expect("room");
        let plain = size_of_val(&self.shared.serve(plain, Peer::new(from, None), &admitted()));
        [plain, size_of_val(&self.shared.serve_tls(tls, from, admitted()))]
    }

    /// Serves one connection over any socket.
    #[cfg(test)]
    pub(super) async fn serve_one<I>(&self, io: I, from: SocketAddr)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(admitted) = self.shared.admission.admit(from.ip()) else { return };
        match self.shared.tls {
            None => self.shared.serve(io, Peer::new(from, None), &admitted).await,
            Some(_) => self.shared.serve_tls(io, from, admitted).await,
        }
    }
}

impl Shared {
    async fn serve_plain(&self, stream: TcpStream, address: SocketAddr, admitted: Admitted) {
        self.serve(stream, Peer::new(address, None), &admitted).await;
    }

    async fn serve_tls<I>(&self, stream: I, address: SocketAddr, admitted: Admitted)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(acceptor) = &self.tls else { return };
        let connection = &admitted.connection;
        connection.handshake_begins();
        // Boxed: an async function keeps room for what it was given beside what it made of it.
        let accepted = connection.run(Box::pin(acceptor.accept(stream)), |_| ()).await;
        if let Some(served) = self.after_handshake(accepted, address, &admitted) {
            served.await;
        }
    }

    fn after_handshake<I>(
        &self,
        accepted: Result<io::Result<TlsStream<I>>, Closed>,
        address: SocketAddr,
        admitted: &Admitted,
    ) -> Option<impl Future<Output = ()> + Send>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match accepted {
            Ok(Ok(stream)) => {
                admitted.connection.handshake_ended();
                let peer = Peer::new(address, stream.get_ref().1.peer_certificates());
                Some(self.serve(stream, peer, admitted))
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "a connection did not speak TLS");
                None
            }
            Err(reason) => {
                self.admission.closed(reason);
                None
            }
        }
    }

    /// Serves one connection. Not an async function, and with the connection's state in a box: a connection's task would otherwise
    /// have room for that state several times, for as long as an idle stream lasts.
    fn serve<I>(&self, io: I, peer: Peer, admitted: &Admitted) -> impl Future<Output = ()> + Send
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connection = &admitted.connection;
        let service = RequestService { routes: self.routes.clone(), peer, connection: connection.clone() };
        let served = Box::pin(self.protocol.serve_connection(WatchedIo::new(io, connection.clone()), service));
        async move {
            let closed = match connection.run(served, |served| served.get_mut().as_mut().graceful_shutdown()).await {
                Ok(Ok(())) => connection.closing_for(),
                Ok(Err(error)) if is_flood(&*error) => Some(Closed::Flood),
                Ok(Err(error)) => {
                    tracing::trace!(%error, "a connection broke off");
                    connection.closing_for()
                }
                Err(reason) => Some(reason),
            };
            if let Some(reason) = closed {
                self.admission.closed(reason);
            }
        }
    }
}

/// The next connection of any of these. Cancel-safe: none is lost.
async fn next_connection(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    std::future::poll_fn(|context| {
        let mut accepted = listeners.iter().map(|listener| listener.poll_accept(context));
        accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// HTTP/1 and HTTP/2, over plain TCP by the client's preface (h2c with prior knowledge), within [`limits`].
fn protocol() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Without a timer of hyper's: its one deadline for headers would also be the one between two requests, and would not begin
    // before the first byte. The connection's task keeps all deadlines.
    builder.http1().max_buf_size(limits::HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::STREAMS)
        .max_header_list_size(limits::HEADERS as u32)
        .initial_stream_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW)
        .max_send_buf_size(limits::SEND_BUFFER)
        .max_pending_accept_reset_streams(limits::STREAMS as usize)
        .max_local_error_reset_streams(limits::WASTED_STREAMS)
        .keep_alive_interval(limits::PING)
        .keep_alive_timeout(limits::PONG);
    builder
}

/// Whether HTTP/2 ended a connection because its peer wasted streams.
fn is_flood(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.is_library() && error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM);
        }
        cause = error.source();
    }
    false
}

/// Whether an error of accepting is about that one connection.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}
