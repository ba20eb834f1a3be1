//! Operator commands beside a running provider: they take effect from the next request on.

use countersign_tests::client::Client;
use countersign_tests::device::{Device, id};
use countersign_tests::process::{Finished, Process};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use serde_json::Value;

/// A client by the id and secret that a command printed.
fn client<'a>(env: &'a TestEnv, provider: &Provider<'_>, line: &Value) -> Client<'a> {
    let text = |member: &str| -> &'static str {
        line[member].as_str().unwrap_or_else(|| panic!("{member} is missing: {line}")).to_owned().leak()
    };
    Client::new(env, provider.issuer(), text("client_id"), text("client_secret"))
}

fn said(finished: &Finished) -> String {
    finished.output.join("\n")
}

#[test]
fn a_client_is_added_asks_gets_a_new_secret_and_is_removed_without_a_restart() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let add = ["client", "add", "till-15", "--name", "Till 15", "--verified", "--set", "policy.ttl=90s"];
    let added = provider.op(&add).expect_code(0).line("client_added");
    let till = client(&env, &provider, &added);
    let (mut asked, acknowledged) = till.acknowledged(&["--binding-message", "hello"]);
    assert_eq!(acknowledged["expires_in"], 90);
    let waiting = phone.only_pending();
    assert_eq!((&waiting["client"]["name"], &waiting["client"]["verified"]), (&"Till 15".into(), &true.into()));
    phone.answer(id(&waiting), &["approve"]).expect_code(0);
    asked.line("tokens");

    let rotated = provider.op(&["client", "rotate-secret", "till-15"]).expect_code(0).line("secret_rotated");
    assert!(said(&till.request(&[]).finish().expect_code(4)).contains("invalid_client"), "the old secret is refused");
    client(&env, &provider, &rotated).acknowledged(&[]);

    let listed = provider.op(&["client", "list"]).expect_code(0).lines("client");
    let of = |id: &str| listed.iter().find(|line| line["client_id"] == id).expect("listed").clone();
    assert_eq!((&of("till-15")["in_file"], &of("kiosk")["in_file"]), (&false.into(), &true.into()));
    assert!(listed.iter().all(|line| line.get("client_secret").is_none()), "no list tells a secret");
    let removed = provider.op(&["client", "remove", "till-15"]).expect_code(0).line("client_removed");
    assert_eq!(removed["withdrawn"], 1, "the request that was pending");
    assert!(said(&client(&env, &provider, &rotated).request(&[]).finish().expect_code(4)).contains("invalid_client"));
}

#[test]
fn a_refused_command_gives_the_reason_and_changes_nothing() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    for (arguments, expected) in [
        (["client", "add", "kiosk"].as_slice(), "client kiosk is already in use"),
        (&["client", "add", "x", "--token-endpoint-auth-method", "private_key_jwt"], "needs the client's public keys"),
        (&["client", "add", "x", "--set", "policy.tll=2m"], "did you mean `ttl`?"),
        (&["client", "add", "x", "--set", "nonsense"], "--set takes NAME=VALUE"),
        (&["client", "remove", "kiosk"], "is in the configuration file"),
        (&["client", "rotate-secret", "nobody"], "there is no client nobody"),
        (&["user", "add", "alice"], "user alice is already in use"),
        (&["user", "lock", "nobody"], "there is no user nobody"),
        (&["user", "hint", "alice", "--add", "card:1"], "is in the configuration file"),
        (&["device", "revoke", "dv_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], "there is no device"),
    ] {
        let refused = said(&provider.op(arguments).expect_code(2));
        assert!(refused.contains(expected), "{arguments:?}: {refused}");
    }
    assert_eq!(provider.op(&["client", "list"]).expect_code(0).lines("client").len(), 2);
}

#[test]
fn a_user_is_added_enrolls_and_is_locked_and_unlocked() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    provider.op(&["user", "add", "carol", "--name", "Carol", "--hint", "carol@example.com"]).expect_code(0);
    let phone = Device::enrolled(&env, "phone", &provider, "carol@example.com");
    let (asked, acknowledged) = {
        let mut asked = provider.till().request_for("carol@example.com", &["--interaction", "boolean"]);
        let acknowledged = asked.line("acknowledged");
        (asked, acknowledged)
    };
    let locked = provider.op(&["user", "lock", "carol"]).expect_code(0).line("user_locked");
    assert_eq!(locked["withdrawn"], 1);
    let ended = said(&asked.finish().expect_code(1));
    assert!(ended.contains("access_denied") && !acknowledged["auth_req_id"].is_null(), "{ended}");
    assert!(said(&provider.till().request_for("carol", &[]).finish()).contains("this user is locked"));

    provider.op(&["user", "unlock", "carol"]).expect_code(0);
    provider.op(&["user", "hint", "carol", "--add", "card:77", "--remove", "carol@example.com"]).expect_code(0);
    assert!(said(&provider.till().request_for("carol@example.com", &[]).finish()).contains("unknown_user_id"));
    let mut again = provider.till().request_for("card:77", &["--interaction", "boolean"]);
    again.line("acknowledged");
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
    again.line("tokens");

    let devices = provider.op(&["device", "list", "carol"]).expect_code(0).lines("device");
    assert_eq!((devices.len(), &devices[0]["status"]), (1, &"active".into()));
    let device = devices[0]["device_id"].as_str().expect("an id").to_owned();
    assert_eq!(provider.op(&["device", "revoke", &device]).expect_code(0).line("device_revoked")["changed"], true);
    assert_eq!(provider.op(&["device", "revoke", &device]).expect_code(0).line("device_revoked")["changed"], false);
    assert!(
        said(&provider.till().request_for("carol", &[]).finish()).contains("unknown_user_id"),
        "nobody is left to ask"
    );
    provider.op(&["user", "remove", "carol"]).expect_code(0);
    assert!(said(&provider.op(&["user", "lock", "carol"]).expect_code(2)).contains("there is no user carol"));
}

