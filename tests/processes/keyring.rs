//! Approval keys of which the session's keyring holds a half: chosen by themselves, told truthfully, and of no use elsewhere.
//!
//! Each test starts gnome-keyring on a D-Bus of its own, without a desktop.

use std::path::Path;

use countersign_tests::device::{Device, id};
use countersign_tests::process::Finished;
use countersign_tests::provider::Provider;
use countersign_tests::session::Session;
use countersign_tests::test_env::TestEnv;
use serde_json::{Value, json};

/// What `countersign keys` says of the keyring and of the file.
fn keys(device: &Device<'_>) -> [Value; 2] {
    let lines = device.run(&["keys"]).expect_code(0).lines("key");
    let [keyring, file] = lines.try_into().expect("two kinds of keys");
    assert_eq!((&keyring["key_protection"], &file["key_protection"]), (&json!("file_keyring"), &json!("file_pin")));
    [keyring, file]
}

/// The code with which an answer fails.
fn failed(finished: Finished) -> String {
    let finished = finished.expect_code(2);
    let error = finished.lines("error").pop().unwrap_or_else(|| panic!("an error:\n{}", finished.errors));
    error["error"].as_str().expect("a code").to_owned()
}

#[test]
fn a_keyring_that_answers_is_chosen_and_the_provider_learns_the_level() {
    let env = TestEnv::new();
    let session = Session::with_keyring(&env, "session");
    let provider = Provider::start(&env);
    let phone = Device::new(&env, "phone").in_session(&session);
    let [keyring, file] = keys(&phone);
    assert_eq!((&keyring["available"], &keyring["chosen"]), (&json!(true), &json!(true)), "{keyring}");
    assert_eq!((&file["available"], &file["chosen"]), (&json!(true), &json!(false)), "{file}");
    assert!(!phone.home().exists(), "a command that only looks makes no home");

    let enrolled = phone.enroll(&provider.link("alice"));
    assert_eq!(enrolled["key_protection"], "file_keyring", "{enrolled}");
    let account = phone.run(&["accounts"]).expect_code(0).line("account");
    assert_eq!(account["key_protection"], "file_keyring", "{account}");
    let listed = provider.op(&["device", "list", "alice"]).expect_code(0).line("device");
    assert_eq!(listed["key_protection"], "file_keyring", "{listed}");

    let (mut request, _) = provider.kiosk().acknowledged(&[]);
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
    let tokens = request.line("tokens");
    assert!(tokens.to_string().contains("file_keyring"), "{tokens}");

    // Who insists on the file gets it, in the same home; each account opens as it was made.
    let link = provider.link("bob");
    let enrolled = phone.run(&["enroll", &link, "--name", "phone", "--yes", "--key", "file"]).expect_code(0);
    assert_eq!(enrolled.line("enrolled")["key_protection"], "file_pin");
}

#[test]
fn a_locked_stopped_or_emptied_keyring_is_told_in_words_and_costs_nothing() {
    let env = TestEnv::new();
    let mut session = Session::with_keyring(&env, "session");
    let provider = Provider::start(&env);
    let phone = Device::new(&env, "phone").in_session(&session);
    phone.enroll(&provider.link("alice"));
    let (mut request, _) = provider.kiosk().acknowledged(&[]);
    let waiting = phone.only_pending();
    let approve = || failed(phone.answer(id(&waiting), &["approve"]));

    session.lock();
    // More often than a wrong PIN may be tried.
    for _ in 0..4 {
        assert_eq!(approve(), "keyring_locked");
    }
    assert_eq!(keys(&phone)[0]["error"], "keyring_locked");
    session.stop_keyring();
    assert_eq!(approve(), "keyring_absent");
    let [keyring, file] = keys(&phone);
    assert_eq!((&keyring["available"], &keyring["error"]), (&json!(false), &json!("keyring_absent")), "{keyring}");
    assert!(keyring["message"].as_str().expect("words").contains("gnome-keyring"), "{keyring}");
    assert_eq!(file["chosen"], true, "{file}");

    // Back with what it had: no try was used up, and the request still waits.
    session.start_keyring();
    let wrong = phone.run_with_pin(&["answer", id(&waiting), "approve"], "000000").expect_code(2);
    let wrong = wrong.lines("error").pop().expect("an error");
    assert!(wrong["message"].as_str().expect("words").contains("9 tries"), "{wrong}");
    phone.answer(id(&waiting), &["approve"]).expect_code(0);
    request.line("tokens");

    let (mut request, _) = provider.kiosk().acknowledged(&[]);
    let waiting = phone.only_pending();
    session.empty();
    assert_eq!(failed(phone.answer(id(&waiting), &["approve"])), "keyring_emptied");
    let account = phone.run(&["accounts"]).expect_code(0).line("account");
    assert_eq!(account["can_approve"], true, "nothing was destroyed: {account}");
    // Denying asks neither for the PIN nor for the keyring.
    phone.answer(id(&waiting), &["deny"]).expect_code(0);
    assert_eq!(request.line("error")["error"], "access_denied");
}

