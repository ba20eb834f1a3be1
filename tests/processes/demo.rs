//! `countersign demo` in scripts: in a pipe it runs one approval by itself, with `--json` it serves until it is stopped.

use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use countersign_tests::PATIENCE;
use countersign_tests::binary;
use countersign_tests::client::PAYMENT;
use countersign_tests::device::{Device, id};
use countersign_tests::http;
use countersign_tests::process::{Process, processes_in};
use countersign_tests::test_env::TestEnv;
use serde_json::Value;

/// Starts a demo at this address, with its state in `demo` in the test's folder.
fn demo(env: &TestEnv, listen: SocketAddr, arguments: &[&str]) -> Process {
    let mut command = env.command(&["demo", "--no-app", "--listen", &listen.to_string(), "--home", "demo"]);
    command.args(arguments);
    Process::start(env, "demo", command)
}

/// Starts a demo that serves, and returns it with its first line.
fn serving(env: &TestEnv, listen: SocketAddr, arguments: &[&str]) -> (Process, Value) {
    let mut process = demo(env, listen, &[&["--json"], arguments].concat());
    let first = process.any_line();
    let ready: Value = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{error}: {first}"));
    assert_eq!(ready["event"], "ready", "the first line is ready");
    (process, ready)
}

fn text<'a>(ready: &'a Value, member: &str) -> &'a str {
    ready[member].as_str().unwrap_or_else(|| panic!("{member} is missing: {ready}"))
}

/// Starts a request with the client and user of the demo's first line.
fn request(env: &TestEnv, ready: &Value) -> Process {
    let client = ["--issuer", text(ready, "issuer"), "--client-id", text(ready, "client_id")];
    let asked = ["--login-hint", text(ready, "user"), "--authorization-details", PAYMENT, "--json"];
    let mut command = env.command(&[&["request"], &client[..], &asked[..]].concat());
    command.env("COUNTERSIGN_CLIENT_SECRET", text(ready, "client_secret"));
    Process::start(env, "client", command)
}

fn approves(env: &TestEnv, device: &Device<'_>, ready: &Value) -> String {
    let mut client = request(env, ready);
    client.line("acknowledged");
    let challenge = device.only_pending();
    device.answer(id(&challenge), &["approve"]).expect_code(0);
    client.line("tokens");
    assert_eq!(client.exit(), 0);
    id(&challenge).to_owned()
}

fn stop(mut process: Process) {
    process.terminate();
    assert_eq!(process.exit(), 0);
}

#[test]
fn in_a_pipe_it_runs_one_approval_in_seven_steps() {
    let env = TestEnv::new();
    let mut listen = env.free_address();
    listen.set_port(0);
    let finished = demo(&env, listen, &[]).finish().expect_code(0);

    let steps = finished.output.iter().filter_map(|line| line.split_once("  "));
    let numbers: Vec<&str> = steps.map(|(number, _)| number).filter(|number| number.len() == 1).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7"], "{}", finished.output.join("\n"));
    let said = finished.output.join("\n");
    for part in ["/bc-authorize", "auth_req_id = ar_", "Amount: € 4.20", "decision = approved", "/token", "answer_hash"]
    {
        assert!(said.contains(part), "{part} is shown:\n{said}");
    }
    assert!(processes_in(env.folder()).is_empty(), "its processes end with it");
}

#[test]
fn the_readme_prints_what_the_demo_prints() {
    let env = TestEnv::new();
    let mut listen = env.free_address();
    listen.set_port(0);
    let mut command = env.command(&["demo", "--no-app", "--listen", &listen.to_string(), "--home", "demo"]);
    command.env("LC_ALL", "C.UTF-8").env_remove("LANGUAGE");
    let printed = Process::start(&env, "demo", command).finish().expect_code(0).output.join("\n");
    let readme = include_str!("../../README.md");
    let (_, from) = readme.split_once("    Three processes talk over TCP").expect("the run");
    let (run, _) = from.split_once("\n\nThe same by hand").expect("its end");
    let run = format!("    Three processes talk over TCP{run}");
    let run: Vec<&str> = run.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let (shown, printed) = (without_chance(&run.join("\n")), without_chance(&printed));
    for (shown, printed) in shown.lines().zip(printed.lines()) {
        assert_eq!(shown, printed, "README.md, and what is printed now");
    }
    assert_eq!(shown.lines().count(), printed.lines().count());
}

