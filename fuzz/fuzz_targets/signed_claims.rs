//! Any claims, signed by the right key: what a provider or a device that turned hostile can send. The first byte says which
//! message it is. What is verified can be shown, and every text that is shown is safe to show.
#![no_main]

use std::sync::LazyLock;

use countersign_device::transcript::{Locale, render};
use countersign_fuzz::world::{World, forge};
use countersign_protocol::answer::Answer;
use countersign_protocol::challenge::{Challenge, VerifiedChallenge};
use countersign_protocol::dispute::Dispute;
use countersign_protocol::dpop::{DpopProof, ExpectedRequest};
use countersign_protocol::enrollment::{EnrollmentStatement, VerifiedEnrollment};
use countersign_protocol::jws::{Claims, Compact};
use countersign_protocol::key::{P256Signer, Signer as _};
use countersign_protocol::manifest::{Manifest, ManifestChain, TrustedKeys};
use countersign_protocol::notice::DeviceNotice;
use countersign_protocol::outcome::Outcome;
use countersign_protocol::refusal::Refusal;
use countersign_protocol::registration::RegistrationToken;
use countersign_protocol::revocation::Revocation;
use countersign_protocol::text;
use countersign_protocol::transcript::Transcript;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

struct Stage {
    world: World,
    keys: TrustedKeys,
    challenge: VerifiedChallenge,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let world = World::new();
    Stage { keys: world.keys(), challenge: world.verified(), world }
});

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, payload)) = bytes.split_first() else { return };
    let Stage { world, keys, challenge } = &*STAGE;
    match kind % 12 {
        0 => {
            let verified = Challenge::verify(&signed(payload, &world.gateway), &world.expected(keys));
            if let Ok(challenge) = verified {
                check_transcript(&challenge);
            }
        }
        1 => {
            let outcome = signed::<Outcome>(payload, &world.gateway);
            let _ = Outcome::verify(&outcome, keys, &world.concerned(challenge, None));
        }
        2 => {
            let statement = signed::<EnrollmentStatement>(payload, &world.gateway);
            let _ = VerifiedEnrollment::verify(&[world.statement(), statement.clone()], keys);
            let _ = VerifiedEnrollment::verify(&[statement], keys);
        }
        3 => {
            let manifests = vec![signed::<Manifest>(payload, &world.root)];
            let root = world.root.public_key().thumbprint();
            let _ = ManifestChain { manifests }.verify(&world.issuer, root, None);
        }
        4 => {
            let token = signed::<RegistrationToken>(payload, &world.link);
            let endpoint = world.issuer.endpoint("/push/register");
            let _ = RegistrationToken::verify(&token, &world.device_keys(), &world.issuer, &endpoint, world.now);
        }
        5 => {
            let notice = signed(payload, &world.gateway);
            let _ = DeviceNotice::verify(&notice, keys, &world.device, &world.subject);
        }
        6 => {
            let revocation = signed(payload, &world.gateway);
            let _ = Revocation::verify(&revocation, keys, &world.device, &world.subject);
        }
        7 => {
            let header = json!({ "alg": "ES256", "typ": DpopProof::TYP, "jwk": world.transport.public_key() });
            let proof = Compact::from_text(forge(&header, payload, &world.transport));
            let endpoint = world.issuer.endpoint("/push/challenges");
            let expected = ExpectedRequest { method: "GET", url: &endpoint, token: "credential", now: world.now };
            let _ = DpopProof::verify(&proof, &expected);
        }
        8 => open::<Answer>(payload, &world.approval),
        9 => open::<Refusal>(payload, &world.transport),
        10 => open::<Dispute>(payload, &world.transport),
        _ => {
            let evidence = world.evidence();
            let answer = Some(signed(payload, &world.approval));
            let _ = countersign_protocol::evidence::Evidence { answer, ..evidence }.verify(None);
        }
    }
});

fn signed<T: Claims>(payload: &[u8], signer: &P256Signer) -> Compact<T> {
    let header = json!({ "alg": "ES256", "typ": T::TYP, "kid": signer.public_key().thumbprint() });
    Compact::from_text(forge(&header, payload, signer))
}

fn open<T: Claims>(payload: &[u8], signer: &P256Signer) {
    let _ = signed::<T>(payload, signer).open(|_| Some(signer.public_key()));
}

/// Drawn in every language, each line is safe to show, and the whole is read again.
fn check_transcript(challenge: &VerifiedChallenge) {
    for locale in [Locale::En, Locale::De] {
        for first in [false, true] {
            let drawn = render(challenge, true, first, locale);
            assert_eq!(drawn.roles.len(), drawn.transcript.lines.len());
            let frozen = drawn.transcript.freeze();
            let read: Transcript = countersign_protocol::json::parse(frozen.text().as_bytes()).expect("it is read again");
            for line in &read.lines {
                assert!(text::check_inner(&line.label, usize::MAX).is_ok(), "{:?}", line.label);
            }
        }
    }
}
