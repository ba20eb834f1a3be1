//! One persistent HTTP/1.1 connection to a provider on the loopback address; reopened when the provider has closed it.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower::ServiceExt as _;
use url::Url;

use crate::failure::Failure;
use crate::loopback_tls;

/// A connection.
pub struct Connection {
    to: To,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// Where requests go.
enum To {
    Address {
        address: SocketAddr,
        tls: bool,
    },
    /// A router in this process, for filling a provider before it serves.
    Within(Router),
}

/// A response, read whole.
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Connection {
    /// To the server of this URL.
    ///
    /// # Errors
    /// [`Failure`] unless the host is a loopback address: this program sends load nowhere else.
    pub fn to(url: &Url) -> Result<Connection, Failure> {
        let address = url.socket_addrs(|| None).ok().and_then(|found| found.into_iter().find(|a| a.ip().is_loopback()));
        let address = address.ok_or_else(|| Failure::new(url.as_str(), "is not an address of this machine"))?;
        Ok(Connection { to: To::Address { address, tls: url.scheme() == "https" }, sender: None })
    }

    /// To a router in this process, without a network.
    pub fn within(router: Router) -> Connection {
        Connection { to: To::Within(router), sender: None }
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// [`Failure`] when there is no response.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, Failure> {
        if let To::Within(router) = &self.to {
            let Ok(response) = router.clone().oneshot(request.map(Body::new)).await;
            return whole(response).await;
        }
        whole(self.open(request).await?).await
    }

    /// Sends a request, and returns the response with its body unread.
    ///
    /// # Errors
    /// [`Failure`] when there is no response.
    pub async fn open(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        let failed = |error| Failure::new("a request", error);
        if let Some(sender) = &mut self.sender
            && sender.ready().await.is_ok()
        {
            return sender.send_request(request).await.map_err(failed);
        }
        let mut sender = self.connect().await?;
        sender.ready().await.map_err(failed)?;
        self.sender.insert(sender).send_request(request).await.map_err(failed)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let To::Address { address, tls } = self.to else {
            return Err(Failure::new("a stream", "needs a network"));
        };
        let stream = TcpStream::connect(address).await.map_err(Failure::io("the provider"))?;
        stream.set_nodelay(true).map_err(Failure::io("the connection"))?;
        match tls {
            true => handshake(loopback_tls::connect(stream, None).await?).await,
            false => handshake(stream).await,
        }
    }
}

async fn handshake<I>(io: I) -> Result<SendRequest<Full<Bytes>>, Failure>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        http1::handshake(TokioIo::new(io)).await.map_err(|error| Failure::new("the connection", error))?;
    tokio::spawn(async move {
        // Errors surface where the response is awaited.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn whole<B>(response: Response<B>) -> Result<Reply, Failure>
where
    B: hyper::body::Body<Error: std::fmt::Display>,
{
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| Failure::new("a response", error))?.to_bytes();
    Ok(Reply { status: parts.status, headers: parts.headers, body })
}

impl Reply {
    /// The body as JSON, if this is the status that was expected.
    ///
    /// # Errors
    /// [`Failure`] with what the body says.
    pub fn json<T: serde::de::DeserializeOwned>(&self, what: &str, expected: StatusCode) -> Result<T, Failure> {
        if self.status != expected {
            return Err(Failure::new(what, format!("{}: {}", self.status, String::from_utf8_lossy(&self.body))));
        }
        serde_json::from_slice(&self.body).map_err(|error| Failure::new(what, error))
    }
}
