//! The page of the device in a browser, as `op serve` serves it.

use std::fs;

use countersign_tests::http;
use countersign_tests::process::Process;
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;

#[test]
fn the_page_is_read_from_the_folder_that_countersign_web_names_when_the_provider_starts() {
    let env = TestEnv::new();
    let folder = env.path("page");
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("index.html"), "<!doctype html><title>A device</title>").expect("written");
    let settings = Settings { web: Some(folder.clone()), ..Settings::default() };
    let mut provider = Provider::start_with(&env, "provider", &settings);
    let address = format!("{}/device/", provider.issuer());
    let page = http::send("GET", &address, &[], b"");
    assert_eq!((page.status, &*page.text()), (200, "<!doctype html><title>A device</title>"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains(&format!("script-src {address}assets/ {address}sw.js 'wasm-unsafe-eval';")), "{policy}");

    provider.kill_9();
    fs::remove_file(folder.join("index.html")).expect("removed");
    let mut command = env.command(&["op", "serve", "--json", "--config"]);
    command.arg(provider.config()).arg("--home").arg(provider.home()).env("COUNTERSIGN_WEB", &folder);
    let refused = Process::start(&env, "without-a-page", command).finish().expect_code(2).line("error");
    assert_eq!(refused["error"], "device_page");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("make web")), "{refused}");
}
