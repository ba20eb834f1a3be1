//! Enrollment: confirmation codes, several accounts on one device, and one process per home.

use countersign_tests::device::{Device, id};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use serde_json::json;

#[test]
fn a_device_is_active_once_its_code_is_typed_where_the_link_came_from() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let (link, mut op) = provider.link_with_code("alice@example.com");
    let phone = Device::new(&env, "phone");

    let enrolled = phone.enroll(&link);
    assert_eq!((&enrolled["issuer"], &enrolled["subject"]), (&json!(provider.issuer()), &json!("alice")));
    assert_eq!((&enrolled["device_class"], &enrolled["key_protection"]), (&json!("automated"), &json!("file_pin")));
    assert!(enrolled["account"].as_str().unwrap().starts_with("ac_"), "{enrolled}");
    assert!(enrolled["device_id"].as_str().unwrap().starts_with("dv_"), "{enrolled}");
    let code = enrolled["confirmation_code"].as_str().expect("the device shows a code").to_owned();
    assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
    op.say(&code);
    assert_eq!(op.exit(), 0);

    let (mut request, _) = provider.kiosk().acknowledged(&[]);
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
    request.line("tokens");
}

#[test]
fn an_unconfirmed_device_gets_nothing() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let confirmed = Device::enrolled(&env, "confirmed", &provider, "alice");
    let (link, mut op) = provider.link_with_code("alice");
    let unconfirmed = Device::new(&env, "unconfirmed");
    let code = unconfirmed.enroll(&link)["confirmation_code"].as_str().unwrap().to_owned();

    provider.kiosk().acknowledged(&["--binding-message", "before"]);
    assert_eq!(confirmed.only_pending()["binding_message"], "before", "the request is out");
    assert!(unconfirmed.pending().is_empty(), "and this device hears nothing of it");

    op.say(&code);
    assert_eq!(op.exit(), 0);
    provider.kiosk().acknowledged(&["--binding-message", "after"]);
    assert_eq!(unconfirmed.only_pending()["binding_message"], "after", "it is asked what came after its confirmation");
}

#[test]
fn the_third_wrong_code_ends_link_and_device() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let (link, mut op) = provider.link_with_code("alice");
    let phone = Device::new(&env, "phone");
    let code = phone.enroll(&link)["confirmation_code"].as_str().unwrap().to_owned();

    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..3 {
        op.say(wrong);
    }
    assert_ne!(op.exit(), 0, "the link ended unconfirmed");

    provider.kiosk().acknowledged(&[]);
    phone.run(&["pending"]);
    assert!(phone.run(&["pending"]).lines("challenge").is_empty());
    let other = Device::new(&env, "other").run(&["enroll", &link, "--yes"]);
    assert_eq!(other.code, 4, "{:?} {}", other.output, other.errors);
}

#[test]
fn a_link_enrolls_one_device() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let link = provider.link("alice");
    Device::new(&env, "first").enroll(&link);

    let second = Device::new(&env, "second").run(&["enroll", &link, "--yes"]);

    assert_eq!(second.code, 4, "{:?} {}", second.output, second.errors);
    assert!(second.lines("enrolled").is_empty());
    let said = format!("{:?}{}", second.output, second.errors);
    assert!(said.contains("registration_token_already_used"), "{said}");
}

#[test]
fn a_link_can_be_given_on_standard_input() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::new(&env, "phone");
    let mut enroll = phone.begin(&["enroll", "-", "--yes"]);
    enroll.say(&provider.link("alice"));
    assert_eq!(enroll.line("enrolled")["subject"], "alice");
    assert_eq!(enroll.exit(), 0);
}

#[test]
fn one_device_has_accounts_of_several_users_and_providers() {
    let env = TestEnv::new();
    let first = Provider::start(&env);
    let second = Provider::start_with(&env, "second", &Settings::default());
    let device = Device::new(&env, "device");
    let mut accounts = Vec::new();
    for (provider, user) in [(&first, "alice"), (&first, "bob"), (&second, "alice")] {
        let enrolled = device.enroll(&provider.link(user));
        accounts.push(json!([enrolled["account"], provider.issuer(), user]));
    }

    let listed = device.run(&["accounts"]).expect_code(0).lines("account");
    let listed: Vec<_> = listed.iter().map(|line| json!([line["account"], line["issuer"], line["subject"]])).collect();
    assert_eq!(listed, accounts);

    let mut of_bob = first.kiosk().request_for("bob", &["--binding-message", "bob's bike"]);
    let mut of_alice = second.kiosk().request_for("alice", &["--binding-message", "alice's bike"]);
    of_bob.line("acknowledged");
    of_alice.line("acknowledged");
    let pending = device.pending();
    assert_eq!(pending.len(), 2, "{pending:?}");
    for (message, account) in [("bob's bike", &accounts[1]), ("alice's bike", &accounts[2])] {
        let challenge = pending.iter().find(|challenge| challenge["binding_message"] == message).expect(message);
        assert_eq!(challenge["account"], account[0]);
        device.answer(id(challenge), &["approve"]).expect_code(0);
    }
    assert_eq!(of_bob.line("tokens")["id_token_claims"]["sub"], "bob");
    assert_eq!(of_alice.line("tokens")["id_token_claims"]["iss"], second.issuer());
}

#[test]
fn a_second_process_on_a_home_exits_2_and_names_the_first() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let mut watch = phone.watch(&[]);
    provider.kiosk().acknowledged(&[]);
    watch.line("challenge");

    let second = phone.run(&["pending"]);
    assert_eq!(second.code, 2);
    let said = format!("{:?}{}", second.output, second.errors);
    assert!(said.contains(&format!("process {}", watch.id())), "the process that holds the home is named: {said}");

    watch.kill_9();
    assert_eq!(phone.pending().len(), 1, "a home is free when its holder is gone, however it went");
}

#[test]
fn a_second_provider_on_a_home_exits_2_and_names_the_first() {
    let env = TestEnv::new();
    let mut provider = Provider::start(&env);
    let (config, home) = (provider.config().to_str().unwrap().to_owned(), provider.home());
    let arguments = ["op", "serve", "--json", "--config", &config, "--home", home.to_str().unwrap()];
    let second = countersign_tests::process::Process::start(&env, "second", env.command(&arguments)).finish();
    assert_eq!(second.code, 2, "{}", second.errors);
    let said = format!("{:?}{}", second.output, second.errors);
    assert!(said.contains(&format!("process {}", provider.process().id())), "{said}");
}
