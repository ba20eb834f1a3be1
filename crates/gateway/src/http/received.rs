//! `POST /push/challenges/received`: a device has what its stream brought, so it need not be pushed.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use countersign_protocol::push::ReceivedCursor;

use super::reply;
use crate::Gateway;
use crate::device_auth::{AdmittedDevices, CallHead, Caller};
use crate::rejection::Rejection;

pub(super) async fn received(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let call = CallHead::of(&request);
    match gateway.caller(&call, "POST", &gateway.urls().received, AdmittedDevices::Active).await {
        Ok(caller) => reply::finish(confirm(&gateway, &caller, request).await, gateway.now(), Some(&caller.nonce)),
        Err(refused) => reply::finish(Err(refused), gateway.now(), None),
    }
}

async fn confirm(gateway: &Gateway, caller: &Caller, request: Request<Body>) -> Result<Response, Rejection> {
    let headers = request.headers().clone();
    let body = reply::body(request).await?;
    let received: ReceivedCursor = reply::parse(&headers, &body)?;
    gateway.note_position(&caller.device.id, &received.cursor);
    if caller.push_queued {
        gateway.confirm_received(&caller.device.id, &received.cursor).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
