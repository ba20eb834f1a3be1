//! Common parts of every response: no caching, the server's time, a DPoP nonce for a caller that proved a key.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_jose::clock::Timestamp;
use countersign_protocol::problem::{self, ProblemCode};
use countersign_protocol::{json, limits};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::rejection::{Rejection, reject};

/// The header that carries a nonce (RFC 9449 §8.1).
const DPOP_NONCE: header::HeaderName = header::HeaderName::from_static("dpop-nonce");

/// A JSON response.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "a response could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Adds what every response to a device has. `Date` is the gateway's clock, which devices take their time from.
pub(super) fn complete(mut response: Response, now: Timestamp, nonce: Option<&str>) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(date) = HeaderValue::from_str(&http_date(now)) {
        headers.insert(header::DATE, date);
    }
    if let Some(nonce) = nonce
        && let Ok(nonce) = HeaderValue::from_str(nonce)
    {
        headers.insert(DPOP_NONCE, nonce);
    }
    response
}

/// A result as a complete response; a refusal keeps its own nonce, if it has one.
pub(super) fn finish(result: Result<Response, Rejection>, now: Timestamp, nonce: Option<&str>) -> Response {
    match result {
        Ok(response) => complete(response, now, nonce),
        Err(mut refused) => {
            let own = refused.nonce.take();
            complete(refused.into_response(), now, own.as_deref().or(nonce))
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json(status, &*self.problem);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = match self.problem.title {
                ProblemCode::UseDpopNonce => r#"DPoP error="use_dpop_nonce", algs="ES256""#,
                ProblemCode::InvalidDpopProof => r#"DPoP error="invalid_dpop_proof", algs="ES256""#,
                ProblemCode::DpopRequired => r#"DPoP algs="ES256""#,
                _ => r#"DPoP error="invalid_token", algs="ES256""#,
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(nonce) = self.nonce.as_deref()
            && let Ok(nonce) = HeaderValue::from_str(nonce)
        {
            headers.insert(DPOP_NONCE, nonce);
        }
        response
    }
}

/// The whole body, at most 16 KiB.
pub(super) async fn body(request: Request<Body>) -> Result<Vec<u8>, Rejection> {
    body_within(request, limits::BODY_BYTES).await
}

/// The whole body, at most so many bytes.
pub(super) async fn body_within(request: Request<Body>, limit: usize) -> Result<Vec<u8>, Rejection> {
    let too_large = || reject(ProblemCode::BodyTooLarge, format!("The body is larger than {} KiB.", limit / 1024));
    to_bytes(request.into_body(), limit).await.map(Vec::from).map_err(|_| too_large())
}

/// A JSON body, read strictly.
pub(super) fn parse<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Rejection> {
    if !is_of_type(headers, "application/json") {
        return Err(reject(ProblemCode::InvalidRequest, "The body must be application/json."));
    }
    parse_json(body)
}

/// A JSON merge patch (RFC 7396), read strictly; also as plain JSON.
pub(super) fn parse_merge_patch<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Rejection> {
    if !is_of_type(headers, "application/merge-patch+json") && !is_of_type(headers, "application/json") {
        let words = "The body must be application/merge-patch+json or application/json.";
        return Err(reject(ProblemCode::InvalidRequest, words));
    }
    // Anything else would replace the whole (RFC 7396 §1).
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(reject(ProblemCode::InvalidRequest, "The patch must be an object."));
    }
    parse_json(body)
}

fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejection> {
    json::parse(body).map_err(|error| reject(ProblemCode::InvalidRequest, format!("The body can't be read: {error}.")))
}

/// Whether the body is of this media type, whatever its parameters (RFC 9110 §8.3.1: letters of either case).
pub(super) fn is_of_type(headers: &HeaderMap, wanted: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

fn http_date(now: Timestamp) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(now.seconds()))
}
