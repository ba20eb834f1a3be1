//! A device in Python, written from docs/protocol.md without code of the crates, against the real provider.
//!
//! It leaves out what one approval does not need: it stores nothing, renews no credential, ignores revocations (it keeps retrying
//! on a lasting 401), checks the types of members only where it uses them, and accepts no zero-width joiners in strings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use countersign_device::edge::system;
use countersign_jose::base64url;
use countersign_jose::hash::Hash;
use countersign_testing::push_service::{PushService, Subscription};
use countersign_tests::client::PAYMENT;
use countersign_tests::process::Process;
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use countersign_tests::{tokens, wire_device};
use serde_json::{Value, json};

#[test]
fn a_device_that_follows_the_document_approves_a_payment() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let mut device = start(&env, &[&provider.link("alice"), "--decide", "approve"]);
    let enrolled = device.line("enrolled");
    assert_eq!((&enrolled["issuer"], &enrolled["subject"]), (&json!(provider.issuer()), &json!("alice")));
    assert!(enrolled["confirmation_code"].is_null(), "this link needs no code: {enrolled}");

    let (mut request, _) = provider.till().acknowledged(&["--authorization-details", PAYMENT]);
    let shown = device.line("challenge");
    let answered = device.line("answered");
    let received = request.line("tokens");

    assert_eq!((&answered["id"], &answered["outcome"]), (&shown["id"], &json!("approved")));
    assert_eq!((device.exit(), request.exit()), (0, 0));
    let lines = shown["transcript"].as_array().unwrap();
    for said in [json!("Acme Coffee"), json!({ "amount": "4.20", "currency": "EUR" }), json!("Acme Coffee, Berlin")] {
        assert!(lines.iter().any(|line| line["value"] == said), "the person reads {said}: {lines:?}");
    }
    let approval = &tokens::verified(provider.issuer(), &received["id_token"]).claims["approval"];
    assert_eq!(
        (&approval["details_hash"], &approval["device_class"]),
        (&json!(Hash::of(PAYMENT)), &json!("automated"))
    );
}

#[test]
fn its_denial_reaches_the_client() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let mut device = start(&env, &[&provider.link("alice"), "--decide", "deny"]);
    device.line("enrolled");

    let (mut request, _) = provider.till().acknowledged(&["--authorization-details", PAYMENT]);
    assert_eq!(device.line("answered")["outcome"], "denied");

    assert_eq!(request.line("error")["error"], "access_denied");
    assert_eq!((device.exit(), request.exit()), (1, 1));
}

#[test]
fn it_is_active_once_its_code_is_typed() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let (link, mut op) = provider.link_with_code("alice");
    let mut device = start(&env, &[&link, "--decide", "approve"]);
    op.say(device.line("enrolled")["confirmation_code"].as_str().expect("the device shows a code"));
    assert_eq!(op.exit(), 0);

    let (mut request, _) = provider.kiosk().acknowledged(&[]);
    request.line("tokens");
    assert_eq!(device.exit(), 0);
}

#[test]
fn it_answers_with_the_number_that_the_client_shows() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let number = ["--interaction", "input_manual"];

    let mut right = start(&env, &[&provider.link("alice"), "--decide", "approve", "--value", "-"]);
    right.line("enrolled");
    let (mut request, acknowledged) = provider.till().acknowledged(&number);
    right.say(acknowledged["interaction_value"].as_str().expect("the client is given a number"));
    request.line("tokens");
    assert_eq!(right.line("answered")["outcome"], "approved");

    let mut wrong = start(&env, &[&provider.link("bob"), "--decide", "approve", "--value", "-"]);
    wrong.line("enrolled");
    let mut request = provider.till().request_for("bob", &number);
    let value = request.line("acknowledged")["interaction_value"].as_str().unwrap().to_owned();
    wrong.say(if value == "000000" { "000001" } else { "000000" });
    assert_eq!(wrong.line("answered")["outcome"], "mismatch");
    assert_eq!(request.line("error")["error"], "access_denied");
    assert_eq!(wrong.exit(), 1);
}

#[test]
fn it_agrees_on_every_vector_and_every_example_of_the_document() {
    let env = TestEnv::new();
    let root = here().parent().expect("the tests lie in the repository");
    let arguments = [root.join("tests/vectors"), root.join("docs/protocol.md")];
    let mut command = python("vectors.py");
    command.args(&arguments);

    let judged = Process::start(&env, "vectors", command).finish().expect_code(0);

    let files: Vec<Value> = judged.lines("judged");
    assert!(files.len() >= 8 && files.iter().all(|file| file["cases"].as_u64() > Some(0)), "{files:?}");
    assert!(judged.line("document")["examples"].as_u64() >= Some(10), "the document has its examples");
}