/// A run without what differs from run to run: ids and hashes, references, addresses, times.
fn without_chance(run: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut out = String::new();
    let mut word = String::new();
    for c in run.chars().chain(['\n']) {
        if is_word(c) {
            word.push(c);
            continue;
        }
        let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
        match word.len() {
            // A name such as `authorization_details` has no digit, and is shorter than a hash.
            20.. if has_digit || word.len() > 40 => out.push_str("(id)"),
            9 if word.as_bytes()[4] == b'-' => out.push_str("(ref)"),
            _ => out.extend(word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c })),
        }
        word.clear();
        out.push(c);
    }
    // Numbers of any length.
    while out.contains("00") {
        out = out.replace("00", "0");
    }
    out.trim_end().replace("0.0.0.0:0", "(address)").replace("localhost:0", "(address)")
}

#[test]
fn with_json_its_first_line_has_all_that_a_script_needs() {
    let env = TestEnv::new();
    let mut listen = env.free_address();
    listen.set_port(0);
    let (process, ready) = serving(&env, listen, &[]);
    let members: Vec<_> = ready.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "agent_url",
        "client_id",
        "client_secret",
        "enrollment_link",
        "event",
        "issuer",
        "kiosk_url",
        "support_url",
        "till_url",
        "trust",
        "user",
    ];
    assert_eq!(members, expected);
    assert_eq!((text(&ready, "user"), text(&ready, "client_id")), ("alice", "coffee-pos"));
    let issuer: SocketAddr = text(&ready, "issuer").strip_prefix("http://").unwrap().parse().unwrap();
    assert!(issuer.ip() == listen.ip() && issuer.port() != 0, "port 0 became a free one: {issuer}");

    let phone = Device::new(&env, "phone");
    let enrolled = phone.enroll(text(&ready, "enrollment_link"));
    assert!(enrolled.get("confirmation_code").is_none(), "the link needs no confirmation: {enrolled}");
    let challenge = approves(&env, &phone, &ready);
    std::fs::write(env.path("approval.evidence"), phone.evidence(&challenge)).unwrap();
    let verify = env.command(&["verify", "approval.evidence", "--trust", text(&ready, "trust"), "--json"]);
    Process::start(&env, "verify", verify).finish().expect_code(0);

    stop(process);
    assert!(processes_in(env.folder()).is_empty(), "its processes end with it");
    assert!(TcpStream::connect(issuer).is_err(), "nobody serves any more");
}

#[test]
fn a_restart_keeps_its_state_and_fresh_starts_over() {
    let env = TestEnv::new();
    let listen = env.free_address();
    let (process, first) = serving(&env, listen, &[]);
    let phone = Device::new(&env, "phone");
    phone.enroll(text(&first, "enrollment_link"));
    stop(process);

    let (process, again) = serving(&env, listen, &[]);
    assert_eq!((&again["issuer"], &again["client_secret"]), (&first["issuer"], &first["client_secret"]));
    approves(&env, &phone, &again);
    stop(process);

    let trusted = std::fs::read_to_string(text(&first, "trust")).unwrap();
    let (process, fresh) = serving(&env, listen, &["--fresh"]);
    assert_eq!(fresh["issuer"], first["issuer"]);
    assert_ne!(fresh["client_secret"], first["client_secret"]);
    assert_ne!(std::fs::read_to_string(text(&fresh, "trust")).unwrap(), trusted, "it is another provider");
    let mut client = request(&env, &fresh);
    assert_eq!(client.line("error")["error"], "unknown_user_id", "which knows no device of Alice's");
    stop(process);
}

/// What the till shows, once this is true of it.
fn till_until(ready: &Value, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    let mut revision = 0;
    loop {
        let url = format!("{}api/state?after={revision}", text(ready, "till_url"));
        let state = http::send("GET", &url, &[], b"").json();
        if is_so(&state) {
            return state;
        }
        assert!(Instant::now() < deadline, "{what}: {state}");
        revision = state["revision"].as_u64().expect("a number");
    }
}

