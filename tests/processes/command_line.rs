//! What a script meets around every command: mistakes in the command line, standard output, signals.

use countersign_tests::client::Client;
use countersign_tests::device::Device;
use countersign_tests::process::Process;
use countersign_tests::provider::{KIOSK_SECRET, Provider};
use countersign_tests::test_env::{TestEnv, http_issuer};

#[test]
fn a_mistake_in_the_command_line_is_an_object_with_json() {
    let env = TestEnv::new();
    for (arguments, what) in [
        (vec!["accounts", "--bogus"], "--bogus"),
        (vec!["request", "--issuer", "https://id.example.com"], "--client-id"),
        (vec!["nosuch"], "nosuch"),
    ] {
        let mut with_json = vec!["--json"];
        with_json.extend(&arguments);
        let finished = Process::start(&env, "mistake", env.command(&with_json)).finish().expect_code(2);
        let error = finished.line("error");
        assert_eq!(error["error"], "usage");
        let message = error["message"].as_str().expect("a text");
        assert!(message.contains(what) && !message.starts_with("error"), "{message}");
        assert_eq!(finished.output.len(), 1, "{:?}", finished.output);
        assert!(finished.errors.contains(what), "{}", finished.errors);

        let finished = Process::start(&env, "for-people", env.command(&arguments)).finish().expect_code(2);
        assert!(finished.output.is_empty(), "{:?}", finished.output);
    }
}

#[test]
fn an_error_has_one_form_whatever_the_command() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    std::fs::write(env.path("evidence.json"), "{}").expect("written");
    let away = http_issuer(env.free_address());
    let verify = |file: &str| Process::start(&env, "verify", env.command(&["verify", file, "--json"])).finish();
    let unreachable = Client::new(&env, &away, "kiosk", KIOSK_SECRET).request(&[]).finish();
    for (finished, exit, code, said) in [
        (verify("evidence.json"), 5, "not_verified", "the file is not evidence"),
        (verify("nothing.json"), 2, "evidence_file", "can't be read"),
        (provider.till().request_for("nobody", &[]).finish(), 4, "unknown_user_id", "hint"),
        (unreachable, 4, "unreachable", "nothing listens at its address"),
        (phone.run(&["evidence", "0000-0000"]), 2, "unknown_request", "0000-0000"),
        (phone.run(&["history", "0000-0000"]), 2, "unknown_request", "0000-0000"),
        (phone.answer("ch_none", &["deny"]), 2, "unknown_request", "no such request"),
        (phone.run(&["unenroll", "ac_none"]), 2, "unknown_account", "no such account"),
        (provider.op(&["trace", "ap_none"]), 2, "unknown", "unknown id"),
        (provider.op(&["link", "nobody"]), 2, "unknown", "there is no user nobody"),
        (provider.op(&["device", "list", "nobody"]), 2, "unknown", "there is no user nobody"),
    ] {
        assert_eq!(finished.code, exit, "{code}: {:?} {}", finished.output, finished.errors);
        let error = finished.line("error");
        assert_eq!(error["error"], code);
        assert!(error["message"].as_str().is_some_and(|message| message.contains(said)), "{error}");
        assert_eq!(finished.output.len(), 1, "{:?}", finished.output);
    }
}

#[test]
fn a_command_in_a_hint_works_as_it_is_written() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let home = phone.home().display().to_string();
    let config = format!("--config {} --home {}", provider.config().display(), provider.home().display());
    for (finished, hint) in [
        (phone.answer("ch_none", &["deny"]), format!("`countersign pending --home {home}`")),
        (phone.answer("nonsense", &["deny"]), format!("`countersign pending --home {home}`")),
        (phone.answer("K7Q2-9FDM", &["approve"]), format!("`countersign pending --home {home}`")),
        (phone.run(&["unenroll", "ac_none"]), format!("`countersign accounts --home {home}`")),
        (phone.run(&["unenroll", "nonsense"]), format!("`countersign accounts --home {home}`")),
        (phone.run(&["evidence", "ch_none"]), format!("`countersign history --home {home}`")),
        (phone.run(&["push-test", "--account", "ac_none"]), format!("`countersign accounts --home {home}`")),
        (provider.op(&["device", "push-test", "dv_none"]), format!("countersign op device list USER {config}")),
        (provider.op(&["device", "revoke", "dv_none"]), format!("countersign op device list USER {config}")),
        (provider.op(&["device", "list", "nobody"]), format!("countersign op user list {config}")),
        (provider.op(&["user", "lock", "nobody"]), format!("countersign op user list {config}")),
        (provider.op(&["client", "remove", "nobody"]), format!("countersign op client list {config}")),
        (provider.op(&["client", "show", "nobody"]), format!("countersign op client list {config}")),
    ] {
        let finished = finished.expect_code(2);
        let error = finished.line("error");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(&hint)), "{hint}: {error}");
        assert!(finished.errors.contains(&hint), "{hint}: {}", finished.errors);
    }
}