#[test]
fn attack_21_a_copied_home_is_worth_nothing_without_the_sessions_keyring() {
    let env = TestEnv::new();
    let (own, other) = (Session::with_keyring(&env, "own"), Session::with_keyring(&env, "other"));
    let provider = Provider::start(&env);
    let phone = Device::new(&env, "phone").in_session(&own);
    phone.enroll(&provider.link("alice"));
    let (mut request, _) = provider.kiosk().acknowledged(&[]);
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
    request.line("tokens");

    // The thief has the whole home, the PIN, and a keyring of their own.
    let (mut request, _) = provider.kiosk().acknowledged(&[]);
    let waiting = phone.only_pending();
    let thief = Device::new(&env, "thief").in_session(&other);
    copy(&phone.home(), &thief.home());
    assert_eq!(failed(thief.answer(id(&waiting), &["approve"])), "keyring_emptied");
    let lost = Device::new(&env, "thief").in_session(&Session::without_bus(&env));
    assert_eq!(failed(lost.answer(id(&waiting), &["approve"])), "keyring_absent");

    phone.answer(id(&waiting), &["approve"]).expect_code(0);
    request.line("tokens");
}

#[test]
fn a_keyring_that_hangs_is_told_and_a_new_account_does_without_it() {
    let env = TestEnv::new();
    let session = Session::with_keyring(&env, "session");
    let provider = Provider::start(&env);
    let phone = Device::new(&env, "phone").in_session(&session);
    phone.enroll(&provider.link("alice"));
    let (mut request, _) = provider.kiosk().acknowledged(&[]);
    let waiting = phone.only_pending();

    session.hang_keyring();
    assert_eq!(keys(&phone)[0]["error"], "keyring_silent");
    assert_eq!(phone.enroll(&provider.link("bob"))["key_protection"], "file_pin");
    assert_eq!(failed(phone.answer(id(&waiting), &["approve"])), "keyring_silent");
    session.wake_keyring();
    phone.answer(id(&waiting), &["approve"]).expect_code(0);
    request.line("tokens");
}

#[test]
fn without_a_keyring_the_pin_alone_protects_and_who_insists_is_refused() {
    let env = TestEnv::new();
    let session = Session::without_bus(&env);
    let provider = Provider::start(&env);
    let phone = Device::new(&env, "phone").in_session(&session);
    let [keyring, file] = keys(&phone);
    assert_eq!((&keyring["available"], &keyring["error"]), (&json!(false), &json!("keyring_absent")), "{keyring}");
    assert_eq!((&file["available"], &file["chosen"]), (&json!(true), &json!(true)), "{file}");

    let link = provider.link("alice");
    let insisting = phone.run(&["enroll", &link, "--name", "phone", "--yes", "--key", "keyring"]);
    assert_eq!(failed(insisting), "keyring_absent");
    assert!(phone.run(&["accounts"]).expect_code(0).lines("account").is_empty(), "nothing was enrolled");
    assert_eq!(phone.enroll(&link)["key_protection"], "file_pin", "the link is still good");
    let (mut request, _) = provider.kiosk().acknowledged(&[]);
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
    request.line("tokens");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
    #[cfg(unix)]
    std::fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("its owner's alone");
}
