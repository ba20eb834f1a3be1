//! Every byte position of what is signed, changed three ways: each change is refused.

use countersign_jose::key::Signer as _;
use countersign_protocol::answer::Answer;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::enrollment::VerifiedEnrollment;
use countersign_protocol::evidence::Evidence;
use countersign_protocol::jws::Compact;
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::outcome::{Ending, Outcome};
use countersign_testing::fixture::{Fixture, one_byte_changed};

/// Runs `accepts` on the text (must hold) and on every changed one (must not).
fn no_byte_may_change(text: &str, accepts: impl Fn(&str) -> bool) {
    assert!(accepts(text), "the unaltered text is accepted");
    let mut tried = 0;
    for (at, changed) in one_byte_changed(text) {
        assert!(!accepts(&changed), "byte {at} was changed and nobody noticed: {changed}");
        tried += 1;
    }
    assert!(tried >= 2 * text.len(), "{tried} changes of {} bytes were tried", text.len());
}

#[test]
fn of_a_challenge() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let challenge = fixture.sign_challenge(&fixture.challenge());
    no_byte_may_change(challenge.as_str(), |text| {
        Challenge::verify(&Compact::from_text(text), &fixture.expected(&keys)).is_ok()
    });
}

#[test]
fn of_an_answer() {
    let fixture = Fixture::new();
    let answer = fixture.approval_of(&fixture.verified());
    let key = fixture.approval.public_key();
    no_byte_may_change(answer.as_str(), |text| {
        Compact::<Answer>::from_text(text).verify(|kid| (kid == key.thumbprint()).then_some(key)).is_ok()
    });
}

#[test]
fn of_an_outcome() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let challenge = fixture.verified();
    let answer = fixture.approval_of(&challenge);
    let outcome = fixture.sign_outcome(&fixture.outcome(&challenge, Ending::Approved, Some(&answer)));
    let hash = answer.hash();
    no_byte_may_change(outcome.as_str(), |text| {
        Outcome::verify(&Compact::from_text(text), &keys, &fixture.concerned(&challenge, Some(&hash))).is_ok()
    });
}

#[test]
fn of_an_enrollment_statement() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    no_byte_may_change(fixture.statement().as_str(), |text| {
        VerifiedEnrollment::verify(&[Compact::from_text(text)], &keys).is_ok()
    });
}

#[test]
fn of_a_manifest() {
    let fixture = Fixture::new();
    let [first, second] = <[_; 2]>::try_from(fixture.manifests()).expect("two manifests");
    let holds = |manifests| {
        ManifestChain { manifests }.verify(&fixture.issuer, fixture.root.public_key().thumbprint(), None).is_ok()
    };
    no_byte_may_change(second.as_str(), |text| holds(vec![first.clone(), Compact::from_text(text)]));
    no_byte_may_change(first.as_str(), |text| holds(vec![Compact::from_text(text), second.clone()]));
}

#[test]
fn of_evidence() {
    let fixture = Fixture::new();
    let trust = [fixture.trust()];
    no_byte_may_change(&fixture.evidence().to_file(), |text| {
        Evidence::from_file(text.as_bytes()).and_then(|evidence| evidence.verify(Some(&trust))).is_ok()
    });
}

#[test]
fn of_evidence_of_a_denial() {
    let fixture = Fixture::new();
    let trust = [fixture.trust()];
    let challenge = fixture.verified();
    let answer = fixture.denial_of(&challenge);
    let outcome = fixture.sign_outcome(&fixture.outcome(&challenge, Ending::Denied, Some(&answer)));
    let evidence = Evidence { answer: Some(answer), outcome: Some(outcome), ..fixture.evidence() };
    no_byte_may_change(&evidence.to_file(), |text| {
        Evidence::from_file(text.as_bytes()).and_then(|evidence| evidence.verify(Some(&trust))).is_ok()
    });
}

#[test]
fn of_evidence_of_a_dispute() {
    let fixture = Fixture::new();
    let trust = [fixture.trust()];
    no_byte_may_change(&fixture.disputed_evidence().to_file(), |text| {
        Evidence::from_file(text.as_bytes()).and_then(|evidence| evidence.verify(Some(&trust))).is_ok()
    });
}
