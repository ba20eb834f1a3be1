//! What a device's call has beside its signed messages: query, form of a revocation, credential.
#![no_main]

use countersign_gateway::fuzzing::{credential, fetch_query, revocation_form};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    revocation_form(bytes);
    if let Some(credential) = credential(bytes) {
        assert!(!credential.is_empty() && credential.len() <= 512);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        fetch_query(text);
    }
});
