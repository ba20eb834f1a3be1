//! Every screen: checked by axe in light and dark mode, rendered in both sizes, and reached by keyboard alone.

use countersign_e2e::axe;
use countersign_e2e::desktop::Desktop;
use countersign_e2e::window::{Opening, PIN, Window};
use countersign_tests::provider::Provider;
use fantoccini::key::Key;

/// Checks a screen and keeps pictures of it in both sizes.
async fn look(window: &Window<'_>, name: &str) {
    // So tall that nothing is out of sight: what is, axe can't judge.
    window.page.resize(400, 2400).await;
    axe::check(&window.page, name).await;
    for (width, height) in [(320, 568), (400, 720)] {
        window.page.resize(width, height).await;
        let sideways = window.page.run("return document.documentElement.scrollWidth > innerWidth", vec![]).await;
        assert_eq!(sideways, false, "{name} fits {width} pixels");
        window.page.picture(&format!("{name} {width}")).await;
    }
}

async fn every_screen(appearance: &'static str) {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let opening = Opening { appearance: Some(appearance), ..Opening::default() };
    let window = Window::open_with(&desktop, appearance, &opening).await;
    let page = &window.page;
    window.screen("welcome").await;
    look(&window, "01 welcome").await;
    page.press("#have-link").await;
    page.fill("#link", "https://id.example/push/enroll#nothing").await;
    page.press("#continue").await;
    page.see("#problem").await;
    look(&window, "02 link").await;
    let (link, mut waiting) = provider.link_with_code("alice");
    page.fill("#link", &link).await;
    page.press("#continue").await;
    window.screen("preview").await;
    look(&window, "03 preview").await;
    page.press("#confirm").await;
    look(&window, "04 pin").await;
    window.choose_pin().await;
    window.screen("code").await;
    look(&window, "05 code").await;
    let code = page.see("#code").await.text().await.expect("a code");
    waiting.say(&code);
    page.read("#done", "Done").await;
    page.press("#done").await;
    look(&window, "06 empty").await;

    let paid = provider.till().pay("80.00", "POS terminal #14: Approve €80.00 at Acme Coffee?");
    window.request("80.00").await;
    page.see("#approve[aria-disabled=false]").await;
    look(&window, "07 payment").await;
    page.press("#details summary").await;
    look(&window, "08 payment, details").await;
    page.press("#approve").await;
    page.fill("#pin", "111111").await;
    page.press("#pin-approve").await;
    page.read("#problem", "Wrong PIN").await;
    look(&window, "09 wrong PIN").await;
    page.fill("#pin", PIN).await;
    page.press("#pin-approve").await;
    paid.finish().expect_code(0);
    page.read("#outcome", "Approved").await;
    look(&window, "10 approved").await;

    let (_sign_in, _) = provider.till().acknowledged(&["--binding-message", "Case 20914"]);
    window.request("Case 20914").await;
    page.fill("#number", "48").await;
    look(&window, "11 sign-in").await;
    page.press("#not-me").await;
    window.screen("not-me").await;
    look(&window, "12 not me").await;
    page.press("#done").await;
    let _held = provider.till().acknowledged(&["--binding-message", "Case 20915"]);
    let _other = provider.kiosk().request(&["--binding-message", "Kiosk 1"]);
    let _third = provider.kiosk().request(&["--binding-message", "Kiosk 2"]);
    page.see("#held, #back").await;
    page.until("both of the kiosk came", "document.querySelector('#back')?.click(); return document.querySelectorAll('#requests-list button').length === 2").await;
    page.press("#held summary").await;
    look(&window, "13 several, and one held back").await;
    page.press("#requests-list button").await;
    window.screen("request").await;
    page.see("#approve[aria-disabled=false]").await;
    look(&window, "14 calls itself").await;
    page.press("#back").await;
    page.press("#nav-accounts").await;
    look(&window, "15 accounts").await;
    page.press("#nav-activity").await;
    page.see("[data-past]").await;
    look(&window, "16 activity").await;
    page.press("li:last-child [data-past]").await;
    page.press("#shown summary").await;
    look(&window, "17 one of the past").await;
    page.press("#save-evidence").await;
    page.read("main", "Saved as").await;
    page.press("#nav-settings").await;
    look(&window, "18 settings").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_accessible_in_the_light() {
    every_screen("light").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_accessible_in_the_dark() {
    every_screen("dark").await;
}

/// Goes on by the tabulator until an element has the focus, which is to be seen there.
async fn tab_to(window: &Window<'_>, css: &str) {
    for _ in 0..40 {
        window.page.keys(&Key::Tab.to_string()).await;
        let script = "const at = document.activeElement;
            const ring = [at, at.nextElementSibling?.querySelector('.next')].filter(Boolean)
                .some((one) => getComputedStyle(one).outlineStyle !== 'none');
            return [at.matches(arguments[0]), at === document.body || ring, at.outerHTML];";
        let found = window.page.run(script, vec![css.into()]).await;
        assert_eq!(found[1], true, "the focus can be seen on the way to {css}: {}", found[2]);
        if found[0] == true {
            return;
        }
    }
    panic!("{css} can't be reached by keyboard");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_once_by_keyboard_alone() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::open(&desktop, "window").await;
    let page = &window.page;
    let enter = Key::Enter.to_string();
    window.screen("welcome").await;
    desktop.focus();
    page.until("the page has the focus", "return document.hasFocus()").await;
    tab_to(&window, "#have-link").await;
    page.keys(&enter).await;
    window.screen("link").await;
    tab_to(&window, "#link").await;
    page.keys(&provider.link("alice")).await;
    tab_to(&window, "#continue").await;
    page.keys(&enter).await;
    window.screen("preview").await;
    tab_to(&window, "#confirm").await;
    page.keys(&enter).await;
    window.screen("pin-new").await;
    tab_to(&window, "#pin").await;
    page.keys(PIN).await;
    tab_to(&window, "#pin-again").await;
    page.keys(&format!("{PIN}{enter}")).await;
    window.screen("requests").await;

    let (asked, shown) = provider.till().acknowledged(&["--binding-message", "Kiosk"]);
    window.request("Kiosk").await;
    let heading =
        page.run("return document.activeElement.tagName + ' ' + document.activeElement.textContent", vec![]).await;
    assert_eq!(heading, "H1 Sign-in", "a screen reader begins at the heading");
    tab_to(&window, "#number").await;
    page.keys(shown["interaction_value"].as_str().expect("a number")).await;
    page.see("#approve[aria-disabled=false]").await;
    tab_to(&window, "#approve").await;
    page.keys(&enter).await;
    page.see("#pin").await;
    page.keys(&format!("{PIN}{enter}")).await;
    asked.finish().expect_code(0);
    page.read("#outcome", "Approved").await;

    let denied = provider.till().pay("4.20", "Till 2");
    window.request("4.20").await;
    tab_to(&window, "#deny").await;
    page.keys(&enter).await;
    denied.finish().expect_code(1);
    // The page goes back to its list, and to its heading, once it has the outcome.
    page.read("#outcome", "Denied").await;
    window.screen("requests").await;
    for (tab, screen) in [("#nav-activity", "activity"), ("#nav-accounts", "accounts"), ("#nav-settings", "settings")] {
        tab_to(&window, tab).await;
        page.keys(&enter).await;
        window.screen(screen).await;
    }
}

/// Which of amount, payee and the three buttons are visible and can be pressed without scrolling.
async fn in_reach(window: &Window<'_>) -> serde_json::Value {
    let script = "const seen = (css) => { const box = document.querySelector(css).getBoundingClientRect();
            const fold = document.querySelector('.below').getBoundingClientRect().top;
            return box.top >= 0 && box.bottom <= fold && box.right <= innerWidth; };
        const hit = (css) => { const button = document.querySelector(css), box = button.getBoundingClientRect();
            return button.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)); };
        return [seen('#amount'), seen('#payee'), hit('#deny'), hit('#approve'), hit('#not-me')];";
    window.page.run(script, vec![]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_small_screen_and_at_twice_the_text_amount_payee_and_buttons_stay_in_sight() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let page = &window.page;
    let _asked = provider.till().pay("80.00", "POS terminal #14");
    window.request("80.00").await;
    page.resize(320, 568).await;
    assert_eq!(in_reach(&window).await, serde_json::json!([true, true, true, true, true]), "small");
    page.run("document.documentElement.style.fontSize = '200%'", vec![]).await;
    page.picture("small, twice the text").await;
    let small = in_reach(&window).await;
    assert_eq!(small.as_array().expect("five")[2..], [true, true, true], "the buttons are in reach in any case");
    page.resize(400, 720).await;
    page.picture("twice the text").await;
    assert_eq!(in_reach(&window).await, serde_json::json!([true, true, true, true, true]), "twice the text");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_small_screen_the_number_is_typed_without_scrolling() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let page = &window.page;
    let (_right, _shown) = provider.till().acknowledged(&["--binding-message", "Kiosk at the entrance"]);
    window.request("Kiosk").await;
    page.resize(320, 568).await;
    page.picture("a number on a small screen").await;
    let script = "const scroll = document.querySelector('.scroll').getBoundingClientRect();
        const field = document.querySelector('.boxes').getBoundingClientRect();
        return [document.querySelector('.scroll').scrollTop, field.top >= scroll.top, field.bottom <= scroll.bottom]";
    assert_eq!(page.run(script, vec![]).await, serde_json::json!([0, true, true]), "not scrolled, and whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_german_the_window_and_the_lines_of_a_request_agree() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let opening = Opening { language: Some("de_DE.UTF-8"), ..Opening::default() };
    let window = Window::enrolled_with(&desktop, "window", &provider, &opening).await;
    let page = &window.page;
    let _asked = provider.till().pay("1280.50", "Kasse 2");
    window.request("1.280,50").await;
    page.read("section", "Zahlung").await;
    page.read("#message-caption", "Nachricht von Acme Coffee").await;
    page.read("#approve", "Freigeben").await;
    let language = page.run("return document.documentElement.lang", vec![]).await;
    assert_eq!(language, "de");
    page.see("#approve[aria-disabled=false]").await;
    look(&window, "German").await;
    window.approve(PIN).await;
    page.read("#outcome", "Freigegeben").await;
}
