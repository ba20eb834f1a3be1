//! Known attacks on the parts that live in this crate, each named for its row in docs/threat-model.md: the unaltered input is
//! accepted, the altered one refused with its reason. Nothing here holds state; what the gateway and the device keep is tested
//! where they are.

use countersign_jose::clock::Timestamp;
use countersign_jose::json::Reason;
use countersign_jose::key::Signer as _;
use countersign_protocol::answer::{Answer, Decision, VerificationNeeded};
use countersign_protocol::challenge::{Challenge, ChallengeError};
use countersign_protocol::details::Details;
use countersign_protocol::dispute::Dispute;
use countersign_protocol::dpop::{DpopError, DpopProof, ExpectedRequest};
use countersign_protocol::enrollment::{EnrollmentError, EnrollmentStatement, VerifiedEnrollment};
use countersign_protocol::evidence::{Evidence, EvidenceError};
use countersign_protocol::id::ChallengeId;
use countersign_protocol::interaction::{Interaction, UserVerification};
use countersign_protocol::jws::{Claims, Compact, JwsError};
use countersign_protocol::kind::Kind;
use countersign_protocol::link::{EnrollmentLink, LinkError};
use countersign_protocol::manifest::{Manifest, ManifestChain, ManifestError};
use countersign_protocol::notice::DeviceNotice;
use countersign_protocol::outcome::{Ending, Outcome, OutcomeError};
use countersign_protocol::refusal::Refusal;
use countersign_protocol::registration::{ApprovalProof, KeyProof, ProofError, RegistrationToken, TokenError};
use countersign_protocol::revocation::{NoticeError, Revocation};
use countersign_testing::fixture::{Fixture, NOW, PAYMENT, forge};
use serde_json::json;

#[test]
fn attack_08_changed_details_are_noticed_at_each_hop() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let challenge = fixture.verified();
    let answer = fixture.approval_of(&challenge);
    let hash = answer.hash();

    // Gateway → device: even the gateway's own key can't pass off another amount as what was answered.
    let mut dearer = fixture.challenge();
    dearer.authorization_details_json = dearer.authorization_details_json.map(|d| d.replace("4.20", "42.00"));
    let dearer = fixture.sign_challenge(&dearer);
    let dearer_verified = Challenge::verify(&dearer, &fixture.expected(&keys)).expect("a sound challenge, but another");
    assert_ne!(dearer_verified.hash(), challenge.hash());

    // Gateway → device, outcome: about the challenge that was answered, not about the dearer one.
    let outcome = fixture.sign_outcome(&fixture.outcome(&challenge, Ending::Approved, Some(&answer)));
    assert!(Outcome::verify(&outcome, &keys, &fixture.concerned(&challenge, Some(&hash))).is_ok());
    assert_eq!(
        Outcome::verify(&outcome, &keys, &fixture.concerned(&dearer_verified, Some(&hash))),
        Err(OutcomeError::OtherChallenge)
    );

    // Evidence: the answer does not stretch to the dearer challenge, nor to another transcript.
    let trust = [fixture.trust()];
    let evidence = fixture.evidence();
    assert!(evidence.verify(Some(&trust)).is_ok());
    let swapped = Evidence { challenge: dearer, ..evidence.clone() };
    assert_eq!(swapped.verify(Some(&trust)), Err(EvidenceError::Answer));
    let retold = Evidence { transcript: evidence.transcript.as_ref().map(|t| t.replace("4.20", "4.21")), ..evidence };
    assert_eq!(retold.verify(Some(&trust)), Err(EvidenceError::Transcript));

    // Request → token: white space is part of what was signed.
    let details = Details::parse(PAYMENT).expect("sound details");
    let tidied = Details::parse(&PAYMENT.replace(", ", ",")).expect("sound details");
    assert_ne!(details.hash(), tidied.hash());
}

#[test]
fn attack_08_a_challenge_that_calls_itself_less_than_it_is_is_refused() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let verify = |change: fn(&mut Challenge)| {
        let mut claims = fixture.challenge();
        change(&mut claims);
        Challenge::verify(&fixture.sign_challenge(&claims), &fixture.expected(&keys)).map(|_| ())
    };
    assert_eq!(verify(|_| {}), Ok(()));
    assert_eq!(verify(|c| c.kind = Kind::Device), Ok(()), "a stricter kind is the gateway's right");
    assert_eq!(verify(|c| c.kind = Kind::Login), Err(ChallengeError::WeakerKind));
    assert_eq!(verify(|c| c.kind = Kind::Consent), Err(ChallengeError::WeakerKind));
    assert_eq!(
        verify(|c| {
            c.kind = Kind::Login;
            c.authorization_details_json = None;
            c.scope = Some("openid transfer".into());
        }),
        Err(ChallengeError::WeakerKind)
    );
    assert_eq!(verify(|c| c.interaction.commitment = None), Err(ChallengeError::Interaction));
    assert!(matches!(
        verify(|c| c.authorization_details_json = Some("[{\"type\":\"x\",\"a\":\"\u{202e}\"}]".into())),
        Err(ChallengeError::Details(_))
    ));
}

