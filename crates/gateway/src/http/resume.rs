//! `POST /push/resume`: a known passkey registers the page that lost its transport key, without a link.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::registration::ResumeRequest;
use serde::Deserialize;

use super::reply;
use crate::Gateway;
use crate::rejection::{Rejection, reject};

/// What the DPoP proof covers. Read before the rest, so that a page gets its nonce before it asks the person for the passkey.
#[derive(Deserialize)]
struct Covered {
    #[serde(default)]
    resume_nonce: String,
}

pub(super) async fn resume(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let result = take(&gateway, request).await;
    reply::finish(result, gateway.now(), None)
}

async fn take(gateway: &Gateway, request: Request<Body>) -> Result<Response, Rejection> {
    let headers = request.headers().clone();
    let body = reply::body(request).await?;
    let Covered { resume_nonce } = reply::parse(&headers, &body)?;
    let proof = gateway.verify_proof(&headers, "POST", &gateway.urls().resume, &resume_nonce)?;
    // Anybody can make such calls: nothing is remembered of one before policy admits it.
    gateway.check_resume_nonce(&proof)?;
    let nonce = gateway.resume_nonce_for(proof.key.thumbprint());
    let with_nonce = |refused: Rejection| refused.with_nonce(nonce.clone());
    let request: ResumeRequest = reply::parse(&headers, &body).map_err(with_nonce)?;
    if proof.nonce.as_deref() != Some(request.resume_nonce.as_str()) || request.public_key != proof.key {
        let detail = "resume_nonce must be the proof's nonce, and public_key the proof's key.";
        return Err(with_nonce(reject(ProblemCode::InvalidRequest, detail)));
    }
    gateway.admit_resumptions().map_err(with_nonce)?;
    gateway.use_up_resume_nonce(&proof).map_err(with_nonce)?;
    let page = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let checked = gateway.check_resumption(&request, page).await.map_err(with_nonce)?;
    let registered = gateway.resume(checked).await.map_err(with_nonce)?;
    let nonce = gateway.nonce_for(proof.key.thumbprint());
    Ok(reply::complete(reply::json(StatusCode::CREATED, &registered), gateway.now(), Some(&nonce)))
}
