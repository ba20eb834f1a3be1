//! What surrounds every request: a log line without anything secret in it, and a 500 instead of a broken connection when a
//! handler panics.

use std::any::Any;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use super::{ClientAddress, Code, OAuthError};

/// Wraps all routes.
pub(crate) fn surround(routes: Router) -> Router {
    routes.layer(CatchPanicLayer::custom(panicked)).layer(middleware::from_fn(log))
}

/// One line per request: method, route, status, time, and where it came from. Never a query, a header or a body: credentials and what people
/// approve are in those. The route is the pattern that matched, so that no id in a path is logged either.
async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let client = request.extensions().get::<ClientAddress>().map(|ClientAddress(address)| address.to_string());
    let begun = Instant::now();
    let response = next.run(request).await;
    let (status, ms) = (response.status().as_u16(), begun.elapsed().as_secs_f64() * 1000.0);
    tracing::info!(%method, route, status, ms, client, "request");
    response
}

/// The panic's words stay in the log: they may hold anything.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let what = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = what.unwrap_or("(no words)"), "a request panicked");
    OAuthError::new(Code::ServerError, "something went wrong in this provider; its log says what").into_response()
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
        let routes = surround(Router::new().route("/", get(handler)));
        let response = routes.oneshot(Request::get("/").body(Body::empty()).expect("a request")).await;
        let response = response.expect("a router always answers");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 1000).await.expect("a body");
        let expected = r#"{"error":"server_error","error_description":"something went wrong in this provider; its log says what"}"#;
        assert_eq!(body, expected);
    }
}
