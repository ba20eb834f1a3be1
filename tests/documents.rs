//! Checks that the tests named in the documents exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository");
    let document = fs::read_to_string(root.join("docs/threat-model.md")).expect("the document is there");
    let is_name = |word: &&str| {
        word.matches('_').count() >= 2
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let named: BTreeSet<&str> = document.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(named.len() > 50, "the document names its tests: {named:?}");

    let sources: String =
        ["crates", "src-tauri", "tests"].iter().flat_map(|folder| rust_files(&root.join(folder))).collect();
    let missing: Vec<_> = named.into_iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "docs/threat-model.md names tests that do not exist: {missing:?}");
}

/// The text of every Rust file below a folder.
fn rust_files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder can be listed").flatten().map(|entry| entry.path());
    let text = |path: PathBuf| match path.extension() {
        _ if path.is_dir() && !path.ends_with("target") => rust_files(&path),
        Some(extension) if extension == "rs" => vec![fs::read_to_string(&path).expect("a source file is text")],
        _ => Vec::new(),
    };
    entries.flat_map(text).collect()
}