#[test]
fn attack_09_nothing_signed_for_one_place_serves_in_another() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let other = Fixture::named("https://id.other.example", 100);

    // A challenge: another device, user, issuer; after its end; from the future.
    let claims = fixture.challenge();
    let verify =
        |claims: &Challenge| Challenge::verify(&fixture.sign_challenge(claims), &fixture.expected(&keys)).map(|_| ());
    assert_eq!(verify(&claims), Ok(()));
    assert_eq!(verify(&Challenge { aud: other.device.clone(), ..claims.clone() }), Err(ChallengeError::Audience));
    assert_eq!(
        verify(&Challenge { sub: "bob".parse().expect("a subject"), ..claims.clone() }),
        Err(ChallengeError::Audience)
    );
    assert_eq!(verify(&Challenge { iss: other.issuer.clone(), ..claims.clone() }), Err(ChallengeError::Audience));
    assert_eq!(verify(&Challenge { iat: NOW - 200, exp: NOW, ..claims.clone() }), Err(ChallengeError::Expired));
    assert_eq!(verify(&Challenge { iat: NOW + 121, exp: NOW + 200, ..claims.clone() }), Err(ChallengeError::Times));
    assert_eq!(verify(&Challenge { exp: NOW + 4 * 86_400, ..claims.clone() }), Err(ChallengeError::Times));
    let by_other = other.sign_challenge(&claims);
    assert!(matches!(
        Challenge::verify(&by_other, &fixture.expected(&keys)),
        Err(ChallengeError::Jws(JwsError::UnknownKey(_)))
    ));

    // An outcome: another device, another answer, a wrong opening.
    let challenge = fixture.verified();
    let answer = fixture.approval_of(&challenge);
    let hash = answer.hash();
    let outcome = fixture.outcome(&challenge, Ending::Approved, Some(&answer));
    let check = |outcome: &Outcome, given| {
        Outcome::verify(&fixture.sign_outcome(outcome), &keys, &fixture.concerned(&challenge, given)).map(|_| ())
    };
    assert_eq!(check(&outcome, Some(&hash)), Ok(()));
    assert_eq!(check(&outcome, None), Err(OutcomeError::Inconsistent), "approved, though this device said nothing");
    assert_eq!(
        check(&Outcome { answer_hash: None, ..outcome.clone() }, Some(&hash)),
        Err(OutcomeError::Inconsistent),
        "approved by nothing"
    );
    assert_eq!(
        check(&Outcome { aud: other.device.clone(), ..outcome.clone() }, Some(&hash)),
        Err(OutcomeError::Audience)
    );
    let mut moved = outcome.clone();
    moved.opening.as_mut().expect("it has one").value = "000000".into();
    assert_eq!(check(&moved, Some(&hash)), Err(OutcomeError::Inconsistent), "the goal was moved after the shot");

    // A registration token: another issuer, endpoint, time, key; a proof: another token.
    let token = fixture.registration_token();
    let endpoint = fixture.issuer.endpoint("/push/register");
    let open = |token: &RegistrationToken, now: Timestamp| {
        let compact = Compact::sign(token, &fixture.link).expect("the link key signs");
        RegistrationToken::verify(&compact, &fixture.device_keys(), &fixture.issuer, &endpoint, now).map(|_| ())
    };
    assert_eq!(open(&token, fixture.now), Ok(()));
    assert_eq!(open(&token, Timestamp::from_seconds(token.exp)), Err(TokenError::Expired));
    assert_eq!(
        open(&RegistrationToken { exp: token.iat + 601, ..token.clone() }, fixture.now),
        Err(TokenError::Expired)
    );
    assert_eq!(
        open(&RegistrationToken { iss: other.issuer.clone(), ..token.clone() }, fixture.now),
        Err(TokenError::OtherIssuer)
    );
    assert_eq!(
        open(&RegistrationToken { aud: other.issuer.endpoint("/push/register"), ..token.clone() }, fixture.now),
        Err(TokenError::Audience)
    );
    let (claims, request) = fixture.registration_request();
    assert_eq!(
        request.verify_proof(&claims, None).map(|proven| proven.public_key().clone()),
        Ok(fixture.approval.public_key().clone())
    );
    let mut replayed = request.clone();
    replayed.public_key = other.transport.public_key().clone();
    assert_eq!(replayed.verify_proof(&claims, None), Err(ProofError::Mismatch), "another transport key");
    let mut replayed = request.clone();
    replayed.registration_token =
        Compact::sign(&fixture.registration_token(), &fixture.link).expect("the link key signs");
    assert_eq!(replayed.verify_proof(&claims, None), Err(ProofError::Mismatch), "another token");
    let mut one_key = request.clone();
    one_key.public_key = fixture.approval.public_key().clone();
    assert_eq!(one_key.verify_proof(&claims, None), Err(ProofError::SameKey));

    // A DPoP proof: another method, URL, credential, time.
    let url = fixture.issuer.endpoint("/push/challenges");
    let proof = fixture.dpop();
    let right = ExpectedRequest { method: "GET", url: &url, token: "credential", now: fixture.now };
    assert!(DpopProof::verify(&proof, &right).is_ok());
    let refused = |expected: ExpectedRequest<'_>| DpopProof::verify(&proof, &expected).expect_err("another request");
    assert_eq!(refused(ExpectedRequest { method: "POST", ..right }), DpopError::Request);
    assert_eq!(refused(ExpectedRequest { url: "https://id.acme.example/push/stream", ..right }), DpopError::Request);
    assert_eq!(refused(ExpectedRequest { token: "another", ..right }), DpopError::AccessToken);
    assert_eq!(refused(ExpectedRequest { now: fixture.now.plus_seconds(121), ..right }), DpopError::Time);
    assert_eq!(refused(ExpectedRequest { now: Timestamp::from_seconds(NOW - 121), ..right }), DpopError::Time);

    // A revocation and a notice: another device's.
    let revocation = Compact::sign(&fixture.revocation(), &fixture.gateway).expect("the gateway signs");
    assert!(Revocation::verify(&revocation, &keys, &fixture.device, &fixture.subject).is_ok());
    assert_eq!(Revocation::verify(&revocation, &keys, &other.device, &fixture.subject), Err(NoticeError::Audience));
    let notice = Compact::sign(&fixture.notice(), &fixture.gateway).expect("the gateway signs");
    assert!(DeviceNotice::verify(&notice, &keys, &fixture.device, &fixture.subject).is_ok());
    assert_eq!(DeviceNotice::verify(&notice, &keys, &other.device, &fixture.subject), Err(NoticeError::Audience));
}

