//! Build script: lists the commands that a page may call, and checks that the page is built.

use std::path::Path;

fn main() {
    let page = Path::new("../ui/dist/index.html");
    assert!(page.exists(), "the page is not built yet: run `make app`");
    let commands: &[&str] = &[
        "snapshot",
        "preview",
        "enroll",
        "forget_link",
        "shown",
        "answer",
        "check_now",
        "activity",
        "dispute",
        "save_evidence",
        "set_appearance",
    ];
    let manifest = tauri_build::AppManifest::new().commands(commands);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))
        .expect("tauri.conf.json and capabilities are valid");
}
