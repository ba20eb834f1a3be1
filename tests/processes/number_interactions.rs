//! Number interactions: the number shown by the client approves, a wrong one ends the request on every device.

use std::io::Write as _;
use std::process::{Command, Stdio};

use countersign_tests::binary;
use countersign_tests::device::{Device, PIN, id};
use countersign_tests::provider::Provider;
use countersign_tests::test_env::TestEnv;
use serde_json::json;

#[test]
fn the_number_that_the_client_shows_approves() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let (mut request, acknowledged) = provider.till().acknowledged(&["--interaction", "input_manual"]);
    let number = acknowledged["interaction_value"].as_str().expect("the client is given a number to show").to_owned();
    assert!(number.len() == 6 && number.bytes().all(|digit| digit.is_ascii_digit()), "{number}");

    let challenge = phone.only_pending();
    assert_eq!(challenge["interaction"], json!({"type": "input_manual", "length": 6}));
    let without = phone.answer(id(&challenge), &["approve"]);
    assert_eq!(without.code, 2, "approving needs the number: {:?} {}", without.output, without.errors);
    let answered = phone.answer(id(&challenge), &["approve", "--value", &number]).expect_code(0).line("answered");

    assert_eq!(answered["outcome"], "approved");
    assert_eq!(request.line("tokens")["id_token_claims"]["approval"]["interaction"], "input_manual");
}

#[test]
fn one_of_three_numbers_is_chosen() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let (mut request, acknowledged) = provider.till().acknowledged(&["--interaction", "number_choose"]);

    let challenge = phone.only_pending();
    let choices = challenge["interaction"]["choices"].as_array().expect("there are choices");
    assert_eq!(choices.len(), 3);
    assert!(choices.contains(&acknowledged["interaction_value"]), "{choices:?} {acknowledged}");
    let number = acknowledged["interaction_value"].as_str().unwrap();
    phone.answer(id(&challenge), &["approve", "--value", number]).expect_code(0);

    assert_eq!(request.line("tokens")["id_token_claims"]["approval"]["interaction"], "number_choose");
}

#[test]
fn a_wrong_number_kills_the_approval_on_every_device() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let desk = Device::enrolled(&env, "desk", &provider, "alice");
    let (mut request, acknowledged) = provider.till().acknowledged(&["--interaction", "input_manual"]);
    let right = acknowledged["interaction_value"].as_str().unwrap().to_owned();
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let mut watch = desk.watch(&[]);
    let on_desk = watch.line("challenge");

    let on_phone = phone.only_pending();
    let answer = phone.answer(id(&on_phone), &["approve", "--value", wrong]);
    assert_eq!(answer.line("answered")["outcome"], "mismatch");
    assert_eq!(answer.code, 1, "a wrong number approves nothing");

    assert_eq!(watch.line("ended")["outcome"], "mismatch");
    watch.terminate();
    assert_eq!(watch.exit(), 0);
    let failed = request.line("error");
    assert_eq!((&failed["error"], &failed["denial_reason"]), (&json!("access_denied"), &json!("mismatch")));
    let late = desk.answer(id(&on_desk), &["approve", "--value", &right]);
    assert_ne!(late.code, 0, "the right number comes too late: {:?}", late.output);
    assert!(late.lines("answered").is_empty());
}

#[test]
fn on_a_terminal_the_number_is_asked_for_and_the_answer_tells_the_reference() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    for interaction in ["input_manual", "number_choose"] {
        let (mut request, acknowledged) = provider.till().acknowledged(&["--interaction", interaction]);
        let number = acknowledged["interaction_value"].as_str().expect("a number to show");
        let challenge = phone.only_pending();
        let command = format!(
            "exec '{}' answer {} approve --home '{}'",
            binary::countersign().display(),
            id(&challenge),
            phone.home().display()
        );
        // util-linux's `script` gives the command a terminal, on which it types what it reads.
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).current_dir(env.folder());
        script.env("COUNTERSIGN_PIN", PIN).env("TERM", "xterm").env_remove("COUNTERSIGN_LOG");
        let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script of util-linux");
        writeln!(script.stdin.take().expect("a pipe"), "{number}").expect("typed");
        let ended = script.wait_with_output().expect("it ended");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{said}");
        assert!(said.contains("The number on the screen where the request began, "), "{said}");
        let reference = acknowledged["ref"].as_str().expect("a reference");
        assert!(said.contains(&format!("Reference: {reference}.")), "{said}");
        request.line("tokens");
    }
}