#[test]
fn attack_09_keys_can_be_neither_unsaid_nor_slipped_in() {
    let fixture = Fixture::new();
    let root = fixture.root.public_key().thumbprint();
    let [first, second] = <[_; 2]>::try_from(fixture.manifests()).expect("two manifests");
    let verify = |manifests: Vec<Compact<Manifest>>, seen: Option<&_>| {
        ManifestChain { manifests }.verify(&fixture.issuer, root, seen).map(|_| ())
    };
    let head = second.hash();
    assert_eq!(verify(vec![first.clone(), second.clone()], Some(&head)), Ok(()));
    assert_eq!(verify(vec![first.clone()], Some(&head)), Err(ManifestError::Rewritten), "rolled back");
    assert_eq!(verify(vec![second.clone()], None), Err(ManifestError::Broken), "its beginning cut off");
    assert_eq!(verify(vec![first.clone(), second.clone(), second.clone()], None), Err(ManifestError::Broken));
    assert_eq!(verify(vec![], None), Err(ManifestError::Empty));

    let mut dropped = second.peek().expect("a manifest");
    dropped.keys.remove(0);
    let dropped = Compact::sign(&dropped, &fixture.root).expect("the root signs");
    assert_eq!(verify(vec![first.clone(), dropped], None), Err(ManifestError::Broken), "a key was unsaid");

    let mut shortened = second.peek().expect("a manifest");
    shortened.keys[0].until = shortened.iat;
    let retired = Compact::sign(&shortened, &fixture.root).expect("the root signs");
    assert_eq!(verify(vec![first.clone(), retired], None), Ok(()), "a key retires early");
    shortened.keys[0].until = shortened.iat - 1;
    let backdated = Compact::sign(&shortened, &fixture.root).expect("the root signs");
    assert_eq!(verify(vec![first.clone(), backdated], None), Err(ManifestError::Broken), "its past was unsaid");

    let mut misnamed = second.peek().expect("a manifest");
    misnamed.keys[1].kid = *fixture.root.public_key().thumbprint();
    let misnamed = Compact::sign(&misnamed, &fixture.root).expect("the root signs");
    assert_eq!(verify(vec![first.clone(), misnamed], None), Err(ManifestError::Broken));

    let other = Fixture::named("https://id.acme.example", 100);
    assert_eq!(
        other.chain().verify(&fixture.issuer, root, None).map(|_| ()),
        Err(ManifestError::OtherRoot),
        "the same name under another root"
    );
    let by_gateway = Compact::sign(&second.peek().expect("a manifest"), &fixture.gateway).expect("the gateway signs");
    assert!(matches!(verify(vec![first, by_gateway], None), Err(ManifestError::Jws(JwsError::UnknownKey(_)))));

    let statement = fixture.statement();
    let keys = fixture.keys();
    assert!(VerifiedEnrollment::verify(std::slice::from_ref(&statement), &keys).is_ok());
    assert_eq!(
        VerifiedEnrollment::verify(&[statement.clone(), statement], &keys),
        Err(EnrollmentError::Broken),
        "a statement does not follow itself"
    );
}

