//! Attacks on a passkey's signatures and its creation, in the part that holds no state: the unaltered input is accepted, the
//! altered one refused with its reason.

use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_jose::key::Signer as _;
use countersign_protocol::answer::Answer;
use countersign_protocol::enrollment::{EnrollmentError, EnrollmentStatement, VerifiedEnrollment};
use countersign_protocol::evidence::{Evidence, EvidenceError};
use countersign_protocol::jws::{Compact, JwsError, Unsigned, VerifyingKey};
use countersign_protocol::outcome::{Ending, Outcome};
use countersign_protocol::webauthn::{
    Aaguid, Assertion, CreationProof, RelyingParty, StatedPasskey, WebAuthnError, registration_challenge,
};
use countersign_testing::fixture::{Fixture, private_key};
use countersign_testing::passkey::{self, AT, BE, BS, ED, SForm, TestPasskey, UP, UV, with_assertion, with_third_part};
use proptest::prelude::*;

const ORIGIN: &str = "https://id.acme.example";

fn passkey() -> TestPasskey {
    TestPasskey::new(private_key(9), ORIGIN)
}

/// The claims of an approval that a passkey signs.
fn claims(fixture: &Fixture) -> Answer {
    let challenge = fixture.verified();
    let draft = fixture.draft(&challenge, &fixture.shown(&challenge));
    draft.passkey_claims(Some(fixture.opening().value))
}

fn verify(answer: &Compact<Answer>, passkey: &TestPasskey) -> Result<(), JwsError> {
    let (key, stated) = (passkey.public_key(), passkey.stated());
    answer.verify_by(|kid| (kid == key.thumbprint()).then_some(VerifyingKey::Passkey(key, &stated))).map(|_| ())
}

fn webauthn(why: WebAuthnError) -> Result<(), JwsError> {
    Err(JwsError::WebAuthn(why))
}

/// What the passkey signs for an answer when its browser's data were changed.
fn with_client_data(passkey: &TestPasskey, change: impl Fn(String) -> String) -> Result<(), JwsError> {
    let input = passkey.signing_input(&claims(&Fixture::new()));
    let data = change(passkey.client_data("webauthn.get", &Hash::of(&input)));
    verify(&with_assertion(&input, &passkey.sign(data, passkey.authenticator_data())), passkey)
}

/// What the passkey signs for an answer with other authenticator data.
fn with_authenticator_data(passkey: &TestPasskey, data: Vec<u8>) -> Result<(), JwsError> {
    let input = passkey.signing_input(&claims(&Fixture::new()));
    let client_data = passkey.client_data("webauthn.get", &Hash::of(&input));
    verify(&with_assertion(&input, &passkey.sign(client_data, data)), passkey)
}

