//! Transport port: single HTTP calls and one Server-Sent Events stream to a provider. It does not interpret what it
//! carries.

use std::fmt;

use countersign_jose::clock::Timestamp;
use countersign_tls::CertificateFault;
use thiserror::Error;

pub use crate::ports::maybe_send::BoxFuture;
use crate::ports::maybe_send::{MaybeSend, MaybeSync};

/// Carries calls to a provider and replies back. An implementation follows no redirect, keeps no cookie and retries
/// nothing.
pub trait Transport: MaybeSend + MaybeSync {
    /// Makes one call; any HTTP status is a reply.
    ///
    /// # Errors
    /// [`TransportError`] where no whole reply came within [`Call::timeout_ms`].
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, TransportError>>;

    /// Opens a stream of Server-Sent Events. A reply that is no such stream is returned as [`StreamReply::Refused`].
    ///
    /// # Errors
    /// [`TransportError`] where no reply came within [`Call::timeout_ms`].
    fn open_stream(&self, call: Call) -> BoxFuture<'_, Result<StreamReply, TransportError>>;
}

/// One HTTP call. It carries credentials, therefore it has no `Debug`.
#[derive(Clone)]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// The URL, on the account's issuer; without credentials also on another provider's.
    pub url: String,
    /// Headers besides those that the transport sets itself.
    pub headers: Vec<(&'static str, String)>,
    /// Media type and body.
    pub body: Option<(&'static str, String)>,
    /// How long to wait for the reply, in milliseconds.
    pub timeout_ms: u64,
}

/// The HTTP methods that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PATCH`
    Patch,
}

impl Method {
    /// The method's name in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
        }
    }
}

/// A reply, nothing of it verified.
#[derive(Clone, Default)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The `Date` header.
    pub date: Option<Timestamp>,
    /// The `DPoP-Nonce` header.
    pub dpop_nonce: Option<String>,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u64>,
    /// The `Content-Type` header.
    pub media_type: Option<String>,
    /// The body, at most [`LARGEST_BODY`] bytes.
    pub body: Vec<u8>,
}

impl Reply {
    /// A reply without its body. `header`: the value of the header of this name, where it is text.
    pub fn of_head(status: u16, header: impl Fn(&str) -> Option<String>) -> Reply {
        Reply {
            status,
            date: header("date").and_then(|value| http_date(&value)),
            dpop_nonce: header("dpop-nonce"),
            retry_after: header("retry-after").and_then(|value| value.trim().parse().ok()),
            media_type: header("content-type"),
            body: Vec::new(),
        }
    }

    /// Whether this opens a stream of Server-Sent Events.
    pub fn opens_stream(&self) -> bool {
        self.status == 200 && self.media_type.as_deref().is_some_and(|value| value.starts_with("text/event-stream"))
    }
}

/// Reads an HTTP date (RFC 9110 §5.6.7); the obsolete forms are not read.
fn http_date(text: &str) -> Option<Timestamp> {
    let moment = httpdate::parse_http_date(text).ok()?;
    Some(Timestamp::from_seconds(moment.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()))
}

/// The largest body a device reads, in bytes: the largest fetch reply and as much again for its JSON.
pub const LARGEST_BODY: usize = 2 * countersign_protocol::limits::FETCH_BYTES;

/// Why there was no reply. The device reports the provider as offline and tries again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection, or one that broke off.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(Unreached),
    /// The other end is not the provider: a captive portal, a proxy.
    #[error("something else answers in the provider's place; check the network")]
    Untrusted,
    /// The other end's certificate was refused.
    #[error("the provider was not called: {0}")]
    Certificate(CertificateFault),
    /// No reply in time.
    #[error("the provider did not reply in time")]
    TimedOut,
    /// The reply or event is larger than [`LARGEST_BODY`].
    #[error("the provider's reply is too large")]
    TooLarge,
}

impl TransportError {
    /// The stable code of this error.
    pub const fn code(self) -> &'static str {
        match self {
            TransportError::Unreachable(_) => "unreachable",
            TransportError::Untrusted => "untrusted",
            TransportError::Certificate(fault) => fault.code(),
            TransportError::TimedOut => "timed_out",
            TransportError::TooLarge => "too_large",
        }
    }
}

/// Why there is no connection, as far as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreached {
    /// No resolver knows the host's name.
    UnknownName,
    /// Nothing listens at the address.
    Refused,
    /// No network leads there.
    NoRoute,
    /// The other end, or something on the way, closed the connection before a whole reply had come.
    BrokenOff,
    /// The system did not say.
    #[default]
    Unsaid,
}

impl Unreached {
    /// What is the case, in English, about the other side.
    pub const fn what(self) -> &'static str {
        match self {
            Unreached::UnknownName => "no resolver knows its name",
            Unreached::Refused => "nothing listens at its address",
            Unreached::NoRoute => "no network leads there",
            Unreached::BrokenOff => "the connection broke off",
            Unreached::Unsaid => "there is no connection",
        }
    }

    /// What to do, in English.
    pub const fn next_step(self) -> &'static str {
        match self {
            Unreached::UnknownName => "check how it is written, and this machine's DNS",
            Unreached::Refused => "check host and port, and that the provider runs",
            Unreached::NoRoute => "check this machine's network",
            Unreached::BrokenOff => "check what is between this machine and the provider",
            Unreached::Unsaid => "check the address and the network",
        }
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what(), self.next_step())
    }
}

/// The reply to opening a stream.
pub enum StreamReply {
    /// The stream is open.
    Open {
        /// Status and headers, without a body.
        head: Reply,
        /// The events.
        stream: Box<dyn EventStream>,
    },
    /// The provider replied something else.
    Refused(Reply),
}

/// An open stream.
pub trait EventStream: MaybeSend {
    /// The next event; `None` when the other side closed.
    ///
    /// # Errors
    /// [`TransportError::TimedOut`] where not even a comment came for too long, [`TransportError::TooLarge`] where one
    /// event is larger than [`LARGEST_BODY`]. Nothing more comes after an error.
    fn next(&mut self) -> BoxFuture<'_, Option<Result<StreamEvent, TransportError>>>;
}

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// `event: update`: a fetch reply with one challenge.
    Update(Vec<u8>),
    /// `event: nonce`: the DPoP nonce for the next call.
    Nonce(String),
    /// Bytes without an event, such as a comment, or an event that this version does not know: the stream is alive.
    Alive,
}

#[cfg(any(test, feature = "wasm-tests"))]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_reply_is_read() {
        let header = |name: &str| {
            let value = match name {
                "date" => "Sun, 06 Nov 1994 08:49:37 GMT",
                "dpop-nonce" => "n-1",
                "retry-after" => " 7 ",
                "content-type" => "text/event-stream; charset=utf-8",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let reply = Reply::of_head(200, header);
        assert_eq!(reply.date, Some(Timestamp::from_seconds(784_111_777)));
        assert_eq!((reply.dpop_nonce.as_deref(), reply.retry_after), (Some("n-1"), Some(7)));
        assert!(reply.opens_stream());
        assert!(!Reply { status: 503, ..reply.clone() }.opens_stream(), "whatever it is, it is no stream");
        assert!(!Reply { media_type: Some("text/html".to_owned()), ..reply }.opens_stream());
        assert_eq!(http_date("yesterday"), None);
    }
}
