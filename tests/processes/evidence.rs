//! `countersign verify`: with the issuer's root evidence is proof, without it only consistent, and with any byte changed it is
//! refused.

use std::path::{Path, PathBuf};

use countersign_jose::hash::Hash;
use countersign_jose::key::Signer as _;
use countersign_protocol::answer::{ApprovalKey, VerifiedUser};
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::evidence::{Evidence, TrustAnchor};
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::outcome::Ending;
use countersign_protocol::transcript::{Line, LineValue, Locale, Money, Role, Transcript, TranscriptBasis};
use countersign_testing::fixture::Fixture;
use countersign_tests::client::PAYMENT;
use countersign_tests::device::{Device, id};
use countersign_tests::process::{Finished, Process};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use serde_json::json;

/// An approved payment's evidence, and the trust anchor that verifies it.
struct Exported {
    file: PathBuf,
    trust: TrustAnchor,
}

fn approve_and_export(env: &TestEnv, provider: &Provider<'_>, name: &str) -> Exported {
    let link = provider.link("alice");
    let token = link.parse::<EnrollmentLink>().unwrap();
    let root = token.token().peek().unwrap().evidence_root;
    let device = Device::new(env, name);
    device.enroll(&link);
    let acknowledged = provider.till().ask(&[("authorization_details", PAYMENT)]);
    let challenge = device.only_pending();
    device.answer(id(&challenge), &["approve"]).expect_code(0);
    assert_eq!(provider.till().poll_to_the_end(&acknowledged).status, 200);
    let file = env.path(&format!("{name}.evidence"));
    std::fs::write(&file, device.evidence(id(&challenge))).unwrap();
    Exported { file, trust: TrustAnchor { issuer: token.issuer().clone(), root, manifest: None } }
}

fn verify(env: &TestEnv, file: &Path, trust: &[&str]) -> Finished {
    let mut command = env.command(&["verify", file.to_str().unwrap(), "--json"]);
    trust.iter().for_each(|trust| {
        command.args(["--trust", trust]);
    });
    Process::start(env, "verify", command).finish()
}

#[test]
fn evidence_verifies_with_the_issuers_root_and_without_it_only_as_consistent() {
    let env = TestEnv::new();
    let mut provider = Provider::start(&env);
    let Exported { file, trust } = approve_and_export(&env, &provider, "phone");
    provider.kill_9();
    let written = format!("{}={}", trust.issuer.as_str(), trust.root);
    let trust_file = env.path("trust.json");
    std::fs::write(&trust_file, serde_json::to_string(&trust).unwrap()).unwrap();

    verify(&env, &file, &[&written]).expect_code(0);
    verify(&env, &file, &[trust_file.to_str().unwrap()]).expect_code(0);
    verify(&env, &file, &["https://id.example=NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", &written]).expect_code(0);

    verify(&env, &file, &[]).expect_code(6);
    let other_root = format!("{}=NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", trust.issuer.as_str());
    verify(&env, &file, &[&other_root]).expect_code(5);
    verify(&env, &file, &[&format!("https://id.example={}", trust.root)]).expect_code(5);
    verify(&env, &file, &["not a thumbprint"]).expect_code(2);
    verify(&env, &env.path("no such file"), &[&written]).expect_code(2);
}

#[test]
fn evidence_of_a_forged_issuer_of_the_same_name_fails_against_the_real_root() {
    let env = TestEnv::new();
    let address = env.free_address();
    let real = Provider::start_at(&env, "real", address, &Settings::default());
    let genuine = approve_and_export(&env, &real, "phone");
    drop(real);
    let made_up = Provider::start_at(&env, "made-up", address, &Settings::default());
    let forged = approve_and_export(&env, &made_up, "forger");
    assert_eq!(genuine.trust.issuer, forged.trust.issuer, "both call themselves the same");
    let real_root = format!("{}={}", genuine.trust.issuer.as_str(), genuine.trust.root);

    verify(&env, &genuine.file, &[&real_root]).expect_code(0);
    verify(&env, &forged.file, &[]).expect_code(6);
    verify(&env, &forged.file, &[&real_root]).expect_code(5);
}

