//! Who may talk to the pages' server: its own pages alone. Any other page in the same browser can reach this port, too.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// What the page may load and where it may send: itself, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Lets requests through that name this server as their host and, where they change something, a page of its own as their origin: a
/// name that was made to point here (DNS rebinding) and a page from elsewhere are refused.
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
