//! The attestation object of a creation from anybody: refused, or read to its last byte; and an attestation that its maker did not make
//! is not believed.
#![no_main]

use std::sync::LazyLock;

use countersign_gateway::{AttestationRoots, fuzzing};
use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::webauthn::{AttestationObject, AttestationStatement, CreationProof, RelyingParty};
use countersign_testing::TestPasskey;
use countersign_testing::fixture::private_key;
use countersign_testing::passkey::attestation::{Format, TestMaker};
use libfuzzer_sys::fuzz_target;

/// The passkey, its challenge and maker of the seeds, and what the maker attests of it: the statements that may be believed.
struct Known {
    passkey: TestPasskey,
    challenge: Hash,
    roots: AttestationRoots,
    sound: Vec<AttestationStatement>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    // As in tests/vectors/attestation.json, and so in the seeds.
    let passkey = TestPasskey { aaguid: [7; 16], ..TestPasskey::new(private_key(9), "https://id.example") };
    let (challenge, maker) = (Hash::of("a registration"), TestMaker::new(private_key(20), private_key(21)));
    let mut roots = AttestationRoots::default();
    roots.add_pem(maker.root_pem().as_bytes()).expect("a root");
    let statement = |format| {
        let proof = maker.create(format, &passkey, &challenge);
        AttestationObject::parse(&proof.attestation_object).expect("sound").statement().clone()
    };
    let sound = [Format::Packed, Format::Tpm, Format::AndroidKey, Format::Apple].map(statement).to_vec();
    Known { passkey, challenge, roots, sound }
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(object) = AttestationObject::parse(bytes) else { return };
    let longer = [bytes, &[0]].concat();
    assert!(AttestationObject::parse(&longer).is_err(), "nothing may follow");
    if let Some(credential) = object.authenticator_data().attested() {
        assert!((1..=1023).contains(&credential.id.len()));
    }
    let Known { passkey, challenge, roots, sound } = &*KNOWN;
    let proof = CreationProof {
        client_data_json: passkey.client_data("webauthn.create", challenge).into_bytes(),
        attestation_object: bytes.to_vec(),
    };
    let party = RelyingParty { origin: passkey.origin.clone(), rp_id: passkey.rp_id.clone() };
    let Ok(created) = proof.verify(challenge, &party, passkey.public_key()) else { return };
    if fuzzing::attested(&created, roots, Timestamp::from_seconds(1_800_000_000)).is_some() {
        let first = |statement: &AttestationStatement| match statement {
            AttestationStatement::Packed(signed) | AttestationStatement::AndroidKey(signed) => signed.certificates.first().cloned(),
            AttestationStatement::Tpm { signed, .. } => signed.certificates.first().cloned(),
            AttestationStatement::Apple { certificates } => certificates.first().cloned(),
            _ => None,
        };
        let believed = first(object.statement());
        assert!(sound.iter().any(|one| first(one) == believed), "a certificate that the maker issued");
    }
});
