//! `x-fapi-interaction-id` (FAPI 1.0 part 1 §6.2.1): the caller's id of an interaction, sent back at the protected resources so that
//! both sides find the same line in their logs.

use axum::extract::Request;
use axum::http::HeaderName;
use axum::middleware::Next;
use axum::response::Response;

const INTERACTION_ID: HeaderName = HeaderName::from_static("x-fapi-interaction-id");

/// Longest id that is sent back, in bytes; a UUID has 36.
const MAX_BYTES: usize = 64;

/// Sends the request's id back with the response, if there is one and it is letters, digits and hyphens.
pub(crate) async fn echo_interaction_id(request: Request, next: Next) -> Response {
    let mut ids = request.headers().get_all(&INTERACTION_ID).iter();
    let id = ids.next().cloned().filter(|_| ids.next().is_none());
    let mut response = next.run(request).await;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    if let Some(id) = id.filter(|id| (1..=MAX_BYTES).contains(&id.len()) && id.as_bytes().iter().all(is_plain)) {
        tracing::info!(interaction_id = id.to_str().unwrap_or_default(), "x-fapi-interaction-id");
        response.headers_mut().insert(INTERACTION_ID, id);
    }
    response
}
