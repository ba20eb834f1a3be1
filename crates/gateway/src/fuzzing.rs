//! Entry points of the fuzz targets (`fuzz/`): the private readers of what devices send. Compiled with `--cfg fuzzing` alone.

use axum::http::{HeaderMap, HeaderValue, header};
use countersign_jose::clock::Timestamp;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::CreatedPasskey;

use crate::AttestationRoots;

/// Whether this is a query that a fetch can have.
pub fn fetch_query(query: &str) -> bool {
    crate::http::read_fetch_query(query)
}

/// Whether this is the form of a revocation.
pub fn revocation_form(body: &[u8]) -> bool {
    crate::http::read_revocation(body)
}

/// What keeps a passkey's key, by its attestation under these roots, if it has a sound one.
pub fn attested(passkey: &CreatedPasskey, roots: &AttestationRoots, now: Timestamp) -> Option<KeyProtection> {
    crate::attestation::verify(passkey, roots, now).ok().flatten()
}

/// Reads the credential of an `Authorization` header.
pub fn credential(value: &[u8]) -> Option<String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_bytes(value).ok()?);
    crate::device_auth::credential(&headers).ok().map(str::to_owned)
}
