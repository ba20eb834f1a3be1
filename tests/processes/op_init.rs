//! `countersign op init`: a first configuration that works as it is, with commands that can be run as they are printed.

use std::path::Path;

use countersign_tests::http;
use countersign_tests::process::{Finished, Process};
use countersign_tests::test_env::TestEnv;

fn init(env: &TestEnv, arguments: &[&str]) -> Finished {
    Process::start(env, "init", env.command(&[&["op", "init"], arguments].concat())).finish()
}

/// A printed command, as a shell splits it where nothing is quoted, with one object a line.
fn printed(env: &TestEnv, command: &str) -> std::process::Command {
    let words: Vec<&str> = command.split(' ').collect();
    assert_eq!(words[0], "countersign");
    let mut command = env.command(&words[1..]);
    command.arg("--json");
    command
}

#[test]
fn a_first_configuration_serves_enrolls_and_asks_by_the_printed_commands() {
    let env = TestEnv::new();
    // Another test may have port 8787, so this one has its own address.
    let issuer = format!("http://{}", env.free_address());
    let made = init(&env, &["--json", "--issuer", &issuer, "--home", "state"]).expect_code(0).line("initialized");
    assert_eq!(made["issuer"], issuer.as_str());
    let check = Process::start(&env, "check", env.command(&["op", "check", "--json"])).finish().expect_code(0);
    let checked = check.line("checked");
    assert_eq!((&checked["clients"], &checked["users"]), (&1.into(), &1.into()));
    assert_eq!(checked["warnings"], serde_json::Value::Null);

    let next: Vec<&str> = made["next"].as_array().expect("commands").iter().filter_map(|next| next.as_str()).collect();
    assert_eq!(next.len(), 3);
    let mut serving = Process::start(&env, "serve", printed(&env, next[0]));
    serving.line("ready");
    assert!(env.path("state/provider.db").exists(), "--home is in the commands");
    let mut link = Process::start(&env, "link", printed(&env, next[1]));
    assert!(link.line("link")["enrollment_link"].as_str().is_some_and(|link| link.starts_with(&issuer)));
    // Nobody has a device yet: the provider knows the client by its secret, and says so.
    let asked = Process::start(&env, "request", printed(&env, next[2])).finish().expect_code(4);
    assert!(asked.output.join("\n").contains("unknown_user_id"), "{}", asked.output.join("\n"));
    assert_eq!(http::send("GET", &format!("{issuer}/readyz"), &[], b"").status, 200);
}

#[test]
fn secrets_are_new_private_and_never_overwritten() {
    let env = TestEnv::new();
    init(&env, &[]).expect_code(0);
    let read = |name: &str| std::fs::read_to_string(env.path(name)).expect(name);
    let files = ["provider.toml", "till.secret", "webhook.secret", "registration.secret"];
    assert!(read("provider.toml").contains("issuer = \"http://localhost:8787\""));
    let secrets: std::collections::BTreeSet<String> = files[1..].iter().map(|name| read(name)).collect();
    assert_eq!(secrets.len(), 3, "each is another");
    assert!(secrets.iter().all(|secret| secret.trim().len() >= 43), "256 bits");
    #[cfg(unix)]
    for name in files {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(env.path(name)).expect(name).permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    let before = files.map(read);
    let again = init(&env, &["--json"]).expect_code(2);
    assert_eq!(again.line("error")["error"], "file_exists");
    assert_eq!(files.map(read), before);

    // A secret that is there already is another provider's: nothing is written beside it.
    std::fs::create_dir(env.path("other")).expect("a folder");
    std::fs::write(env.path("other/till.secret"), "x").expect("written");
    init(&env, &["--config", "other/provider.toml"]).expect_code(2);
    assert!(!Path::new(&env.path("other/provider.toml")).exists());
}
