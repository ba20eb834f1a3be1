//! The enrollment link's address: hands the fragment, in which the registration token is, on to the page.

use axum::http::HeaderValue;
use axum::response::{Html, IntoResponse as _, Response};
use ring::digest;

use super::confinement::confine;
use super::identity::escaped;
use crate::http::NO_STORE;

/// Replaces this address, so that no entry of the history keeps the token. A fragment is in no request.
const SCRIPT: &str = "location.replace(\"../device/\"+location.hash)";

/// The response, made once.
#[derive(Clone)]
pub(super) struct HandOver {
    html: String,
    policy: HeaderValue,
}

impl HandOver {
    /// For a provider of this name.
    pub(super) fn new(name: &str) -> HandOver {
        let name = escaped(name);
        let html = format!(
            r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><title>{name}</title><script>{SCRIPT}</script></head>
<body><noscript><main><h1>{name}</h1>
<p>This link sets up a phone or computer. It works once, for ten minutes. Here it can't go on: this browser runs no scripts. Copy the whole address of this page, and open it in another browser.</p>
<p>Or open it with the Countersign app; or, on the command line, run <code>countersign enroll -</code> and paste it.</p>
<div lang="de"><p>Dieser Link richtet ein Telefon oder einen Computer ein. Er gilt einmal, zehn Minuten lang. Hier geht es nicht weiter: Dieser Browser führt keine Skripte aus. Kopieren Sie die ganze Adresse dieser Seite und öffnen Sie sie in einem anderen Browser.</p>
<p>Oder öffnen Sie sie mit der Countersign-App, oder fügen Sie sie auf der Kommandozeile nach <code>countersign enroll -</code> ein.</p></div>
</main></noscript></body></html>
"#
        );
        let hash = digest::digest(&digest::SHA256, SCRIPT.as_bytes());
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash.as_ref())
        );
        HandOver { html, policy: HeaderValue::try_from(policy).expect("base64 is ASCII") }
    }

    pub(super) fn respond(&self) -> Response {
        let mut response = ([NO_STORE], Html(self.html.clone())).into_response();
        confine(response.headers_mut(), &self.policy);
        response
    }
}
