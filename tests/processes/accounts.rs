//! Several people on one device, and accounts that take no part.

use std::fs;

use countersign_tests::device::{Device, id};
use countersign_tests::process::Process;
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

#[test]
fn an_account_that_takes_no_part_can_be_taken_off_the_device_and_its_evidence_stays() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::new(&env, "phone");
    let account = phone.enroll(&provider.link("alice"));
    provider.kiosk().acknowledged(&[]);
    let challenge = phone.only_pending();
    phone.answer(id(&challenge), &["approve"]).expect_code(0);
    let before = phone.evidence(id(&challenge));
    provider.op(&["device", "revoke", account["device_id"].as_str().expect("an id")]).expect_code(0);

    let pending = phone.run(&["pending"]).expect_code(4);
    let error = pending.line("error");
    assert_eq!((&error["error"], &error["account"]), (&json!("account_revoked"), &account["account"]));
    let name = account["account"].as_str().expect("an id");
    let next = format!("countersign unenroll {name} --home {}", phone.home().display());
    assert!(error["message"].as_str().is_some_and(|message| message.ends_with(&next)), "{error}");

    let asked = phone.run(&["unenroll", name]).expect_code(2);
    assert_eq!(asked.line("error")["error"], "nobody_to_ask", "there is no terminal, and no --yes");
    let gone = phone.run(&["unenroll", name, "--yes"]).expect_code(0).line("unenrolled");
    assert_eq!(gone["account"], account["account"]);
    assert!(phone.run(&["accounts"]).expect_code(0).lines("account").is_empty());
    assert!(phone.pending().is_empty(), "pending has its code 0 again");
    let keys = fs::read_dir(phone.home().join("keys")).expect("a folder").flatten();
    let keys: Vec<_> = keys.map(|key| key.file_name()).filter(|key| key.to_string_lossy().starts_with(name)).collect();
    assert!(keys.is_empty(), "its keys are destroyed: {keys:?}");
    assert_eq!(phone.run(&["history"]).expect_code(0).lines("history").len(), 1);
    assert_eq!(phone.evidence(id(&challenge)), before);
    phone.run(&["unenroll", name, "--yes"]).expect_code(2);

    phone.enroll(&provider.link("alice"));
    provider.kiosk().acknowledged(&[]);
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
}

#[test]
fn an_account_that_leaves_is_revoked_by_its_provider_and_nobody_asks_it_any_more() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::new(&env, "phone");
    let account = phone.enroll(&provider.link("alice"));
    let (mut request, _) = provider.till().acknowledged(&["--interaction", "boolean"]);
    let waiting = phone.only_pending();
    let name = account["account"].as_str().expect("an id");
    let gone = phone.run(&["unenroll", name, "--yes"]).expect_code(0).line("unenrolled");
    assert_eq!(gone["revoked"], true, "{gone}");
    let listed = provider.op(&["device", "list", "alice"]).expect_code(0).line("device");
    assert_eq!((&listed["device_id"], &listed["status"]), (&account["device_id"], &json!("revoked")));
    assert_eq!(request.line("error")["error"], "access_denied", "nobody is left who could answer");
    assert_eq!(request.exit(), 1);
    let past = phone.run(&["history"]).expect_code(0).line("history");
    assert_eq!((&past["id"], &past["stage"]), (&waiting["id"], &json!("ended")));
    assert_eq!((&past["outcome"], &past["ended_with"]), (&json!(null), &json!("unenrollment")));
}

#[test]
fn an_account_whose_provider_is_away_leaves_all_the_same_and_says_what_is_left_to_do() {
    let env = TestEnv::new();
    let mut provider = Provider::start(&env);
    let phone = Device::new(&env, "phone");
    let account = phone.enroll(&provider.link("alice"));
    let link = provider.link("bob");
    provider.process().terminate();
    provider.process().exit();
    let refused = phone.run(&["enroll", &link, "--yes"]).expect_code(4).line("error");
    assert_eq!(refused["error"], "unreachable", "as every command calls it");
    let mut unenroll = env.command(&["unenroll", account["account"].as_str().expect("an id"), "--yes"]);
    unenroll.arg("--home").arg(phone.home());
    let told = Process::start(&env, "text", unenroll).finish().expect_code(0).output.join("\n");
    let device = account["device_id"].as_str().expect("an id");
    for said in ["was not told", "nothing listens at its address", &format!("countersign op device revoke {device}")] {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert!(phone.run(&["accounts"]).expect_code(0).lines("account").is_empty());
}

#[test]
fn what_waited_when_the_device_was_revoked_has_ended_in_its_history() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::new(&env, "phone");
    let account = phone.enroll(&provider.link("alice"));
    provider.kiosk().acknowledged(&[]);
    let waiting = phone.only_pending();
    let history = || phone.run(&["history"]).expect_code(0).line("history");
    assert_eq!((&history()["stage"], history().get("ended_with")), (&json!("received"), None));
    provider.op(&["device", "revoke", account["device_id"].as_str().expect("an id")]).expect_code(0);
    phone.run(&["pending"]).expect_code(4);
    let past = history();
    assert_eq!((&past["id"], &past["stage"]), (&waiting["id"], &json!("ended")));
    assert_eq!((&past["ended_with"], &past["expires_at"]), (&json!("revocation"), &waiting["expires_at"]));
    let mut text = env.command(&["history"]);
    text.arg("--home").arg(phone.home());
    let text = Process::start(&env, "text", text).finish().expect_code(0).output.join("\n");
    assert!(text.contains("ended when the provider revoked this device") && !text.contains("pending"), "{text}");
}

#[test]
fn enrolling_the_same_person_of_the_same_provider_again_is_told_before_it_is_done() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::new(&env, "phone");
    let enroll = |link: &str| phone.run(&["enroll", link, "--name", "phone", "--yes"]).expect_code(0);
    let words = "This device is enrolled for Alice Example there already";
    let first = enroll(&provider.link("alice"));
    assert!(!first.errors.contains(words), "{}", first.errors);
    // One file for the standard error of all commands of a device.
    let bob = enroll(&provider.link("bob"));
    assert!(!bob.errors.contains("there already"), "{}", bob.errors);
    let again = enroll(&provider.link("alice"));
    let account = first.line("enrolled")["account"].as_str().expect("an id").to_owned();
    assert!(again.errors.contains(&format!("{words} ({account})")), "{}", again.errors);
    let unenroll = format!("countersign unenroll {account} --home {}", phone.home().display());
    assert!(again.errors.contains(&unenroll), "{}", again.errors);
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