#[test]
fn attack_09_a_revoked_key_signs_nothing_more() {
    let fixture = Fixture::new();
    let [first, second] = <[_; 2]>::try_from(fixture.manifests()).expect("two manifests");
    let mut third = second.peek().expect("a manifest");
    third.sequence = 3;
    third.prev = Some(second.hash());
    third.keys[0].revoked_at = Some(NOW - 60);
    let third = Compact::sign(&third, &fixture.root).expect("the root signs");
    let chain = ManifestChain { manifests: vec![first, second, third] };
    let keys = chain.verify(&fixture.issuer, fixture.root.public_key().thumbprint(), None).expect("a sound chain");
    let refused = Challenge::verify(&fixture.sign_challenge(&fixture.challenge()), &fixture.expected(&keys));
    assert!(matches!(refused, Err(ChallengeError::Jws(JwsError::UnknownKey(_)))), "{refused:?}");
    assert!(VerifiedEnrollment::verify(&[fixture.statement()], &keys).is_ok(), "what it signed before still holds");
}

#[test]
fn attack_10_an_outcome_that_contradicts_the_answer_is_no_evidence() {
    let fixture = Fixture::new();
    let trust = [fixture.trust()];
    let evidence = fixture.evidence();
    assert!(evidence.verify(Some(&trust)).is_ok());
    let challenge = fixture.verified();
    let denial = fixture.denial_of(&challenge);
    let outcome = |ending, answer: &Compact<Answer>| {
        Some(fixture.sign_outcome(&fixture.outcome(&challenge, ending, Some(answer))))
    };
    let contradicting = |answer: &Compact<Answer>, ending| {
        Evidence { answer: Some(answer.clone()), outcome: outcome(ending, answer), ..evidence.clone() }
            .verify(Some(&trust))
            .map(|_| ())
    };
    assert_eq!(contradicting(&denial, Ending::Denied), Ok(()));
    assert_eq!(contradicting(&denial, Ending::Approved), Err(EvidenceError::Contradiction));
    let approval = fixture.approval_of(&challenge);
    assert_eq!(contradicting(&approval, Ending::Denied), Err(EvidenceError::Contradiction));
    let without = Evidence { answer: None, transcript: None, ..evidence.clone() };
    assert_eq!(without.verify(Some(&trust)), Err(EvidenceError::Outcome(OutcomeError::Inconsistent)));
}

#[test]
fn a_dispute_stands_beside_the_verdict_and_follows_from_it() {
    let fixture = Fixture::new();
    let trust = [fixture.trust()];
    let evidence = fixture.disputed_evidence();
    let report = evidence.verify(Some(&trust)).expect("a disputed approval");
    assert_eq!((report.ending, report.disputed), (Some(Ending::Approved), true));
    assert!(!fixture.evidence().verify(Some(&trust)).expect("sound").disputed);

    let contradicts =
        |evidence: &Evidence| evidence.verify(Some(&trust)).map(|_| ()) == Err(EvidenceError::Contradiction);
    assert!(contradicts(&Evidence { outcome: None, ..evidence.clone() }), "a second statement without the first");
    assert!(contradicts(&Evidence { disputed: evidence.outcome.clone(), ..evidence.clone() }), "the first once more");
    let second = evidence.disputed.as_ref().and_then(|second| second.peek().ok()).expect("it has one");
    let astray = Outcome { replaces: Some(fixture.statement().hash()), ..second };
    assert!(contradicts(&Evidence { disputed: Some(fixture.sign_outcome(&astray)), ..evidence }), "of another verdict");
}

