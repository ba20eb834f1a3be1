//! The window's recovery: the provider down while an answer is sent, the program killed in the middle of one.

use countersign_e2e::desktop::Desktop;
use countersign_e2e::window::{Opening, PIN, Window};
use countersign_tests::client::PAYMENT;
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::proxy::{Answers, Did, Proxy};

/// A provider behind a proxy. Polls are answered at once, so that a test can ask for a request's status.
fn behind_a_proxy(desktop: &Desktop) -> (Proxy, Provider<'_>) {
    let (issuer, listen) = (desktop.env.free_address(), desktop.env.free_address());
    let proxy = Proxy::start(issuer, listen);
    let settings = Settings { policy: "token_wait = \"0s\"".to_owned(), behind: Some(listen), ..Settings::default() };
    (proxy, Provider::start_at(&desktop.env, "provider", issuer, &settings))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_could_not_be_sent_is_kept_and_settled_when_the_provider_is_back() {
    let desktop = Desktop::new();
    let (proxy, mut provider) = behind_a_proxy(&desktop);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let page = &window.page;
    proxy.answers(Answers::Refuse);
    let first = provider.till().ask(&[("authorization_details", PAYMENT), ("binding_message", "Till 2")]);
    window.request("4.20").await;
    window.approve(PIN).await;
    proxy.wait_until(Did::Refused);
    provider.kill_9();
    page.read("#offline", "offline since").await;
    page.read("main[data-screen=requests]", "Your answer is kept and will be sent").await;
    page.picture("offline").await;

    provider.restart();
    let second = provider.till().ask(&[("binding_message", "Till 3: a sign-in"), ("interaction_type", "boolean")]);
    proxy.recover();
    page.press("#check-now").await;
    let paid = provider.till().poll_to_the_end(&first);
    assert_eq!(paid.status, 200, "{}", paid.text());
    window.request("Till 3").await;
    let seen = page.run("return document.querySelector('[data-kept]') === null", vec![]).await;
    assert_eq!(seen, true, "nothing is kept any more");
    window.approve(PIN).await;
    page.read("#outcome", "Approved").await;
    page.until("it is online", "return document.querySelector('#offline') === null").await;
    assert_eq!(provider.till().poll_to_the_end(&second).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_killed_in_the_middle_of_an_answer_learns_its_outcome_after_the_restart() {
    let desktop = Desktop::new();
    let (proxy, provider) = behind_a_proxy(&desktop);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    proxy.answers(Answers::SwallowReply);
    let asked = provider.till().ask(&[("authorization_details", PAYMENT)]);
    window.request("4.20").await;
    window.approve(PIN).await;
    proxy.wait_until(Did::Swallowed);
    window.kill_9();
    proxy.recover();

    let window = Window::open_with(&desktop, "window", &Opening::default()).await;
    window.page.read("#outcome", "Approved € 4.20").await;
    let tokens = provider.till().poll_to_the_end(&asked);
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    assert_eq!(provider.till().poll(&asked).error(), "invalid_grant", "one verdict, one token set");
    window.page.press("#nav-activity").await;
    window.page.until("one entry", "return document.querySelectorAll('[data-past]').length === 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_window_on_the_same_home_says_that_the_first_is_open() {
    let desktop = Desktop::new();
    let first = Window::open(&desktop, "window").await;
    let second = Window::open(&desktop, "window").await;
    second.screen("trouble").await;
    second.page.read("main", "already open").await;
    second.page.picture("already open").await;
    first.screen("welcome").await;
}
