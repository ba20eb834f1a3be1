//! The vectors under tests/vectors/ are exactly what this crate makes from fixed keys, and it judges each as its file says. Other
//! implementations read the same files. `UPDATE_VECTORS=1 cargo test -p countersign-protocol --test vectors` writes them anew.

use std::path::PathBuf;

use countersign_jose::base64url::encode;
use countersign_jose::hash::Hash;
use countersign_jose::json::{self, Strictness};
use countersign_jose::key::P256Signer;
use countersign_jose::key::Signer as _;
use countersign_protocol::answer::Answer;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::details::Details;
use countersign_protocol::enrollment::{ConfirmedBy, EnrollmentStatement, VerifiedEnrollment};
use countersign_protocol::evidence::Evidence;
use countersign_protocol::jws::{Claims as _, Compact};
use countersign_protocol::outcome::{Ending, Outcome};
use countersign_protocol::registration::RegistrationToken;
use countersign_protocol::transcript::{
    self, Line, LineValue, Locale, Money, Role, Source, Transcript, TranscriptBasis,
};
use countersign_protocol::webauthn::{self, Assertion, CreationProof, PasskeyProof, RelyingParty};
use countersign_protocol::{limits, text};
use countersign_testing::fixture::{Fixture, NOW, PAYMENT, forge, private_key};
use countersign_testing::passkey::{self, SForm, TestPasskey, with_assertion, with_third_part};
use serde_json::{Value, json};

fn check(name: &str, made: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    let text = serde_json::to_string_pretty(made).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, &text).expect("tests/vectors can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("the vector is kept; UPDATE_VECTORS=1 writes it");
    assert_eq!(kept, text, "{name} is what this crate makes");
}

fn case(name: &str, jws: impl Into<String>, valid: bool) -> Value {
    json!({"name": name, "jws": jws.into(), "valid": valid})
}

/// Asserts that `accepts` judges each case as it says.
fn judge(cases: &[Value], accepts: impl Fn(&str) -> bool) {
    for case in cases {
        let text = case["jws"].as_str().expect("a JWS");
        assert_eq!(accepts(text), case["valid"].as_bool().expect("a verdict"), "{}", case["name"]);
    }
}

/// The last character of a JWS changed: another signature.
fn broken(jws: &str) -> String {
    let at = jws.len() - 3;
    let other = if &jws[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &jws[..at], &jws[at + 1..])
}

fn private_jwk(seed: u8) -> Value {
    let key = private_key(seed);
    let mut jwk = serde_json::to_value(key.public_key()).expect("JSON");
    jwk["d"] = encode(key.expose_bytes().as_slice()).into();
    jwk
}

#[test]
fn the_world() {
    let fixture = Fixture::new();
    let challenge = fixture.verified();
    check(
        "world.json",
        &json!({
            "about": "An issuer, a user and a device with published test keys. Every other file is judged in this world at `now`.",
            "now": NOW,
            "issuer": fixture.issuer,
            "subject": fixture.subject,
            "device_id": fixture.device,
            "root": fixture.root.public_key().thumbprint(),
            "device_jwks": fixture.device_keys(),
            "manifests": fixture.manifests(),
            "statements": [fixture.statement()],
            "transport_key": private_jwk(4),
            "approval_key": private_jwk(5),
            "opening": fixture.opening(),
            "commitment": fixture.opening().commitment(),
            "details": PAYMENT,
            "details_hash": challenge.details().expect("it has details").hash(),
            "challenge_hash": challenge.hash(),
        }),
    );
}

