//! The page of the device in a browser: what is served below `/device/`, and the headers that confine it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderName, Request, StatusCode, header};
use countersign_op::{DevicePage, DevicePageError};

use crate::world::{Reply, World};

const POLICY: &str = "default-src 'none'; script-src https://id.example/tenant/device/assets/ \
     https://id.example/tenant/device/sw.js 'wasm-unsafe-eval'; \
     style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; \
     worker-src https://id.example/tenant/device/sw.js; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types svelte-trusted-html countersign";

/// A folder with a page in it.
fn built() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("assets")).expect("made");
    write(folder.path(), "index.html", "<!doctype html>");
    write(folder.path(), "sw.js", "worker");
    write(folder.path(), "assets/page-1a2b.js", "plain");
    write(folder.path(), "assets/page-1a2b.js.gz", "by gzip");
    write(folder.path(), "assets/page-1a2b.js.br", "by Brotli");
    write(folder.path(), "assets/core-3c4d.wasm", "\0asm");
    folder
}

fn write(folder: &Path, name: &str, content: &str) {
    fs::write(folder.join(name), content).expect("written");
}

/// A provider that serves the page in this folder.
fn serving(folder: &Path) -> World {
    let mut world = World::new();
    let page = DevicePage::read(folder).unwrap_or_else(|error| panic!("{error}"));
    world.side.router = world.provider.clone().with_device_page(page).router();
    world
}