#[test]
fn admitting_a_device_always_takes_a_number_and_a_verified_person() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let verify = |change: fn(&mut Challenge)| {
        let mut claims = fixture.challenge();
        claims.kind = Kind::Device;
        change(&mut claims);
        Challenge::verify(&fixture.sign_challenge(&claims), &fixture.expected(&keys)).map(|_| ())
    };
    assert_eq!(verify(|_| {}), Ok(()));
    assert_eq!(verify(|c| c.interaction = Interaction::boolean()), Err(ChallengeError::Interaction));
    assert_eq!(verify(|c| c.user_verification = UserVerification::Preferred), Err(ChallengeError::Interaction));
}

fn signed_proof(proof: KeyProof) -> String {
    match proof {
        KeyProof::Signed(proof) => proof.into_string(),
        other => panic!("a P-256 key signs its proof: {other:?}"),
    }
}

/// One compact message of each kind, with the kind's `typ`.
fn one_of_each(fixture: &Fixture) -> Vec<(&'static str, String)> {
    let challenge = fixture.verified();
    let answer = fixture.approval_of(&challenge);
    let (_, request) = fixture.registration_request();
    let by_gateway = |claims: &Outcome| fixture.sign_outcome(claims).into_string();
    vec![
        (RegistrationToken::TYP, request.registration_token.into_string()),
        (ApprovalProof::TYP, signed_proof(request.approval_proof)),
        (Manifest::TYP, fixture.manifests().remove(0).into_string()),
        (EnrollmentStatement::TYP, fixture.statement().into_string()),
        (Challenge::TYP, challenge.compact().as_str().to_owned()),
        (Answer::TYP, answer.as_str().to_owned()),
        (Outcome::TYP, by_gateway(&fixture.outcome(&challenge, Ending::Approved, Some(&answer)))),
        (Refusal::TYP, Compact::sign(&fixture.refusal(&challenge), &fixture.transport).expect("signs").into_string()),
        (Dispute::TYP, Compact::sign(&fixture.dispute(&challenge), &fixture.transport).expect("signs").into_string()),
        (Revocation::TYP, Compact::sign(&fixture.revocation(), &fixture.gateway).expect("signs").into_string()),
        (DeviceNotice::TYP, Compact::sign(&fixture.notice(), &fixture.gateway).expect("signs").into_string()),
        (DpopProof::TYP, fixture.dpop().into_string()),
    ]
}

#[test]
fn attack_11_no_kind_of_message_passes_for_another() {
    let fixture = Fixture::new();
    let signers = [&fixture.root, &fixture.gateway, &fixture.link, &fixture.transport, &fixture.approval];
    let all: Vec<_> = signers.iter().map(|signer| signer.public_key().clone()).collect();
    let known = |kid: &_| all.iter().find(|key| key.thumbprint() == kid);
    macro_rules! opens {
        ($text:expr; $($kind:ty),*) => {
            [$((<$kind>::TYP, Compact::<$kind>::from_text($text).verify(known).map(|_| ()))),*]
        };
    }
    let messages = one_of_each(&fixture);
    for (typ, text) in &messages {
        let results = opens!(
            text.as_str();
            RegistrationToken, ApprovalProof, Manifest, EnrollmentStatement, Challenge, Answer, Outcome, Refusal, Dispute,
            Revocation, DeviceNotice
        );
        for (as_typ, result) in results {
            if as_typ == *typ {
                assert_eq!(result, Ok(()), "{typ} is itself");
            } else if *typ == DpopProof::TYP {
                assert_eq!(result, Err(JwsError::Header), "a proof brings its own key");
            } else {
                assert_eq!(result, Err(JwsError::Typ(as_typ)), "{typ} as {as_typ}");
            }
        }
        let as_proof = Compact::<DpopProof>::from_text(text.as_str()).verify_with_own_key().map(|_| ());
        assert_eq!(as_proof.is_ok(), *typ == DpopProof::TYP, "{typ} as {}", DpopProof::TYP);
    }
    let kinds: std::collections::BTreeSet<_> = messages.iter().map(|(typ, _)| typ).collect();
    assert_eq!(kinds.len(), messages.len(), "each kind has its own typ");
}