#[test]
fn challenges() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let claims = fixture.challenge();
    let good = fixture.sign_challenge(&claims);
    let signed = |claims: Challenge| fixture.sign_challenge(&claims).into_string();
    let kid = fixture.gateway.public_key().thumbprint();
    let forged = |header: Value| forge(&header, &serde_json::to_vec(&claims).expect("JSON"), &fixture.gateway);
    let newer = {
        let mut claims = serde_json::to_value(&claims).expect("JSON");
        claims["must_understand"] = json!(["later"]);
        claims["later"] = json!(true);
        forge(&json!({"alg":"ES256","typ":Challenge::TYP,"kid":kid}), claims.to_string().as_bytes(), &fixture.gateway)
    };
    let duplicate = {
        let text = serde_json::to_string(&claims).expect("JSON").replacen('{', "{\"sub\":\"bob\",", 1);
        forge(&json!({"alg":"ES256","typ":Challenge::TYP,"kid":kid}), text.as_bytes(), &fixture.gateway)
    };
    let cases = vec![
        case("a payment with number entry", good.as_str(), true),
        case("the same, held", signed(Challenge { held: true, ..claims.clone() }), true),
        case("a practice request", signed(fixture.practice()), true),
        case(
            "practice that a device without practice would take for a real request",
            signed(Challenge { must_understand: None, ..fixture.practice() }),
            false,
        ),
        case(
            "practice with a message",
            signed(Challenge { binding_message: Some("Approve".into()), ..fixture.practice() }),
            false,
        ),
        case("practice of a client", signed(Challenge { client: claims.client.clone(), ..fixture.practice() }), false),
        case("its signature changed", broken(good.as_str()), false),
        case(
            "for another device",
            signed(Challenge { aud: "dv_other".parse().expect("an id"), ..claims.clone() }),
            false,
        ),
        case("for another user", signed(Challenge { sub: "bob".parse().expect("a subject"), ..claims.clone() }), false),
        case("expired", signed(Challenge { iat: NOW - 200, exp: NOW, ..claims.clone() }), false),
        case(
            "a payment that calls itself a sign-in",
            signed(Challenge { kind: countersign_protocol::kind::Kind::Login, ..claims.clone() }),
            false,
        ),
        case("a member that must be understood and isn't", newer, false),
        case("a name twice in the payload", duplicate, false),
        case("alg none", forged(json!({"alg":"none","typ":Challenge::TYP,"kid":kid})), false),
        case("another typ", forged(json!({"alg":"ES256","typ":Answer::TYP,"kid":kid})), false),
        case("a crit header", forged(json!({"alg":"ES256","typ":Challenge::TYP,"kid":kid,"crit":["x"],"x":1})), false),
        case("signed by the device", Compact::sign(&claims, &fixture.transport).expect("signs").into_string(), false),
    ];
    judge(&cases, |text| Challenge::verify(&Compact::from_text(text), &fixture.expected(&keys)).is_ok());
    check("challenge.json", &json!({"typ": Challenge::TYP, "cases": cases}));
}

#[test]
fn answers() {
    let fixture = Fixture::new();
    let challenge = fixture.verified();
    let approval = fixture.approval_of(&challenge);
    let cases = vec![
        case("approved by the approval key", approval.as_str(), true),
        case("denied by the transport key", fixture.denial_of(&challenge).as_str(), true),
        case("its signature changed", broken(approval.as_str()), false),
        case(
            "signed by nobody known",
            Compact::sign(&approval.peek().expect("an answer"), &fixture.link).expect("signs").into_string(),
            false,
        ),
    ];
    let device = [fixture.transport.public_key().clone(), fixture.approval.public_key().clone()];
    judge(&cases, |text| {
        Compact::<Answer>::from_text(text).verify(|kid| device.iter().find(|key| key.thumbprint() == kid)).is_ok()
    });
    check(
        "answer.json",
        &json!({"typ": Answer::TYP, "challenge": challenge.compact(), "transcript": fixture.shown(&challenge).text(), "cases": cases}),
    );
}

