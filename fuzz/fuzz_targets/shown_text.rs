//! Text that people will read: what is refused at the provider is escaped at the device, and what is escaped is safe.
#![no_main]

use countersign_protocol::text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|given: &str| {
    let escaped = text::escape(given);
    assert_eq!(text::check_inner(&escaped, usize::MAX), Ok(()), "{given:?} became {escaped:?}");
    if text::check_inner(given, usize::MAX).is_ok() {
        assert_eq!(escaped, given, "what is safe stays as it is");
    }
});
