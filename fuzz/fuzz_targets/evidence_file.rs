//! An evidence file from anybody: refused, or verified to a report; one that is read is written to the same bytes.
#![no_main]

use std::sync::LazyLock;

use countersign_protocol::evidence::{Evidence, TrustAnchor};
use countersign_testing::fixture::Fixture;
use libfuzzer_sys::fuzz_target;

static TRUST: LazyLock<TrustAnchor> = LazyLock::new(|| Fixture::new().trust());

fuzz_target!(|bytes: &[u8]| {
    let Ok(evidence) = Evidence::from_file(bytes) else { return };
    assert_eq!(evidence.to_file().as_bytes(), bytes, "evidence has one form");
    let anybody = evidence.verify(None);
    let known = evidence.verify(Some(std::slice::from_ref(&*TRUST)));
    assert!(anybody.is_ok() || known.is_err(), "trust makes nothing sound that is not");
});
