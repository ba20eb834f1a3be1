//! What a script meets around every command: mistakes in the command line, standard output, signals.

use countersign_tests::process::Process;
use countersign_tests::provider::Provider;
use countersign_tests::test_env::TestEnv;

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
fn a_provider_that_is_told_to_stop_as_soon_as_it_is_ready_stops_cleanly() {
    let env = TestEnv::new();
    let mut provider = Provider::start(&env);
    for _ in 0..5 {
        provider.process().terminate();
        assert_eq!(provider.process().exit(), 0);
        provider.restart();
    }
}