#[test]
fn on_localhost_the_issuer_has_that_name_and_an_earlier_state_on_its_port_is_moved_aside() {
    let env = TestEnv::new();
    let (process, first) = serving(&env, SocketAddr::from(([127, 0, 0, 1], 0)), &[]);
    let port: u16 = text(&first, "issuer").strip_prefix("http://localhost:").expect("a name").parse().expect("a port");
    let phone = Device::new(&env, "phone");
    phone.enroll(text(&first, "enrollment_link"));
    approves(&env, &phone, &first);
    stop(process);

    let marker = env.path(&format!("demo/{port}/demo.json"));
    let earlier = std::fs::read_to_string(&marker).expect("a marker").replace("localhost", "127.0.0.1");
    std::fs::write(&marker, earlier).expect("written");
    let (process, anew) = serving(&env, SocketAddr::from(([127, 0, 0, 1], port)), &[]);
    assert_ne!(anew["client_secret"], first["client_secret"]);
    let words = format!("This demo was started anew; the earlier state is in demo/{port}-earlier.");
    assert!(env.standard_errors().contains(&words), "{}", env.standard_errors());
    till_until(&anew, "the till says so", |state| state["started_anew"] == *words);
    assert!(env.path(&format!("demo/{port}-earlier/provider/provider.db")).exists(), "nothing is lost");
    stop(process);
}

#[test]
fn the_page_of_a_phone_joins_when_it_is_built_and_each_press_gets_a_link_of_its_own() {
    let env = TestEnv::new();
    // Of its own, so that what was built beside the other one is not there.
    let folder = env.path("bin");
    std::fs::create_dir(&folder).expect("a folder");
    let program = folder.join("countersign");
    std::fs::copy(binary::countersign(), &program).expect("copied");
    let notes = env.path("notes");
    std::fs::create_dir(&notes).expect("a folder");
    std::fs::write(notes.join("building"), "").expect("written");
    let mut command = Command::new(&program);
    for (name, value) in env.command(&[]).get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(["demo", "--json", "--no-app", "--home", "demo", "--listen", &env.free_address().to_string()]);
    command.current_dir(env.folder()).env("COUNTERSIGN_WEB_BUILD", &notes);
    let mut process = Process::start(&env, "demo", command);
    let ready = process.line("ready");
    let page = format!("{}/device/", text(&ready, "issuer"));
    let phone = format!("{}phone", text(&ready, "till_url"));
    let get = |url: &str, headers: &[(&str, &str)]| http::send("GET", url, headers, b"");

    till_until(&ready, "it is being built", |state| state["device_page"]["state"] == "building");
    assert_eq!((get(&page, &[]).status, get(&phone, &[]).status), (404, 503));
    std::fs::create_dir(folder.join("web")).expect("a folder");
    std::fs::write(folder.join("web/index.html"), "<!doctype html><title>A phone</title>").expect("written");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(get(&page, &[]).status, 404, "not before its build has ended");
    std::fs::remove_file(notes.join("building")).expect("removed");
    let joined = till_until(&ready, "it joins", |state| state["device_page"]["state"] == "ready");
    let said = joined["device_page"]["said"].as_str().expect("the till says so");
    assert!(said.contains("This browser can be Alice’s phone"), "{said}");
    assert!(get(&page, &[]).text().contains("A phone"), "without a restart");

    let links: Vec<String> = (0..2)
        .map(|_| {
            let reply = get(&phone, &[("sec-fetch-site", "same-origin")]);
            assert_eq!(reply.status, 303);
            reply.header("location").expect("an address").to_owned()
        })
        .collect();
    assert!(links.iter().all(|link| link.starts_with(&format!("{page}#"))), "{links:?}");
    assert_ne!(links[0], links[1], "one link per press");
    stop(process);
}

#[test]
fn attack_a_page_of_another_site_gets_nobody_to_set_up_a_phone() {
    let env = TestEnv::new();
    let folder = env.path("page");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("index.html"), "<!doctype html>").expect("written");
    let mut command = env.command(&["demo", "--json", "--no-app", "--home", "demo", "--listen"]);
    command.arg(env.free_address().to_string()).env("COUNTERSIGN_WEB", &folder);
    let mut process = Process::start(&env, "demo", command);
    let ready = process.line("ready");
    let phone = format!("{}phone", text(&ready, "till_url"));
    let get = |headers: &[(&str, &str)]| http::send("GET", &phone, headers, b"");
    assert_eq!(get(&[("sec-fetch-site", "same-origin")]).status, 303, "the till may");
    for site in ["cross-site", "same-site"] {
        let refused = get(&[("sec-fetch-site", site)]);
        assert!(refused.status == 403 && refused.header("location").is_none(), "{site}");
    }
    assert_eq!(get(&[("host", "rebound.example")]).status, 421, "nor a name that was made to point here");
    stop(process);
}

