//! A snapshot of each serialised type: a change here changes what enrolled devices read.

use std::collections::BTreeMap;

use countersign_jose::hash::Hash;
use countersign_jose::key::{PrivateKey, Signer as _, Thumbprint};
use countersign_jose::secret::Secret;
use countersign_protocol::answer::Answer;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::discovery::{Discovery, Mode, ResumePolicy, SharedPolicy, Support};
use countersign_protocol::dispute::Dispute;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::enrollment::EnrollmentStatement;
use countersign_protocol::fetch::{FetchResponse, Receipt, WithdrawnChallenge};
use countersign_protocol::interaction::{self, InteractionType};
use countersign_protocol::jws::{Claims, Compact};
use countersign_protocol::manifest::Manifest;
use countersign_protocol::notice::DeviceNotice;
use countersign_protocol::outcome::{Ending, Outcome};
use countersign_protocol::problem::{Problem, ProblemCode};
use countersign_protocol::push::{PushState, PushStatus};
use countersign_protocol::refusal::Refusal;
use countersign_protocol::registration::{
    ApprovalProof, CredentialResponse, DeviceStatus, KeyProof, RegistrationRequest, RegistrationResponse,
    RegistrationToken,
};
use countersign_protocol::revocation::Revocation;
use countersign_testing::CountingRandom;
use countersign_testing::fixture::{Fixture, private_key};
use serde::Serialize;
use serde_json::Value;

/// The claims as sent: parsed from the compact form, so that the snapshot is of the bytes on the wire.
fn sent<T: Claims>(compact: &Compact<T>) -> Value {
    let payload = compact.as_str().split('.').nth(1).expect("three parts");
    let bytes = countersign_jose::base64url::decode(payload).expect("base64url");
    let value: Value = serde_json::from_slice(&bytes).expect("JSON");
    let known = value.as_object().expect("an object").keys().all(|name| T::MEMBERS.contains(&name.as_str()));
    assert!(known, "{} writes only members it declares: {value}", T::TYP);
    let again: T = serde_json::from_slice(&bytes).expect("what is written can be read");
    assert_eq!(serde_json::to_vec(&again).expect("JSON"), bytes, "reading and writing {} changes nothing", T::TYP);
    value
}

