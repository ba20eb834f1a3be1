//! A PIN and a link that are typed into the window appear in no file, log or page afterwards.

use countersign_e2e::desktop::Desktop;
use countersign_e2e::window::{Opening, PIN, Window};
use countersign_tests::provider::Provider;

/// Records everything that comes from the program to the page: replies to commands, and snapshots.
const RECORD: &str = "
    const done = arguments[arguments.length - 1];
    window.__heard = [];
    const original = window.fetch;
    window.fetch = async (...request) => {
        const reply = await original(...request);
        window.__heard.push('reply ' + await reply.clone().text());
        return reply;
    };
    const inner = window.__TAURI_INTERNALS__;
    const handler = inner.transformCallback((event) => window.__heard.push('event ' + JSON.stringify(event.payload)));
    inner.invoke('plugin:event|listen', { event: 'snapshot', target: { kind: 'Any' }, handler }).then(() => done(true), (why) => done(String(why)));";

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_and_a_link_leak_nowhere() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let given = provider.link("alice");
    let opening = Opening { link: Some(given.clone()), log: Some("trace"), ..Opening::default() };
    let window = Window::open_with(&desktop, "window", &opening).await;
    let page = &window.page;
    window.screen("preview").await;
    assert_eq!(page.client.execute_async(RECORD, vec![]).await.expect("a recorder"), true);
    page.press("#cancel").await;
    // The same program again, with a pasted link.
    window.screen("welcome").await;
    let pasted = provider.link("alice");
    page.press("#have-link").await;
    page.fill("#link", &pasted).await;
    page.press("#continue").await;
    page.press("#confirm").await;
    window.choose_pin().await;
    window.screen("requests").await;
    let asked = provider.till().pay("4.20", "Till 2");
    window.request("4.20").await;
    page.press("#approve").await;
    page.fill("#pin", "999999").await;
    page.press("#pin-approve").await;
    page.read("#problem", "Wrong PIN").await;
    page.fill("#pin", PIN).await;
    page.press("#pin-approve").await;
    asked.finish().expect_code(0);
    page.read("#outcome", "Approved").await;
    page.press("#nav-activity").await;
    page.see("[data-past]").await;

    let heard = page.run("return window.__heard", vec![]).await;
    let heard: Vec<&str> = heard.as_array().expect("a list").iter().filter_map(|line| line.as_str()).collect();
    for (kind, part) in [("event ", "\"accounts\""), ("reply ", "\"confirmation_code\""), ("reply ", "\"wrong_pin\"")] {
        let is_heard = heard.iter().any(|line| line.starts_with(kind) && line.contains(part));
        assert!(is_heard, "{kind}{part} was heard, so that the recorder works: {heard:#?}");
    }
    let address = page.client.current_url().await.expect("an address").to_string();
    let log = std::fs::read_to_string(desktop.env.path("window.stderr")).expect("a log");
    assert!(log.contains("TRACE"), "everything was logged");
    let secrets = [given.as_str(), pasted.as_str(), token_of(&given), token_of(&pasted), PIN, "999999"];
    for secret in secrets {
        assert!(!heard.iter().any(|line| line.contains(secret)), "the program told the page a secret");
        assert!(!address.contains(secret), "an address holds a secret");
        assert!(!log.contains(secret), "the log holds a secret");
    }
    for file in files(&window.home()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        for secret in [token_of(&pasted), PIN] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", file.display());
        }
    }
}

fn token_of(link: &str) -> &str {
    link.split_once('#').expect("a link has a fragment").1
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let paths = entries.map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