#[test]
fn a_user_added_with_a_user_code_is_asked_only_with_it() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let set = ["user", "add", "carol", "--name", "Carol", "--set", "user_code=xyz789"];
    let added = provider.op(&set).expect_code(0);
    assert!(!said(&added).contains("xyz789"), "a code is not repeated: {}", said(&added));
    let listed = provider.op(&["user", "list"]).expect_code(0);
    assert!(!said(&listed).contains("xyz789") && !said(&listed).contains("$argon2id$"), "{}", said(&listed));
    let database = std::fs::read(provider.home().join("provider.db")).expect("readable");
    let log = std::fs::read(provider.home().join("provider.db-wal")).unwrap_or_default();
    assert!(![database, log].concat().windows(6).any(|bytes| bytes == b"xyz789"), "it is kept as a hash");

    let set = ["client", "add", "desk", "--set", "backchannel_user_code_parameter=true", "--set", "first_party=true"];
    let desk = client(&env, &provider, &provider.op(&set).expect_code(0).line("client_added"));
    let _phone = Device::enrolled(&env, "phone", &provider, "carol");
    let ask = |code: &[(&str, &str)]| {
        let usual = [("login_hint", "carol"), ("scope", "openid"), ("binding_message", "hello")];
        desk.post("/bc-authorize", &[&usual[..], code].concat())
    };
    assert_eq!(ask(&[]).error(), "missing_user_code");
    assert_eq!(ask(&[("user_code", "xyz780")]).error(), "invalid_user_code");
    let asked = ask(&[("user_code", "xyz789")]);
    assert_eq!(asked.status, 200, "{}", asked.text());
}

