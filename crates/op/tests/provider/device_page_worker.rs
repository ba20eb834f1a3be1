//! The page's service worker, and the enrollment links that lead to the page.

use std::fs;

use axum::http::{StatusCode, header};
use countersign_jose::base64url;
use countersign_op::DevicePage;
use ring::digest;
use serde_json::Value;

use crate::world::World;

/// A provider that serves a page with these files beside `index.html`.
fn serving(files: &[(&str, &str)]) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("assets")).expect("made");
    for (name, content) in [("index.html", "<title>{{name}}</title>")].iter().chain(files) {
        fs::write(folder.path().join(name), content).expect("written");
    }
    let mut world = World::new();
    let page = DevicePage::read(folder.path()).expect("a page");
    world.side.router = world.provider.clone().with_device_page(page).router();
    world
}

/// The list that the worker's script begins with.
async fn shell(world: &World) -> Value {
    let script = world.get("/tenant/device/sw.js").await.body;
    let (list, rest) = script.split_once(";\n").expect("a line of its own");
    assert_eq!(rest, "worker()", "what was built follows as it is");
    serde_json::from_str(list.strip_prefix("self.countersignShell=").expect("the list")).expect("JSON")
}

#[tokio::test]
async fn the_workers_script_has_the_hash_of_every_file_as_it_is_served() {
    let files = [("sw.js", "worker()"), ("assets/page-1a2b.js", "page"), ("assets/core-3c4d.wasm", "core")];
    let world = serving(&files);
    let shell = shell(&world).await;
    let listed: Vec<&String> = shell["files"].as_object().expect("files").keys().collect();
    assert_eq!(
        listed,
        ["assets/core-3c4d.wasm", "assets/page-1a2b.js", "index.html"],
        "not the worker itself, no icon"
    );
    for name in listed {
        let reply = world.get(&format!("/tenant/device/{name}")).await;
        let hash = digest::digest(&digest::SHA256, reply.body.as_bytes());
        assert_eq!(shell["files"][name]["hash"], base64url::encode(hash.as_ref()), "{name}");
        assert_eq!(shell["files"][name]["type"].as_str(), reply.header(header::CONTENT_TYPE), "{name}");
        let headers = shell["headers"].as_object().expect("headers");
        assert_eq!(headers.len(), 6);
        for (header, value) in headers {
            let sent = reply.headers.get(header.as_str()).and_then(|value| value.to_str().ok());
            assert_eq!(value.as_str(), sent, "{name} is confined from the cache as from the provider: {header}");
        }
    }
}

#[tokio::test]
async fn a_page_that_changed_has_another_version_and_so_another_worker() {
    let version = async |page: &str| {
        let world = serving(&[("sw.js", "worker()"), ("assets/page-1a2b.js", page)]);
        shell(&world).await["version"].as_str().expect("a version").to_owned()
    };
    assert_eq!(version("page").await, version("page").await);
    assert_ne!(version("page").await, version("another").await);
}

#[tokio::test]
async fn the_worker_is_confined_to_itself_and_asked_for_anew() {
    for world in [serving(&[("sw.js", "worker()")]), World::new()] {
        let reply = world.get("/tenant/device/sw.js").await;
        let policy = "default-src 'none'; script-src 'wasm-unsafe-eval'; connect-src 'self'; img-src 'self'; \
             require-trusted-types-for 'script'; trusted-types 'none'";
        assert_eq!(reply.header(header::CONTENT_SECURITY_POLICY), Some(policy));
        assert_eq!(reply.header(header::CONTENT_TYPE), Some("text/javascript; charset=utf-8"));
        let kept = reply.header(header::CACHE_CONTROL).expect("said");
        assert!(["no-cache", "no-store"].contains(&kept), "{kept}");
        // Its scope is its own folder: no header lets it have a wider one.
        assert!(!reply.headers.contains_key("service-worker-allowed"));
    }
}

#[tokio::test]
async fn a_provider_without_a_page_takes_the_worker_of_an_earlier_one_along() {
    let reply = World::new().get("/tenant/device/sw.js").await;
    assert_eq!(reply.status, StatusCode::OK, "by a script: a missing one leaves the worker that is there");
    assert!(reply.body.contains("registration.unregister()"), "{}", reply.body);
    assert!(!reply.body.contains("indexedDB"), "the device's keys stay: {}", reply.body);
}

#[tokio::test]
async fn an_enrollment_link_leads_to_the_page_and_keeps_its_token_to_itself() {
    let world = serving(&[]);
    let reply = world.get("/tenant/push/enroll").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header(header::REFERRER_POLICY), Some("no-referrer"));
    assert_eq!(reply.header(header::CACHE_CONTROL), Some("no-store"));
    let (_, rest) = reply.body.split_once("<script>").expect("a script");
    let (script, rest) = rest.split_once("</script>").expect("its end");
    assert_eq!(script, "location.replace(\"../device/\"+location.hash)");
    assert!(!rest.contains("<script"), "no other: {rest}");
    let hash = digest::digest(&digest::SHA256, script.as_bytes());
    let policy = reply.header(header::CONTENT_SECURITY_POLICY).expect("a policy");
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash.as_ref());
    assert!(policy.starts_with(&format!("default-src 'none'; script-src 'sha256-{hash}'; ")), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    // For a browser that runs no scripts.
    for words in ["<noscript>", "Copy the whole address", "Kopieren Sie die ganze Adresse", "countersign enroll -"] {
        assert!(reply.body.contains(words), "{words}: {}", reply.body);
    }
}
