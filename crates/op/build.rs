//! With the feature `web`: lists the files of the built page for the program that they become a part of.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=COUNTERSIGN_WEB");
    if env::var_os("CARGO_FEATURE_WEB").is_none() {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names it"));
    let built =
        || out.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file()).map(|target| target.join("web"));
    let named = env::var_os("COUNTERSIGN_WEB").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = named.or_else(built).unwrap_or_default();
    assert!(
        folder.join("index.html").is_file(),
        "there is no device page in {folder:?} for the feature `web`: run `make web` first, or name its folder in COUNTERSIGN_WEB"
    );
    let mut list = String::from("&[\n");
    add_files(&folder, "", &mut list);
    list.push(']');
    fs::write(out.join("device_page.rs"), list).expect("cargo made the folder");
}

/// Adds each file below the folder: its name with `prefix`, and its content.
fn add_files(folder: &Path, prefix: &str, list: &mut String) {
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.unwrap_or_else(|error| panic!("{folder:?} can't be read: {error}"));
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let name = format!("{prefix}{}", name.to_str().expect("a page's names are Unicode"));
        let kind = entry.file_type().expect("a kind");
        assert!(!kind.is_symlink(), "{path:?} is a symbolic link, and no file of a page");
        if kind.is_dir() {
            add_files(&path, &format!("{name}/"), list);
        } else {
            println!("cargo::rerun-if-changed={}", path.display());
            list.push_str(&format!("    ({name:?}, include_bytes!({path:?})),\n"));
        }
    }
}
