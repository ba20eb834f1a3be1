//! The demo's other pages in a browser: the call centre, the bike station and the AI agent, each to every end.

use countersign_e2e::axe;
use countersign_e2e::browser::Browser;
use countersign_e2e::demo::Demo;
use countersign_e2e::desktop::Desktop;
use countersign_e2e::page::Page;
use countersign_e2e::window::{Opening, PIN, Window};
use countersign_tests::device::{Device, id};

/// Alice's device, as a script has it.
fn phone<'a>(desktop: &'a Desktop, demo: &Demo) -> Device<'a> {
    let phone = Device::new(&desktop.env, "phone");
    phone.enroll(demo.text("enrollment_link"));
    phone
}

/// Alice's window, enrolled by the link of the demo's first line.
async fn window<'a>(desktop: &'a Desktop, demo: &Demo) -> Window<'a> {
    let opening = Opening { link: Some(demo.text("enrollment_link").to_owned()), ..Opening::default() };
    let window = Window::open_with(desktop, "window", &opening).await;
    window.page.press("#confirm").await;
    window.choose_pin().await;
    window.screen("requests").await;
    window
}

/// The number on the page, as the device wants it.
async fn number(page: &Page) -> String {
    let shown = page.read("#number", " ").await;
    shown.split_whitespace().collect()
}

/// A number that is not this one.
fn another(number: &str) -> &'static str {
    if number == "135790" { "246801" } else { "135790" }
}

/// Opens the seven steps, and checks that each says what belongs to it.
async fn seven_steps(page: &Page, said: [&str; 7]) {
    page.press("#what-happened summary").await;
    for (step, words) in (1..).zip(said) {
        page.read(&format!("#what-happened li[data-step='{step}']"), words).await;
    }
}

