//! How the device reaches a provider: single calls and one stream. What is said in them is the core's business.

use std::future::Future;
use std::pin::Pin;

use countersign_protocol::clock::Timestamp;
use thiserror::Error;

/// A result that is still to come.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries calls to a provider and replies back. It follows no redirect, keeps no cookie and retries nothing.
pub trait Transport: Send + Sync {
    /// Makes one call.
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, TransportError>>;

    /// Opens a stream (Server-Sent Events). A reply of another status than 200 is returned as [`StreamReply::Refused`].
    fn open_stream(&self, call: Call) -> BoxFuture<'_, Result<StreamReply, TransportError>>;
}

/// One call. It carries credentials, therefore it has no `Debug`.
#[derive(Clone)]
pub struct Call {
    /// GET or POST.
    pub method: Method,
    /// The whole URL, at the account's issuer.
    pub url: String,
    /// Headers besides those that transport itself needs.
    pub headers: Vec<(&'static str, String)>,
    /// The body and its media type.
    pub body: Option<(&'static str, String)>,
    /// How long the provider may take to reply, in milliseconds.
    pub timeout_ms: u64,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Sends.
    Post,
}

impl Method {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// What came back, believed by nobody yet.
#[derive(Clone, Default)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The `Date` header.
    pub date: Option<Timestamp>,
    /// The `DPoP-Nonce` header.
    pub dpop_nonce: Option<String>,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u64>,
    /// The body, at most [`LARGEST_BODY`].
    pub body: Vec<u8>,
}

/// The largest body a device reads, in bytes: a fetch and room for its envelope.
pub const LARGEST_BODY: usize = 2 * countersign_protocol::limits::FETCH_BYTES;

/// Why there was no reply. The device says so and tries again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection.
    #[error("the provider cannot be reached")]
    Unreachable,
    /// The connection is not with who it should be: a captive portal, a proxy, a wrong certificate.
    #[error("something else answers in the provider's place; check the network")]
    Untrusted,
    /// Connected, but nothing came in time.
    #[error("the provider does not reply")]
    TimedOut,
    /// More came than a provider sends.
    #[error("the provider's reply is too large")]
    TooLarge,
}

/// What came of opening a stream.
pub enum StreamReply {
    /// It is open.
    Open {
        /// Status and headers; no body.
        head: Reply,
        /// What arrives.
        stream: Box<dyn EventStream>,
    },
    /// It is not.
    Refused(Reply),
}

/// An open stream.
pub trait EventStream: Send {
    /// The next thing that arrives; `None` when the other side closed. Ends with [`TransportError::TimedOut`] where even
    /// the comments stopped, and with [`TransportError::TooLarge`] where one event is larger than [`LARGEST_BODY`].
    fn next(&mut self) -> BoxFuture<'_, Option<Result<StreamEvent, TransportError>>>;
}

/// One thing that arrived on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// `event: update`: a fetch document with one challenge.
    Update(Vec<u8>),
    /// `event: nonce`: the DPoP nonce for the next call.
    Nonce(String),
    /// A comment or an event this version does not know: the stream is alive.
    Alive,
}
