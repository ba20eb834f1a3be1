//! Several people on one device, and accounts that take no part.

use std::fs;

use countersign_tests::device::{Device, id};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use serde_json::json;

const MORE: &str = r#"
[[users]]
sub = "auth0|64f0c0ffee"
name = "Alice Example"

[[users]]
sub = 'DOMAIN\carol smith'
"#;

#[test]
fn people_of_one_provider_on_one_device_are_told_apart() {
    let env = TestEnv::new();
    let provider = Provider::start_with(&env, "provider", &Settings { more: MORE.into(), ..Settings::default() });
    let device = Device::new(&env, "device");
    let people = [
        ("alice", "Alice Example"),
        ("auth0|64f0c0ffee", "Alice Example"),
        ("DOMAIN\\carol smith", "DOMAIN\\carol smith"),
    ];
    for (user, _) in people {
        device.enroll(&provider.link(user));
        let mut request = provider.kiosk().request_for(user, &["--binding-message", "Transfer all"]);
        request.line("acknowledged");
    }
    let pending = device.pending();
    let whom = |challenge: &serde_json::Value| json!([challenge["subject"], challenge["subject_label"]]);
    for (user, label) in people {
        assert!(pending.iter().any(|challenge| whom(challenge) == json!([user, label])), "{user}: {pending:?}");
    }
    let mut watch = device.watch(&["--count", "3"]);
    for _ in people {
        let challenge = watch.line("challenge");
        assert!(pending.iter().any(|listed| whom(listed) == whom(&challenge)), "{challenge}");
    }
    watch.exit();
    let history = device.run(&["history"]).expect_code(0).lines("history");
    assert!(history.iter().all(|past| pending.iter().any(|listed| whom(listed) == whom(past))), "{history:?}");
}

#[test]
fn a_copied_device_says_that_it_is_suspended_and_what_to_do() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let copy = Device::new(&env, "copy");
    copy_folder(&phone.home(), &copy.home());

    provider.kiosk().acknowledged(&[]);
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
    provider.kiosk().acknowledged(&[]);
    let challenge = copy.only_pending();
    let answered = copy.answer(id(&challenge), &["approve"]).expect_code(4);
    assert!(answered.errors.contains("suspended"), "{}", answered.errors);

    for device in [&phone, &copy] {
        let pending = device.run(&["pending"]).expect_code(4);
        for said in ["suspended", "ask the provider", "enroll this device again", "Alice Example"] {
            assert!(pending.errors.contains(said), "{said}: {}", pending.errors);
        }
        let answered = device.answer(id(&challenge), &["deny"]);
        assert_eq!(answered.code, if answered.errors.contains("answered") { 2 } else { 4 }, "{}", answered.errors);
    }
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(fs::copy(&path, &target).expect("copied")),
        }
    }
}
