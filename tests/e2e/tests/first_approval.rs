//! One approval through the real window: from a link to tokens.

use countersign_e2e::desktop::Desktop;
use countersign_e2e::window::{Opening, PIN, Window};
use countersign_tests::provider::Provider;

#[tokio::test(flavor = "multi_thread")]
async fn a_pasted_link_and_its_code_make_the_window_a_device_that_approves_a_payment() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::open(&desktop, "window").await;
    let page = &window.page;
    window.screen("welcome").await;
    page.picture("welcome").await;
    page.press("#have-link").await;
    let (link, mut waiting) = provider.link_with_code("alice");
    page.fill("#link", &link).await;
    page.press("#continue").await;
    page.read("#preview-user", "Alice").await;
    page.picture("preview").await;
    page.press("#confirm").await;
    page.picture("pin").await;
    window.choose_pin().await;
    let code = page.see("#code").await.text().await.expect("a code");
    page.picture("code").await;
    waiting.say(&code);
    waiting.line("confirmed");
    page.read("#done", "Done").await;
    page.press("#done").await;
    page.see("#empty").await;
    page.picture("empty").await;

    let asked = provider.till().pay("4.20", "Till 2: flat white");
    window.request("4.20").await;
    page.picture("payment").await;
    window.approve(PIN).await;
    let tokens = asked.finish().expect_code(0).line("tokens");
    assert_eq!(tokens["id_token_claims"]["acr"], "urn:countersign:acr:verified");
    assert_eq!(tokens["id_token_claims"]["amr"], serde_json::json!(["swk", "pin"]));
    page.read("#outcome", "Approved").await;
    page.picture("approved").await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_given_as_an_argument_needs_no_copying() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let opening = Opening { link: Some(provider.link("alice")), ..Opening::default() };
    let window = Window::open_with(&desktop, "window", &opening).await;
    window.page.read("#preview-user", "Alice").await;
    window.page.press("#confirm").await;
    window.choose_pin().await;
    window.screen("requests").await;
    window.close().await;
}
