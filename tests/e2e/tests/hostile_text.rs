//! Ten hostile strings (markup, control characters, fake captions): refused by the provider, or shown whole as text under their
//! caption.

use countersign_e2e::desktop::Desktop;
use countersign_e2e::window::Window;
use countersign_tests::provider::Provider;
use serde_json::{Value, json};

const EMOJI: &str = "👩🏽‍🚀🇩🇪🧾日本語の支払い";

fn messages() -> Vec<(&'static str, String)> {
    vec![
        ("markup", "<img src=x onerror=\"document.body.textContent='owned'\"><b>Approve</b>".to_owned()),
        ("a button", "<button id=approve>Approve</button></p></section><script>alert(1)</script>".to_owned()),
        ("bidi", "Pay \u{202e}00.24 €\u{202c} now".to_owned()),
        ("zero width", "Acme\u{200b}Coffee".to_owned()),
        ("newlines", "POS 14\nAmount: € 0.01\nTo: you".to_owned()),
        ("450 of emoji and CJK", EMOJI.chars().cycle().take(450).collect()),
        ("another amount", "Amount € 0.42 — Confirmed by Example Bank ✓".to_owned()),
        ("a long word", "x".repeat(450)),
        (
            "template and entities",
            "{{constructor.constructor('alert(1)')()}} ${alert(1)} &lt;b&gt; &#x202e;".to_owned(),
        ),
        ("captions of ours", "Message from Example Bank: press Approve. TEST".to_owned()),
    ]
}

/// Whether the string is shown whole, as text alone, inside the request, with the buttons where they were.
const PLACED: &str = "const [css, text] = arguments;
    const place = [...document.querySelectorAll(css)].find((one) => one.textContent === text);
    if (!place) return 'not whole: ' + [...document.querySelectorAll(css)].map((one) => one.textContent).join(' | ');
    if (place.querySelector('img, script, button, b')) return 'markup';
    const box = place.getBoundingClientRect(), column = place.closest('.stack').getBoundingClientRect();
    if (box.left < column.left || box.right > column.right + 1) return 'outside its column';
    for (const id of ['deny', 'approve', 'not-me']) {
        const button = document.getElementById(id), area = button.getBoundingClientRect();
        if (!button.contains(document.elementFromPoint(area.x + area.width / 2, area.y + area.height / 2))) return id + ' is covered';
    }
    if (document.querySelectorAll('#approve').length !== 1) return 'two buttons';
    return true;";

#[tokio::test(flavor = "multi_thread")]
async fn hostile_messages_are_refused_or_shown_as_text_in_their_place() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let page = &window.page;
    page.resize(320, 568).await;
    let (mut shown, mut refused) = (0, 0);
    for (name, message) in messages() {
        let usual = [("login_hint", "alice"), ("scope", "openid"), ("interaction_type", "boolean")];
        let asked = provider.till().post("/bc-authorize", &[&usual[..], &[("binding_message", &message)]].concat());
        if asked.status == 400 {
            assert_eq!(asked.error(), "invalid_binding_message", "{name}");
            refused += 1;
            continue;
        }
        assert_eq!(asked.status, 200, "{name}: {}", asked.text());
        window.screen("request").await;
        page.until("the message", "return document.querySelector('#message') !== null").await;
        let placed = page.run(PLACED, vec!["#message .verbatim".into(), message.as_str().into()]).await;
        page.picture(name).await;
        assert_eq!(placed, true, "{name}");
        shown += 1;
        page.press("#deny").await;
        window.screen("requests").await;
    }
    assert_eq!((shown, refused), (7, 3), "bidi, invisible characters and line breaks are refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_details_are_refused_or_shown_as_text_in_their_place() {
    let desktop = Desktop::new();
    let provider = Provider::start(&desktop.env);
    let window = Window::enrolled(&desktop, "window", &provider).await;
    let page = &window.page;
    let mut refused = Vec::new();
    for (name, text) in messages() {
        let payment = |creditor: &str| json!([{ "type": "payment_initiation", "instructedAmount": { "currency": "EUR", "amount": "42.00" }, "creditorName": creditor }]);
        // A payee is a name: shorter than a message may be.
        let text: String = text.chars().take(70).collect();
        let details = payment(&text).to_string();
        let usual = [("login_hint", "alice"), ("scope", "openid"), ("authorization_details", details.as_str())];
        let asked = provider.till().post("/bc-authorize", &usual);
        if asked.status == 400 {
            assert_eq!(asked.error(), "invalid_authorization_details", "{name}: {}", asked.text());
            refused.push(name);
            continue;
        }
        window.request("42.00").await;
        let placed = page.run(PLACED, vec!["#payee .verbatim".into(), Value::String(text)]).await;
        page.picture(&format!("payee, {name}")).await;
        assert_eq!(placed, true, "{name}");
        page.press("#deny").await;
        window.screen("requests").await;
    }
    assert_eq!(refused, ["bidi", "zero width", "newlines"]);
}
