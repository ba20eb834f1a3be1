//! The command under test, built once per test process in the profile that the test itself was built in.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `countersign` command. Built by the first test that asks, so that `cargo test --test x` never meets an old one; the
/// variable `COUNTERSIGN_TESTS_BINARY` names another one to be tested instead.
///
/// # Panics
/// If it can't be built.
pub fn countersign() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build)
}

fn build() -> PathBuf {
    if let Some(given) = std::env::var_os("COUNTERSIGN_TESTS_BINARY") {
        return given.into();
    }
    // <target>/<profile's folder>/deps/<this test>
    let this = std::env::current_exe().expect("a running program has a path");
    let folder = this.ancestors().nth(2).expect("cargo puts a test two folders below its target folder");
    let target = folder.parent().expect("the profile's folder lies in the target folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        // With the features of the workspace: those of one package would build other variants of many dependencies.
        .args(["build", "--quiet", "--workspace", "--bin", "countersign", "--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "the command countersign could not be built:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    folder.join(format!("countersign{}", std::env::consts::EXE_SUFFIX))
}