#[test]
fn a_push_is_decrypted_by_another_implementation_of_rfc_8291() {
    let env = TestEnv::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let service = runtime.block_on(PushService::start());
    let settings = Settings { more: "[egress]\nallow = [\"127.0.0.1\"]\n".to_owned(), ..Settings::default() };
    let provider = Provider::start_with(&env, "provider", &settings);
    let subscription = Subscription::new(&*system::random());
    let address = subscription.address(&service.endpoint("phone"));
    wire_device::enroll_with(&provider.link("alice"), "phone", Some(address));
    provider.till().ask(&[]);
    let push = runtime.block_on(service.wait_for(1)).remove(0);

    let (private_key, auth) = subscription.exposed();
    let given = json!({ "private_key": private_key, "auth": auth, "body": base64url::encode(&push.body) });
    let mut decrypting = Process::start(&env, "decrypt-push", python("decrypt_push.py"));
    decrypting.say(&given.to_string());
    decrypting.hang_up();
    let message: Value = serde_json::from_str(&decrypting.any_line()).expect("a message");
    assert_eq!(decrypting.exit(), 0);
    assert_eq!(message.to_string(), subscription.plaintext(&push).parse::<Value>().expect("JSON").to_string());
    assert_eq!(message["v"], 1);
}

#[test]
fn a_device_that_follows_the_document_is_woken_by_push_and_practises() {
    let env = TestEnv::new();
    let settings = Settings { more: "[egress]\nallow = [\"127.0.0.1\"]\n".to_owned(), ..Settings::default() };
    let provider = Provider::start_with(&env, "provider", &settings);
    let mut command = python("pushed.py");
    command.args([&provider.link("alice"), "--practice", "--count", "2"]);
    let mut device = Process::start(&env, "pushed-device", command);
    device.line("enrolled");

    let first = device.line("pushed");
    let practice = device.line("challenge");
    let shown = practice["transcript"].as_array().expect("lines");
    assert!(shown.iter().any(|line| line["role"] == "practice"), "{practice}");
    assert_eq!(device.line("answered")["outcome"], "approved");

    let (mut request, _) = provider.till().acknowledged(&["--authorization-details", PAYMENT]);
    let second = device.line("pushed");
    assert!(first["id"] != second["id"] && first["length"] == second["length"], "{first} {second}");
    assert_eq!(device.line("answered")["outcome"], "approved");
    request.line("tokens");
    assert_eq!((device.exit(), request.exit()), (0, 0));
    let push = provider.op(&["device", "list", "alice"]).expect_code(0).line("device")["push"].clone();
    assert_eq!((&push["state"], &push["proven"]), (&json!("ok"), &json!(true)));
}

#[test]
fn it_has_at_most_400_lines() {
    let lines = fs::read_to_string(here().join("other_device/device.py")).expect("the device is there").lines().count();
    assert!(lines <= 400, "{lines} lines: the protocol must stay small enough for a device of 400");
}

/// Starts the device with these arguments.
fn start(env: &TestEnv, arguments: &[&str]) -> Process {
    let mut command = python("device.py");
    command.args(arguments);
    Process::start(env, "other-device", command)
}

/// The command that runs a program of tests/other_device in its virtual environment.
fn python(program: &str) -> Command {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(PYTHON.get_or_init(prepare));
    command.arg(here().join("other_device").join(program));
    command
}

/// Puts the libraries that requirements.txt names into target/other-device-venv, unless they are there.
fn prepare() -> PathBuf {
    let requirements = here().join("other_device/requirements.txt");
    let wanted = fs::read(&requirements).expect("the requirements are there");
    // <target>/<profile's folder>/deps/<this test>
    let this = std::env::current_exe().expect("a running program has a path");
    let folder = this
        .ancestors()
        .nth(3)
        .expect("cargo puts a test three folders below its target folder")
        .join("other-device-venv");
    let (python, done) = (folder.join("bin/python"), folder.join("installed.txt"));
    if fs::read(&done).is_ok_and(|installed| installed == wanted) && python.exists() {
        return python;
    }
    run(
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder),
        "These tests drive a device written in Python, and python3 with its module venv is not here.\n\
         Run: make setup PART=test (on Debian and Ubuntu: apt install python3 python3-venv)",
    );
    run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&requirements),
        "The libraries in tests/other_device/requirements.txt could not be installed from PyPI; that needs the network, once.",
    );
    fs::write(done, wanted).expect("the folder is this test's own");
    python
}

fn run(command: &mut Command, words: &str) {
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            panic!("{words}\n{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        }
        Err(error) => panic!("{words}\n{command:?}: {error}"),
    }
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