/// Answers that a passkey signed, judged by its statement, and creations of a passkey.
#[test]
fn passkeys() {
    let fixture = Fixture::new();
    let key = TestPasskey::new(private_key(9), "https://id.acme.example");
    let statement = fixture.passkey_statement(&key);
    let challenge = fixture.verified();
    let claims = fixture.draft(&challenge, &fixture.shown(&challenge)).passkey_claims(Some(fixture.opening().value));
    let input = key.signing_input(&claims);
    let asked = Hash::of(&input);
    let client_data = |data: String| with_assertion::<Answer>(&input, &key.sign(data, key.authenticator_data()));
    let data =
        |alter: &dyn Fn(String) -> String| client_data(alter(key.client_data("webauthn.get", &asked))).into_string();
    let replaced = |from: &'static str, to: &'static str| data(&|text| text.replacen(from, to, 1));
    let flags = |flags, rest: &[u8]| {
        let assertion = key.sign(key.client_data("webauthn.get", &asked), key.authenticator_data_with(flags, rest));
        with_assertion::<Answer>(&input, &assertion).into_string()
    };
    let with = |alter: &dyn Fn(&mut TestPasskey)| {
        let mut altered = key.clone();
        alter(&mut altered);
        altered.sign_message(&claims).into_string()
    };
    let signed_by = |signature: Vec<u8>| {
        with_assertion::<Answer>(&input, &Assertion { signature, ..key.get(&asked) }).into_string()
    };
    let part = key.get(&asked).to_third_part();
    let third = |part: &str| with_third_part(&key.sign_message(&claims), part).into_string();
    let good = passkey::UP | passkey::UV | passkey::BE | passkey::BS;
    let one = [1_u8];
    let es256 = Compact::sign(&claims, &P256Signer::new(&private_key(9))).expect("signs").into_string();
    let stranger = TestPasskey::new(private_key(10), "https://id.acme.example");
    let cases = vec![
        case("approved by the passkey, s low", with(&|_| {}), true),
        case("s high", with(&|key| key.s_form = SForm::High), true),
        case("a sign count", with(&|key| key.sign_count = 7), true),
        case("not backed up at the moment", flags(good & !passkey::BS, &[]), true),
        case("with an extension", flags(good | passkey::ED, &[0xa1, 0x61, b'x', 0xf5]), true),
        case("a member of client data that nobody knows", replaced("{", r#"{"other":"x","#), true),
        case("without crossOrigin", replaced(r#","crossOrigin":false"#, ""), true),
        case(
            "a challenge of something else",
            data(&|text| text.replace(&asked.to_string(), &Hash::of("x").to_string())),
            false,
        ),
        case("another origin", with(&|key| key.origin = "https://evil.example".into()), false),
        case("a subdomain", with(&|key| key.origin = "https://www.id.acme.example".into()), false),
        case("another port", with(&|key| key.origin = "https://id.acme.example:8443".into()), false),
        case("crossOrigin", replaced("false", "true"), false),
        case("topOrigin", replaced("false", r#"false,"topOrigin":"https://id.acme.example""#), false),
        case("webauthn.create", replaced("webauthn.get", "webauthn.create"), false),
        case("a name twice in client data", replaced("{", r#"{"type":"webauthn.get","#), false),
        case("another RP ID", with(&|key| key.rp_id = "acme.example".into()), false),
        case("UP unset", flags(good & !passkey::UP, &[]), false),
        case("UV unset", flags(good & !passkey::UV, &[]), false),
        case("BE is another than stated", flags(passkey::UP | passkey::UV, &[]), false),
        case("BS without BE", flags(passkey::UP | passkey::UV | passkey::BS, &[]), false),
        case("AT set", flags(good | passkey::AT, &key.attested_credential()), false),
        case("ED set and nothing follows", flags(good | passkey::ED, &[]), false),
        case("bytes after the extensions", flags(good | passkey::ED, &[0xa0, 0]), false),
        case("bytes without ED", flags(good, &[0xa0]), false),
        case("an extension twice", flags(good | passkey::ED, &[0xa2, 0x61, b'x', 0xf5, 0x61, b'x', 0xf4]), false),
        case("a fourth member", third(&part.replace('}', r#","id":""}"#)), false),
        case("white space", third(&part.replacen(',', ", ", 1)), false),
        case("another order", third(&reordered(&part)), false),
        case("padding", third(&part.replacen(r#""}"#, r#"="}"#, 1)), false),
        case("DER with a byte after it", signed_by([key.get(&asked).signature.as_slice(), &[0]].concat()), false),
        case("r zero", signed_by(passkey::der(&[0], &one)), false),
        case("s zero", signed_by(passkey::der(&one, &[0])), false),
        case("r = n", signed_by(passkey::der(&passkey::N, &one)), false),
        case("s = n", signed_by(passkey::der(&one, &passkey::N)), false),
        case("by another key", signed_by(stranger.get(&asked).signature), false),
        case("ES256 by the passkey's key", es256, false),
        case(
            "with an amr",
            key.sign_message(&Answer { amr: vec!["swk".into(), "user".into()], ..claims.clone() }).into_string(),
            false,
        ),
        case("with a uv_at", key.sign_message(&Answer { uv_at: Some(NOW), ..claims.clone() }).into_string(), false),
    ];
    let stated = VerifiedEnrollment::verify(std::slice::from_ref(&statement), &fixture.keys()).expect("sound");
    let stated = stated.current().0.clone();
    judge(&cases, |text| {
        let opened = Compact::<Answer>::from_text(text).verify_by(|_| Some(stated.approval_verifying_key()));
        opened.is_ok_and(|opened| opened.claims.amr.is_empty() && opened.claims.uv_at.is_none())
    });

    let (token, transport) = (Hash::of("a registration token"), *fixture.transport.public_key().thumbprint());
    let asked = webauthn::registration_challenge(&token, &transport);
    let party = RelyingParty { origin: key.origin.clone(), rp_id: key.rp_id.clone() };
    let made = |name: &str, proof: CreationProof, valid: bool| {
        let verified = proof.verify(&asked, &party, key.public_key());
        assert_eq!(verified.is_ok(), valid, "{name}: {verified:?}");
        json!({"name": name, "proof": proof, "valid": valid})
    };
    let with = |alter: &dyn Fn(&mut TestPasskey)| {
        let mut altered = key.clone();
        alter(&mut altered);
        altered.create(&asked)
    };
    let object = |authenticator_data: Vec<u8>| CreationProof {
        attestation_object: passkey::attestation_object("none", &authenticator_data),
        ..key.create(&asked)
    };
    let credential = key.attested_credential();
    let creations = vec![
        made("a synced passkey", key.create(&asked), true),
        made("one that stays on its device", with(&|key| key.flags = passkey::UP | passkey::UV), true),
        made("of a known model", with(&|key| key.aaguid = [7; 16]), true),
        made(
            "for another token",
            key.create(&webauthn::registration_challenge(&Hash::of("another"), &transport)),
            false,
        ),
        made("another origin", with(&|key| key.origin = "https://evil.example".into()), false),
        made("another RP ID", with(&|key| key.rp_id = "acme.example".into()), false),
        made("UV unset", with(&|key| key.flags = passkey::UP | passkey::BE), false),
        made("AT unset", object(key.authenticator_data()), false),
        made(
            "a byte after the key",
            object(key.authenticator_data_with(good | passkey::AT, &[&credential[..], &[0]].concat())),
            false,
        ),
        made("another key", stranger.create(&asked), false),
        made(
            "a signature in its place",
            CreationProof {
                client_data_json: key.client_data("webauthn.get", &asked).into_bytes(),
                ..key.create(&asked)
            },
            false,
        ),
    ];
    let resumed = webauthn::resume_challenge(&token, &transport);
    let known = |name: &str, assertion: Assertion, valid: bool| {
        let proof = PasskeyProof { credential_id: key.id.clone(), assertion };
        let verified = proof.assertion.verify(&resumed, &stated.approval_key, &key.stated());
        assert_eq!(verified.is_ok(), valid, "{name}: {verified:?}");
        json!({"name": name, "proof": proof, "valid": valid})
    };
    let with = |alter: &dyn Fn(&mut TestPasskey)| {
        let mut altered = key.clone();
        alter(&mut altered);
        altered.get(&resumed)
    };
    let as_creation = key.sign(key.client_data("webauthn.create", &resumed), key.authenticator_data());
    let attested = key.authenticator_data_with(good | passkey::AT, &credential);
    let attested = key.sign(key.client_data("webauthn.get", &resumed), attested);
    let longer = [key.get(&resumed).signature.as_slice(), &[0]].concat();
    let resumptions = vec![
        known("the passkey, s low", key.get(&resumed), true),
        known("s high", with(&|key| key.s_form = SForm::High), true),
        known("for another token", key.get(&webauthn::resume_challenge(&Hash::of("another"), &transport)), false),
        known(
            "for another transport key",
            key.get(&webauthn::resume_challenge(&token, key.public_key().thumbprint())),
            false,
        ),
        known("the challenge of a creation", key.get(&asked), false),
        known("webauthn.create", as_creation, false),
        known("another origin", with(&|key| key.origin = "https://evil.example".into()), false),
        known("another RP ID", with(&|key| key.rp_id = "acme.example".into()), false),
        known("UP unset", with(&|key| key.flags = good & !passkey::UP), false),
        known("UV unset", with(&|key| key.flags = good & !passkey::UV), false),
        known("BE is another than stated", with(&|key| key.flags = passkey::UP | passkey::UV), false),
        known("AT set", attested, false),
        known("DER with a byte after it", Assertion { signature: longer, ..key.get(&resumed) }, false),
        known("by another key", stranger.get(&resumed), false),
    ];
    let evidence = |name: &str, confirmed_by, signer: &TestPasskey, valid: bool| {
        let stated = EnrollmentStatement { confirmed_by, ..statement.peek().expect("a statement") };
        let first = Compact::sign(&stated, &fixture.gateway).expect("signs");
        let answer = signer.sign_message(&Answer { seq: 1, prev: first.hash(), ..claims.clone() });
        let outcome = fixture.outcome(&challenge, Ending::Approved, Some(&answer));
        let evidence = Evidence {
            outcome: Some(fixture.sign_outcome(&Outcome { enrollment_hash: first.hash(), ..outcome })),
            statements: vec![first],
            answer: Some(answer),
            ..fixture.evidence()
        };
        let verified = evidence.verify(Some(&[fixture.trust()]));
        assert_eq!(verified.is_ok(), valid, "{name}: {verified:?}");
        json!({"name": name, "text": evidence.to_file(), "valid": valid})
    };
    let elsewhere = TestPasskey { origin: "https://evil.example".into(), ..key.clone() };
    let evidence = vec![
        evidence("by a passkey", ConfirmedBy::Code, &key, true),
        evidence("after it registered again", ConfirmedBy::Passkey, &key, true),
        evidence("by a passkey on another page", ConfirmedBy::Code, &elsewhere, false),
    ];
    check(
        "passkey.json",
        &json!({
            "statement": statement,
            "cases": cases,
            "token_hash": token,
            "transport_jkt": transport,
            "registration_challenge": asked,
            "origin": party.origin,
            "rp_id": party.rp_id,
            "approval_key": key.public_key(),
            "creations": creations,
            "resume_challenge": resumed,
            "resumptions": resumptions,
            "evidence": evidence,
        }),
    );
}

/// The first two members of a third part exchanged.
fn reordered(part: &str) -> String {
    let parts: Vec<&str> = part.trim_matches(['{', '}']).split(',').collect();
    format!("{{{},{},{}}}", parts[1], parts[0], parts[2])
}

/// Two payments, an element without a template, and words that look like others.
const DETAILS: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"},"creditorName":"Acme Coffee","creditorAccount":{"iban":"DE02100100109307118603","currency":"EUR"}},
 {"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4200.00"},"creditorName":"Evil GmbH","endToEndIdentification":"4.20"},
 {"type":"novelty","a/b":[1,2.50,{}],"Amount":"€ 1.00"}]"#;

#[test]
fn transcripts() {
    let fixture = Fixture::new();
    let claims = Challenge {
        authorization_details_json: Some(DETAILS.into()),
        binding_message: Some("Acme Coffee".into()),
        ..fixture.challenge()
    };
    let compact = fixture.sign_challenge(&claims);
    let challenge = Challenge::verify(&compact, &fixture.expected(&fixture.keys())).expect("sound");
    let statement = fixture.statement().peek().expect("a statement");
    let asked = TranscriptBasis::new(&challenge, &statement);
    let honest = asked.lines(Locale::En);
    let text = |lines: Vec<Line>| Transcript::new(&challenge, "en", lines).freeze().text().to_owned();
    let altered = |alter: &dyn Fn(&mut Vec<Line>)| {
        let mut lines = honest.clone();
        alter(&mut lines);
        text(lines)
    };
    let last = |lines: &[Line], role| lines.iter().rposition(|line| line.role == role).expect("there is one");
    let good = text(honest.clone());
    let cases: Vec<Value> = [
        ("every line that was asked", good.clone(), true),
        (
            "a line more prominent than it must be",
            altered(&|lines| {
                let at = last(lines, Role::ClientId);
                lines[at].prominence = 1;
            }),
            true,
        ),
        ("nothing", text(Vec::new()), false),
        (
            "the dearer payment left out",
            altered(&|lines| lines.retain(|line| !line.from.to_string().contains("_json/1"))),
            false,
        ),
        (
            "the reference as the amount",
            altered(&|lines| {
                let at = last(lines, Role::Amount);
                lines[at].value = LineValue::Money(Money { amount: "4.20".into(), currency: "EUR".into() });
            }),
            false,
        ),
        (
            "the message as the payee",
            altered(&|lines| {
                let at = last(lines, Role::Payee);
                lines[at].value = LineValue::Text("Acme Coffee".into());
                lines[at].from = "challenge:/binding_message".parse().expect("a source");
            }),
            false,
        ),
        (
            "an amount twice",
            altered(&|lines| {
                let amount = lines[last(lines, Role::Amount)].clone();
                lines.push(amount);
            }),
            false,
        ),
        (
            "the payees exchanged",
            altered(&|lines| {
                let one = lines.iter().position(|line| line.role == Role::Payee).expect("there is one");
                let other = last(lines, Role::Payee);
                lines.swap(one, other);
            }),
            false,
        ),
        (
            "the message within an element",
            altered(&|lines| {
                let at = last(lines, Role::Message);
                let message = lines.remove(at);
                let payee = last(lines, Role::Payee);
                lines.insert(payee, message);
            }),
            false,
        ),
        (
            "an amount behind a fold",
            altered(&|lines| {
                let at = last(lines, Role::Amount);
                lines[at].prominence = 3;
            }),
            false,
        ),
        (
            "an amount of the device's own",
            altered(&|lines| {
                let at = last(lines, Role::Amount);
                lines[at].from = Source::Device;
            }),
            false,
        ),
        (
            "a verified client as one that calls itself so",
            altered(&|lines| {
                let at = last(lines, Role::Client);
                lines[at].role = Role::ClientClaimed;
                lines[at].label = "Somebody".into();
            }),
            false,
        ),
        (
            "a caption whose words are said to be another's",
            altered(&|lines| {
                let at = last(lines, Role::Message);
                lines[at].label_from = Some("challenge:/provider/name".parse().expect("a source"));
            }),
            false,
        ),
        ("without the number to type", altered(&|lines| lines.retain(|line| line.role != Role::Number)), false),
        ("another version", good.replace(r#""version":1"#, r#""version":2"#), false),
        ("of another request", good.replace("ch_coffee", "ch_other"), false),
        (
            "a member that the table does not have",
            good.replacen(r#""role":"kind""#, r#""role":"kind","colour":"white""#, 1),
            false,
        ),
        ("a role that the table does not have", good.replacen(r#""role":"kind""#, r#""role":"novelty""#, 1), false),
        ("not JSON", good.replacen('{', "", 1), false),
    ]
    .into_iter()
    .map(|(name, text, valid)| {
        assert_eq!(transcript::check(&text, &asked, "en").is_ok(), valid, "{name}");
        json!({"name": name, "text": text, "valid": valid})
    })
    .collect();
    check("transcript.json", &json!({"challenge": compact, "cases": cases}));
}

#[test]
fn outcomes() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let challenge = fixture.verified();
    let answer = fixture.approval_of(&challenge);
    let hash = answer.hash();
    let claims = fixture.outcome(&challenge, Ending::Approved, Some(&answer));
    let good = fixture.sign_outcome(&claims);
    let signed = |claims: Outcome| fixture.sign_outcome(&claims).into_string();
    let mut moved = claims.clone();
    moved.opening.as_mut().expect("it has one").value = "000000".into();
    let cases = vec![
        case("approved", good.as_str(), true),
        case(
            "expired, after an answer that came too late",
            signed(Outcome { outcome: Ending::Expired, answer_hash: None, ..claims.clone() }),
            true,
        ),
        case("its signature changed", broken(good.as_str()), false),
        case(
            "about another challenge",
            signed(Outcome { challenge: "ch_other".parse().expect("an id"), ..claims.clone() }),
            false,
        ),
        case("approved, naming no answer", signed(Outcome { answer_hash: None, ..claims.clone() }), false),
        case("opening another number than was committed to", signed(moved), false),
        case("for another device", signed(Outcome { aud: "dv_other".parse().expect("an id"), ..claims }), false),
    ];
    judge(&cases, |text| {
        Outcome::verify(&Compact::from_text(text), &keys, &fixture.concerned(&challenge, Some(&hash))).is_ok()
    });
    check(
        "outcome.json",
        &json!({"typ": Outcome::TYP, "challenge": challenge.compact(), "answer": answer, "cases": cases}),
    );
}

#[test]
fn registration_tokens() {
    let fixture = Fixture::new();
    let claims = fixture.registration_token();
    let endpoint = fixture.issuer.endpoint("/push/register");
    let signed = |claims: RegistrationToken| Compact::sign(&claims, &fixture.link).expect("signs").into_string();
    let good = signed(claims.clone());
    let cases = vec![
        case("good for five minutes", good.as_str(), true),
        case("its signature changed", broken(&good), false),
        case("expired", signed(RegistrationToken { iat: NOW - 300, exp: NOW, ..claims.clone() }), false),
        case("living too long", signed(RegistrationToken { exp: claims.iat + 601, ..claims.clone() }), false),
        case(
            "for another endpoint",
            signed(RegistrationToken { aud: "https://id.acme.example/push/other".into(), ..claims.clone() }),
            false,
        ),
        case(
            "signed by the challenge key",
            Compact::sign(&claims, &fixture.gateway).expect("signs").into_string(),
            false,
        ),
    ];
    judge(&cases, |text| {
        RegistrationToken::verify(
            &Compact::from_text(text),
            &fixture.device_keys(),
            &fixture.issuer,
            &endpoint,
            fixture.now,
        )
        .is_ok()
    });
    check(
        "registration_token.json",
        &json!({"typ": RegistrationToken::TYP, "registration_endpoint": endpoint, "cases": cases}),
    );
}

#[test]
fn enrollment_statements() {
    let fixture = Fixture::new();
    let good = fixture.statement();
    let cases = vec![
        case("the device's first", good.as_str(), true),
        case("its signature changed", broken(good.as_str()), false),
        case(
            "signed by the device",
            Compact::sign(&good.peek().expect("a statement"), &fixture.approval).expect("signs").into_string(),
            false,
        ),
    ];
    judge(&cases, |text| VerifiedEnrollment::verify(&[Compact::from_text(text)], &fixture.keys()).is_ok());
    check("enrollment_statement.json", &json!({"typ": "device-enrollment+jwt", "cases": cases}));
}

#[test]
fn evidence_files() {
    let fixture = Fixture::new();
    let file = fixture.evidence().to_file();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/evidence.json");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, &file).expect("tests/vectors can be written");
    }
    let kept = std::fs::read(&path).expect("the vector is kept; UPDATE_VECTORS=1 writes it");
    assert_eq!(kept, file.as_bytes());
    let evidence = Evidence::from_file(&kept).expect("canonical");
    let report = evidence.verify(Some(&[fixture.trust()])).expect("sound");
    assert!(report.authenticated && report.by_approval_key);
    assert_eq!(report.ending, Some(Ending::Approved));
    assert!(report.is_complete() && report.is_approved());
    let basis: Vec<_> = report.lines.iter().map(|shown| (shown.line.label.as_str(), shown.basis)).collect();
    insta::assert_debug_snapshot!("what_each_line_rests_on", basis);
}

#[test]
fn references_of_approvals() {
    let named: Vec<Value> = ["ap_coffee", "ap_1", "ap_019b0000beef-_A"]
        .into_iter()
        .map(|id| json!({"approval": id, "ref": ApprovalRef::of(&id.parse().expect("an id"))}))
        .collect();
    let own = named[0]["ref"].as_str().expect("a reference").to_owned();
    let cases: Vec<Value> = [
        ("as it is written", own.clone(), true),
        ("in small letters, without the hyphen", own.to_lowercase().replace('-', ""), true),
        ("O for 0, I and L for 1", "OIL1-2345".into(), true),
        ("a letter that the alphabet lacks", "U123-4567".into(), false),
        ("seven characters", "0123-456".into(), false),
        ("nine characters", "0123-45678".into(), false),
        ("a blank", "0123 4567".into(), false),
    ]
    .into_iter()
    .map(|(name, text, valid)| {
        let read = text.parse::<ApprovalRef>();
        assert_eq!(read.is_ok(), valid, "{name}");
        json!({"name": name, "text": text, "valid": valid, "ref": read.ok()})
    })
    .collect();
    check("ref.json", &json!({"approvals": named, "cases": cases}));
}

#[test]
fn json_texts() {
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    let cases: Vec<Value> = [
        ("an object", r#"{"a":[1,-0,4.20,true,false,null,"x"]}"#.to_owned(), true),
        ("a name twice", r#"{"a":1,"a":1}"#.into(), false),
        ("a name twice, once escaped", r#"{"a":1,"\u0061":1}"#.into(), false),
        ("a name twice, deep inside", r#"[{"x":{"b":1,"b":2}}]"#.into(), false),
        ("the largest integer", "9007199254740991".into(), true),
        ("one more", "9007199254740992".into(), false),
        ("an exponent", "1e2".into(), false),
        ("a leading zero", "01".into(), false),
        ("a surrogate pair", r#""\ud83d\ude00""#.into(), true),
        ("half a surrogate pair", r#""\ud83d""#.into(), false),
        ("eight levels", deep(7), true),
        ("nine levels", deep(8), false),
        ("two values", "1 2".into(), false),
        ("a comma too many", "[1,]".into(), false),
        ("a byte order mark", "\u{feff}1".into(), false),
    ]
    .into_iter()
    .map(|(name, text, valid)| {
        assert_eq!(json::read(text.as_bytes(), Strictness::with_depth(limits::JSON_DEPTH)).is_ok(), valid, "{name}");
        json!({"name": name, "text": text, "valid": valid})
    })
    .collect();
    check("json.json", &json!({"depth": limits::JSON_DEPTH, "cases": cases}));
}

#[test]
fn details_and_texts() {
    let details: Vec<Value> = [
        ("a payment", PAYMENT, true),
        ("no element", "[]", false),
        ("an object instead of an array", "{}", false),
        ("an element without a type", "[{}]", false),
        ("a hidden turn of direction", "[{\"type\":\"x\",\"a\":\"\u{202e}\"}]", false),
        ("lines in a string", "[{\"type\":\"x\",\"a\":\"one\\n\\ttwo\"}]", true),
        ("a line break in a name", "[{\"type\":\"x\",\"a\\nb\":1}]", false),
        ("a mark at the beginning of a line", "[{\"type\":\"x\",\"a\":\"one\\n\u{335}two\"}]", false),
    ]
    .into_iter()
    .map(|(name, text, valid)| {
        assert_eq!(Details::parse(text).is_ok(), valid, "{name}");
        json!({"name": name, "text": text, "valid": valid})
    })
    .collect();
    let texts: Vec<Value> = [
        ("a message", "POS terminal #14: Approve €80.00 at Acme Coffee?", true),
        ("emoji with joiners", "👩‍👩‍👧‍👦 👍🏽", true),
        ("Persian with a non-joiner", "می‌خواهم", true),
        ("a turn of direction", "Pay \u{202e}00.08€", false),
        ("a zero-width space in an amount", "€ 4\u{200b}2.00", false),
        ("a line break", "a\nb", false),
        ("a line separator", "a\u{2028}b", false),
        ("a tag character", "a\u{e0041}b", false),
        ("an unassigned character", "a\u{378}b", false),
        ("five marks on one letter", "q\u{323}\u{325}\u{326}\u{327}\u{328}", false),
        ("not composed", "Cafe\u{301} tie\u{302}\u{301}ng", true),
        ("Burmese with five marks", "လျှော့ဈေး ၅၀၀၀ ကျပ်", true),
        ("Persian with a joiner beside a digit", "قسط ۵\u{200c}ام وام", true),
        ("Persian with a joiner beside a quotation mark", "«کتاب»\u{200c}ها", true),
        ("Hindi with a letter that composition leaves in two", "स\u{95c}क", true),
        ("thin spaces", "10:00\u{2009}–\u{200a}11:00", true),
        ("a joiner that belongs to no word", "a\u{200c}b", false),
        ("a joiner twice", "می\u{200c}\u{200c}خواهم", false),
        ("one mark twice", "e\u{301}\u{301}", false),
        ("a mark at the beginning", "\u{335}80.00", false),
        ("nothing", "", false),
    ]
    .into_iter()
    .map(|(name, text, valid)| {
        assert_eq!(text::check(text, limits::BINDING_MESSAGE_CHARACTERS).is_ok(), valid, "{name}");
        json!({"name": name, "text": text, "valid": valid})
    })
    .collect();
    check("text.json", &json!({"details": details, "texts": texts}));
}
