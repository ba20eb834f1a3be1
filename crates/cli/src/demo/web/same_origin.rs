//! Same-origin check: only the demo's own pages may call its server, for other pages in the same browser can reach this port too.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Content Security Policy: the pages load from and send to this server alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Passes requests whose `Host` is this server and, unless they are GET, whose `Origin` is too. Refuses DNS rebinding and pages of other
/// origins.
pub async fn check(State(host): State<String>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&host, &request) {
        Some(refused) => refused.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refusal(host: &str, request: &Request) -> Option<(StatusCode, &'static str)> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if header(header::HOST) != Some(host) {
        return Some((StatusCode::MISDIRECTED_REQUEST, "this server has another name"));
    }
    if request.method() == Method::GET {
        return None;
    }
    if header(header::ORIGIN) != Some(format!("http://{host}").as_str()) {
        return Some((StatusCode::FORBIDDEN, "only the demo's own pages may do this"));
    }
    if header(header::CONTENT_TYPE) != Some("application/json") {
        return Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/json is expected"));
    }
    None
}
