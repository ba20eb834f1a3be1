//! Middleware of every route: request id, a log line without secrets, metrics, and a 500 instead of a broken connection when a
//! handler panics.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use countersign_jose::base64url;
use countersign_jose::random::{self, Random};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use crate::http::{ClientAddress, ErrorCode, OAuthError};
use crate::metrics::Metrics;

/// Request id: the caller's, or a new one. In every log line about the request, and in the response.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id accepted from a caller, in characters.
const MAX_REQUEST_ID: usize = 64;

/// Wraps all routes.
pub(crate) fn with_middleware(routes: Router, metrics: &Arc<Metrics>, random: &Arc<dyn Random>) -> Router {
    let (metrics, random) = (metrics.clone(), random.clone());
    let observed = middleware::from_fn(move |request: Request, next: Next| {
        let (metrics, id) = (metrics.clone(), request_id(&request, &*random));
        async move { observe(request, next, &metrics, id).await }
    });
    routes.layer(CatchPanicLayer::custom(on_panic)).layer(observed)
}

/// Logs one line per request: method, route, status, time and client address. Never a query, a header or a body, which hold
/// credentials and approved data. The route is the matched pattern, so that no id in a path is logged either.
async fn observe(request: Request, next: Next, metrics: &Metrics, id: HeaderValue) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let client = request.extensions().get::<ClientAddress>().map(|ClientAddress(address)| address.to_string());
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = begun.elapsed();
    let (status, ms) = (response.status(), took.as_secs_f64() * 1000.0);
    metrics.http_request(&route, status, took);
    span.in_scope(|| tracing::info!(%method, route, status = status.as_u16(), ms, client, "answered"));
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The caller's request id, if it is at most 64 characters of `[A-Za-z0-9._-]`; otherwise a random one.
fn request_id(request: &Request, random: &dyn Random) -> HeaderValue {
    let is_plain = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        (1..=MAX_REQUEST_ID).contains(&bytes.len()) && bytes.iter().all(allowed)
    };
    let given = request.headers().get(&REQUEST_ID).filter(is_plain).cloned();
    given.unwrap_or_else(|| {
        let id = base64url::encode(&random::bytes::<12>(random));
        HeaderValue::try_from(id).expect("base64url is ASCII")
    })
}

/// Logs the panic's message, which may hold anything and is not sent.
fn on_panic(panic: Box<dyn Any + Send>) -> Response {
    let what = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = what.unwrap_or("(no words)"), "a request panicked");
    OAuthError::new(ErrorCode::ServerError, "internal error; see the provider's log").into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_500_that_says_nothing_of_it() {
        async fn handler() -> Response {
            panic!("with a secret in its words")
        }
        let routes = with_middleware(Router::new().route("/", get(handler)), &Arc::default(), &random());
        let response = routes.oneshot(Request::get("/").body(Body::empty()).expect("a request")).await;
        let response = response.expect("a router always answers");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 1000).await.expect("a body");
        let expected = r#"{"error":"server_error","error_description":"internal error; see the provider's log"}"#;
        assert_eq!(body, expected);
    }

    fn random() -> Arc<dyn Random> {
        struct Zeros;
        impl Random for Zeros {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0);
            }
        }
        Arc::new(Zeros)
    }

    #[tokio::test]
    async fn a_request_has_the_callers_name_if_that_is_plain_and_a_new_one_otherwise() {
        let routes = with_middleware(Router::new().route("/", get(async || "")), &Arc::default(), &random());
        let long = "a".repeat(65);
        for (given, expected) in [
            (None, "AAAAAAAAAAAAAAAA"),
            (Some("till-14.2026_x"), "till-14.2026_x"),
            (Some("a b"), "AAAAAAAAAAAAAAAA"),
            (Some("\"x\""), "AAAAAAAAAAAAAAAA"),
            (Some(""), "AAAAAAAAAAAAAAAA"),
            (Some(&*long), "AAAAAAAAAAAAAAAA"),
        ] {
            let mut request = Request::get("/");
            if let Some(given) = given {
                request = request.header(REQUEST_ID, given);
            }
            let request = request.body(Body::empty()).expect("a request");
            let response = routes.clone().oneshot(request).await.expect("a router always answers");
            assert_eq!(response.headers()[REQUEST_ID], expected, "{given:?}");
        }
    }
}
