//! `POST /push/challenges/{id}/answer`, `refuse` and `dispute`: a device's signed word about one challenge.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_protocol::answer::Answer;
use countersign_protocol::dispute::Dispute;
use countersign_protocol::fetch::Receipt;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::Compact;
use countersign_protocol::limits;
use countersign_protocol::refusal::Refusal;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::reply;
use crate::Gateway;
use crate::answer::not_found;
use crate::device_auth::{AdmittedDevices, CallHead};
use crate::rejection::Rejection;
use crate::store::devices::Device;

type IdInPath = Result<Path<String>, PathRejection>;

#[derive(Deserialize)]
struct AnswerBody {
    answer: Compact<Answer>,
    transcript: Option<String>,
}

#[derive(Deserialize)]
struct RefusalBody {
    refusal: Compact<Refusal>,
}

#[derive(Deserialize)]
struct DisputeBody {
    dispute: Compact<Dispute>,
}

pub(super) async fn answer(State(gateway): State<Gateway>, id: IdInPath, request: Request<Body>) -> Response {
    let endpoint = Endpoint { verb: "answer", body_bytes: limits::ANSWER_BODY_BYTES };
    receive(&gateway, id, endpoint, request, async |device: Device, id, body: AnswerBody| {
        gateway.answer(&device, &id, &body.answer, body.transcript).await
    })
    .await
}

pub(super) async fn refuse(State(gateway): State<Gateway>, id: IdInPath, request: Request<Body>) -> Response {
    let endpoint = Endpoint { verb: "refuse", body_bytes: limits::BODY_BYTES };
    receive(&gateway, id, endpoint, request, async |device: Device, id, body: RefusalBody| {
        gateway.refuse(&device, &id, &body.refusal).await
    })
    .await
}

pub(super) async fn dispute(State(gateway): State<Gateway>, id: IdInPath, request: Request<Body>) -> Response {
    let endpoint = Endpoint { verb: "dispute", body_bytes: limits::BODY_BYTES };
    receive(&gateway, id, endpoint, request, async |device: Device, id, body: DisputeBody| {
        gateway.dispute(&device, &id, &body.dispute).await
    })
    .await
}

/// What is appended to a challenge's address, and the largest body there.
struct Endpoint {
    verb: &'static str,
    body_bytes: usize,
}

/// Authenticates the device, reads the body and hands both over; the reply carries a nonce for the next call.
async fn receive<B: DeserializeOwned>(
    gateway: &Gateway,
    id: IdInPath,
    endpoint: Endpoint,
    request: Request<Body>,
    take: impl AsyncFnOnce(Device, ChallengeId, B) -> Result<Receipt, Rejection>,
) -> Response {
    let call = CallHead::of(&request);
    // An address that is not even UTF-8 names no challenge.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let url = format!("{}/{id}/{}", gateway.urls().challenges, endpoint.verb);
    let caller = match gateway.caller(&call, "POST", &url, AdmittedDevices::Active).await {
        Ok(caller) => caller,
        Err(refused) => return reply::finish(Err(refused), gateway.now(), None),
    };
    let taken = async {
        let body = reply::body_within(request, endpoint.body_bytes).await?;
        let body = reply::parse(&call.headers, &body)?;
        let id = id.parse().map_err(|_| not_found())?;
        let received = take(caller.device, id, body).await?;
        Ok(reply::json(StatusCode::OK, &received))
    };
    reply::finish(taken.await, gateway.now(), Some(&caller.nonce))
}
