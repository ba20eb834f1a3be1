//! The till's page in a browser, with Alice's window beside it: from the first coffee to the evidence.

use countersign_e2e::axe;
use countersign_e2e::browser::Browser;
use countersign_e2e::demo::Demo;
use countersign_e2e::desktop::Desktop;
use countersign_e2e::window::{PIN, Window};
use countersign_tests::device::{Device, id};
use countersign_tests::process::{Process, processes_in};

/// Makes the window one of Alice's devices by the link on the till's page and the code typed there.
async fn join(till: &Browser, window: &Window<'_>) {
    till.page.until("a link", "return document.querySelector('#link-field').value.startsWith('http')").await;
    let link = till.page.run("return document.querySelector('#link-field').value", vec![]).await;
    window.page.press("#have-link").await;
    window.page.fill("#link", link.as_str().expect("a link")).await;
    window.page.press("#continue").await;
    window.page.press("#confirm").await;
    window.choose_pin().await;
    let code = window.page.see("#code").await.text().await.expect("a code");
    till.page.see("#code-form:not([hidden])").await;
    till.page.picture("0 the code is due").await;
    till.page.fill("#code-field", "000000").await;
    till.page.press("#confirm").await;
    till.page.read("#code-said", "not the code").await;
    till.page.fill("#code-field", &code).await;
    till.page.press("#confirm").await;
    till.page.read("#code-said", "one of Alice’s").await;
    window.page.read("#done", "Done").await;
    window.page.press("#done").await;
    window.screen("requests").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_coffee_to_the_evidence() {
    let desktop = Desktop::new();
    let demo = Demo::start(&desktop, &[]);
    let till = Browser::open(&desktop, "till", demo.till_url()).await;
    let page = &till.page;
    page.resize(1280, 900).await;
    page.read("h1", "Alice signs").await;
    page.read("#device-state", "no device yet").await;
    page.picture("0 nobody's device").await;
    page.press("button[data-item=flat-white]").await;
    page.see("#request[data-state=no_device]").await;

    let first_link = page.run("return document.querySelector('#link-field').value", vec![]).await;
    let window = Window::open(&desktop, "window").await;
    join(&till, &window).await;
    let next = "return document.querySelector('#link-field').value !== arguments[0]";
    let replaced = page.run(next, vec![first_link]).await;
    assert_eq!(replaced, true, "a link that was used is replaced");
    axe::check(page, "the till before a sale").await;

    // 0:25 both screens show the same words.
    page.press("button[data-item=flat-white]").await;
    page.see("#request[data-state=waiting]").await;
    window.request("4.20").await;
    let both = page.read("#both-screens", "Acme Coffee, Berlin").await;
    assert_eq!(both.matches("Till 2: flat white").count(), 2, "{both}");
    page.see("#reached[data-reached=on_the_phone]").await;
    page.picture("1 waiting").await;

    // 0:40 approve.
    window.approve(PIN).await;
    page.see("#request[data-state=approved]").await;
    let line = page.read("#signature-line", "released by Alice’s signature, receipt").await;
    let took: u64 = line.split_whitespace().find_map(|word| word.parse().ok()).expect("milliseconds");
    assert!(took < 10_000, "{line}");
    page.picture("2 paid").await;
    page.press("#what-happened summary").await;
    for (step, words) in [
        (1, "flat white"),
        (2, "auth_req_id = ar_"),
        (3, "authorization_details_json"),
        (4, "Amount: € 4.20"),
        (5, "Her PIN released"),
        (6, "display_hash"),
        (7, "the tokens rest on that signature"),
    ] {
        page.read(&format!("#what-happened li[data-step='{step}']"), words).await;
    }
    page.picture("3 what happened").await;

    // 1:10 try to cheat.
    page.press("#try-to-cheat summary").await;
    page.press("#cheat").await;
    let cheated = page.read("#cheat-result", "refused").await;
    assert!(cheated.contains("the signature verifies") && cheated.contains("42.00"), "{cheated}");
    page.run("document.querySelector('#cheat-result').scrollIntoView()", vec![]).await;
    page.picture("4 cheated").await;
    axe::check(page, "the till after a sale").await;

    // 2:40 the evidence, and the command that verifies it.
    page.press("#take-away summary").await;
    let files = "const done = arguments[arguments.length - 1];
        Promise.all(['#evidence', '#trust'].map((id) => fetch(document.querySelector(id).href).then((reply) => reply.text()))).then(done)";
    let files = page.client.execute_async(files, vec![]).await.expect("both files");
    std::fs::write(desktop.env.path("evidence.json"), files[0].as_str().expect("evidence")).expect("written");
    std::fs::write(desktop.env.path("trust.json"), files[1].as_str().expect("trust")).expect("written");
    let command = page.see("#verify-command").await.text().await.expect("a command");
    let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
    let verify = desktop.env.command(&arguments);
    let verified = Process::start(&desktop.env, "verify", verify).finish().expect_code(0).output.join("\n");
    assert!(verified.contains("4.20"), "{verified}");

    // 1:40 a stranger, with a number; then held.
    page.press("button[data-item=stranger]").await;
    page.see("#request[data-state=waiting][data-item=stranger] #number").await;
    window.request("Prize Line").await;
    page.picture("5 the stranger asks").await;
    window.page.picture("the stranger asks").await;
    window.page.press("#not-me").await;
    window.screen("not-me").await;
    window.page.picture("not me").await;
    page.see("#request[data-state=not_me]").await;
    page.press("button[data-item=stranger]").await;
    page.see("#request[data-held=true]").await;
    page.read("#held", "without a sound").await;
    page.picture("6 held").await;
    window.page.press("#done").await;
    window.page.press("#held summary").await;
    window.page.read("#held", "Prize Line").await;
    window.page.picture("held").await;

    // On a phone.
    // The browser does not get narrower than this.
    page.resize(450, 844).await;
    page.picture("7 on a phone").await;
    window.close().await;
    till.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_opens_the_window_with_the_link_in_it_and_takes_it_along_when_it_stops() {
    let desktop = Desktop::new();
    let mut demo = Demo::start(&desktop, &[]);
    let till = Browser::open(&desktop, "till", demo.till_url()).await;
    // What is on the page has its place from then on: a press before would meet what moves into that place.
    till.page.until("a link", "return document.querySelector('#link-field').value.startsWith('http')").await;
    till.page.until("the window is there", "return !document.querySelector('#open-window').hidden").await;
    till.page.press("#open-window").await;
    till.page.read("#open-window", "Hand the link").await;
    let is_window = |id: &u32| {
        std::fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.starts_with("countersign-app"))
    };
    let windows = || processes_in(desktop.env.folder()).into_iter().filter(is_window).count();
    assert_eq!(windows(), 1);
    let arguments = std::fs::read_dir("/proc").expect("processes").flatten();
    let link = till.page.run("return document.querySelector('#link-field').value", vec![]).await;
    let link = link.as_str().expect("a link").to_owned();
    for process in arguments {
        let said = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&said).contains(&link), "no command line holds the link");
    }
    till.close().await;
    demo.process.terminate();
    assert_eq!(demo.process.exit(), 0);
    assert_eq!(windows(), 0, "the window ended with the demo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_from_elsewhere_can_neither_read_the_till_nor_use_it() {
    let desktop = Desktop::new();
    let demo = Demo::start(&desktop, &["--no-app"]);
    let url = demo.till_url();
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let origin = format!("http://{host}");
    let origin = origin.as_str();
    let json = ("content-type", "application/json");
    let sale = |headers: &[(&str, &str)]| {
        countersign_tests::http::send("POST", &format!("{url}api/ask"), headers, br#"{"item":"flat-white"}"#).status
    };
    assert_eq!(sale(&[("origin", origin), json]), 200, "the page itself may");
    assert_eq!(sale(&[json]), 403, "nobody without an origin");
    assert_eq!(sale(&[("origin", "https://evil.example"), json]), 403);
    assert_eq!(sale(&[("origin", "null"), json]), 403);
    assert_eq!(
        sale(&[("origin", origin), ("content-type", "text/plain")]),
        415,
        "a form of another page can't send JSON"
    );
    let read = |host: &str| countersign_tests::http::send("GET", &format!("{url}api/state"), &[("host", host)], b"");
    assert_eq!(read(host).status, 200);
    assert_eq!(read("rebound.example").status, 421, "a name that was made to point here");
    let shown = read(host).text();
    let secret = demo.ready["client_secret"].as_str().expect("a secret");
    assert!(!shown.contains(secret), "the till's secret stays with the till");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_another_machine_can_follow_is_also_a_qr_code() {
    let desktop = Desktop::new();
    for (issuer, name) in [(None, "here"), (Some("https://demo.acme.example"), "there")] {
        let arguments: Vec<&str> = issuer.into_iter().flat_map(|issuer| ["--issuer", issuer]).collect();
        let demo = Demo::start(&desktop, &[&["--no-app"], &arguments[..]].concat());
        let till = Browser::open(&desktop, name, demo.till_url()).await;
        let page = &till.page;
        // It is open where nobody has a device.
        page.see("#add-device[open]").await;
        match issuer {
            None => {
                page.read("#no-qr", "no other device can reach it").await;
                page.see("#qr[hidden]").await;
            }
            Some(_) => {
                page.until("the picture", "return document.querySelector('#qr-picture').naturalWidth > 200").await;
                page.see("#no-qr[hidden]").await;
            }
        }
        for width in [1280, 450] {
            page.resize(width, 900).await;
            axe::check(page, "a link").await;
            page.picture(&format!("{name} {width}")).await;
        }
        till.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ways_to_add_a_device_are_reached_by_keyboard_and_readable_when_they_are_large() {
    let desktop = Desktop::new();
    let demo = Demo::start(&desktop, &["--no-app"]);
    let till = Browser::open(&desktop, "till", demo.till_url()).await;
    let page = &till.page;
    page.see("#add-device[open]").await;
    let order = "return [...document.querySelectorAll('#add-device h3')].map((one) => one.textContent).join('; ')";
    let order = page.run(order, vec![]).await;
    assert_eq!(order, "This browser; A real phone; Alice’s window, or a terminal");
    page.see("#device-page-said[role=status]").await;
    // Nobody built the page beside this program, or it is there: the button says which by being enabled.
    let state = "return fetch('/api/state').then((reply) => reply.json()).then((state) =>
        (state.device_page.state === 'ready') === !document.querySelector('#this-browser').disabled)";
    page.until("the button", state).await;
    page.run("document.querySelector('#add-device summary').focus()", vec![]).await;
    page.keys("\u{e007}").await;
    page.see("#add-device:not([open])").await;
    page.keys("\u{e007}").await;
    page.see("#add-device[open]").await;
    // 200 % at 640 CSS pixels is as wide as 320.
    for size in [100, 200] {
        page.run("document.documentElement.style.fontSize = `${arguments[0]}%`", vec![size.into()]).await;
        page.resize(640, 900).await;
        axe::check(page, "the ways to add a device").await;
        let wide = page.run("return document.documentElement.scrollWidth <= innerWidth", vec![]).await;
        assert_eq!(wide, true, "nothing sticks out at {size} %");
        page.picture(&format!("ways {size}")).await;
    }
    till.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_till_in_the_dark() {
    let desktop = Desktop::new();
    let demo = Demo::start(&desktop, &[]);
    let phone = Device::new(&desktop.env, "phone");
    phone.enroll(demo.ready["enrollment_link"].as_str().expect("a link"));
    let till = Browser::open_with(&desktop, "till", demo.till_url(), &[("GTK_THEME", "Adwaita:dark")]).await;
    let page = &till.page;
    page.until("the dark", "return matchMedia('(prefers-color-scheme: dark)').matches").await;
    page.press("button[data-item=flat-white]").await;
    page.see("#request[data-state=waiting]").await;
    phone.answer(id(&phone.only_pending()), &["approve"]).expect_code(0);
    page.see("#receipt").await;
    for (width, height) in [(1280, 900), (450, 844)] {
        page.resize(width, height).await;
        axe::check(page, "the till in the dark").await;
        page.picture(&format!("dark {width}")).await;
    }
    // Somebody who can't be reached any more is told so, and reloading loses nothing.
    page.client.refresh().await.expect("the page comes again");
    page.see("#request[data-state=approved]").await;
    drop(demo);
    page.read("#problem", "does not answer any more").await;
}
