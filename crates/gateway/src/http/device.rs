//! `PATCH /push/device`, `POST /push/device/push-test` and `POST /push/device/practice`: what a device changes about itself, and the
//! push or practice request that it asks for.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::push::{DevicePatch, PushTest};

use super::reply;
use crate::Gateway;
use crate::device_auth::{AdmittedDevices, CallHead, Caller};
use crate::push::PushTestError;
use crate::rejection::{Rejection, reject};

pub(super) async fn patch(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let call = CallHead::of(&request);
    match gateway.caller(&call, "PATCH", &gateway.urls().device, AdmittedDevices::Active).await {
        Ok(caller) => reply::finish(change(&gateway, &caller, request).await, gateway.now(), Some(&caller.nonce)),
        Err(refused) => reply::finish(Err(refused), gateway.now(), None),
    }
}

async fn change(gateway: &Gateway, caller: &Caller, request: Request<Body>) -> Result<Response, Rejection> {
    let headers = request.headers().clone();
    let body = reply::body(request).await?;
    let patch: DevicePatch = reply::parse_merge_patch(&headers, &body)?;
    let changed = gateway.change_device(&caller.device.id, patch).await?;
    Ok(reply::json(StatusCode::OK, &changed))
}

pub(super) async fn push_test(State(gateway): State<Gateway>, call: CallHead) -> Response {
    let caller = match gateway.caller(&call, "POST", &gateway.urls().push_test, AdmittedDevices::Active).await {
        Ok(caller) => caller,
        Err(refused) => return reply::finish(Err(refused), gateway.now(), None),
    };
    let tested = test(&gateway, &caller).await.map(|tested| reply::json(StatusCode::OK, &tested));
    // The nonce is made after the wait, so that it is fresh when it arrives.
    let nonce = gateway.nonce_for(&caller.device.transport_kid);
    reply::finish(tested, gateway.now(), Some(&nonce))
}

async fn test(gateway: &Gateway, caller: &Caller) -> Result<PushTest, Rejection> {
    let (device, now) = (&caller.device.id, gateway.now());
    let admitted = gateway.push_tests().admit(device, now);
    admitted.map_err(|seconds| too_many("Three test pushes an hour.", seconds))?;
    let tested = gateway.test_push(device).await;
    if tested.is_err() {
        gateway.push_tests().take_back(device, now);
    }
    match tested {
        Ok(report) => {
            Ok(PushTest { queued_ms: report.queued_ms, accepted_ms: report.accepted_ms, service: report.service })
        }
        Err(PushTestError::Store(error)) => Err(error.into()),
        Err(error @ PushTestError::NotSent) => {
            tracing::error!(%error, device = %caller.device.id, "a test push was not sent");
            Err(reject(ProblemCode::Unavailable, "The push was not sent. Try again in a moment."))
        }
        Err(error @ PushTestError::PutOff { seconds }) => {
            Err(retry_after(reject(ProblemCode::Unavailable, format!("No push can be sent now: {error}.")), seconds))
        }
        Err(error) => Err(reject(ProblemCode::InvalidRequest, format!("No push can be sent: {error}."))),
    }
}

pub(super) async fn practice(State(gateway): State<Gateway>, call: CallHead) -> Response {
    match gateway.caller(&call, "POST", &gateway.urls().practice, AdmittedDevices::Active).await {
        Ok(caller) => reply::finish(begin_practice(&gateway, &caller).await, gateway.now(), Some(&caller.nonce)),
        Err(refused) => reply::finish(Err(refused), gateway.now(), None),
    }
}

async fn begin_practice(gateway: &Gateway, caller: &Caller) -> Result<Response, Rejection> {
    let (device, now) = (&caller.device.id, gateway.now());
    let admitted = gateway.practices().admit(device, now);
    admitted.map_err(|seconds| too_many("Three practice requests an hour.", seconds))?;
    gateway.practise(device).await.inspect_err(|_| gateway.practices().take_back(device, now))?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// The next call is accepted after so many seconds.
fn too_many(words: &str, seconds: u64) -> Rejection {
    retry_after(reject(ProblemCode::RateLimited, words), seconds)
}

fn retry_after(mut refused: Rejection, seconds: u64) -> Rejection {
    refused.retry_after = Some(seconds);
    refused
}
