//! A request of a connection: its body is read whole, within a deadline and the room for bodies, before any handler runs.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, Version};
use axum::response::IntoResponse as _;
use countersign_gateway::CallConnection;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::service::Service;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::body_room::BodyRoom;
use super::closed::Closed;
use super::connection::{Connection, OpenRequest};
use super::limits;
use crate::http::{ErrorCode, OAuthError};
use crate::server::client_address::Peer;

/// Passes the requests of one connection on to the routes.
pub(super) struct RequestService {
    pub(super) routes: Router,
    pub(super) peer: Peer,
    pub(super) connection: Arc<Connection>,
}

type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<OpenBody>, Infallible>> + Send>>;

impl Service<Request<Incoming>> for RequestService {
    type Response = Response<OpenBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: Request<Incoming>) -> ResponseFuture {
        let open = self.connection.open_request(request.version() == Version::HTTP_2);
        let (routes, peer, connection) = (self.routes.clone(), self.peer.clone(), self.connection.clone());
        Box::pin(respond(routes, peer, connection, request, open))
    }
}

async fn respond(
    routes: Router,
    peer: Peer,
    connection: Arc<Connection>,
    request: Request<Incoming>,
    open: OpenRequest,
) -> Result<Response<OpenBody>, Infallible> {
    let (head, body) = request.into_parts();
    let received = if body.is_end_stream() { Ok(ReceivedBody::default()) } else { receive(body, &connection).await };
    let is_given_up = matches!(received, Err(BodyError::BrokeOff));
    let response = match received {
        Ok(ReceivedBody { bytes, room }) => {
            open.is_whole();
            let mut request = Request::from_parts(head, Body::from(bytes));
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(CallConnection::new(connection));
            let Ok(response) = routes.oneshot(request).await;
            drop(room);
            response
        }
        Err(failed) => {
            if failed == BodyError::Late && !connection.is_proven() {
                connection.close(Some(Closed::Body));
            }
            failed.response()
        }
    };
    if !is_given_up {
        let bytes = HttpBody::size_hint(response.body()).exact().and_then(|bytes| usize::try_from(bytes).ok());
        open.is_answered(bytes.unwrap_or_default());
    }
    Ok(response.map(|body| OpenBody { body, rest: Bytes::new(), open }))
}

#[derive(Default)]
struct ReceivedBody {
    bytes: Bytes,
    /// Held until there is a response.
    room: BodyRoom,
}

/// Why a body was not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyError {
    Late,
    NoRoom,
    BrokeOff,
}

impl BodyError {
    fn response(self) -> Response<Body> {
        let error = match self {
            BodyError::Late => OAuthError::new(ErrorCode::InvalidRequest, "the body did not arrive within ten seconds")
                .with_status(StatusCode::REQUEST_TIMEOUT),
            BodyError::NoRoom => {
                let description = "too many requests are being sent at the moment: try again in a second";
                OAuthError::new(ErrorCode::TemporarilyUnavailable, description).with_retry_after(1)
            }
            BodyError::BrokeOff => OAuthError::new(ErrorCode::InvalidRequest, "the body broke off"),
        };
        error.into_response()
    }
}

/// Reads a body. One that came with its headers takes no place among those awaited, so that an ordinary request is served however many
/// bodies are held back by others.
async fn receive(body: Incoming, connection: &Arc<Connection>) -> Result<ReceivedBody, BodyError> {
    let mut read = pin!(read_whole(body, connection));
    if let Poll::Ready(received) = poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await {
        return received;
    }
    let _awaited = connection.admission().await_body(connection).ok_or(BodyError::NoRoom)?;
    timeout(limits::BODY, read).await.unwrap_or(Err(BodyError::Late))
}

/// The whole body; of a larger one than any endpoint takes only so much that each says so in its own words.
async fn read_whole(mut body: Incoming, connection: &Arc<Connection>) -> Result<ReceivedBody, BodyError> {
    let mut whole = Vec::new();
    let mut room = BodyRoom::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::BrokeOff)?;
        let Ok(data) = frame.into_data() else { continue };
        connection.rooms().take(data.len(), &mut room).ok_or(BodyError::NoRoom)?;
        // Copied: a frame of one byte may keep a whole read buffer.
        whole.extend_from_slice(&data);
        if whole.len() > limits::BODY_BYTES {
            break;
        }
    }
    Ok(ReceivedBody { bytes: whole.into(), room })
}

/// A response's body; the request is open until it was taken or given up.
pub(super) struct OpenBody {
    body: Body,
    /// Of the last frame, what was not handed on yet.
    rest: Bytes,
    open: OpenRequest,
}

impl OpenBody {
    /// The next piece of the last frame.
    fn piece(&mut self) -> Frame<Bytes> {
        Frame::data(self.rest.split_to(self.rest.len().min(limits::RESPONSE_PIECE)))
    }
}

impl HttpBody for OpenBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // Both protocols ask for a frame only when they can take it: a peer that takes nothing leaves the last one's time as it is.
        if !self.rest.is_empty() {
            self.open.more_is_ready();
            return Poll::Ready(Some(Ok(self.piece())));
        }
        let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(cx) else {
            self.open.is_taken();
            return Poll::Pending;
        };
        self.open.more_is_ready();
        Poll::Ready(match polled.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                self.rest = data;
                Some(Ok(self.piece()))
            }
            Some(Ok(Err(other))) => Some(Ok(other)),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        match hint.upper() {
            Some(upper) => {
                hint.set_upper(upper + rest);
                hint.set_lower(hint.lower() + rest);
            }
            None => hint.set_lower(hint.lower() + rest),
        }
        hint
    }
}