/// Evidence of the fixture's payment, with these lines as what was shown.
fn showing(fixture: &Fixture, alter: impl FnOnce(&mut Vec<Line>)) -> Evidence {
    let challenge = fixture.verified();
    let statement = fixture.statement().peek().unwrap();
    let mut lines = TranscriptBasis::new(&challenge, &statement).lines(Locale::En);
    alter(&mut lines);
    let shown = Transcript::new(&challenge, "en", lines).freeze();
    let user = VerifiedUser::by_pin(fixture.now.plus_seconds(4));
    let draft = fixture.draft(&challenge, &shown);
    let answer = ApprovalKey::new(fixture.approval.public_key()).approve(draft, &user, Some(fixture.opening().value));
    let answer = answer.sign(&fixture.approval).unwrap();
    let outcome = fixture.sign_outcome(&fixture.outcome(&challenge, Ending::Approved, Some(&answer)));
    let transcript = Some(shown.text().to_owned());
    Evidence { answer: Some(answer), transcript, outcome: Some(outcome), ..fixture.evidence() }
}

#[test]
fn evidence_that_lies_or_lacks_something_exits_with_its_code() {
    let env = TestEnv::new();
    let fixture = Fixture::new();
    let trust = fixture.trust();
    let root = format!("{}={}", trust.issuer.as_str(), trust.root);
    let known = |manifest: &str| {
        let file = env.path(&format!("trust-{manifest}.json"));
        let text = json!({ "issuer": trust.issuer, "root": trust.root, "manifest": manifest });
        std::fs::write(&file, text.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let newest = known(&fixture.manifests()[1].hash().to_string());
    let unheard_of = known(&Hash::of("another manifest").to_string());
    let code = |evidence: &Evidence, trust: &[&str], approved: bool| {
        let file = env.path("case.evidence");
        std::fs::write(&file, evidence.to_file()).unwrap();
        let mut command = env.command(&["verify", file.to_str().unwrap(), "--json"]);
        trust.iter().for_each(|trust| {
            command.args(["--trust", trust]);
        });
        if approved {
            command.arg("--approved");
        }
        Process::start(&env, "verify", command).finish().code
    };
    let honest = showing(&fixture, |_| {});
    let disputed = fixture.disputed_evidence();
    let denied = {
        let challenge = fixture.verified();
        let answer = fixture.denial_of(&challenge);
        let outcome = fixture.sign_outcome(&fixture.outcome(&challenge, Ending::Denied, Some(&answer)));
        Evidence { answer: Some(answer), outcome: Some(outcome), ..fixture.evidence() }
    };
    let without_outcome = Evidence { outcome: None, ..honest.clone() };
    let empty = showing(&fixture, Vec::clear);
    let cheaper = showing(&fixture, |lines| {
        let amount = lines.iter_mut().find(|line| line.role == Role::Amount).unwrap();
        amount.value = LineValue::Money(Money { amount: "0.42".into(), currency: "EUR".into() });
    });
    for (name, evidence, trust, approved, expected) in [
        ("honest", &honest, &[&*root][..], false, 0),
        ("honest, approved", &honest, &[&*root], true, 0),
        ("with the newest manifest", &honest, &[&*newest], true, 0),
        ("disputed", &disputed, &[&*root], false, 0),
        ("disputed, not approved", &disputed, &[&*root], true, 1),
        ("denied", &denied, &[&*root], false, 0),
        ("denied, not approved", &denied, &[&*root], true, 1),
        ("an empty transcript", &empty, &[&*root], true, 5),
        ("a cheaper amount", &cheaper, &[&*root], false, 5),
        ("a cheaper amount goes before nobody's root", &cheaper, &[], false, 5),
        ("nobody's root", &honest, &[], true, 6),
        ("nobody's root goes before no outcome", &without_outcome, &[], false, 6),
        ("no outcome", &without_outcome, &[&*root], false, 7),
        ("no outcome goes before not approved", &without_outcome, &[&*root], true, 7),
        ("a manifest that its owner knows is missing", &honest, &[&*unheard_of], true, 7),
    ] {
        assert_eq!(code(evidence, trust, approved), expected, "{name}");
    }
}

#[test]
fn the_providers_record_gives_the_evidence_that_the_device_has() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let Exported { file, trust } = approve_and_export(&env, &provider, "phone");
    let written = format!("{}={}", trust.issuer.as_str(), trust.root);
    let own: Evidence = Evidence::from_file(&std::fs::read(&file).unwrap()).unwrap();
    let challenge = own.challenge.peek().unwrap();
    let name = ApprovalRef::of(&challenge.approval).to_string();
    assert_eq!(provider.op(&["trace", &name]).expect_code(0).line("trace")["ref"], json!(name));
    for id in [name.as_str(), &name.to_lowercase(), challenge.approval.as_str(), challenge.jti.as_str()] {
        let printed = provider.op(&["evidence", id]).expect_code(0).output.join("\n") + "\n";
        assert_eq!(Evidence::from_file(printed.as_bytes()).unwrap(), own, "{id}");
        std::fs::write(&file, printed).unwrap();
        verify(&env, &file, &[&written]).expect_code(0);
    }
    provider.op(&["evidence", "ap_nothing"]).expect_code(2);
    provider.op(&["evidence", "0000-0000"]).expect_code(2);
}

#[test]
fn a_request_without_evidence_is_not_called_an_unknown_one() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let says = |id: &str, words: &str| {
        let ended = provider.op(&["evidence", id]).expect_code(2);
        let said = ended.errors + &ended.output.join("\n");
        assert!(said.contains(words) && !said.contains("unknown id"), "{said}");
    };
    // Bob has no device, which this client must not learn.
    let about_bob = provider.kiosk().post("/bc-authorize", &[("login_hint", "bob"), ("scope", "openid")]).json();
    says(about_bob["auth_req_id"].as_str().unwrap(), "no device was asked");

    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    provider.till().ask(&[]);
    let waiting = phone.only_pending();
    says(id(&waiting), "nothing is signed about it yet");
    // As the provider does after keep_unanswered.
    let database = rusqlite::Connection::open(provider.home().join("provider.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let of_challenge =
        "DELETE FROM challenge_content WHERE approval_id = (SELECT approval_id FROM challenge WHERE id = ?1)";
    assert_eq!(database.execute(of_challenge, [id(&waiting)]).unwrap(), 1);
    says(id(&waiting), "deleted after keep_unanswered");
}

#[test]
fn no_byte_of_evidence_can_be_changed() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let Exported { file, trust } = approve_and_export(&env, &provider, "phone");
    let written = format!("{}={}", trust.issuer.as_str(), trust.root);
    let genuine = std::fs::read(&file).unwrap();
    let trusted = [trust];
    let holds = |bytes: &[u8]| Evidence::from_file(bytes).and_then(|evidence| evidence.verify(Some(&trusted))).is_ok();
    assert!(holds(&genuine));

    for at in 0..genuine.len() {
        for changed in three_ways(&genuine, at) {
            assert!(!holds(&changed), "byte {at} was changed and nobody noticed");
        }
    }

    let changed_file = env.path("changed.evidence");
    for at in [0, genuine.len() / 3, genuine.len() / 2, genuine.len() - 2, genuine.len() - 1] {
        let [flipped, ..] = three_ways(&genuine, at);
        std::fs::write(&changed_file, flipped).unwrap();
        verify(&env, &changed_file, &[&written]).expect_code(5);
        verify(&env, &changed_file, &[]).expect_code(5);
    }
    std::fs::write(&changed_file, &genuine[..genuine.len() - 1]).unwrap();
    verify(&env, &changed_file, &[&written]).expect_code(5);
}

/// One byte altered in three ways: lowest bit flipped, replaced by a letter of base64url, removed.
fn three_ways(bytes: &[u8], at: usize) -> [Vec<u8>; 3] {
    let mut flipped = bytes.to_vec();
    flipped[at] ^= 1;
    let mut replaced = bytes.to_vec();
    replaced[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    let mut removed = bytes.to_vec();
    removed.remove(at);
    [flipped, replaced, removed]
}