async fn get(world: &World, path: &str, headers: &[(HeaderName, &str)]) -> Reply {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    world.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_page_that_is_built_while_the_provider_serves_joins_and_replaces_an_earlier_one() {
    let mut world = World::new();
    let provider = world.provider.clone();
    world.side.router = provider.router();
    assert_eq!(world.get("/tenant/device/").await.status, StatusCode::NOT_FOUND);
    let folder = built();
    for content in ["<!doctype html>", "<!doctype html><title>Anew</title>"] {
        write(folder.path(), "index.html", content);
        provider.serve_device_page(DevicePage::read(folder.path()).expect("a page"));
        let reply = world.get("/tenant/device/").await;
        assert_eq!((reply.status, &*reply.body), (StatusCode::OK, content));
    }
}

#[tokio::test]
async fn without_a_built_page_its_address_says_how_to_build_one() {
    let world = World::new();
    for path in ["/tenant/device/", "/tenant/device/assets/page-1a2b.js"] {
        let reply = world.get(path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        assert_eq!(reply.header(header::CONTENT_TYPE), Some("text/plain; charset=utf-8"));
        assert_eq!(reply.header(header::CACHE_CONTROL), Some("no-store"));
        assert!(reply.body.contains("make web") && reply.body.contains("COUNTERSIGN_WEB"), "{}", reply.body);
    }
}

#[tokio::test]
async fn every_response_below_the_page_confines_it() {
    let folder = built();
    let world = serving(folder.path());
    for path in ["/tenant/device/", "/tenant/device/assets/core-3c4d.wasm", "/tenant/device/none.js"] {
        let reply = world.get(path).await;
        for (name, expected) in [
            ("content-security-policy", POLICY),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(HeaderName::from_static(name)), Some(expected), "{path}");
        }
        let permissions = reply.header(HeaderName::from_static("permissions-policy")).expect("a policy");
        for own in ["publickey-credentials-get=(self)", "publickey-credentials-create=(self)", "camera=(self)"] {
            assert!(permissions.contains(own), "{permissions}");
        }
    }
}

#[tokio::test]
async fn each_file_is_served_with_its_type_below_the_issuers_path() {
    let folder = built();
    let world = serving(folder.path());
    for (path, media_type, content) in [
        ("/tenant/device/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/tenant/device/index.html", "text/html; charset=utf-8", "<!doctype html>"),
        ("/tenant/device/assets/page-1a2b.js", "text/javascript; charset=utf-8", "plain"),
        ("/tenant/device/assets/core-3c4d.wasm", "application/wasm", "\0asm"),
    ] {
        let reply = world.get(path).await;
        assert_eq!((reply.status, &*reply.body), (StatusCode::OK, content), "{path}");
        assert_eq!(reply.header(header::CONTENT_TYPE), Some(media_type), "{path}");
    }
    let reply = world.get("/tenant/device").await;
    assert_eq!(reply.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(reply.header(header::LOCATION), Some("/tenant/device/"));
    assert_eq!(world.get("/device/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_named_after_its_content_is_kept_and_the_rest_asked_for_anew() {
    let folder = built();
    let world = serving(folder.path());
    let asset = world.get("/tenant/device/assets/core-3c4d.wasm").await;
    assert_eq!(asset.header(header::CACHE_CONTROL), Some("public, max-age=31536000, immutable"));
    let index = world.get("/tenant/device/").await;
    assert_eq!(index.header(header::CACHE_CONTROL), Some("no-cache"));
    let tag = index.header(header::ETAG).expect("a tag");
    for (known, expected) in [
        (tag.to_owned(), StatusCode::NOT_MODIFIED),
        (format!("\"other\", W/{tag}"), StatusCode::NOT_MODIFIED),
        ("*".to_owned(), StatusCode::NOT_MODIFIED),
        ("\"other\"".to_owned(), StatusCode::OK),
    ] {
        let reply = get(&world, "/tenant/device/", &[(header::IF_NONE_MATCH, &known)]).await;
        assert_eq!((reply.status, reply.body.is_empty()), (expected, expected != StatusCode::OK), "{known}");
        assert_eq!(reply.header(header::ETAG), Some(tag));
    }
    write(folder.path(), "index.html", "<!doctype html><title>2</title>");
    let newer = get(&serving(folder.path()), "/tenant/device/", &[(header::IF_NONE_MATCH, tag)]).await;
    assert_eq!(newer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_compressed_file_is_sent_to_whoever_accepts_it() {
    let folder = built();
    let world = serving(folder.path());
    let path = "/tenant/device/assets/page-1a2b.js";
    for (accepted, expected, encoding) in [
        ("gzip", "by gzip", Some("gzip")),
        ("br;q=0, GZIP;q=0.5", "by gzip", Some("gzip")),
        ("gzip, deflate, br, zstd", "by Brotli", Some("br")),
        ("BR", "by Brotli", Some("br")),
        ("gzip;q=0", "plain", None),
        ("gzip; q=0.000, zstd", "plain", None),
        ("identity, x-gzip-like, brotli", "plain", None),
    ] {
        let reply = get(&world, path, &[(header::ACCEPT_ENCODING, accepted)]).await;
        assert_eq!(reply.body, expected, "{accepted}");
        assert_eq!(reply.header(header::CONTENT_ENCODING), encoding, "{accepted}");
        assert_eq!(reply.header(header::VARY), Some("accept-encoding"));
    }
    let mut tags = BTreeSet::new();
    for accepted in ["identity", "gzip", "br"] {
        let reply = get(&world, path, &[(header::ACCEPT_ENCODING, accepted)]).await;
        tags.insert(reply.header(header::ETAG).map(str::to_owned));
    }
    assert_eq!(tags.len(), 3, "each form has a tag of its own: {tags:?}");
}

#[tokio::test]
async fn nothing_but_the_pages_own_files_is_served() {
    let folder = built();
    let world = serving(folder.path());
    write(folder.path(), "later.js", "made after the start");
    for path in [
        "later.js",
        "..%2fprovider.toml",
        "assets/../index.html",
        "assets",
        "assets/page-1a2b.js.gz",
        "assets/page-1a2b.js.br",
    ] {
        assert_eq!(world.get(&format!("/tenant/device/{path}")).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn a_folder_that_is_no_page_is_refused_with_its_reason() {
    let refused = |folder: &Path| DevicePage::read(folder).expect_err("refused");
    let empty = tempfile::tempdir().expect("a folder");
    assert!(matches!(refused(empty.path()), DevicePageError::NotBuilt(_)));
    for (name, content) in
        [("notes.txt", ""), ("assets/alone.js.gz", ""), ("assets/alone.js.br", ""), ("provider.db", "")]
    {
        let folder = built();
        write(folder.path(), name, content);
        let error = refused(folder.path());
        assert!(matches!(&error, DevicePageError::Foreign(path) if path.ends_with(name)), "{name}: {error}");
    }
    let folder = built();
    let large = fs::File::create(folder.path().join("large.js")).expect("made");
    large.set_len(32 * 1024 * 1024).expect("a hole");
    assert!(matches!(refused(folder.path()), DevicePageError::TooLarge(_)));
}

#[cfg(unix)]
#[test]
fn a_page_that_others_can_change_or_that_links_elsewhere_is_refused() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    for path in ["", "assets", "index.html", "assets/page-1a2b.js"] {
        let folder = built();
        let path = folder.path().join(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("changed");
        let error = DevicePage::read(folder.path()).expect_err("refused");
        assert!(matches!(error, DevicePageError::Permissions(_)), "{}: {error}", path.display());
    }
    let folder = built();
    symlink("/etc/hostname", folder.path().join("hostname.js")).expect("linked");
    let error = DevicePage::read(folder.path()).expect_err("refused");
    assert!(matches!(error, DevicePageError::Foreign(_)), "{error}");
}