#[test]
fn attack_29_a_passkeys_signature_counts_for_one_answer_on_one_page() {
    let key = passkey();
    let altered = |from: &'static str, to: &'static str| with_client_data(&key, |data| data.replacen(from, to, 1));
    assert_eq!(with_client_data(&key, |data| data), Ok(()));
    assert_eq!(with_client_data(&key, |data| data.replace(r#","crossOrigin":false"#, "")), Ok(()), "Safari's, older");
    let more = r#"{"other_keys_can_be_added_here":"do not compare clientDataJSON against a template","#;
    assert_eq!(with_client_data(&key, |data| data.replacen('{', more, 1)), Ok(()), "members nobody knows");

    let other = Hash::of("another answer").to_string();
    let own = Hash::of(key.signing_input(&claims(&Fixture::new()))).to_string();
    assert_eq!(with_client_data(&key, |data| data.replace(&own, &other)), webauthn(WebAuthnError::Challenge));
    for origin in [
        "https://evil.example",
        "https://www.id.acme.example",
        "https://acme.example",
        "https://id.acme.example:8443",
        "http://id.acme.example",
        "https://id.acme.example/",
        "https://id.acme.example.evil.example",
        "null",
    ] {
        assert_eq!(altered(ORIGIN, origin), webauthn(WebAuthnError::Origin), "{origin}");
    }
    let crosses = webauthn(WebAuthnError::CrossOrigin);
    assert_eq!(altered("false", "true"), crosses);
    assert_eq!(altered("false", r#"false,"topOrigin":"https://evil.example""#), crosses);
    assert_eq!(altered("false", r#"false,"topOrigin":null"#), crosses);
    assert_eq!(altered("webauthn.get", "webauthn.create"), webauthn(WebAuthnError::Ceremony));
    assert_eq!(altered("webauthn.get", "payment.get"), webauthn(WebAuthnError::Ceremony));
    let shape = webauthn(WebAuthnError::ClientDataShape);
    assert_eq!(altered("false", "null"), shape);
    assert_eq!(altered("false", r#""false""#), shape);
    assert_eq!(altered(r#""origin""#, r#""Origin""#), shape);
    assert!(matches!(
        altered("{", r#"{"type":"webauthn.get","#),
        Err(JwsError::WebAuthn(WebAuthnError::ClientData(_)))
    ));
    assert!(matches!(altered("}", "} "), Ok(())), "white space around a JSON text is its own");
    assert!(matches!(altered("{", "\u{feff}{"), Err(JwsError::WebAuthn(WebAuthnError::ClientData(_)))));
}

#[test]
fn attack_29_a_passkeys_signature_says_that_the_person_was_verified() {
    let key = passkey();
    let flags = |flags| with_authenticator_data(&key, key.authenticator_data_with(flags, &[]));
    let good = UP | UV | BE | BS;
    assert_eq!(flags(good), Ok(()));
    assert_eq!(flags(UP | UV | BE), Ok(()), "not backed up at the moment");
    assert_eq!(flags(good & !UP), webauthn(WebAuthnError::UserPresence));
    assert_eq!(flags(good & !UV), webauthn(WebAuthnError::UserVerification));
    assert_eq!(flags(UP | UV), webauthn(WebAuthnError::BackupEligibility), "BE is another than stated");
    assert_eq!(flags(UP | UV | BS), webauthn(WebAuthnError::BackupState));
    let other = TestPasskey { rp_id: "evil.example".into(), ..key.clone() };
    assert_eq!(with_authenticator_data(&key, other.authenticator_data()), webauthn(WebAuthnError::RpId));
    let attested = key.authenticator_data_with(good | AT, &key.attested_credential());
    assert_eq!(with_authenticator_data(&key, attested), webauthn(WebAuthnError::AttestedCredential));

    // Extensions: one CBOR map to the end.
    let extended = |rest: &[u8]| with_authenticator_data(&key, key.authenticator_data_with(good | ED, rest));
    assert_eq!(extended(&[0xa1, 0x61, b'x', 0xf5]), Ok(()));
    for (name, rest) in [
        ("nothing", &[][..]),
        ("a byte after it", &[0xa0, 0x00]),
        ("no map", &[0x80]),
        ("a key twice", &[0xa2, 0x61, b'x', 0xf5, 0x61, b'x', 0xf4]),
        ("indefinite", &[0xbf, 0xff]),
    ] {
        assert_eq!(extended(rest), webauthn(WebAuthnError::AuthenticatorData), "{name}");
    }
    let broken = webauthn(WebAuthnError::AuthenticatorData);
    assert_eq!(with_authenticator_data(&key, key.authenticator_data_with(good, &[0xa0])), broken, "bytes without ED");
    assert_eq!(with_authenticator_data(&key, key.authenticator_data()[..36].to_vec()), broken);
    assert_eq!(with_authenticator_data(&key, key.authenticator_data_with(good | AT, &[])), broken, "AT and nothing");
}

#[test]
fn attack_29_a_passkeys_signature_has_one_form() {
    let key = passkey();
    let answer = key.sign_message(&claims(&Fixture::new()));
    assert_eq!(verify(&answer, &key), Ok(()));
    let input = key.signing_input(&claims(&Fixture::new()));
    let assertion = key.get(&Hash::of(&input));
    let part = assertion.to_third_part();
    assert_eq!(verify(&with_third_part(&answer, &part), &key), Ok(()), "the same once more");
    let parts: Vec<&str> = part.trim_matches(['{', '}']).split(',').collect();
    let form = webauthn(WebAuthnError::Form);
    for (name, part) in [
        ("a fourth member", part.replace('}', r#","user_handle":""}"#)),
        ("two members", format!("{{{},{}}}", parts[0], parts[1])),
        ("another order", format!("{{{},{},{}}}", parts[1], parts[0], parts[2])),
        ("a member twice", format!("{{{},{}}}", parts[0], part.trim_matches(['{', '}']))),
        ("white space within", part.replacen(',', ", ", 1)),
        ("white space after", format!("{part}\n")),
        ("an escape", part.replacen("signature", "s\\u0069gnature", 1)),
        ("padding", part.replacen(r#""}"#, r#"="}"#, 1)),
        ("nothing in it", "{}".to_owned()),
    ] {
        assert_eq!(verify(&with_third_part(&answer, &part), &key), form, "{name}");
    }
    assert_eq!(verify(&with_third_part(&answer, &format!(" {part}")), &key), Err(JwsError::Malformed));

    let too_large = webauthn(WebAuthnError::TooLarge);
    let with = |alter: &dyn Fn(&mut Assertion)| {
        let mut altered = assertion.clone();
        alter(&mut altered);
        verify(&with_assertion(&input, &altered), &key)
    };
    assert_eq!(with(&|a| a.authenticator_data.resize(1025, 0)), too_large);
    assert_eq!(with(&|a| a.client_data_json.resize(2049, b' ')), too_large);
    assert_eq!(with(&|a| a.signature.resize(73, 0)), too_large);
    // Up to the bound it is read.
    let padding = 2048 - key.client_data("webauthn.get", &Hash::of(&input)).len();
    let padded = format!("{}{}", " ".repeat(padding), key.client_data("webauthn.get", &Hash::of(&input)));
    let padded = key.sign(padded, key.authenticator_data());
    assert_eq!(verify(&with_assertion(&input, &padded), &key), Ok(()));
}

#[test]
fn attack_29_a_passkeys_der_signature_is_strict_and_s_may_be_high() {
    let low = passkey();
    let high = TestPasskey { s_form: SForm::High, ..low.clone() };
    let message = claims(&Fixture::new());
    let (one, other) = (low.sign_message(&message), high.sign_message(&message));
    assert_eq!(verify(&one, &low), Ok(()));
    assert_eq!(verify(&other, &low), Ok(()), "the other s holds as well");
    assert_ne!(one.as_str(), other.as_str());
    assert_eq!(one.signed_part(), other.signed_part(), "and so a signature is never an identity");

    let input = low.signing_input(&message);
    let sound = low.get(&Hash::of(&input));
    let with = |signature: Vec<u8>| verify(&with_assertion(&input, &Assertion { signature, ..sound.clone() }), &low);
    assert_eq!(with(sound.signature.clone()), Ok(()));
    let form = webauthn(WebAuthnError::SignatureForm);
    let one = [1_u8];
    for (name, signature) in [
        ("nothing", Vec::new()),
        ("a byte after it", [sound.signature.as_slice(), &[0]].concat()),
        ("a long length", [&[0x30, 0x81], &sound.signature[1..]].concat()),
        ("r zero", passkey::der(&[0], &one)),
        ("s zero", passkey::der(&one, &[0])),
        ("r = n", passkey::der(&passkey::N, &one)),
        ("s = n", passkey::der(&one, &passkey::N)),
        ("r beyond n", passkey::der(&[0xff; 32], &one)),
        ("s beyond n", passkey::der(&one, &[0xff; 32])),
        ("r of 33 bytes", passkey::der(&[1; 33], &one)),
        ("a negative r", vec![0x30, 0x06, 0x02, 0x01, 0x80, 0x02, 0x01, 0x01]),
        ("r with a zero too many", vec![0x30, 0x07, 0x02, 0x02, 0x00, 0x01, 0x02, 0x01, 0x01]),
        ("a third number", vec![0x30, 0x09, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01]),
        ("r and s without DER", vec![1; 64]),
    ] {
        assert_eq!(with(signature), form, "{name}");
    }
    assert_eq!(with(passkey::der(&one, &one)), webauthn(WebAuthnError::Signature));
    let stranger = TestPasskey::new(private_key(10), ORIGIN).get(&Hash::of(&input));
    assert_eq!(with(stranger.signature), webauthn(WebAuthnError::Signature), "by another key");
}

#[test]
fn attack_29_each_key_signs_in_its_own_way_alone() {
    let (fixture, key) = (Fixture::new(), passkey());
    let message = claims(&fixture);
    let by_passkey = key.sign_message(&message);
    let by_p256 = Compact::sign(&message, &fixture.approval).expect("signs");
    assert_eq!(verify(&by_passkey, &key), Ok(()));
    assert!(by_p256.verify(|_| Some(fixture.approval.public_key())).is_ok());

    // An ES256 answer under a webauthn key, and the reverse.
    let p256_key = private_key(9).into_signer();
    let es256 = Compact::sign(&message, &p256_key).expect("signs");
    assert_eq!(es256.verify_by(|_| Some(VerifyingKey::P256(key.public_key()))).map(|_| ()), Ok(()));
    assert_eq!(verify(&es256, &key), Err(JwsError::Algorithm));
    assert_eq!(by_passkey.verify(|_| Some(key.public_key())).map(|_| ()), Err(JwsError::Algorithm));

    // The header says which, and must not lie.
    let swap = |text: &str, from: &str, to: &str| {
        let (header, rest) = text.split_once('.').expect("three parts");
        let header = String::from_utf8(base64url::decode(header).expect("base64url")).expect("text");
        Compact::<Answer>::from_text(format!("{}.{rest}", base64url::encode(header.replace(from, to).as_bytes())))
    };
    let lies = swap(by_passkey.as_str(), "ES256-WebAuthn", "ES256");
    assert_eq!(verify(&lies, &key), Err(JwsError::Header));
    assert_eq!(lies.peek().map(|_| ()), Err(JwsError::Header));
    assert_eq!(verify(&swap(es256.as_str(), "ES256", "ES256-WebAuthn"), &key), Err(JwsError::Header));

    // Nothing but what approval keys sign has such a signature.
    let statement = fixture.statement().peek().expect("a statement");
    assert!(Unsigned::for_passkey(&statement, key.public_key()).is_err());
    let as_statement = Compact::<EnrollmentStatement>::from_text(by_passkey.as_str());
    assert_eq!(as_statement.peek().map(|_| ()), Err(JwsError::Malformed));
}

#[test]
fn attack_29_a_creation_is_checked_as_its_authenticator_made_it() {
    let key = passkey();
    let party = RelyingParty { origin: ORIGIN.into(), rp_id: "id.acme.example".into() };
    let transport = *Fixture::new().transport.public_key().thumbprint();
    let challenge = registration_challenge(&Hash::of("the token"), &transport);
    let check = |proof: &CreationProof| proof.verify(&challenge, &party, key.public_key()).map(|_| ());
    let sound = key.create(&challenge);
    let created = sound.verify(&challenge, &party, key.public_key()).expect("a sound creation");
    assert_eq!((created.credential.id, created.backup_eligible), (key.id.clone(), true));
    assert_eq!(created.credential.aaguid, None, "it says nothing of itself");

    for (name, other) in [
        ("another token", registration_challenge(&Hash::of("another token"), &transport)),
        ("another transport key", registration_challenge(&Hash::of("the token"), key.public_key().thumbprint())),
    ] {
        assert_eq!(check(&key.create(&other)), Err(WebAuthnError::Challenge), "{name}");
    }
    let login =
        CreationProof { client_data_json: key.client_data("webauthn.get", &challenge).into_bytes(), ..sound.clone() };
    assert_eq!(check(&login), Err(WebAuthnError::Ceremony), "a signature in place of a creation");
    let elsewhere = TestPasskey { origin: "https://evil.example".into(), ..key.clone() };
    assert_eq!(check(&elsewhere.create(&challenge)), Err(WebAuthnError::Origin));
    let other_rp = TestPasskey { rp_id: "acme.example".into(), ..key.clone() };
    assert_eq!(check(&other_rp.create(&challenge)), Err(WebAuthnError::RpId));
    let flags = |flags| check(&TestPasskey { flags, ..key.clone() }.create(&challenge));
    assert_eq!(flags(UP | UV), Ok(()), "one that stays on its device");
    assert_eq!(flags(UV), Err(WebAuthnError::UserPresence));
    assert_eq!(flags(UP), Err(WebAuthnError::UserVerification));
    assert_eq!(flags(UP | UV | BS), Err(WebAuthnError::BackupState));
    let other_key = TestPasskey::new(private_key(10), ORIGIN);
    assert_eq!(check(&other_key.create(&challenge)), Err(WebAuthnError::OtherKey));

    let object = |attestation_object: Vec<u8>| check(&CreationProof { attestation_object, ..sound.clone() });
    let data = |rest: &[u8]| key.authenticator_data_with(key.flags | AT, rest);
    let credential = key.attested_credential();
    let made = passkey::attestation_object("none", &data(&credential));
    assert_eq!(object(made.clone()), Ok(()));
    assert_eq!(
        object(passkey::attestation_object("none", &key.authenticator_data())),
        Err(WebAuthnError::AttestedCredential)
    );
    let broken = Err(WebAuthnError::AttestationObject);
    assert_eq!(object([made.as_slice(), &[0]].concat()), broken, "a byte after it");
    assert_eq!(object(made[..made.len() - 1].to_vec()), broken);
    assert_eq!(object(Vec::new()), broken);
    let mut more = made.clone();
    more[0] = 0xa4;
    more.extend([0x61, b'x', 0xf5]);
    assert_eq!(object(more), broken, "a fourth member");
    let broken = Err(WebAuthnError::AuthenticatorData);
    assert_eq!(object(passkey::attestation_object("none", &data(&[&credential[..], &[0]].concat()))), broken);
    let mut long_id = credential.clone();
    long_id[16..18].copy_from_slice(&1024_u16.to_be_bytes());
    assert_eq!(object(passkey::attestation_object("none", &data(&long_id))), broken, "an id beyond 1023 bytes");
    let mut off_curve = credential.clone();
    *off_curve.last_mut().expect("a key") ^= 1;
    assert_eq!(object(passkey::attestation_object("none", &data(&off_curve))), broken, "a point off the curve");
    let alg = credential.len() - 73;
    let mut other_alg = credential.clone();
    assert_eq!(other_alg[alg], 0x26);
    other_alg[alg] = 0x27;
    assert_eq!(object(passkey::attestation_object("none", &data(&other_alg))), broken, "EdDSA");
}

#[test]
fn a_statement_about_a_passkey_says_so_whole_or_is_refused() {
    let (fixture, key) = (Fixture::new(), passkey());
    let sound = fixture.passkey_statement(&key);
    let check = |alter: &dyn Fn(&mut EnrollmentStatement)| {
        let mut claims = sound.peek().expect("a statement");
        alter(&mut claims);
        let compact = Compact::sign(&claims, &fixture.gateway).expect("signs");
        VerifiedEnrollment::verify(&[compact], &fixture.keys()).map(|_| ())
    };
    assert_eq!(check(&|_| {}), Ok(()));
    assert_eq!(check(&|claims| claims.webauthn = None), Err(EnrollmentError::KeyType));
    assert_eq!(
        check(&|claims| claims.approval_key_type = countersign_protocol::enrollment::ApprovalKeyType::P256),
        Err(EnrollmentError::KeyType)
    );
    let unknown = |claims: &mut EnrollmentStatement| claims.must_understand.push("later".into());
    assert_eq!(check(&unknown), Err(EnrollmentError::Jws(JwsError::Unsupported)));
}

/// Evidence of an approval by this passkey.
fn evidence(fixture: &Fixture, key: &TestPasskey, alter: impl Fn(&mut Answer)) -> Evidence {
    let statement = fixture.passkey_statement(key);
    let challenge = fixture.verified();
    let mut claims = claims(fixture);
    alter(&mut claims);
    let answer = key.sign_message(&claims);
    let outcome =
        Outcome { enrollment_hash: statement.hash(), ..fixture.outcome(&challenge, Ending::Approved, Some(&answer)) };
    Evidence {
        statements: vec![statement],
        outcome: Some(fixture.sign_outcome(&outcome)),
        answer: Some(answer),
        ..fixture.evidence()
    }
}

#[test]
fn a_passkeys_approval_is_evidence_that_names_the_page_it_was_made_on() {
    let (fixture, key) = (Fixture::new(), passkey());
    let trust = [fixture.trust()];
    let report = evidence(&fixture, &key, |_| {}).verify(Some(&trust)).expect("sound evidence");
    assert!(report.by_approval_key && report.is_approved() && report.is_complete());
    assert_eq!((report.page.as_deref(), report.is_page_of_provider()), (Some(ORIGIN), Some(true)));
    let plain = fixture.evidence().verify(Some(&trust)).expect("sound evidence");
    assert_eq!((plain.page.as_deref(), plain.is_page_of_provider()), (None, None));

    // A page elsewhere, by a gateway that allows it: the verifier says whose it is and leaves the judgement to the reader.
    let elsewhere = TestPasskey::new(private_key(9), "https://pages.example");
    let report = evidence(&fixture, &elsewhere, |_| {}).verify(Some(&trust)).expect("sound evidence");
    assert_eq!((report.page.as_deref(), report.is_page_of_provider()), (Some("https://pages.example"), Some(false)));
}

#[test]
fn attack_29_evidence_holds_by_the_passkey_that_its_statement_names_alone() {
    let (fixture, key) = (Fixture::new(), passkey());
    let trust = [fixture.trust()];
    let sound = evidence(&fixture, &key, |_| {});
    assert!(sound.verify(Some(&trust)).is_ok());
    let verify = |evidence: Evidence| evidence.verify(Some(&trust)).map(|_| ());
    let amr = |claims: &mut Answer| claims.amr = vec!["hwk".into(), "user".into()];
    assert_eq!(verify(evidence(&fixture, &key, amr)), Err(EvidenceError::Answer), "an amr of its own");
    let es256 = Compact::sign(&claims(&fixture), &private_key(9).into_signer()).expect("signs");
    assert_eq!(
        verify(Evidence { answer: Some(es256), ..sound.clone() }),
        Err(EvidenceError::AnswerJws(JwsError::Algorithm))
    );
    let elsewhere = TestPasskey { origin: "https://evil.example".into(), ..key.clone() };
    let answer = Some(elsewhere.sign_message(&claims(&fixture)));
    assert_eq!(
        verify(Evidence { answer, ..sound.clone() }),
        Err(EvidenceError::AnswerJws(JwsError::WebAuthn(WebAuthnError::Origin)))
    );
    let p256 = Evidence { statements: vec![fixture.statement()], ..sound };
    assert!(verify(p256).is_err(), "under the statement of a key that is no passkey");
}

#[test]
fn an_aaguid_has_one_spelling() {
    let text = "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4";
    assert_eq!(text.parse::<Aaguid>().map(|aaguid| aaguid.to_string()), Ok(text.to_owned()));
    for bad in [
        "",
        "EA9B8D66-4d01-1d21-3ce4-b6b48cb575d4",
        "ea9b8d664d011d213ce4b6b48cb575d4",
        "00000000-0000-0000-0000-000000000000",
        "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4a",
        "ga9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
    ] {
        assert!(bad.parse::<Aaguid>().is_err(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a passkey signs for an answer holds, by either s; and one changed bit anywhere in it does not.
    #[test]
    fn what_a_passkey_signs_holds_and_one_bit_breaks_it(
        seed in 1_u8..200, high in any::<bool>(), count in any::<u32>(), at in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let s_form = if high { SForm::High } else { SForm::Low };
        let key = TestPasskey { s_form, sign_count: count, ..TestPasskey::new(private_key(seed), ORIGIN) };
        let challenge = Hash::of([seed]);
        let (assertion, stated): (Assertion, StatedPasskey) = (key.get(&challenge), key.stated());
        let verified = assertion.verify(&challenge, key.public_key(), &stated);
        prop_assert_eq!(verified.map(|verified| verified.sign_count), Ok(count));
        let mut altered = assertion.clone();
        let lengths = (altered.authenticator_data.len(), altered.client_data_json.len());
        let place = at.index(lengths.0 + lengths.1 + altered.signature.len());
        match place {
            place if place < lengths.0 => altered.authenticator_data[place] ^= 1 << bit,
            place if place < lengths.0 + lengths.1 => altered.client_data_json[place - lengths.0] ^= 1 << bit,
            place => altered.signature[place - lengths.0 - lengths.1] ^= 1 << bit,
        }
        prop_assert!(altered.verify(&challenge, key.public_key(), &stated).is_err());
    }

    /// The third part has one form: what is read is written to the same bytes.
    #[test]
    fn a_third_part_that_is_read_is_written_alike(
        data in prop::collection::vec(any::<u8>(), 0..80), client in prop::collection::vec(any::<u8>(), 0..80),
        signature in prop::collection::vec(any::<u8>(), 0..72),
    ) {
        let assertion = Assertion { authenticator_data: data, client_data_json: client, signature };
        let part = assertion.to_third_part();
        prop_assert_eq!(Assertion::from_third_part(part.as_bytes()), Ok(assertion));
    }
}
