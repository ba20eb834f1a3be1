//! The benchmark works: every measurement gets its windows, and a provider prints its issuer in one line. Speed is not tested.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign-bench");

#[test]
fn every_measurement_has_flows_that_were_verified() {
    let out = tempfile::tempdir().expect("a folder");
    let run = Command::new(PROGRAM)
        .args(["run", "--seconds", "0.4", "--warm-up", "0.1", "--rounds", "1", "--clients", "2"])
        .args(["--devices", "12", "--expired", "12", "--out"])
        .arg(out.path())
        .output()
        .expect("started");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let report = std::fs::read(out.path().join("latest.json")).expect("the report is there");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    let figures = report["figures"].as_array().expect("figures");
    let names: Vec<_> = figures.iter().filter_map(|figure| figure["name"].as_str()).collect();
    assert_eq!(names, ["in_process", "with_device", "request_to_challenge", "size_small", "size_large"]);
    for figure in figures {
        let flows = figure["windows"].as_array().expect("windows").iter().map(|window| window["flows"].as_u64());
        assert!(flows.sum::<Option<u64>>().is_some_and(|flows| flows > 0), "{figure}");
    }
    let table = String::from_utf8_lossy(&run.stdout);
    assert!(names.iter().all(|name| table.contains(&format!("| {name} |"))), "{table}");
}

#[test]
fn attacks_and_streams_are_measured_when_they_are_named() {
    let out = tempfile::tempdir().expect("a folder");
    let run = Command::new(PROGRAM)
        .args([
            "run",
            "--only",
            "disk,existence,streams,hostile,push",
            "--seconds",
            "0.3",
            "--warm-up",
            "0.1",
            "--rounds",
            "1",
        ])
        .args(["--streams", "8", "--requests", "40", "--recovery", "0.1", "--asleep", "12", "--out"])
        .arg(out.path())
        .output()
        .expect("started");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let table = String::from_utf8_lossy(&run.stdout);
    for figure in ["unloaded", "http2_streams", "slow", "silent", "polling"] {
        for name in [format!("hostile_{figure}"), format!("hostile_tls_{figure}")] {
            assert!(table.contains(&format!("| {name} |")), "{table}");
        }
    }
    for kind in ["known", "no_device", "locked", "unknown"] {
        let note = table.lines().find(|line| line.starts_with(&format!("existence_{kind}: ")));
        assert!(note.is_some_and(|note| note.contains(" requests: p10 ") && note.contains("p90 ")), "{table}");
    }
    for figure in ["push", "push_none", "push_wave"] {
        assert!(table.contains(&format!("| {figure} |")), "{table}");
    }
    assert!(table.contains("push_wave: 12 of 12 sleeping devices woken, one push each"), "{table}");
    assert!(table.contains("disk: 40 requests take ") && table.contains("disk_lock: 40 requests withdrawn"), "{table}");
    assert!(table.contains("streams: 8 idle streams: ") && table.contains("streams_tls: 8 idle streams: "), "{table}");
}

#[test]
fn a_provider_prints_its_issuer_and_stops_with_its_parent() {
    let home = tempfile::tempdir().expect("a folder");
    let mut provider = Command::new(PROGRAM)
        .args(["provider", "--stop-with-stdin", "--home"])
        .arg(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut line = String::new();
    let mut stdout = BufReader::new(provider.stdout.take().expect("a pipe"));
    stdout.read_line(&mut line).expect("a line");
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(ready["event"], "ready");
    assert!(ready["issuer"].as_str().is_some_and(|issuer| issuer.starts_with("http://127.0.0.1:")), "{ready}");
    assert!(ready["client_id"].is_string() && ready["client_secret"].is_string(), "{ready}");
    drop(provider.stdin.take());
    assert!(provider.wait().expect("ended").success());
    line.clear();
    assert_eq!(stdout.read_line(&mut line).expect("read"), 0, "nothing more is printed");
}

/// The `countersign` command and the app do not depend on the benchmark.
#[test]
fn no_other_package_depends_on_this_one() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let crates = std::fs::read_dir(root.join("crates")).expect("crates").map(|entry| entry.expect("an entry").path());
    let mut read = 0;
    for folder in crates.chain(["src-tauri", "tests", "tests/e2e"].map(|name| root.join(name))) {
        let Ok(manifest) = std::fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        assert!(!manifest.contains("countersign-bench"), "{}", folder.display());
        read += 1;
    }
    assert!(read > 6, "the manifests were found: {read}");
}
