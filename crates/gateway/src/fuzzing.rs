//! Entry points of the fuzz targets (`fuzz/`): the private readers of what devices send. Compiled with `--cfg fuzzing` alone.

use axum::http::{HeaderMap, HeaderValue, header};

/// Whether this is a query that a fetch can have.
pub fn fetch_query(query: &str) -> bool {
    crate::http::read_fetch_query(query)
}

/// Whether this is the form of a revocation.
pub fn revocation_form(body: &[u8]) -> bool {
    crate::http::read_revocation(body)
}

/// Reads the credential of an `Authorization` header.
pub fn credential(value: &[u8]) -> Option<String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_bytes(value).ok()?);
    crate::device_auth::credential(&headers).ok().map(str::to_owned)
}
