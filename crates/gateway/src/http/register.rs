//! `POST /push/register`: a device with a link becomes a device of a user.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_protocol::discovery::Mode;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::RegistrationRequest;

use super::reply;
use crate::Gateway;
use crate::error::{Refused, refused};

pub(super) async fn register(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let result = take(&gateway, request).await;
    reply::finish(result, gateway.now(), None)
}

async fn take(gateway: &Gateway, request: Request<Body>) -> Result<Response, Refused> {
    limit(gateway, &request)?;
    let headers = request.headers().clone();
    let body = reply::body(request).await?;
    let request: RegistrationRequest = reply::parse(&headers, &body)?;
    let token = gateway.check_token(&request)?;
    let url = &gateway.urls().registration;
    let proof = gateway.verify_proof(&headers, "POST", url, request.registration_token.as_str())?;
    gateway.accept_nonce(&proof)?;
    let nonce = gateway.nonce_for(proof.key.thumbprint());
    let with_nonce = |refused: Refused| refused.with_nonce(nonce.clone());
    let checked = gateway.check_registration(token, request, &proof.key, &body).map_err(with_nonce)?;
    let registered = gateway.register(checked).await.map_err(with_nonce)?;
    Ok(reply::complete(reply::json(StatusCode::CREATED, &registered), gateway.now(), Some(&nonce)))
}

/// Twenty in ten minutes per address; not for testers, who register by the hundred from one machine. Calls whose address is
/// not known (a test that calls the router) are not limited.
fn limit(gateway: &Gateway, request: &Request<Body>) -> Result<(), Refused> {
    let Some(ConnectInfo(address)) = request.extensions().get::<ConnectInfo<SocketAddr>>() else { return Ok(()) };
    if gateway.settings().mode == Mode::Test {
        return Ok(());
    }
    gateway.registrations().admit(address.ip(), gateway.now()).map_err(|seconds| {
        let mut refused = refused(ProblemCode::RateLimited, "Too many registrations from this address.");
        refused.retry_after = Some(seconds);
        refused
    })
}
