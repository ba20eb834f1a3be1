//! HTTP listener of the endpoint (RFC 8030 §5). Any program on this machine can post to it, so it is bounded in connections, time and
//! size, and what was not encrypted for a subscription wakes nobody.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use countersign_device::ports::wake::PullNow;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::subscription::{NotOurs, Subscriptions};

/// Connections at once; more wait.
const MOST: usize = 16;
/// How long a connection may take, from its first byte to its last.
const TIME: Duration = Duration::from_secs(10);
/// Largest body, in bytes: what every push service accepts (RFC 8030 §7.2).
const BODY_BYTES: usize = 4096;
/// After a connection could not be accepted: there may be no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, subscriptions: Subscriptions, waker: mpsc::Sender<PullNow>) {
    let room = Arc::new(Semaphore::new(MOST));
    loop {
        // Never closed.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let (subscriptions, waker) = (subscriptions.clone(), waker.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let service = service_fn(move |request| {
                let (subscriptions, waker) = (subscriptions.clone(), waker.clone());
                async move { Ok::<_, Infallible>(reply(receive(request, &subscriptions, &waker).await)) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(TIME)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // What breaks off or takes too long is a peer's own business.
            timeout(TIME, connection).await.ok();
        });
    }
}

fn reply(status: StatusCode) -> axum::http::Response<Body> {
    let mut response = axum::http::Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

async fn receive(
    request: Request<Incoming>,
    subscriptions: &Subscriptions,
    waker: &mpsc::Sender<PullNow>,
) -> StatusCode {
    if *request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    let path = request.uri().path().to_owned();
    let Ok(message) = to_bytes(Body::new(request.into_body()), BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    match subscriptions.open(&path, message.to_vec()) {
        Ok(_) => {
            // Full: a look is due already.
            waker.try_send(PullNow).ok();
            StatusCode::CREATED
        }
        Err(NotOurs::Path) => StatusCode::NOT_FOUND,
        Err(NotOurs::Message) => StatusCode::BAD_REQUEST,
    }
}
