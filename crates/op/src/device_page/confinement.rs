//! The headers that confine the page, and everything else below its address.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use countersign_protocol::issuer::Issuer;

use super::{ASSETS, DEVICE_PAGE, WORKER};

/// Passkeys and the camera, which reads QR codes, for the page itself; what else browsers would give without asking, for nobody.
const PERMISSIONS: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(self), \
                           microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=(), \
                           display-capture=(), identity-credentials-get=()";

/// An image that is opened as a document of its own: an SVG could hold scripts and loads.
pub(super) const IMAGE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox");

/// What the worker may load: itself alone, and calls to its own origin. It imports no script.
pub(super) const WORKER_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'wasm-unsafe-eval'; connect-src 'self'; img-src 'self'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
);

/// Of every response below the page's address, beside its policy.
const CONFINING: [(HeaderName, &str); 5] = [
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What the page may load and do. Scripts come from `assets/` alone, so that no other response of this origin can become one; and from
/// the worker's address, for Firefox holds to that what the worker serves from its cache.
pub(super) fn page_policy(issuer: &Issuer) -> HeaderValue {
    let page = folder(issuer);
    let policy = format!(
        "default-src 'none'; script-src {page}{ASSETS} {page}{WORKER} 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src {page}{WORKER}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html countersign"
    );
    HeaderValue::try_from(policy).expect("a serialized URL is ASCII")
}

/// The page's address as a policy names it: both characters have a meaning in the header, and may be in a path.
fn folder(issuer: &Issuer) -> String {
    format!("{}{}{DEVICE_PAGE}", issuer.origin(), issuer.path()).replace(';', "%3B").replace(',', "%2C")
}

/// Adds the headers.
pub(super) fn confine(headers: &mut HeaderMap, policy: &HeaderValue) {
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    for (name, value) in CONFINING {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
