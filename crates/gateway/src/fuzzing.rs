//! Doors for the fuzz targets (`fuzz/`): the private readers of what devices send. No part of the API; may change at any time.

use axum::http::{HeaderMap, HeaderValue, header};

/// Reads the query of a fetch. Whether it is sound.
pub fn fetch_query(query: &str) -> bool {
    crate::http::read_fetch_query(query)
}

/// Reads the form of a revocation. Whether it is one.
pub fn revocation_form(body: &[u8]) -> bool {
    crate::http::read_revocation(body)
}

/// Reads the credential of an `Authorization` header.
pub fn credential(value: &[u8]) -> Option<String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_bytes(value).ok()?);
    crate::device_auth::credential(&headers).ok().map(str::to_owned)
}