#[test]
fn attack_11_only_es256_by_a_known_key_and_no_other_header() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let payload = serde_json::to_vec(&fixture.challenge()).expect("claims are JSON");
    let kid = fixture.gateway.public_key().thumbprint().to_string();
    let verify = |text: String| match Challenge::verify(&Compact::from_text(text), &fixture.expected(&keys)) {
        Ok(_) => Ok(()),
        Err(ChallengeError::Jws(why)) => Err(why),
        Err(other) => panic!("{other:?}"),
    };
    let with = |header| verify(forge(&header, &payload, &fixture.gateway));
    assert_eq!(with(json!({"alg":"ES256","typ":Challenge::TYP,"kid":kid})), Ok(()));
    for alg in ["none", "HS256", "ES384", "RS256", "es256", ""] {
        assert_eq!(with(json!({"alg":alg,"typ":Challenge::TYP,"kid":kid})), Err(JwsError::Header), "{alg}");
    }
    for (name, value) in [
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("jku", json!("https://evil.example/jwks")),
        ("jwk", serde_json::to_value(fixture.gateway.public_key()).expect("a key is JSON")),
        ("x5u", json!("https://evil.example/x5u")),
        ("x5c", json!([])),
        ("cty", json!("JWT")),
    ] {
        let mut header = json!({"alg":"ES256","typ":Challenge::TYP,"kid":kid});
        header[name] = value;
        assert_eq!(with(header), Err(JwsError::Header), "{name}");
    }
    assert_eq!(with(json!({"alg":"ES256","typ":Challenge::TYP})), Err(JwsError::Header));
    assert_eq!(with(json!({"alg":"ES256","typ":"JWT","kid":kid})), Err(JwsError::Typ(Challenge::TYP)));

    // An HMAC keyed with the public key, and no signature at all.
    let signed = fixture.sign_challenge(&fixture.challenge());
    let unsigned = format!("{}.", signed.signed_part());
    assert_eq!(verify(unsigned), Err(JwsError::Malformed));
    let padded = format!("{}==", signed.as_str());
    assert_eq!(verify(padded), Err(JwsError::Malformed));
    let by_stranger = forge(&json!({"alg":"ES256","typ":Challenge::TYP,"kid":kid}), &payload, &fixture.transport);
    assert_eq!(verify(by_stranger), Err(JwsError::Signature), "a stranger under the gateway's name");
}

#[test]
fn attack_17_the_clients_id_is_no_id_of_the_devices_side() {
    let auth_req_id = "1c266114-a1be-4252-8ad1-04986c5b9ac1";
    assert!("ch_1c266114-a1be-4252-8ad1-04986c5b9ac1".parse::<ChallengeId>().is_ok());
    assert!(auth_req_id.parse::<ChallengeId>().is_err());
    assert!("ap_coffee".parse::<ChallengeId>().is_err(), "nor is an approval's");
    let fixture = Fixture::new();
    let mut claims = serde_json::to_value(fixture.challenge()).expect("claims are JSON");
    claims["jti"] = auth_req_id.into();
    let kid = fixture.gateway.public_key().thumbprint().to_string();
    let text =
        forge(&json!({"alg":"ES256","typ":Challenge::TYP,"kid":kid}), claims.to_string().as_bytes(), &fixture.gateway);
    let keys = fixture.keys();
    let refused = Challenge::verify(&Compact::from_text(text), &fixture.expected(&keys));
    assert!(matches!(refused, Err(ChallengeError::Jws(JwsError::Payload(_)))), "{refused:?}");
}

#[test]
fn a_link_is_read_however_mail_programs_editors_and_chats_wrapped_it() {
    let fixture = Fixture::new();
    let token = Compact::sign(&fixture.registration_token(), &fixture.link).expect("signs").into_string();
    let good = format!("https://id.acme.example/push/enroll#{token}");
    let link = good.parse::<EnrollmentLink>().expect("the issuer's own link");
    let wrapped = |width: usize, line_end: &str| {
        let characters: Vec<char> = good.chars().collect();
        characters.chunks(width).map(|line| line.iter().collect::<String>()).collect::<Vec<_>>().join(line_end)
    };
    for text in [
        wrapped(76, "\n"),
        wrapped(76, "\r\n  "),
        wrapped(75, "=\r\n"),
        format!("<{good}>"),
        format!("<URL:{good}>."),
        format!("\"{good}\","),
        format!("\u{feff}{good}"),
        format!("\n\n{good}\n"),
        good.replacen('#', "%23", 1),
        format!("<{}>", wrapped(70, "\n").replacen('#', "%23", 1)),
        format!("countersign://enroll?link={}", good.replacen('#', "%23", 1)),
        format!("countersign://enroll?link=\n{}", good.replacen('#', "%23", 1)),
    ] {
        assert_eq!(text.parse::<EnrollmentLink>().as_ref(), Ok(&link), "{text:?}");
    }
    for length in [good.len() - 1, good.len() - 40] {
        assert_eq!(good[..length].parse::<EnrollmentLink>(), Err(LinkError::CutOff));
    }
}

