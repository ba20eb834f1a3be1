//! The picture of the README: the till beside Alice's window, as they are. `make pictures` takes it anew.

use std::path::Path;

use countersign_e2e::browser::Browser;
use countersign_e2e::demo::Demo;
use countersign_e2e::desktop::Desktop;
use countersign_e2e::window::{Opening, Window};

#[tokio::test(flavor = "multi_thread")]
async fn the_till_beside_the_window() {
    let desktop = Desktop::new();
    let demo = Demo::start(&desktop, &[]);
    let link = demo.ready["enrollment_link"].as_str().expect("a link").to_owned();
    let opening = Opening { link: Some(link), appearance: Some("light"), ..Opening::default() };
    let window = Window::open_with(&desktop, "window", &opening).await;
    window.page.press("#confirm").await;
    window.page.fill("#device-name", "Alice’s window").await;
    window.choose_pin().await;
    window.screen("requests").await;
    let till = Browser::open(&desktop, "till", demo.till_url()).await;
    till.page.resize(1000, 720).await;
    till.page.press("button[data-item=flat-white]").await;
    window.request("4.20").await;
    window.page.resize(400, 720).await;
    window.page.see("#approve[aria-disabled=false]").await;
    till.page.read("#both-screens", "Acme Coffee, Berlin").await;
    till.page.run("scrollTo(0, document.querySelector('main').offsetTop - 20)", vec![]).await;
    let pictures = [till.page.picture("till").await, window.page.picture("window").await];

    let images: String = pictures.iter().map(|path| format!("<img src='file://{}'>", path.display())).collect();
    let beside = desktop.env.path("beside.html");
    let style =
        "body{margin:0;padding:24px;display:flex;gap:24px;background:#c9c5bc}img{border-radius:11px;height:720px}";
    std::fs::write(&beside, format!("<!doctype html><title>-</title><style>{style}</style>{images}")).expect("written");
    till.page.client.goto(&format!("file://{}", beside.display())).await.expect("both pictures");
    let loaded = "return document.images.length === 2 && [...document.images].every((one) => one.complete && one.naturalWidth > 0)";
    till.page.until("both pictures", loaded).await;
    till.page.resize(1472, 768).await;
    let picture = till.page.picture("till-and-app").await;
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images/till-and-app.png");
        std::fs::copy(picture, kept).expect("copied");
    }
}