#[test]
fn op_check_validates_a_configuration_without_serving() {
    let env = TestEnv::new();
    let file = |name: &str, text: &str| {
        let path = env.path(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let check = |name: &str, config: &str| {
        Process::start(&env, name, env.command(&["op", "check", "--config", config, "--json"])).finish()
    };
    let good = file("good.toml", "issuer = \"https://id.example.com\"\n[[users]]\nsub = \"alice\"\n");
    let told = Process::start(&env, "plain", env.command(&["op", "check", "--config", &good])).finish().expect_code(0);
    let (told, page) =
        said(&told).rsplit_once('\n').map(|(told, page)| (told.to_owned(), page.to_owned())).expect("two lines");
    assert!(told.ends_with("0 clients and 1 user in the file."), "{told}");
    assert!(page.starts_with("Device page: "), "of this machine's page: {page}");
    let told = check("good", &good).expect_code(0).line("checked");
    assert_eq!((&told["issuer"], &told["users"]), (&"https://id.example.com".into(), &1.into()));
    let bad = file("bad.toml", "isuer = \"x\"\n[tls]\ncert = \"cert.pem\"\n");
    let told = check("bad", &bad).expect_code(2);
    assert!(said(&told).contains("bad.toml:1: unknown key `isuer`"), "{}", said(&told));
    let missing =
        file("missing.toml", "issuer = \"https://id.example.com\"\n[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n");
    let told = check("missing", &missing).expect_code(2);
    assert!(said(&told).contains("cert.pem"), "{}", said(&told));
    assert!(!env.path("provider.db").exists());

    // The command line goes before the environment, and that before the file.
    let elsewhere = |name: &str, issuer: &str, given: &[&str]| {
        let mut command = env.command(&[&["op", "check", "--config", &good, "--json"], given].concat());
        command.env("COUNTERSIGN_OP_ISSUER", issuer);
        Process::start(&env, name, command).finish()
    };
    let told = elsewhere("environment", "https://env.example.com", &[]).expect_code(0).line("checked");
    assert_eq!(told["issuer"], "https://env.example.com");
    let given = ["--configure", "issuer=https://flag.example.com"];
    assert_eq!(
        elsewhere("flag", "https://env.example.com", &given).expect_code(0).line("checked")["issuer"],
        "https://flag.example.com"
    );
    let told = said(&elsewhere("wrong", "env.example.com", &[]).expect_code(2));
    assert!(told.contains("COUNTERSIGN_OP_ISSUER: `issuer` must be"), "{told}");
}

#[test]
fn keys_are_rotated_while_a_real_device_keeps_working() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let root = {
        let listed = provider.op(&["keys", "list"]).expect_code(0).lines("key");
        let root = listed.iter().find(|key| key["name"] == "evidence-root").expect("listed");
        root["kid"].as_str().expect("text").to_owned()
    };
    let approve = |name: &str| {
        let (mut asked, _) = provider.till().acknowledged(&["--interaction", "boolean"]);
        let challenge = phone.only_pending();
        phone.answer(id(&challenge), &["approve"]).expect_code(0);
        asked.line("tokens");
        let file = env.path(name);
        std::fs::write(&file, phone.evidence(id(&challenge))).expect("written");
        let trust = format!("{}={root}", provider.issuer());
        let verify = env.command(&["verify", file.to_str().expect("text"), "--trust", &trust, "--json"]);
        Process::start(&env, "verify", verify).finish().expect_code(0);
    };
    approve("before");

    let rotated = provider.op(&["keys", "rotate"]).expect_code(0);
    let states = |finished: &Finished, name: &str| -> Vec<String> {
        let keys = finished.lines("key").into_iter().filter(|key| key["name"] == name);
        keys.map(|key| key["state"].as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(states(&rotated, "gateway"), ["former", "signs"]);
    assert_eq!(states(&rotated, "token"), ["signs", "next"]);
    assert_eq!(rotated.line("keys_rotated")["compromised"], false);
    let again = said(&provider.op(&["keys", "rotate"]).expect_code(2));
    assert!(again.contains("the last rotation is still under way: its keys sign from 20"), "a date: {again}");
    approve("after");

    let rotated = provider.op(&["keys", "rotate", "--compromised"]).expect_code(0);
    assert_eq!(states(&rotated, "gateway"), ["revoked", "revoked", "signs"]);
    assert_eq!(states(&rotated, "token"), ["signs"]);
    let token = rotated.lines("key").into_iter().find(|key| key["name"] == "token").expect("listed")["kid"].clone();
    provider.until_it_signs(token.as_str().expect("text"));
    approve("afterwards");
}

#[test]
fn status_says_what_works_and_the_next_step() {
    let env = TestEnv::new();
    let mut provider = Provider::start(&env);
    let by_name = |finished: &Finished| -> Vec<(String, bool)> {
        let lines = finished.lines("status");
        lines.iter().map(|line| (line["name"].as_str().expect("text").to_owned(), line["ok"] == true)).collect()
    };
    let told = provider.op(&["status"]).expect_code(4);
    let lines = by_name(&told);
    assert_eq!(lines.len(), 11, "{lines:?}");
    let ill: Vec<_> = lines.iter().filter(|(_, ok)| !ok).collect();
    assert_eq!(ill, [&("people".to_owned(), false)], "nobody has a device yet");
    assert!(told.line("next")["step"].as_str().is_some_and(|step| step.contains("countersign op link")));

    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let (mut asked, _) = provider.till().acknowledged(&["--interaction", "boolean"]);
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
    asked.line("tokens");
    let told = provider.op(&["status"]).expect_code(0);
    assert!(by_name(&told).iter().all(|(_, ok)| *ok));
    assert!(told.line("next")["step"].is_null());
    let approvals = told.lines("status").into_iter().find(|line| line["name"] == "approvals").expect("a line");
    assert!(approvals["detail"].as_str().is_some_and(|detail| detail.ends_with("1 approved")), "{approvals}");

    provider.kill_9();
    let told = provider.op(&["status"]).expect_code(4);
    let ill: Vec<String> = by_name(&told).into_iter().filter(|(_, ok)| !ok).map(|(name, _)| name).collect();
    assert_eq!(ill, ["address", "process"]);
}

#[test]
fn status_tells_another_provider_at_the_issuers_address_from_this_one() {
    let env = TestEnv::new();
    let address = env.free_address();
    let mut provider = Provider::start_at(&env, "provider", address, &Settings::default());
    provider.kill_9();
    let other = Provider::start_at(&env, "other", address, &Settings::default());
    let line = |provider: &Provider<'_>| {
        let lines = provider.op(&["status"]).lines("status");
        lines.into_iter().find(|line| line["name"] == "address").expect("a line")
    };
    let told = line(&provider);
    assert_eq!(told["ok"], false, "{told}");
    assert!(told["detail"].as_str().is_some_and(|said| said.contains("is not the provider of this home")), "{told}");
    assert!(told["next"].as_str().is_some_and(|next| next.starts_with("another server answers there")), "{told}");
    assert_eq!(line(&other)["ok"], true);
}

#[test]
fn status_says_what_is_wrong_with_a_certificate_and_how_it_is_mended() {
    let env = TestEnv::new();
    let (address, tls) = (env.free_address(), env.path("tls"));
    std::fs::create_dir(&tls).expect("made");
    let ip = address.ip().to_string();
    let made = env.command(&["op", "dev-certificate", "id.test", &ip, "--to", "tls"]);
    let made = Process::start(&env, "dev-certificate", made).finish().expect_code(0);
    assert!(said(&made).contains(&format!("A certificate for id.test, {ip} until ")), "{}", said(&made));
    let settings = Settings {
        issuer: Some(format!("https://{address}")),
        more: format!(
            "[tls]\ncert = \"{}\"\nkey = \"{}\"",
            tls.join("dev-cert.pem").display(),
            tls.join("dev-key.pem").display()
        ),
        ..Settings::default()
    };
    let provider = Provider::start_at(&env, "provider", address, &settings);
    let lines = provider.op(&["status"]).expect_code(4).lines("status");
    let told = lines.iter().find(|line| line["name"] == "address").expect("a line");
    assert!(
        told["detail"].as_str().is_some_and(|said| said.contains("an authority that is not trusted here")),
        "{told}"
    );
    assert!(told["next"].as_str().is_some_and(|next| next.contains("SSL_CERT_FILE")), "{told}");
    env.trust(&tls.join("dev-ca.crt"));
    let lines = provider.op(&["status"]).lines("status");
    let told = lines.iter().find(|line| line["name"] == "address").expect("a line");
    assert_eq!(told["ok"], true, "{told}");
}

#[test]
fn a_trace_lists_the_steps_of_one_approval() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let message = "A message that no trace shows";
    let (mut asked, acknowledged) =
        provider.till().acknowledged(&["--interaction", "boolean", "--binding-message", message]);
    let challenge = phone.only_pending();
    let steps = |id: &str| -> (Value, Vec<String>) {
        let told = provider.op(&["trace", id]).expect_code(0);
        assert!(!said(&told).contains(message), "{}", said(&told));
        let steps = told.lines("step").iter().map(|step| step["step"].as_str().expect("text").to_owned()).collect();
        (told.line("trace"), steps)
    };
    let request = acknowledged["auth_req_id"].as_str().expect("text");
    let (head, before) = steps(request);
    assert_eq!((&head["outcome"], &head["sub"]), (&"pending".into(), &"alice".into()));
    assert_eq!(before[..2], ["requested", "asked"]);
    phone.answer(id(&challenge), &["approve"]).expect_code(0);
    asked.line("tokens");
    let (head, after) = steps(id(&challenge));
    assert_eq!(head["outcome"], "approved");
    for step in ["requested", "asked", "answered", "ended", "tokens"] {
        assert!(after.iter().any(|known| known == step), "{step} in {after:?}");
    }
    let approval = head["approval"].as_str().expect("text");
    assert_eq!(steps(approval).0, head);
    let unknown = said(&provider.op(&["trace", "ap_nothing"]).expect_code(2));
    assert!(unknown.contains("unknown id"), "{unknown}");
}

#[test]
fn a_backup_is_complete_and_cancels_what_was_pending_when_it_is_served() {
    let env = TestEnv::new();
    let mut provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let (mut waiting, _) = provider.till().acknowledged(&["--interaction", "boolean"]);
    let copy = env.path("copy.db");
    let to = copy.to_str().expect("text");
    let home = provider.home();
    let backup = |to: &str| {
        let command = env.command(&["op", "backup", "--to", to, "--home", home.to_str().expect("text"), "--json"]);
        Process::start(&env, "backup", command).finish()
    };
    let made = backup(to).expect_code(0).line("backup");
    assert!(
        made["bytes"].as_u64().is_some_and(|bytes| bytes == std::fs::metadata(&copy).expect("a file").len()),
        "{made}"
    );
    let again = said(&backup(to).expect_code(2));
    assert!(again.contains("copy.db"), "a file that is there is never replaced: {again}");
    let nowhere = said(&backup("/nowhere/at/all.db").expect_code(2));
    assert!(nowhere.contains("/nowhere/at/all.db"), "{nowhere}");

    provider.kill_9();
    for name in ["provider.db", "provider.db-wal", "provider.db-shm"] {
        let _ = std::fs::remove_file(home.join(name));
    }
    std::fs::copy(&copy, home.join("provider.db")).expect("restored");
    provider.restart();
    // What the copy holds as pending may have been answered since it was made: its client asks again, and the device goes on.
    assert_eq!(waiting.exit(), 1, "cancelled");
    let (mut again, _) = provider.till().acknowledged(&["--interaction", "boolean"]);
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
    again.line("tokens");
}

#[test]
fn a_command_on_an_unused_home_says_that_it_is_new_and_one_that_only_looks_makes_none() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let run = |home: &std::path::Path, arguments: &[&str]| {
        let mut command = env.command(&[&["op"], arguments].concat());
        command.arg("--config").arg(provider.config()).arg("--home").arg(home);
        // Each has a file for its errors.
        Process::start(&env, &format!("op-{}", arguments.join("-")), command).finish()
    };
    let mistyped = env.path("provdier");
    let serve = format!("countersign op serve --config {} --home {}", provider.config().display(), mistyped.display());
    for look in [
        ["client", "list"].as_slice(),
        &["client", "show", "kiosk"],
        &["user", "list"],
        &["device", "list", "alice"],
        &["keys", "list"],
        &["trace", "K7Q2-9FDM"],
        &["evidence", "K7Q2-9FDM"],
    ] {
        let refused = run(&mistyped, look).expect_code(2);
        assert!(refused.errors.contains("no provider has served from") && refused.errors.contains(&serve), "{look:?}");
        assert!(!mistyped.exists(), "{look:?} made a home");
    }
    let status = run(&mistyped, &["status"]).expect_code(4);
    let told = said(&status);
    assert!(
        told.contains("no provider has served from") && told.ends_with(&format!("Next: start it: {serve}")),
        "{told}"
    );
    assert!(!mistyped.exists(), "status made a home");

    let added = run(&mistyped, &["user", "add", "carol"]).expect_code(0);
    assert!(added.errors.contains("provdier is a new home"));
    let link = format!(
        "Next: countersign op link carol --config {} --home {}",
        provider.config().display(),
        mistyped.display()
    );
    assert!(said(&added).ends_with(&link), "{}", said(&added));
    assert!(!run(&provider.home(), &["client", "add", "x"]).expect_code(0).errors.contains("is a new home"));
}

#[test]
fn an_address_that_may_not_be_called_makes_an_entry_invalid() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let keys = ["--token-endpoint-auth-method", "private_key_jwt", "--jwks-uri", "https://10.1.2.3/jwks"];
    let refused = provider.op(&[&["client", "add", "bank"], keys.as_slice()].concat()).expect_code(2).line("error");
    assert_eq!(refused["error"], "invalid_entry");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("[egress] allow")), "{refused}");
}