#[test]
fn its_link_is_a_qr_code_only_where_another_machine_can_reach_the_issuer() {
    let env = TestEnv::new();
    // Each reply waits for a new revision; the link is made after the page was first read.
    let link_of = |ready: &Value| {
        let mut revision = 0;
        for _ in 0..10 {
            let url = format!("{}api/state?after={revision}", text(ready, "till_url"));
            let state = http::send("GET", &url, &[], b"").json();
            if state["link"].is_object() {
                return state["link"].clone();
            }
            revision = state["revision"].as_u64().expect("a number");
        }
        panic!("there is no link")
    };
    let (process, here) = serving(&env, env.free_address(), &[]);
    let link = link_of(&here);
    assert!(link["qr"]["picture"].is_null(), "{link}");
    let why = link["qr"]["why_not"].as_str().expect("words");
    assert!(why.contains("no other device can reach it") && why.contains("https"), "{why}");
    stop(process);

    let (process, there) = serving(&env, env.free_address(), &["--issuer", "https://demo.acme.example"]);
    assert_eq!(text(&there, "issuer"), "https://demo.acme.example");
    assert!(text(&there, "enrollment_link").starts_with("https://demo.acme.example/push/enroll#"), "{there}");
    let link = link_of(&there);
    assert!(link["link"].as_str().is_some_and(|link| link.starts_with("https://demo.acme.example/")), "{link}");
    assert!(link["qr"]["picture"].as_str().is_some_and(|picture| picture.contains("<svg")), "{link}");
    assert!(link["qr"]["why_not"].is_null(), "{link}");
    stop(process);

    let mut insecure = demo(&env, env.free_address(), &["--json", "--issuer", "http://192.168.7.4:8787"]);
    assert_eq!(insecure.exit(), 2, "plain http is for this computer alone");
}

#[test]
fn a_busy_port_names_its_owner_and_the_next_port_is_used() {
    let env = TestEnv::new();
    let busy = TcpListener::bind(env.free_address()).unwrap();
    let listen = busy.local_addr().unwrap();
    let (process, ready) = serving(&env, listen, &[]);
    let issuer: SocketAddr = text(&ready, "issuer").strip_prefix("http://").unwrap().parse().unwrap();
    assert!(issuer.ip() == listen.ip() && issuer.port() > listen.port(), "{issuer}");
    let said = env.standard_errors();
    assert!(said.contains(&format!("Port {} is taken", listen.port())), "{said}");
    if cfg!(target_os = "linux") {
        assert!(said.contains(&std::process::id().to_string()), "its owner is this very process: {said}");
    }
    stop(process);
}

#[test]
fn killing_a_demo_stops_its_provider_and_a_restart_continues() {
    let env = TestEnv::new();
    let listen = env.free_address();
    let (mut process, first) = serving(&env, listen, &[]);
    let phone = Device::new(&env, "phone");
    phone.enroll(text(&first, "enrollment_link"));
    let mut connection = TcpStream::connect(listen).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();

    process.kill_9();
    let late = |error: &std::io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    match connection.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if !late(&error) => {}
        other => panic!("the provider hangs up: {other:?}"),
    }
    // Whatever still cleans up is cut off too.
    kill_9_all_in(&env);
    let (process, again) = serving(&env, listen, &[]);

    assert_eq!((&again["issuer"], &again["client_secret"]), (&first["issuer"], &first["client_secret"]));
    approves(&env, &phone, &again);
    stop(process);
}

#[test]
fn a_demo_continues_after_all_its_processes_were_killed() {
    let env = TestEnv::new();
    let listen = env.free_address();
    let (process, first) = serving(&env, listen, &[]);
    let phone = Device::new(&env, "phone");
    phone.enroll(text(&first, "enrollment_link"));
    let mut client = request(&env, &first);
    client.line("acknowledged");
    let challenge = phone.only_pending();

    kill_9_all_in(&env);
    drop((process, client));
    let (process, again) = serving(&env, listen, &[]);

    assert_eq!(again["issuer"], first["issuer"]);
    phone.answer(id(&challenge), &["approve"]).expect_code(0);
    stop(process);
}

/// Kills this test's processes, by their ids.
fn kill_9_all_in(env: &TestEnv) {
    for id in processes_in(env.folder()) {
        // One that has just ended by itself is gone too.
        let _ = Command::new("sh").args(["-c", &format!("kill -9 {id}")]).output();
    }
}
