//! Whatever text arrives where a message, a link, details or evidence is expected: an error, never a panic.
#![no_main]

use countersign_protocol::challenge::Challenge;
use countersign_protocol::details::Details;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::evidence::Evidence;
use countersign_protocol::jws::Compact;
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::notice::Notice;
use countersign_protocol::text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Evidence::from_file(bytes).and_then(|evidence| evidence.verify(None));
    let Ok(received) = std::str::from_utf8(bytes) else { return };
    let _ = Compact::<Challenge>::from_text(received).peek();
    let _ = Compact::<DpopProof>::from_text(received).open_with_own_key();
    let _ = Notice::of(received);
    let _ = received.parse::<EnrollmentLink>();
    let _ = Details::parse(received);
    let escaped = text::escape(received);
    if text::check_inner(received, usize::MAX).is_ok() {
        assert_eq!(escaped, received);
    }
});