/// On a desktop and on a phone: two pictures, judged by axe.
async fn seen(page: &Page, name: &str) {
    // What the client hears while it waits is drawn once more; the agent is a program of its own that does not tell the page.
    if page.has("#request[data-state=waiting]:not([data-item=invoices])").await {
        page.see("#reached").await;
    }
    // The browser does not get narrower than 450.
    for (width, height) in [(1280, 1000), (450, 844)] {
        page.resize(width, height).await;
        axe::check(page, name).await;
        let wide = page.run("return document.documentElement.scrollWidth <= innerWidth", vec![]).await;
        assert_eq!(wide, true, "{name}: nothing sticks out at {width}");
        page.run("scrollTo(0, 0)", vec![]).await;
        page.picture(&format!("{name} {width}")).await;
        if page.has("#request").await {
            page.run("document.querySelector('#request').scrollIntoView()", vec![]).await;
            page.picture(&format!("{name} {width} below")).await;
        }
    }
    page.resize(1280, 1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_call_centre_sees_the_record_when_alice_has_typed_the_number_and_not_before() {
    let desktop = Desktop::new();
    let demo = Demo::start(&desktop, &["--no-app"]);
    let browser = Browser::open(&desktop, "support", demo.text("support_url")).await;
    let page = &browser.page;
    page.resize(1280, 1000).await;
    page.read("#record[data-open=false]", "Nobody at the desk can read it").await;
    page.press("button[data-item=record]").await;
    page.see("#request[data-state=no_device]").await;

    let window = window(&desktop, &demo).await;
    page.press("button[data-item=record]").await;
    page.see("#request[data-state=waiting]").await;
    window.request("Acme Support Desk").await;
    let shown = number(page).await;
    let mut desk = page.content("#desk").await + &page.content("#both-screens").await;
    for own in ["20914", "+49 171 3920014", "ACME-0042-7713"] {
        // Its digits may be the number's.
        desk = desk.replace(own, "");
    }
    assert!(!desk.contains(&shown) && !desk.contains(&shown[..3]), "the agent does not see the number: {desk}");
    let both = page.read("#both-screens", "see your customer record").await;
    assert!(both.contains("Consent") && both.matches("Case 20914").count() == 2, "{both}");
    let state = page.run("return fetch('/api/state').then((reply) => reply.text())", vec![]).await.to_string();
    assert!(!state.contains("Last order"), "nothing of the record is on the page yet");
    window.page.picture("asked").await;
    seen(page, "asked").await;

    window.page.fill("#number", &shown).await;
    window.approve(PIN).await;
    page.see("#request[data-state=approved]").await;
    page.read("#record[data-open=true]", "Catering for twelve").await;
    page.read("#signature-line", "released by Alice’s signature").await;
    page.read("#caller-number", "When the agent asks").await;
    seen(page, "open").await;
    seven_steps(
        page,
        [
            "Case 20914",
            "login_hint = +49 171 3920014",
            "datatypes",
            "Wants to: see",
            "approved",
            "interaction_value",
            "tokens rest",
        ],
    )
    .await;
    window.close().await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_stays_closed_when_alice_says_no_or_the_number_is_wrong_or_nobody_answers() {
    let desktop = Desktop::new();
    let demo = Demo::impatient(&desktop, 15);
    let phone = phone(&desktop, &demo);
    let browser = Browser::open(&desktop, "support", demo.text("support_url")).await;
    let page = &browser.page;

    page.press("button[data-item=record]").await;
    let shown = number(page).await;
    phone.answer(id(&phone.only_pending()), &["approve", "--value", another(&shown)]);
    page.read("#request[data-state=mismatch] .status", "the number was wrong, and the record stays closed").await;

    page.press("button[data-item=record]").await;
    page.see("#request[data-state=waiting]").await;
    phone.answer(id(&phone.only_pending()), &["deny"]).expect_code(0);
    page.read("#request[data-state=denied] .status", "the record stays closed").await;
    seen(page, "denied").await;

    page.press("button[data-item=record]").await;
    page.see("#request[data-state=waiting]").await;
    page.read("#request[data-state=expired] .status", "nobody answered, and the record stays closed").await;
    page.see("#record[data-open=false]").await;
    page.read("#earlier", "the number was wrong").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bike_is_unlocked_by_the_number_on_the_stations_screen() {
    let desktop = Desktop::new();
    let demo = Demo::start(&desktop, &["--no-app"]);
    let window = window(&desktop, &demo).await;
    let browser = Browser::open(&desktop, "kiosk", demo.text("kiosk_url")).await;
    let page = &browser.page;
    page.read("#station", "Hold your card").await;
    seen(page, "idle").await;
    page.press("button[data-item=bike]").await;
    page.see("#station[data-state=waiting]").await;
    let shown = number(page).await;
    let size = "return parseFloat(getComputedStyle(document.querySelector('#number')).fontSize)";
    assert!(page.run(size, vec![]).await.as_f64() >= Some(40.0), "the number is large");
    window.request("City Bikes").await;
    window.page.picture("asked").await;
    seen(page, "asked").await;
    window.page.fill("#number", &shown).await;
    window.approve(PIN).await;
    page.read("#station[data-state=approved]", "Bike 12 is unlocked").await;
    seen(page, "unlocked").await;
    seven_steps(
        page,
        [
            "bike 12",
            "login_hint = ACME-0042-7713",
            "input_manual",
            "Sign-in",
            "approved",
            "interaction_value",
            "number-verified",
        ],
    )
    .await;

    page.press("button[data-item=bike]").await;
    window.request("City Bikes").await;
    let shown = number(page).await;
    window.page.fill("#number", another(&shown)).await;
    window.approve(PIN).await;
    page.read("#station[data-state=mismatch]", "Bike 12 stays locked").await;
    page.read("#station", "another number").await;
    window.close().await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bike_stays_locked_when_nobody_answers_or_alice_says_it_was_not_her() {
    let desktop = Desktop::new();
    let demo = Demo::impatient(&desktop, 15);
    let phone = phone(&desktop, &demo);
    let browser = Browser::open(&desktop, "kiosk", demo.text("kiosk_url")).await;
    let page = &browser.page;
    page.press("button[data-item=bike]").await;
    page.see("#station[data-state=waiting]").await;
    page.read("#station[data-state=expired]", "Nobody typed the number in time").await;
    page.press("button[data-item=bike]").await;
    page.see("#station[data-state=waiting]").await;
    phone.answer(id(&phone.only_pending()), &["deny", "--reason", "not_me"]).expect_code(0);
    page.read("#station[data-state=not_me]", "this wasn’t them").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_shows_its_plan_as_a_tree_and_deletes_nothing_before_alice_approved() {
    let desktop = Desktop::new();
    let demo = Demo::start(&desktop, &["--no-app"]);
    let window = window(&desktop, &demo).await;
    let browser = Browser::open(&desktop, "agent", demo.text("agent_url")).await;
    let page = &browser.page;
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/agent.py"));
    assert_eq!(page.content("#source").await, source.expect("the example is there"), "the page shows the very file");
    page.read("#run-it", "python3 examples/agent.py").await;
    page.press("button[data-item=invoices]").await;
    page.see("#request[data-state=waiting]").await;
    window.request("Delete 214 old invoices?").await;
    let tree = window.page.read("section[data-challenge]", "archive/invoices").await;
    for line in ["older than", "10 years", "2013", "61 files", "2015", "81 files"] {
        assert!(tree.contains(line), "the device shows the whole plan: {line} is missing in {tree}");
    }
    let both = page.read("#both-screens", "Delete 214 old invoices?").await;
    assert_eq!(both.matches("Delete 214 old invoices?").count(), 2, "{both}");
    page.read("#log", "Until then I delete nothing").await;
    window.page.picture("asked").await;
    seen(page, "asked").await;
    window.approve(PIN).await;
    page.see("#request[data-state=approved]").await;
    page.read("#log", "Deleting 214 of 214").await;
    seen(page, "approved").await;
    for width in [450, 1280] {
        page.resize(width, 900).await;
        page.run("document.querySelector('#code').scrollIntoView()", vec![]).await;
        page.picture(&format!("source {width}")).await;
    }
    seven_steps(
        page,
        [
            "Tidying up",
            "Delete 214 old invoices?",
            "authorization_details_json",
            "invoices › 2013: 61 files",
            "approved",
            "display_hash",
            "tokens rest",
        ],
    )
    .await;

    page.press("button[data-item=invoices]").await;
    window.request("Delete 214 old invoices?").await;
    window.page.press("#deny").await;
    page.see("#request[data-state=denied]").await;
    page.read("#log", "Alice said no. Nothing is deleted").await;
    window.close().await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_pages_in_the_dark_and_by_keyboard_alone() {
    let desktop = Desktop::new();
    let demo = Demo::start(&desktop, &["--no-app"]);
    let phone = phone(&desktop, &demo);
    let dark = [("GTK_THEME", "Adwaita:dark")];
    let browser = Browser::open_with(&desktop, "dark", demo.till_url(), &dark).await;
    let page = &browser.page;
    page.until("the dark", "return matchMedia('(prefers-color-scheme: dark)').matches").await;
    desktop.focus();
    for (link, item) in [("Call centre", "record"), ("Bike station", "bike"), ("AI agent", "invoices")] {
        // Tab by tab to the link, Enter; then to the button, Enter.
        reach(page, "a", link).await;
        page.keys("\u{e007}").await;
        page.see(&format!("button[data-item={item}]:not(:disabled)")).await;
        page.read("nav [aria-current=page]", link).await;
        let button = page.content(&format!("button[data-item={item}]")).await;
        reach(page, "button", &button).await;
        page.keys("\u{e007}").await;
        page.see("#request[data-state=waiting]").await;
        seen(page, &format!("dark {item} asked")).await;
        let challenge = phone.only_pending();
        match page.has("#number").await {
            true => phone.answer(id(&challenge), &["approve", "--value", &number(page).await]),
            false => phone.answer(id(&challenge), &["approve"]),
        }
        .expect_code(0);
        page.see("#request[data-state=approved]").await;
        seen(page, &format!("dark {item} approved")).await;
    }
    browser.close().await;
}

/// Presses Tab until the focus is on the element of this kind with this text.
async fn reach(page: &Page, tag: &str, text: &str) {
    let is_there = "return document.activeElement?.localName === arguments[0] && document.activeElement.textContent.trim() === arguments[1]";
    for _ in 0..40 {
        if page.run(is_there, vec![tag.into(), text.trim().into()]).await == true {
            return;
        }
        page.keys("\u{e004}").await;
    }
    panic!("{text} can't be reached by keyboard");
}
