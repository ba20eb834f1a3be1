//! docs/first-push.md, typed by a shell as it is written.

use std::process::Command;

use countersign_tests::binary;
use countersign_tests::process::Process;
use countersign_tests::test_env::TestEnv;

/// The page's blocks of commands, in order.
fn blocks() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/first-push.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let blocks = page.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("a text").to_owned()).collect()
}

/// A shell that types a block in a terminal of its own, after what is typed in each first.
fn typed(env: &TestEnv, first: &str, block: &str) -> Command {
    let mut path = vec![binary::countersign().parent().expect("a folder").to_owned()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    // The shell becomes its last command, so that what ends it ends that.
    let mut lines: Vec<&str> = block.lines().collect();
    let last = lines.pop().expect("a command");
    let script = format!("set -e\n{first}\n{}\nexec {last}", lines.join("\n"));
    let mut as_countersign = env.command(&[]);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).current_dir(env.folder());
    for (name, value) in as_countersign.env("COUNTERSIGN_LOG", "warn").get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("PATH", std::env::join_paths(path).expect("a path"));
    shell
}

#[test]
fn the_page_leads_from_op_init_to_a_push_that_brings_a_request() {
    let env = TestEnv::new();
    // Another test may have port 8787.
    let address = env.free_address().to_string();
    let blocks: Vec<String> = blocks().iter().map(|block| block.replace("127.0.0.1:8787", &address)).collect();
    let [first, provider, device, client] = blocks.as_slice() else { panic!("four blocks: {blocks:?}") };

    let mut serving = Process::start(&env, "provider", typed(&env, first, provider));
    while !serving.any_line().contains("Serving") {}
    let mut watching = Process::start(&env, "device", typed(&env, first, device));
    while !watching.any_line().contains("the device called") {}
    // Only then a push can bring it.
    let list = "countersign op device list alice --home provider --json";
    while Process::start(&env, "list", typed(&env, first, list)).finish().line("device")["push"]["state"] != "ok" {}
    let asked = Process::start(&env, "client", typed(&env, first, client)).finish().expect_code(0);
    let said = asked.output.join("\n");
    for words in ["Approved", "woken by 127.0.0.1", "Everything works."] {
        assert!(said.contains(words), "{words}: {said}");
    }
    watching.terminate();
    assert_eq!(watching.exit(), 0);
    serving.terminate();
    assert_eq!(serving.exit(), 0);
}
