//! Enrollment link page for browsers. The registration token is in the fragment, which browsers don't send.

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse as _, Response};

use super::reply;
use crate::Gateway;

const PAGE: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><title>Add a device</title></head>
<body><main><h1>Add a device</h1>
<p>Open this link with Countersign on the device you want to add, or scan its QR code there. It works once, for ten minutes.</p>
<p>On the command line: copy the whole address of this page, then <code>countersign enroll -</code> and paste it.</p>
</main></body></html>
"#;

pub(super) async fn enroll(State(gateway): State<Gateway>) -> Response {
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    reply::complete((headers, Html(PAGE)).into_response(), gateway.now(), None)
}