#[test]
fn attack_19_a_link_leads_nowhere_but_to_the_issuer_that_made_it() {
    let fixture = Fixture::new();
    let token = Compact::sign(&fixture.registration_token(), &fixture.link).expect("signs").into_string();
    let good = format!("https://id.acme.example/push/enroll#{token}");
    let link = good.parse::<EnrollmentLink>().expect("the issuer's own link");
    assert_eq!(link.issuer(), &fixture.issuer);
    assert_eq!(link.expose(), good);
    let encoded: String = url::form_urlencoded::byte_serialize(good.as_bytes()).collect();
    assert_eq!(format!("countersign://enroll?link={encoded}").parse::<EnrollmentLink>(), Ok(link));
    assert!(format!("  {good}\n").parse::<EnrollmentLink>().is_ok(), "as pasted");

    let refused = |text: String| text.parse::<EnrollmentLink>().expect_err("not the issuer's own");
    for elsewhere in
        ["https://evil.example/push/enroll", "https://id.acme.example:444/push/enroll", "http://127.0.0.1/push/enroll"]
    {
        assert_eq!(refused(format!("{elsewhere}#{token}")), LinkError::OtherIssuer, "{elsewhere}");
    }
    assert!(matches!(refused(format!("http://id.acme.example/push/enroll#{token}")), LinkError::Address(_)));
    assert!(matches!(
        refused(format!("https://id.acme.example@evil.example/push/enroll#{token}")),
        LinkError::Address(_)
    ));
    assert_eq!(refused("https://id.acme.example/push/enroll".into()), LinkError::NotALink);
    assert!(matches!(refused("https://id.acme.example/push/enroll#x".into()), LinkError::Token(_)));
    let challenge = fixture.sign_challenge(&fixture.challenge());
    assert!(matches!(
        refused(format!("https://id.acme.example/push/enroll#{}", challenge.as_str())),
        LinkError::Token(JwsError::Typ(_))
    ));
    for other in ["approve", "answer", "enroll/x"] {
        assert!(
            format!("countersign://{other}?link={encoded}&id=ch_coffee").parse::<EnrollmentLink>().is_err(),
            "{other}"
        );
    }

    let tenant = Fixture::named("https://id.acme.example/tenant", 0);
    let token = Compact::sign(&tenant.registration_token(), &tenant.link).expect("signs").into_string();
    assert!(format!("https://id.acme.example/tenant/push/enroll#{token}").parse::<EnrollmentLink>().is_ok());
    for elsewhere in ["/push/enroll", "/tenant2/push/enroll", "/other/tenant/push/enroll"] {
        assert_eq!(
            refused(format!("https://id.acme.example{elsewhere}#{token}")),
            LinkError::OtherIssuer,
            "{elsewhere}"
        );
    }
}

#[test]
fn attack_21_approving_without_verification_needs_the_challenges_leave() {
    use countersign_protocol::answer::TransportKey;
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let approve = |verification| {
        let mut claims = fixture.challenge();
        claims.user_verification = verification;
        let challenge = Challenge::verify(&fixture.sign_challenge(&claims), &fixture.expected(&keys)).expect("sound");
        let draft = fixture.draft(&challenge, &fixture.shown(&challenge));
        let answer = TransportKey::new(fixture.transport.public_key()).approve_unverified(draft, None)?;
        let answer = answer.sign(&fixture.transport).expect("signs");
        Ok::<_, VerificationNeeded>(answer.peek().expect("an answer").decision)
    };
    assert_eq!(approve(UserVerification::Discouraged), Ok(Decision::Approved));
    assert_eq!(approve(UserVerification::Preferred), Err(VerificationNeeded));
    assert_eq!(approve(UserVerification::Required), Err(VerificationNeeded));

    // And where it did not: an approval by the transport key is no evidence.
    let challenge = fixture.verified();
    let mut claims = fixture.approval_of(&challenge).peek().expect("an answer");
    claims.amr = vec!["swk".into()];
    let answer = Compact::sign(&claims, &fixture.transport).expect("signs");
    let outcome = fixture.sign_outcome(&fixture.outcome(&challenge, Ending::Approved, Some(&answer)));
    let evidence = Evidence { answer: Some(answer), outcome: Some(outcome), ..fixture.evidence() };
    assert_eq!(evidence.verify(None), Err(EvidenceError::Answer));
}

