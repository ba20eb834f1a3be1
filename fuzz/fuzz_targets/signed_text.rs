//! Whatever text arrives where a signed message is expected: an error, never a panic, and nothing that nobody signed.
#![no_main]

use std::sync::LazyLock;

use countersign_protocol::answer::Answer;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::dpop::{DpopProof, ExpectedRequest};
use countersign_protocol::enrollment::VerifiedEnrollment;
use countersign_protocol::jws::{Claims, Compact, peek_typ};
use countersign_jose::key::Signer as _;
use countersign_protocol::manifest::TrustedKeys;
use countersign_protocol::notice::Notice;
use countersign_protocol::outcome::Outcome;
use countersign_protocol::refusal::Refusal;
use countersign_protocol::registration::RegistrationToken;
use countersign_testing::fixture::Fixture;
use libfuzzer_sys::fuzz_target;

static WORLD: LazyLock<(Fixture, TrustedKeys)> = LazyLock::new(|| {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    (fixture, keys)
});

fuzz_target!(|text: &str| {
    let (fixture, keys) = &*WORLD;
    let _ = peek_typ(text);
    let _ = Notice::of(text);
    peek::<Challenge>(text);
    peek::<Outcome>(text);
    peek::<Refusal>(text);
    let _ = Challenge::verify(&Compact::from_text(text), &fixture.expected(keys));
    let _ = VerifiedEnrollment::verify(&[Compact::from_text(text)], keys);
    let endpoint = fixture.issuer.endpoint("/push/register");
    let token = Compact::<RegistrationToken>::from_text(text);
    let _ = RegistrationToken::verify(&token, &fixture.device_keys(), &fixture.issuer, &endpoint, fixture.now);
    let _ = Compact::<Answer>::from_text(text).verify(|_| Some(fixture.approval.public_key()));
    let expected = ExpectedRequest { method: "GET", url: &endpoint, token: "credential", now: fixture.now };
    let _ = DpopProof::verify(&Compact::from_text(text), &expected);
});

/// Form and claims are read before any signature: to find the account that a message is about.
fn peek<T: Claims>(text: &str) {
    let message = Compact::<T>::from_text(text);
    if message.peek().is_ok() {
        assert!(message.kid().is_ok());
        assert_eq!(peek_typ(text).as_deref(), Some(T::TYP));
    }
}