#[test]
fn an_option_without_a_value_is_refused_and_not_dropped() {
    let env = TestEnv::new();
    let asking = Client::new(&env, &http_issuer(env.free_address()), "kiosk", KIOSK_SECRET);
    for option in ["--terminal", "--binding-message", "--scope", "--authorization-details"] {
        let finished = asking.request(&[option, ""]).finish().expect_code(2);
        let error = finished.line("error");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(option)), "{error}");
    }
    let phone = Device::new(&env, "phone");
    let named = phone.run(&["enroll", "https://id.example.com/push/enroll#x", "--name", ""]).expect_code(2);
    assert!(named.line("error")["message"].as_str().is_some_and(|message| message.contains("--name")));
}

#[test]
fn the_help_names_every_exit_code() {
    let env = TestEnv::new();
    let help = Process::start(&env, "help", env.command(&["--help"])).finish().expect_code(0).output.join(" ");
    for code in ["0 approved", "1 denied", "2 usage", "3 expired", "4 provider", "5 ", "6 ", "7 ", "141 "] {
        assert!(help.contains(code), "{code}: {help}");
    }
}

#[test]
fn a_reader_that_has_enough_ends_a_command_without_a_word() {
    let env = TestEnv::new();
    for arguments in [["accounts"].as_slice(), &["history"], &["op", "dev-certificate", "id.test", "--json"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = env.command(arguments).env("COUNTERSIGN_LOG", "warn").stdout(writer).output().expect("it runs");
        let errors = String::from_utf8_lossy(&ended.stderr);
        let errors = errors.lines().filter(|line| !line.starts_with("There is no device in ")).collect::<Vec<_>>();
        assert_eq!((ended.status.code(), errors.is_empty()), (Some(141), true), "{arguments:?}: {errors:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_standard_output_is_told() {
    let env = TestEnv::new();
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let ended = env.command(&["accounts"]).stdout(full).output().expect("it runs");
    assert_eq!(ended.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(errors.contains("standard output can't be written"), "{errors}");
}

#[test]
fn commands_that_only_look_make_no_device_and_say_where_they_looked() {
    let env = TestEnv::new();
    for (arguments, code) in [
        (["accounts"].as_slice(), 0),
        (&["pending"], 0),
        (&["history"], 0),
        (&["answer", "ch_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "deny"], 2),
        (&["evidence", "ch_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], 2),
        (&["watch"], 2),
    ] {
        let mut command = env.command(arguments);
        command.args(["--home", "mistyped"]).env("COUNTERSIGN_PIN", "830175");
        let finished = Process::start(&env, arguments[0], command).finish().expect_code(code);
        assert!(finished.errors.contains("There is no device in mistyped"), "{arguments:?}: {}", finished.errors);
        assert!(!env.path("mistyped").exists(), "{arguments:?} made a home");
        if arguments[0] == "accounts" {
            assert!(
                finished.output.join("").ends_with("countersign enroll LINK --home mistyped"),
                "{:?}",
                finished.output
            );
        }
    }
}

#[test]
fn the_help_of_the_demo_names_its_own_home() {
    let env = TestEnv::new();
    let help = Process::start(&env, "help", env.command(&["demo", "--help"])).finish().expect_code(0).output.join(" ");
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("for the demo: .demo]") && words.contains("the next free one"), "{words}");
}

#[test]
fn a_provider_that_is_told_to_stop_as_soon_as_it_is_ready_stops_cleanly() {
    let env = TestEnv::new();
    let mut provider = Provider::start(&env);
    for _ in 0..5 {
        provider.process().terminate();
        assert_eq!(provider.process().exit(), 0);
        provider.restart();
    }
}
