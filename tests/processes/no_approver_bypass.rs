//! Approving without a device, as the measuring provider does, can't be reached through `countersign`.

use countersign_tests::binary;
use countersign_tests::process::{Finished, Process};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;

const AUTO: &str = "\n[[users]]\nsub = \"auto0\"\n";

#[test]
fn a_user_called_auto0_is_an_ordinary_user() {
    let env = TestEnv::new();
    let provider = Provider::start_with(&env, "provider", &Settings { more: AUTO.into(), ..Settings::default() });
    let reply = provider.till().post("/bc-authorize", &[("scope", "openid"), ("login_hint", "auto0")]);
    assert_eq!((reply.status, reply.error().as_str()), (400, "unknown_user_id"), "{}", reply.text());
}

#[test]
fn no_subcommand_or_flag_enables_it() {
    let env = TestEnv::new();
    for arguments in [&["bench"][..], &["provider"], &["bench-provider"], &["op", "bench"], &["op", "provider"]] {
        let ended = Process::start(&env, "countersign", env.command(arguments)).finish();
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.errors);
    }
    for flag in ["--in-process", "--approve-in-process", "--approver"] {
        let ended = serve(&env, &["op", "serve", flag], "");
        assert_eq!(ended.code, 2, "{flag}: {}", ended.errors);
        assert!(ended.errors.contains(flag), "{}", ended.errors);
    }
}

#[test]
fn no_configuration_name_enables_it() {
    let env = TestEnv::new();
    for name in ["in_process", "approve_in_process", "approver", "auto_approve", "bench"] {
        let lines = [
            format!("{name} = true\n"),
            format!("[policy]\n{name} = true\n"),
            format!("[{name}]\nusers = [\"auto0\"]\n"),
            format!("[[users]]\nsub = \"auto0\"\n{name} = true\n"),
            format!(
                "[[clients]]\nclient_id = \"bench\"\nsecret = \"5f0c7a52e9b84d3e9a6d1c2b3f4e5d6c\"\n{name} = true\n"
            ),
        ];
        for line in lines {
            let ended = serve(&env, &["op", "serve"], &line);
            assert_eq!(ended.code, 2, "{line}: {}", ended.errors);
            let says = ended.errors + &ended.output.join("\n");
            assert!(says.contains("unknown") && says.contains(name), "{line}: {says}");
        }
    }
}

/// The measuring provider's client id, part of its configuration, is text that only that program contains.
#[test]
fn the_program_does_not_contain_the_measuring_provider() {
    let program = std::fs::read(binary::countersign()).expect("the program can be read");
    let holds = |text: &[u8]| program.windows(text.len()).any(|window| window == text);
    assert!(holds(b"authentication-challenge+jwt"), "this way of looking finds what is there");
    assert!(!holds(b"countersign-bench"), "the measuring program is in the command");
    assert!(!holds(b"countersign_bench"), "the measuring program is in the command");
}

fn serve(env: &TestEnv, arguments: &[&str], lines: &str) -> Finished {
    let config = env.path("refused.toml");
    let text = format!("issuer = \"http://127.0.0.1:1\"\nlisten = \"127.0.0.1:0\"\n{lines}");
    std::fs::write(&config, text).expect("written");
    let mut command = env.command(arguments);
    command.arg("--config").arg(&config).arg("--home").arg(env.path("refused-home")).arg("--json");
    Process::start(env, "refused", command).finish()
}
