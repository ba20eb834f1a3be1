//! Every outcome of a request in the real window, against the real provider, with a client that asks over HTTP.

use countersign_e2e::desktop::Desktop;
use countersign_e2e::window::{PIN, Window};
use countersign_tests::client::PAYMENT;
use countersign_tests::device::{Device, id};
use countersign_tests::provider::Provider;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_is_reported_and_the_fourth_has_to_wait() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let page = &window.page;
    let _asked = provider.till().pay("4.20", "Till 2");
    window.request("4.20").await;
    page.press("#approve").await;
    for _ in 0..3 {
        page.fill("#pin", "111111").await;
        page.press("#pin-approve").await;
        let problem = page.read("#problem", "Wrong PIN.").await;
        assert!(!problem.contains("left"), "tries are told from the fifth on: {problem}");
        let field = page.run(
            "const pin = document.querySelector('#pin'); return [pin.value, pin === document.activeElement]",
            vec![],
        );
        assert_eq!(field.await, serde_json::json!(["", true]), "the field is empty and has the focus");
    }
    page.picture("wrong PIN").await;
    page.fill("#pin", "111111").await;
    page.press("#pin-approve").await;
    page.read("#wait", "Try again in 0:").await;
    page.fill("#pin", PIN).await;
    page.see("#pin-approve[aria-disabled=true]").await;
    page.picture("the wait").await;
    page.read("#client", "Acme Coffee").await;
    page.read("#amount", "4.20").await;
    // Denying needs no PIN, now or ever.
    page.press("#pin-cancel").await;
    page.press("#deny").await;
    page.read("#outcome", "Denied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_reaches_the_client() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let asked = provider.till().pay("4.20", "Till 2");
    window.request("4.20").await;
    window.page.press("#deny").await;
    assert_eq!(asked.finish().expect_code(1).line("error")["error"], "access_denied");
    window.page.read("#outcome", "Denied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_number_approves_and_a_wrong_one_ends_the_request() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let page = &window.page;
    let sign_in = ["--binding-message", "Kiosk at the entrance"];
    let (right, shown) = provider.till().acknowledged(&sign_in);
    let number = shown["interaction_value"].as_str().expect("a number").to_owned();
    window.request("Kiosk").await;
    page.read("#warning", "press Deny").await;
    page.see("#approve[aria-disabled=true]").await;
    page.fill("#number", &number).await;
    page.picture("the number is typed").await;
    window.approve(PIN).await;
    assert_eq!(
        right.finish().expect_code(0).line("tokens")["id_token_claims"]["acr"],
        "urn:countersign:acr:number-verified"
    );
    page.read("#outcome", "Approved").await;

    let (wrong, shown) = provider.till().acknowledged(&sign_in);
    let number: u32 = shown["interaction_value"].as_str().expect("a number").parse().expect("digits");
    window.request("Kiosk").await;
    page.fill("#number", &format!("{:06}", (number + 1) % 1_000_000)).await;
    window.approve(PIN).await;
    page.read("#outcome", "The number was wrong").await;
    assert_eq!(wrong.finish().expect_code(1).line("error")["error"], "access_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_chosen_out_of_three() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let (asked, shown) = provider.till().acknowledged(&["--interaction", "number_choose"]);
    let number = shown["interaction_value"].as_str().expect("a number").to_owned();
    window.screen("request").await;
    window.page.picture("three numbers").await;
    window.page.press(&format!("button[data-choice='{number}']")).await;
    window.approve(PIN).await;
    asked.finish().expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_expires_while_it_is_shown_says_so_and_moves_nothing() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let page = &window.page;
    let acknowledged = provider.till().ask(&[
        ("requested_expiry", "10"),
        ("binding_message", "Quick"),
        ("interaction_type", "boolean"),
    ]);
    assert_eq!(acknowledged["expires_in"], 10);
    window.request("Quick").await;
    page.read("#time-left", "0:0").await;
    page.read("main[data-screen=request] #outcome", "Expired").await;
    page.picture("expired while shown").await;
    assert!(!page.has("#approve").await, "there is nothing left to press");
    assert_eq!(provider.till().poll_to_the_end(&acknowledged).error(), "expired_token");
    page.press("#done").await;
    window.screen("requests").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_answered_on_a_terminal_while_shown_says_where() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let terminal = Device::enrolled(&desktop.env, "terminal", &provider, "alice");
    let asked = provider.till().pay("4.20", "Till 2");
    window.request("4.20").await;
    let pending = terminal.only_pending();
    terminal.answer(id(&pending), &["approve"]).expect_code(0);
    window.page.read("main[data-screen=request] #outcome", "terminal").await;
    window.page.picture("answered elsewhere").await;
    window.page.press("#done").await;
    window.screen("requests").await;
    asked.finish().expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_wait_the_next_comes_after_the_first_with_its_approve_inert_again() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let page = &window.page;
    let first = provider.till().ask(&[("authorization_details", PAYMENT), ("requested_expiry", "200")]);
    window.request("4.20").await;
    let second = provider.till().pay("12.50", "Till 3: lunch");
    page.read("section[data-challenge]", "1 more waits").await;
    page.read("#amount", "4.20").await;
    page.press("#back").await;
    page.until("both are listed", "return document.querySelectorAll('#requests-list button').length === 2").await;
    page.picture("two wait").await;
    let order = page.read("#requests-list", "12.50").await;
    assert!(order.find("4.20") < order.find("12.50"), "the oldest deadline first: {order}");
    page.press("#requests-list li:first-child button").await;
    window.approve(PIN).await;
    window.request("12.50").await;
    let was_inert = page.run("return document.querySelector('#approve').getAttribute('aria-disabled')", vec![]).await;
    assert_eq!(was_inert, "true", "its Approve is inert at first");
    page.read("#before", "Approved € 4.20").await;
    page.picture("the next").await;
    assert_eq!(provider.till().poll_to_the_end(&first).status, 200);
    window.approve(PIN).await;
    second.finish().expect_code(0);
}
