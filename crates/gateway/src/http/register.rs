//! `POST /push/register`: a device with a link becomes a device of a user.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use countersign_protocol::discovery::Mode;
use countersign_protocol::id::RegistrationTokenId;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::RegistrationRequest;

use super::reply;
use crate::Gateway;
use crate::rejection::{Rejection, reject};

pub(super) async fn register(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let result = take(&gateway, request).await;
    reply::finish(result, gateway.now(), None)
}

async fn take(gateway: &Gateway, request: Request<Body>) -> Result<Response, Rejection> {
    let headers = request.headers().clone();
    let body = reply::body(request).await?;
    let request: RegistrationRequest = reply::parse(&headers, &body)?;
    let token = gateway.check_token(&request)?;
    limit(gateway, &token.jti)?;
    let url = &gateway.urls().registration;
    let proof = gateway.verify_proof(&headers, "POST", url, request.registration_token.as_str())?;
    gateway.accept_nonce(&proof)?;
    let nonce = gateway.nonce_for(proof.key.thumbprint());
    let with_nonce = |refused: Rejection| refused.with_nonce(nonce.clone());
    let page = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let checked = gateway.check_registration(token, request, &proof.key, page, &body).await.map_err(with_nonce)?;
    let registered = gateway.register(checked).await.map_err(with_nonce)?;
    Ok(reply::complete(reply::json(StatusCode::CREATED, &registered), gateway.now(), Some(&nonce)))
}

/// Twenty in ten minutes per link; not in test mode. Counted once the token is known to be ours: a caller without a link can use up
/// no tries, and behind a proxy all callers share an address.
fn limit(gateway: &Gateway, link: &RegistrationTokenId) -> Result<(), Rejection> {
    if gateway.settings().mode == Mode::Test {
        return Ok(());
    }
    gateway.registrations().admit(link, gateway.now()).map_err(|seconds| {
        let mut refused = reject(ProblemCode::RateLimited, "Too many registrations with this link.");
        refused.retry_after = Some(seconds);
        refused
    })
}
