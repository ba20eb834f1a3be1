//! The demo as a process: its output in a pipe, its `ready` line for a script, and that it leaves no process behind.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn demo(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("demo").arg("--home").arg(home).args(arguments).stdin(Stdio::null());
    command.env_remove("COUNTERSIGN_LOG").env_remove("COUNTERSIGN_HOME");
    command
}

fn played(home: &Path, arguments: &[&str]) -> Output {
    let output = demo(home, arguments).output().expect("the command starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A demo that serves a script, and its first line.
fn serving(home: &Path, address: &str) -> (Child, BufReader<std::process::ChildStdout>, Value) {
    let mut demo = demo(home, &["--listen", address, "--json"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdout = BufReader::new(demo.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    (demo, stdout, ready)
}

/// Asks a process to stop, as an init system or a shell does.
fn terminate(process: &Child) {
    // The shell's own, for not every system has the program.
    let status = Command::new("sh").arg("-c").arg(format!("kill {}", process.id())).status().expect("there is a shell");
    assert!(status.success());
}

/// Whether the issuer accepts connections.
fn answers(issuer: &str) -> bool {
    let address = issuer.strip_prefix("http://").expect("a plain http issuer");
    std::net::TcpStream::connect(address).is_ok()
}

#[test]
fn without_a_terminal_one_approval_is_printed_in_seven_steps() {
    let home = tempfile::tempdir().expect("a folder");
    let output = played(home.path(), &["--listen", "127.77.1.2:0"]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let steps: Vec<&str> = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    let numbers: Vec<String> =
        steps.iter().map(|step| step.chars().take_while(char::is_ascii_digit).collect()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7"], "{text}");
    for said in [
        "POST http://127.77.1.2:",
        "Amount: € 4.20",
        "decision = approved",
        "the tokens rest on that signature",
        "Paid:",
    ] {
        assert!(text.contains(said), "{said} is missing in: {text}");
    }
}

#[test]
fn a_script_gets_what_a_device_and_a_client_need_and_can_stop_it() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut demo, mut stdout, ready) = serving(home.path(), "127.77.1.3:0");
    let members: Vec<&str> = ready.as_object().expect("an object").keys().map(String::as_str).collect();
    let pages = ["till_url", "support_url", "kiosk_url", "agent_url"];
    let mut expected =
        [&["event", "issuer", "enrollment_link", "user", "client_id", "client_secret", "trust"], &pages[..]].concat();
    expected.sort_unstable();
    assert_eq!(members, expected);
    assert_eq!(
        (&ready["event"], &ready["user"], &ready["client_id"]),
        (&"ready".into(), &"alice".into(), &"coffee-pos".into())
    );
    let trust: Value =
        serde_json::from_slice(&std::fs::read(ready["trust"].as_str().expect("a path")).expect("a file"))
            .expect("JSON");
    assert_eq!(trust["issuer"], ready["issuer"]);
    let issuer = ready["issuer"].as_str().expect("a text");
    assert!(answers(issuer));
    terminate(&demo);
    assert_eq!(demo.wait().expect("it ends").code(), Some(0));
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the end");
    assert_eq!(rest, "");
    assert!(!answers(issuer), "the provider ended with the demo");
}

#[test]
fn a_provider_ends_with_its_demo_even_when_that_is_killed() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut demo, mut stdout, ready) = serving(home.path(), "127.77.1.4:0");
    let issuer = ready["issuer"].as_str().expect("a text");
    assert!(answers(issuer));
    demo.kill().expect("it is killed");
    demo.wait().expect("it is gone");
    // The provider's own output goes to the demo; what it holds open is its listener, which the system closes with it.
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the end");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while answers(issuer) {
        assert!(std::time::Instant::now() < deadline, "the provider outlived its demo");
        std::thread::yield_now();
    }
}

#[test]
fn a_demo_continues_with_its_device_and_leaves_a_busy_port_to_its_owner() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut demo, _stdout, ready) = serving(home.path(), "127.77.1.5:0");
    let address =
        ready["issuer"].as_str().and_then(|issuer| issuer.strip_prefix("http://")).expect("an issuer").to_owned();
    let beside = played(home.path(), &["--listen", &address]);
    let said = String::from_utf8_lossy(&beside.stderr).into_owned();
    assert!(said.contains("is taken by process") && said.contains("op serve"), "{said}");
    terminate(&demo);
    demo.wait().expect("it ends");
    let seq = |output: &Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.trim().strip_prefix("seq = ").map(str::to_owned));
        line.and_then(|seq| seq.parse::<u32>().ok()).unwrap_or_else(|| panic!("no answer in: {text}"))
    };
    let first = seq(&played(home.path(), &["--listen", &address]));
    assert!(seq(&played(home.path(), &["--listen", &address])) > first, "the device's history goes on");
    assert_eq!(seq(&played(home.path(), &["--listen", &address, "--fresh"])), first, "fresh starts over");
}
