//! The QR code of `countersign op link`: shown on a terminal that has room for it, if another machine can reach the issuer.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use countersign_tests::binary;
use countersign_tests::test_env::TestEnv;

/// A provider's configuration for this issuer.
fn configuration(env: &TestEnv, issuer: &str) -> PathBuf {
    let file = env.path("provider.toml");
    let settings = format!("issuer = \"{issuer}\"\nmode = \"test\"\n\n[[users]]\nsub = \"alice\"\n");
    std::fs::write(&file, settings).expect("written");
    file
}

/// The output of `op link` on a terminal of this many columns, made by util-linux's `script`.
fn on_a_terminal(env: &TestEnv, issuer: &str, columns: u32, arguments: &str) -> String {
    let command = format!(
        "stty rows 24 cols {columns}; exec '{}' op link alice --confirm none --config '{}' --home '{}' {arguments}",
        binary::countersign().display(),
        configuration(env, issuer).display(),
        env.path("home").display(),
    );
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).stdin(Stdio::null());
    script.env_remove("NO_COLOR").env_remove("COUNTERSIGN_LOG").env("TERM", "xterm").current_dir(env.folder());
    let output = script.output().expect("the program `script` of util-linux is on every Debian");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("{issuer}/push/enroll#")), "{said}");
    said
}

/// The number of lines with half blocks, of which a QR code is made.
fn drawn(said: &str) -> usize {
    said.lines().filter(|line| line.contains(['█', '▀', '▄'])).count()
}

#[test]
fn a_link_that_other_machines_can_reach_is_shown_as_a_qr_code() {
    let env = TestEnv::new();
    let said = on_a_terminal(&env, "https://id.acme.example", 140, "");
    assert!(drawn(&said) > 30, "{said}");
    assert!(!said.contains("No QR code"), "{said}");
}

#[test]
fn on_a_narrow_terminal_the_needed_width_is_printed() {
    let env = TestEnv::new();
    let said = on_a_terminal(&env, "https://id.acme.example", 60, "");
    assert_eq!(drawn(&said), 0, "{said}");
    assert!(said.contains("it needs a terminal of") && said.contains("this one has 60"), "{said}");
}

#[test]
fn a_loopback_link_has_no_qr_code_and_says_why() {
    let env = TestEnv::new();
    let said = on_a_terminal(&env, "http://127.0.0.1:8787", 140, "");
    assert_eq!(drawn(&said), 0, "{said}");
    assert!(said.contains("127.0.0.1 is this computer, and no other device can reach it"), "{said}");
}

#[test]
fn a_script_gets_the_link_without_a_qr_code() {
    let env = TestEnv::new();
    let said = on_a_terminal(&env, "https://id.acme.example", 140, "--json");
    assert_eq!((drawn(&said), said.trim().lines().count()), (0, 1), "{said}");
    let config = configuration(&env, "https://id.acme.example");
    let mut piped = env.command(&["op", "link", "alice", "--confirm", "none", "--config"]);
    let piped = piped.arg(config).arg("--home").arg(env.path("home")).output().expect("it runs");
    let said = String::from_utf8_lossy(&piped.stdout).into_owned();
    assert!(said.contains("/push/enroll#") && drawn(&said) == 0 && !said.contains("QR"), "{said}");
}
