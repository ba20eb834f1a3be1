//! Text that people will read: what is refused at the provider is escaped at the device, and what is escaped is safe.
#![no_main]

use countersign_protocol::text::{self, TextError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|given: &str| {
    let escaped = text::escape(given);
    // Not composed is a property of no single character: it is refused at the provider, and shown at the device as it came.
    let left = text::check_inner(&escaped, usize::MAX);
    assert!(matches!(left, Ok(()) | Err(TextError::NotNfc)), "{given:?} became {escaped:?}");
    if text::check_inner(given, usize::MAX).is_ok() {
        assert_eq!(escaped, given, "what is safe stays as it is");
    }
});