#[test]
fn attack_27_oversized_deep_and_ambiguous_payloads_are_refused_though_signed() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let kid = fixture.gateway.public_key().thumbprint().to_string();
    let header = json!({"alg":"ES256","typ":Challenge::TYP,"kid":kid});
    let verify = |payload: &str| {
        let text = forge(&header, payload.as_bytes(), &fixture.gateway);
        match Challenge::verify(&Compact::from_text(text), &fixture.expected(&keys)) {
            Ok(_) => Ok(()),
            Err(ChallengeError::Jws(why)) => Err(why),
            Err(other) => panic!("{other:?}"),
        }
    };
    let good = serde_json::to_string(&fixture.challenge()).expect("claims are JSON");
    let with = |extra: &str| good.replacen('{', &format!("{{{extra},"), 1);
    assert_eq!(verify(&good), Ok(()));
    assert_eq!(verify(&with(r#""later":{"x":1}"#)), Ok(()), "unknown members are ignored");
    let reason = |payload: &str| match verify(payload) {
        Err(JwsError::Payload(why)) => why.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(&with(r#""jti":"ch_other""#)), Reason::DuplicateName);
    assert_eq!(reason(&with(r#""x":{"a":1,"\u0061":2}"#)), Reason::DuplicateName);
    assert_eq!(reason(&with(&format!(r#""x":{}1{}"#, "[".repeat(8), "]".repeat(8)))), Reason::TooDeep);
    assert_eq!(reason(&with(r#""x":1e9"#)), Reason::Exponent);
    assert_eq!(reason(&with(r#""x":9007199254740992"#)), Reason::NumberTooLarge);
    assert_eq!(reason(&with(r#""x":"\ud800""#)), Reason::LoneSurrogate);
    assert_eq!(verify(&with(r#""must_understand":["later"],"later":1"#)), Err(JwsError::Unsupported));
    assert_eq!(verify(&with(r#""must_underst\u0061nd":["later"],"later":1"#)), Err(JwsError::Unsupported));
    assert_eq!(verify(&with(r#""must_understand":["kind"]"#)), Ok(()));
    assert_eq!(verify(&with(r#""must_understand":"kind""#)), Err(JwsError::Unsupported));
    assert_eq!(verify(&with(&format!(r#""x":"{}""#, "x".repeat(16 * 1024)))), Err(JwsError::TooLarge));
}

#[test]
fn attack_32_practice_that_could_be_taken_for_a_request_is_refused() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let judged = |claims: &Challenge| Challenge::verify(&fixture.sign_challenge(claims), &fixture.expected(&keys));
    assert!(judged(&fixture.practice()).expect("sound practice").claims().practice);
    let real = fixture.challenge();
    type Alteration<'a> = (&'a str, &'a dyn Fn(&mut Challenge));
    let alterations: [Alteration<'_>; 14] = [
        ("a device without practice would ask in earnest", &|claims| claims.must_understand = None),
        ("it names something else", &|claims| claims.must_understand = Some(vec!["held".to_owned()])),
        ("another kind", &|claims| claims.kind = Kind::Payment),
        ("a client", &|claims| claims.client = real.client.clone()),
        ("a client's name", &|claims| claims.client.name = "Acme Coffee".to_owned()),
        ("not verified", &|claims| claims.client.verified = false),
        ("a message", &|claims| claims.binding_message = Some("Approve".to_owned())),
        ("a scope", &|claims| claims.scope = Some("openid".to_owned())),
        ("acr_values", &|claims| claims.acr_values = Some("urn:x".to_owned())),
        ("details", &|claims| claims.authorization_details_json = Some(r#"[{"type":"x"}]"#.to_owned())),
        ("context", &|claims| claims.context.clone_from(&real.context)),
        ("held", &|claims| claims.held = true),
        ("a number", &|claims| claims.interaction = real.interaction.clone()),
        ("without verification", &|claims| claims.user_verification = UserVerification::Discouraged),
    ];
    for (what, alter) in alterations {
        let mut claims = fixture.practice();
        alter(&mut claims);
        assert_eq!(judged(&claims).map(|_| ()), Err(ChallengeError::Practice), "{what}");
    }
    let refusal = ChallengeError::Practice.refusal();
    assert_eq!(refusal.map(|code| code.as_str()), Some("unsupported"));
}

#[test]
fn attack_32_practice_is_evidence_of_nothing() {
    let fixture = Fixture::new();
    let trust = [fixture.trust()];
    assert!(fixture.evidence().verify(Some(&trust)).is_ok());
    let challenge = fixture.sign_challenge(&fixture.practice());
    let bare = Evidence { challenge, answer: None, transcript: None, outcome: None, ..fixture.evidence() };
    assert_eq!(bare.verify(Some(&trust)), Err(EvidenceError::Practice));
    let outcome = fixture.evidence().outcome;
    assert_eq!(Evidence { outcome, ..bare.clone() }.verify(Some(&trust)), Err(EvidenceError::Practice));
    let answered = Evidence { challenge: bare.challenge, ..fixture.evidence() };
    assert_eq!(answered.verify(None), Err(EvidenceError::Practice));
}