fn signed_proof(request: &RegistrationRequest) -> &Compact<ApprovalProof> {
    match &request.approval_proof {
        KeyProof::Signed(proof) => proof,
        other => panic!("a P-256 key signs its proof: {other:?}"),
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("JSON")
}

#[test]
fn signed_messages() {
    let fixture = Fixture::new();
    let challenge = fixture.verified();
    let approval = fixture.approval_of(&challenge);
    let denial = fixture.denial_of(&challenge);
    let (_, request) = fixture.registration_request();
    let manifests = fixture.manifests();
    let outcome = fixture.outcome(&challenge, Ending::Approved, Some(&approval));
    insta::assert_json_snapshot!(RegistrationToken::TYP, sent(&request.registration_token));
    insta::assert_json_snapshot!(ApprovalProof::TYP, sent(signed_proof(&request)));
    insta::assert_json_snapshot!(Manifest::TYP, sent(&manifests[1]));
    insta::assert_json_snapshot!(EnrollmentStatement::TYP, sent(&fixture.statement()));
    insta::assert_json_snapshot!(Challenge::TYP, sent(challenge.compact()));
    insta::assert_json_snapshot!(Answer::TYP, sent(&approval));
    insta::assert_json_snapshot!("authentication-answer+jwt_denied", sent(&denial));
    insta::assert_json_snapshot!(Outcome::TYP, sent(&fixture.sign_outcome(&outcome)));
    insta::assert_json_snapshot!(
        Refusal::TYP,
        sent(&Compact::sign(&fixture.refusal(&challenge), &fixture.transport).expect("signs"))
    );
    insta::assert_json_snapshot!(
        Dispute::TYP,
        sent(&Compact::sign(&fixture.dispute(&challenge), &fixture.transport).expect("signs"))
    );
    insta::assert_json_snapshot!(
        Revocation::TYP,
        sent(&Compact::sign(&fixture.revocation(), &fixture.gateway).expect("signs"))
    );
    insta::assert_json_snapshot!(
        DeviceNotice::TYP,
        sent(&Compact::sign(&fixture.notice(), &fixture.gateway).expect("signs"))
    );
    insta::assert_json_snapshot!(DpopProof::TYP, sent(&fixture.dpop()));
}

#[test]
fn headers() {
    let fixture = Fixture::new();
    let header = |text: &str| -> Value {
        let bytes = countersign_jose::base64url::decode(text.split('.').next().expect("a header")).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    insta::assert_json_snapshot!("header_kid", header(fixture.statement().as_str()));
    insta::assert_json_snapshot!("header_jwk", header(fixture.dpop().as_str()));
}

#[test]
fn documents_and_envelopes() {
    let fixture = Fixture::new();
    let challenge = fixture.verified();
    let (_, request) = fixture.registration_request();
    insta::assert_json_snapshot!("registration_request", json(&request));
    insta::assert_json_snapshot!(
        "registration_response",
        json(&RegistrationResponse {
            device_id: fixture.device.clone(),
            registration_ref: format!("urn:push-reg:{}", fixture.device),
            device_credential: Secret::new("credential"),
            expires_in: 2_592_000,
            status: DeviceStatus::Unconfirmed,
            confirmation_code: Some(Secret::new("041327")),
            subject: fixture.subject.clone(),
            subject_label: "Alice Example".into(),
            evidence_root: None,
            approval_key: None,
        })
    );
    insta::assert_json_snapshot!(
        "credential_response",
        json(&CredentialResponse { device_credential: Secret::new("credential"), expires_in: 2_592_000 })
    );
    insta::assert_json_snapshot!("device_keys", json(&fixture.device_keys()));
    insta::assert_json_snapshot!("manifest_chain", json(&fixture.chain()));
    insta::assert_json_snapshot!("transcript", {
        let shown = fixture.shown(&challenge);
        serde_json::from_str::<Value>(shown.text()).expect("JSON")
    });
    let outcome = fixture.sign_outcome(&fixture.outcome(&challenge, Ending::Expired, None));
    insta::assert_json_snapshot!(
        "fetched",
        json(&FetchResponse {
            cursor: "k3v9-41".into(),
            challenges: vec![challenge.compact().clone()],
            withdrawn: vec![WithdrawnChallenge { id: challenge.id().clone(), outcome: outcome.clone() }],
            notices: vec![fixture.statement().into_string()],
            reset: true,
            more: true,
            push: Some(PushStatus { state: PushState::Rekey, vapid_public_key: Some("BA1Hxzyi".into()) }),
        })
    );
    insta::assert_json_snapshot!("received", json(&Receipt { outcome: Some(outcome.clone()) }));
    let problem = Problem {
        outcome: Some(outcome),
        ..Problem::new(ProblemCode::ApprovalDecided, "Another device answered first.")
    };
    insta::assert_json_snapshot!("problem", json(&problem));
    insta::assert_json_snapshot!("evidence", json(&fixture.evidence()));
    insta::assert_json_snapshot!("trust", json(&fixture.trust()));
}

#[test]
fn discovery_document() {
    let at = |path: &str| format!("https://id.acme.example{path}");
    insta::assert_json_snapshot!(
        "discovery",
        json(&Discovery {
            issuer: "https://id.acme.example".parse().expect("an issuer"),
            countersign_version: 1,
            mode: Mode::Test,
            registration_endpoint: at("/push/register"),
            revocation_endpoint: at("/push/revoke"),
            key_rotation_endpoint: None,
            device_management_endpoint: None,
            device_jwks_uri: at("/push/jwks"),
            manifest_uri: at("/push/manifests"),
            challenge_endpoint: at("/push/challenges"),
            stream_endpoint: at("/push/stream"),
            credential_endpoint: at("/push/credential"),
            delivery_modes_supported: vec!["stream".into(), "poll".into(), "push".into()],
            fallback_order: vec!["stream".into(), "poll".into()],
            interaction_type_supported: InteractionType::ALL.to_vec(),
            minimum_interaction_type: InteractionType::Boolean,
            registration_token_ttl: 300,
            signing_alg_values_supported: vec!["ES256".into()],
            client_attestation_required: false,
            max_devices_per_user: 20,
            push_wait_timeout_seconds: 25,
            error_response_format: "application/problem+json".into(),
            approval_key_types_supported: Vec::new(),
            passkeys: None,
            resume: Some(ResumePolicy::Link),
            resume_endpoint: Some(at("/push/resume")),
            shared: Some(SharedPolicy::Allowed),
            device_endpoint: Some(at("/push/device")),
            push_types_supported: vec!["web_push".into()],
            vapid_public_key: Some(
                "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs".into()
            ),
            push_services: Some(vec!["*.push.example.net".into()]),
            support: Some(Support { phone: Some("+49 30 1234".into()), url: None }),
        })
    );
}

#[test]
fn problem_codes_and_their_status() {
    let table: BTreeMap<_, _> = ProblemCode::ALL.iter().map(|code| (code.as_str(), code.status())).collect();
    assert_eq!(table.len(), ProblemCode::ALL.len());
    insta::assert_json_snapshot!("problem_codes", table);
}

#[test]
fn names_that_this_version_does_not_know_are_read_in_safe_words() {
    use countersign_protocol::challenge::ContextSource;
    use countersign_protocol::enrollment::ConfirmedBy;
    use countersign_protocol::interaction::UserVerification;
    use countersign_protocol::kind::Kind;
    use countersign_protocol::notice::DeviceEvent;
    use countersign_protocol::refusal::RefusalCode;
    use countersign_protocol::registration::{Confirm, DeviceClass, KeyProtection};
    use countersign_protocol::revocation::RevokedBy;
    fn read<T: serde::de::DeserializeOwned>() -> T {
        serde_json::from_str(r#""something_newer""#).expect("an unknown name is no error")
    }
    assert_eq!(read::<Kind>(), Kind::Other);
    assert_eq!(read::<InteractionType>(), InteractionType::Unknown);
    assert_eq!(read::<UserVerification>(), UserVerification::Required);
    assert_eq!(read::<Ending>(), Ending::Unknown);
    assert_eq!(read::<Mode>(), Mode::Test);
    assert_eq!(read::<ResumePolicy>(), ResumePolicy::Off);
    assert_eq!(read::<SharedPolicy>(), SharedPolicy::Refused);
    assert_eq!(read::<DeviceClass>(), DeviceClass::Automated);
    assert_eq!(read::<DeviceStatus>(), DeviceStatus::Unconfirmed);
    assert_eq!(read::<KeyProtection>(), KeyProtection::Memory);
    assert_eq!(read::<Confirm>(), Confirm::Code);
    assert_eq!(read::<ConfirmedBy>(), ConfirmedBy::None);
    assert_eq!(read::<RevokedBy>(), RevokedBy::Operator);
    assert_eq!(read::<DeviceEvent>(), DeviceEvent::Unknown);
    assert_eq!(read::<RefusalCode>(), RefusalCode::Unverifiable);
    assert_eq!(read::<ContextSource>(), ContextSource::Client);
    assert_eq!(read::<PushState>(), PushState::None);
    assert_eq!(read::<ProblemCode>(), ProblemCode::Unknown);
    assert!(serde_json::from_str::<countersign_protocol::answer::Decision>(r#""maybe""#).is_err(), "no third answer");
}

#[test]
fn the_commitment_is_over_raw_salt_and_ascii_value() {
    let (drawn, opening) =
        interaction::generate(InteractionType::NumberChoose, &CountingRandom::from_count(3)).expect("a number");
    assert!(drawn.is_well_formed());
    assert!(drawn.choices.as_ref().is_some_and(|choices| choices.contains(&opening.value)));
    let salt = countersign_jose::base64url::decode(&opening.salt).expect("base64url");
    assert_eq!(drawn.commitment, Some(Hash::of([salt, opening.value.clone().into_bytes()].concat())));
    assert!(opening.matches(&opening.value) && !opening.matches("9") && !opening.matches(""));
}

#[test]
fn a_thumbprint_names_the_key_of_its_message() {
    let fixture = Fixture::new();
    let kid: Thumbprint = fixture.statement().kid().expect("a statement");
    assert_eq!(kid, *fixture.gateway.public_key().thumbprint());
    let copy = PrivateKey::from_bytes(private_key(2).expose_bytes()).expect("a key");
    assert_eq!(copy.public_key(), fixture.gateway.public_key());
}
