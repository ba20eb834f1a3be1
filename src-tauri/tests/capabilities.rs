//! What a page may ask, by the real capability files: the listed commands, from the one window, from the program's own page.

use std::path::Path;
use std::sync::Arc;

use countersign_app::edge::DownloadsFolder;
use countersign_app::{App, Options};
use countersign_device::Ports;
use countersign_device::edge::key_file::KeyChoice;
use countersign_device::edge::system;
use countersign_window::{window::MAIN, with_commands};
use serde_json::{Value, json};
use tauri::ipc::{CallbackFn, InvokeBody};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder};
use tauri::webview::InvokeRequest;
use tauri::{WebviewUrl, WebviewWindow, WebviewWindowBuilder};

/// Every command, with arguments that it takes.
fn commands() -> Vec<(&'static str, Value)> {
    let answer =
        json!({ "challenge_id": "ch_A", "display_hash": "h", "decision": "deny", "pin": null, "number": null });
    let about = json!({ "challenge_id": "ch_A" });
    vec![
        ("snapshot", json!({})),
        ("preview", json!({ "link": "https://id.example/push/enroll#x" })),
        ("enroll", json!({ "pin": "123456", "device_name": "Laptop" })),
        ("forget_link", json!({})),
        ("shown", about.clone()),
        ("answer", answer),
        ("check_now", json!({})),
        ("activity", json!({})),
        ("dispute", about.clone()),
        ("save_evidence", about),
        ("set_appearance", json!({ "appearance": "dark" })),
    ]
}

/// The program without a display: the real commands, capabilities and configuration.
struct Program {
    _home: tempfile::TempDir,
    app: tauri::App<MockRuntime>,
}

impl Program {
    fn start() -> Program {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let home = tempfile::tempdir().expect("a folder");
        let mut ports = Ports::new(system::clock(), system::random()).expect("ports");
        // Nothing goes into the keyring of the person who runs the tests.
        ports.key_choice = KeyChoice::File;
        let options = Options {
            version: "test".to_owned(),
            device_name: "Laptop".to_owned(),
            downloads: Arc::new(DownloadsFolder::at(home.path().join("downloads"))),
            push: None,
            ticks: Arc::new(|| 0),
        };
        let opened = tauri::async_runtime::block_on(App::open(home.path(), ports, options));
        let app = with_commands(mock_builder(), opened).build(tauri::generate_context!()).expect("a program");
        Program { _home: home, app }
    }

    fn window(&self, label: &str) -> WebviewWindow<MockRuntime> {
        WebviewWindowBuilder::new(&self.app, label, WebviewUrl::default()).build().expect("a window")
    }
}

/// What a page at this address hears when it invokes a command.
fn invoke(window: &WebviewWindow<MockRuntime>, url: &str, command: &str, arguments: Value) -> Result<Value, Value> {
    let request = InvokeRequest {
        cmd: command.to_owned(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: url.parse().expect("an address"),
        body: InvokeBody::Json(arguments),
        headers: Default::default(),
        invoke_key: INVOKE_KEY.to_owned(),
    };
    get_ipc_response(window, request).map(|body| body.deserialize().unwrap_or(Value::Null))
}

const OWN: &str =
    if cfg!(any(windows, target_os = "android")) { "http://tauri.localhost" } else { "tauri://localhost" };

/// Whether the ACL, and not the command, said no.
fn was_forbidden(reply: &Result<Value, Value>) -> bool {
    matches!(reply, Err(Value::String(why)) if why.contains("not allowed") || why.contains("not found"))
}

#[test]
fn the_one_window_reaches_every_listed_command() {
    let program = Program::start();
    let main = program.window(MAIN);
    for (command, arguments) in commands() {
        let reply = invoke(&main, OWN, command, arguments);
        assert!(!was_forbidden(&reply), "{command}: {reply:?}");
        if let Err(failure) = reply {
            assert!(failure["code"].is_string(), "{command} fails with a code: {failure}");
        }
    }
    let snapshot = invoke(&main, OWN, "snapshot", json!({})).expect("a snapshot");
    assert_eq!(snapshot["accounts"], json!([]));
}

#[test]
fn another_window_and_a_remote_page_reach_none() {
    let program = Program::start();
    let (main, other) = (program.window(MAIN), program.window("other"));
    for (command, arguments) in commands() {
        assert!(was_forbidden(&invoke(&other, OWN, command, arguments.clone())), "{command} from another window");
        for remote in ["https://evil.example", "http://127.0.0.1:8787", "https://tauri.localhost.evil.example"] {
            assert!(was_forbidden(&invoke(&main, remote, command, arguments.clone())), "{command} from {remote}");
        }
    }
}

#[test]
fn nothing_of_the_system_is_within_reach() {
    let program = Program::start();
    let main = program.window(MAIN);
    for command in [
        "plugin:window|set_title",
        "plugin:window|create",
        "plugin:webview|create_webview_window",
        "plugin:app|version",
        "plugin:path|resolve_directory",
        "plugin:resources|close",
        "plugin:event|emit",
        "plugin:event|emit_to",
        "plugin:shell|execute",
        "plugin:fs|read_file",
        "approve_everything",
    ] {
        let reply = invoke(&main, OWN, command, json!({}));
        assert!(was_forbidden(&reply), "{command}: {reply:?}");
    }
}

#[test]
fn commands_capabilities_and_the_page_name_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (build, page) = (read("build.rs"), read("../ui/src/backend/tauri.ts"));
    let capabilities: Value = serde_json::from_str(&read("capabilities/main.json")).expect("JSON");
    let permissions = capabilities["permissions"].as_array().expect("a list");
    for (command, _) in commands() {
        let allowed = format!("allow-{}", command.replace('_', "-"));
        assert!(permissions.contains(&json!(allowed)), "{command} is granted");
        assert!(build.contains(&format!("\"{command}\"")), "{command} is listed");
        assert!(page.contains(&format!("invoke(\"{command}\"")), "{command} is called");
    }
    assert_eq!(permissions.len(), commands().len() + 2, "and nothing else is, but hearing events");
}
