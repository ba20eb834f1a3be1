//! By whose name the page is known: its heading, its manifest, its icons.

use std::fs;
use std::path::Path;

use axum::http::{StatusCode, header};
use countersign_op::DevicePage;
use serde_json::{Value, json};

use crate::world::{CONFIG, World};

const INDEX: &str =
    r#"<title>{{name}}</title><meta name="application-name" content="{{name}}" /><p>{{short_name}}</p>"#;

/// A provider that serves a page under this table.
fn serving(table: &str) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("index.html"), INDEX).expect("written");
    let mut world = World::with(&format!("{CONFIG}\n[web_device]\n{table}\n"));
    let page = DevicePage::read(folder.path()).expect("a page");
    world.side.router = world.provider.clone().with_device_page(page).router();
    world
}

async fn manifest(world: &World) -> Value {
    let reply = world.get("/tenant/device/manifest.webmanifest").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header(header::CONTENT_TYPE), Some("application/manifest+json"));
    serde_json::from_str(&reply.body).expect("JSON")
}

#[tokio::test]
async fn the_page_has_the_providers_name_unless_it_has_one_of_its_own() {
    for (table, name, short_name) in [
        ("", "Test Bank", "Test Bank"),
        ("name = \"Test Approvals\"", "Test Approvals", "Test Approvals"),
        ("name = \"Test Approvals\"\nshort_name = \"Test\"", "Test Approvals", "Test"),
    ] {
        let world = serving(table);
        let index = world.get("/tenant/device/").await;
        let expected =
            format!(r#"<title>{name}</title><meta name="application-name" content="{name}" /><p>{short_name}</p>"#);
        assert_eq!(index.body, expected);
        let manifest = manifest(&world).await;
        assert_eq!((&manifest["name"], &manifest["short_name"]), (&json!(name), &json!(short_name)));
        for member in ["id", "start_url", "scope"] {
            assert_eq!(manifest[member], "./", "the page's own folder, wherever the issuer is");
        }
        assert_eq!(manifest["display"], "standalone");
    }
}

#[tokio::test]
async fn attack_a_name_with_markup_is_text_wherever_it_is_shown() {
    let name = r#"</title><script src=\"x\">'&amp;"#;
    let world = serving(&format!("name = \"{name}\"\nshort_name = \"\\\"><script>\""));
    let index = world.get("/tenant/device/").await.body;
    let escaped = "&lt;/title&gt;&lt;script src=&quot;x&quot;&gt;&#39;&amp;amp;";
    assert_eq!(
        index,
        format!(
            r#"<title>{escaped}</title><meta name="application-name" content="{escaped}" /><p>&quot;&gt;&lt;script&gt;</p>"#
        )
    );
    let enroll = world.get("/tenant/push/enroll").await.body;
    assert!(enroll.contains(escaped) && enroll.matches("<script").count() == 1, "its own script alone: {enroll}");
    assert!(!world.get("/tenant/device/icon").await.body.contains("script"));
    assert_eq!(manifest(&world).await["name"], "</title><script src=\"x\">'&amp;");
    // What looks like the other placeholder is not filled in: it is escaped text by then, or the name itself.
    let world = serving("name = \"{{short_name}}\"\nshort_name = \"{{name}}\"");
    assert!(!world.get("/tenant/device/").await.body.contains("<script"));
}

#[tokio::test]
async fn without_an_icon_the_first_letter_is_drawn_for_every_reader() {
    let world = serving("");
    let svg = world.get("/tenant/device/icon").await;
    assert_eq!(svg.header(header::CONTENT_TYPE), Some("image/svg+xml"));
    assert!(svg.body.starts_with("<svg ") && svg.body.contains("d=\"M 6 5 L 18 5 M 12 5 L 12 19\""), "{}", svg.body);
    let mut listed: Vec<(String, String)> = Vec::new();
    for icon in manifest(&world).await["icons"].as_array().expect("icons") {
        let text = |member: &str| icon[member].as_str().unwrap_or_default().to_owned();
        let reply = world.get(&format!("/tenant/device/{}", text("src"))).await;
        assert_eq!(reply.status, StatusCode::OK, "{icon}");
        assert_eq!(reply.header(header::CONTENT_TYPE), icon["type"].as_str());
        listed.push((text("sizes"), text("purpose")));
    }
    for wanted in [("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")] {
        assert!(listed.iter().any(|(sizes, purpose)| (&**sizes, &**purpose) == wanted), "{wanted:?}: {listed:?}");
    }
    assert_eq!(world.get("/tenant/device/icon-180.png").await.header(header::CONTENT_TYPE), Some("image/png"));
}

#[tokio::test]
async fn an_operators_own_icon_is_sent_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\0\0\0\x02\0".to_vec();
    png.extend(b"the rest");
    let file = written(folder.path(), "own.png", &png);
    let world = serving(&format!("icon = '{file}'"));
    for name in ["icon", "icon-180.png"] {
        let reply = world.get(&format!("/tenant/device/{name}")).await;
        assert_eq!(reply.header(header::CONTENT_TYPE), Some("image/png"));
        assert!(reply.body.ends_with("the rest"));
    }
    assert_eq!(manifest(&world).await["icons"], json!([{ "src": "icon", "sizes": "512x512", "type": "image/png" }]));
    assert_eq!(world.get("/tenant/device/icon-512.png").await.status, StatusCode::NOT_FOUND, "no letter beside it");
}

#[tokio::test]
async fn attack_an_svg_with_a_script_is_an_image_and_runs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>fetch('/x')</script></svg>";
    let file = written(folder.path(), "own.svg", svg.as_bytes());
    let world = serving(&format!("icon = '{file}'"));
    let reply = world.get("/tenant/device/icon").await;
    assert_eq!((reply.header(header::CONTENT_TYPE), &*reply.body), (Some("image/svg+xml"), svg));
    // Opened as a document of its own it has no origin, loads nothing and runs nothing.
    assert_eq!(
        reply.header(header::CONTENT_SECURITY_POLICY),
        Some("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox")
    );
    assert_eq!(reply.header(header::X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
    assert_eq!(manifest(&world).await["icons"], json!([{ "src": "icon", "sizes": "any", "type": "image/svg+xml" }]));
    let touch = world.get("/tenant/device/icon-180.png").await;
    assert_eq!(touch.header(header::CONTENT_TYPE), Some("image/png"), "the drawn letter, where no SVG is taken");
}

#[tokio::test]
async fn an_operator_who_wants_no_page_has_none() {
    let world = serving("enabled = false");
    let reply = world.get("/tenant/device/").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert!(reply.body.contains("[web_device]") && !reply.body.contains("make web"), "{}", reply.body);
    let enroll = world.get("/tenant/push/enroll").await;
    assert!(!enroll.body.contains("<script") && enroll.body.contains("countersign enroll -"), "{}", enroll.body);
}

fn written(folder: &Path, name: &str, content: &[u8]) -> String {
    let file = folder.join(name);
    fs::write(&file, content).expect("written");
    file.to_str().expect("Unicode").to_owned()
}
