//! Any claims, signed by the right key: what a provider or a device that turned hostile can send. The first byte says which
//! message it is. What is verified can be shown, and every text that is shown is safe to show.
#![no_main]

use std::sync::LazyLock;

use countersign_device::transcript::{DeviceFacts, Locale, RenderedRequest, render};
use countersign_protocol::answer::Answer;
use countersign_protocol::challenge::{Challenge, VerifiedChallenge};
use countersign_protocol::dispute::Dispute;
use countersign_protocol::dpop::{DpopProof, ExpectedRequest};
use countersign_protocol::enrollment::{EnrollmentStatement, VerifiedEnrollment};
use countersign_protocol::jws::{Claims, Compact};
use countersign_jose::key::{P256Signer, Signer as _};
use countersign_protocol::manifest::{Manifest, ManifestChain, TrustedKeys};
use countersign_protocol::notice::DeviceNotice;
use countersign_protocol::outcome::Outcome;
use countersign_protocol::refusal::Refusal;
use countersign_protocol::registration::RegistrationToken;
use countersign_protocol::revocation::Revocation;
use countersign_protocol::text;
use countersign_protocol::transcript::{self, TranscriptBasis};
use countersign_testing::fixture::{Fixture, forge};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

struct Stage {
    fixture: Fixture,
    keys: TrustedKeys,
    challenge: VerifiedChallenge,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let fixture = Fixture::new();
    Stage { keys: fixture.keys(), challenge: fixture.verified(), fixture }
});

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, payload)) = bytes.split_first() else { return };
    let Stage { fixture, keys, challenge } = &*STAGE;
    match kind % 12 {
        0 => {
            let verified = Challenge::verify(&signed(payload, &fixture.gateway), &fixture.expected(keys));
            if let Ok(challenge) = verified {
                check_transcript(&challenge, fixture);
            }
        }
        1 => {
            let outcome = signed::<Outcome>(payload, &fixture.gateway);
            let _ = Outcome::verify(&outcome, keys, &fixture.concerned(challenge, None));
        }
        2 => {
            let statement = signed::<EnrollmentStatement>(payload, &fixture.gateway);
            let _ = VerifiedEnrollment::verify(&[fixture.statement(), statement.clone()], keys);
            let _ = VerifiedEnrollment::verify(&[statement], keys);
        }
        3 => {
            let manifests = vec![signed::<Manifest>(payload, &fixture.root)];
            let root = fixture.root.public_key().thumbprint();
            let _ = ManifestChain { manifests }.verify(&fixture.issuer, root, None);
        }
        4 => {
            let token = signed::<RegistrationToken>(payload, &fixture.link);
            let endpoint = fixture.issuer.endpoint("/push/register");
            let _ = RegistrationToken::verify(&token, &fixture.device_keys(), &fixture.issuer, &endpoint, fixture.now);
        }
        5 => {
            let notice = signed(payload, &fixture.gateway);
            let _ = DeviceNotice::verify(&notice, keys, &fixture.device, &fixture.subject);
        }
        6 => {
            let revocation = signed(payload, &fixture.gateway);
            let _ = Revocation::verify(&revocation, keys, &fixture.device, &fixture.subject);
        }
        7 => {
            let header = json!({ "alg": "ES256", "typ": DpopProof::TYP, "jwk": fixture.transport.public_key() });
            let proof = Compact::from_text(forge(&header, payload, &fixture.transport));
            let endpoint = fixture.issuer.endpoint("/push/challenges");
            let expected = ExpectedRequest { method: "GET", url: &endpoint, token: "credential", now: fixture.now };
            let _ = DpopProof::verify(&proof, &expected);
        }
        8 => open::<Answer>(payload, &fixture.approval),
        9 => open::<Refusal>(payload, &fixture.transport),
        10 => open::<Dispute>(payload, &fixture.transport),
        _ => {
            let evidence = fixture.evidence();
            let answer = Some(signed(payload, &fixture.approval));
            let _ = countersign_protocol::evidence::Evidence { answer, ..evidence }.verify(None);
        }
    }
});

fn signed<T: Claims>(payload: &[u8], signer: &P256Signer) -> Compact<T> {
    let header = json!({ "alg": "ES256", "typ": T::TYP, "kid": signer.public_key().thumbprint() });
    Compact::from_text(forge(&header, payload, signer))
}

fn open<T: Claims>(payload: &[u8], signer: &P256Signer) {
    let _ = signed::<T>(payload, signer).verify(|_| Some(signer.public_key()));
}

/// Rendered in every language, each line is safe to show, and the table holds for the whole.
fn check_transcript(challenge: &VerifiedChallenge, fixture: &Fixture) {
    let statement = fixture.statement().peek().expect("the fixture's statement");
    let asked = TranscriptBasis::new(challenge, &statement);
    for locale in [Locale::En, Locale::De] {
        for first in [false, true] {
            let facts = DeviceFacts { test: true, first_request: first, ..DeviceFacts::default() };
            let asked_for = RenderedRequest { challenge, statement: &statement, facts };
            let transcript = render(&asked_for, locale).transcript;
            let lines = transcript::check(transcript.freeze().text(), &asked, locale.tag()).expect("the table holds");
            for line in &lines {
                assert!(text::check_inner(&line.label, usize::MAX).is_ok(), "{:?}", line.label);
            }
        }
    }
}
