//! The list is the one of the crate `psl`, and is read as that crate reads it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use super::{LIST, registrable};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/public_suffixes.txt");

const HEAD: &str = "\
# Public suffixes, from the list at https://publicsuffix.org/list/, which says of itself: This Source Code Form is subject to the terms
# of the Mozilla Public License, v. 2.0. If a copy of the MPL was not distributed with this file, You can obtain one at
# https://mozilla.org/MPL/2.0/.
";

/// What a program of the compiler prints.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The folder that cargo unpacked the crate `psl` into.
fn psl_folder() -> PathBuf {
    // Packages for other machines need not be there.
    let version = output("rustc", &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host];
    let metadata: Value = serde_json::from_str(&output(env!("CARGO"), &arguments)).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let psl = packages.iter().find(|package| package["name"] == "psl").unwrap();
    Path::new(psl["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

/// The rules of the list, in lowercase ASCII.
fn rules() -> Vec<String> {
    let list = fs::read_to_string(psl_folder().join("data/rules.txt")).unwrap();
    let ascii = |rule: &str| {
        let (mark, name) = rule.split_at(rule.find(|c| !"*.!".contains(c)).unwrap_or(0));
        format!("{mark}{}", idna::domain_to_ascii(name).unwrap())
    };
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).map(ascii).collect()
}

#[derive(Default)]
struct Node {
    mark: Option<char>,
    below: BTreeMap<String, Node>,
}

impl Node {
    fn text(&self, label: &str) -> String {
        let mark = match self.mark {
            Some('!') => "!",
            Some(_) => "",
            None => "?",
        };
        let below: Vec<String> = self.below.iter().map(|(label, node)| node.text(label)).collect();
        match below.is_empty() {
            true => format!("{label}{mark}"),
            false => format!("{label}{mark}({})", below.join(",")),
        }
    }
}

/// The rules as our file has them.
fn file(rules: &[String]) -> String {
    let mut top = Node::default();
    for rule in rules {
        let name = rule.strip_prefix('!');
        let labels = name.unwrap_or(rule).rsplit('.');
        let node = labels.fold(&mut top, |node, label| node.below.entry(label.to_owned()).or_default());
        node.mark = Some(if name.is_some() { '!' } else { '.' });
    }
    let lines = top.below.iter().map(|(label, node)| node.text(label) + "\n");
    HEAD.to_owned() + &lines.collect::<String>()
}

#[test]
fn the_list_is_that_of_psl() {
    let rules = rules();
    let file = file(&rules);
    if std::env::var_os("UPDATE_SUFFIXES").is_some() {
        fs::write(FILE, &file).unwrap();
    }
    assert!(
        fs::read_to_string(FILE).unwrap() == file,
        "run UPDATE_SUFFIXES=1 cargo test -p countersign-device public_suffix"
    );
    assert!(rules.len() > 9_000);
    for rule in &rules {
        let name = rule.trim_start_matches('!').replace('*', "any");
        for name in [format!("b.a.{name}"), name] {
            assert_eq!(registrable(&name), psl::domain_str(&name), "{name}");
        }
    }
}

#[test]
fn a_name_with_an_empty_label_has_no_domain() {
    for name in ["", ".", "..", ".com", "a..com", "..com"] {
        assert_eq!(registrable(name), None, "{name:?}");
    }
}

/// Labels that are in the list, with some that aren't.
fn labels() -> Vec<&'static str> {
    let mut labels: Vec<&str> = LIST.lines().skip(3).flat_map(|line| line.split(['?', '!', '(', ')', ','])).collect();
    labels.sort_unstable();
    labels.dedup();
    labels.retain(|label| !label.is_empty());
    labels
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn names_have_the_domain_that_psl_finds(
        names in prop::collection::vec(prop_oneof![select(labels()), select(vec!["a", "www", "xn--a", "-"])], 1..5),
        below in any::<Index>(),
    ) {
        let suffixes: Vec<&str> = LIST.lines().skip(3).collect();
        let top = below.get(&suffixes).split(['?', '!', '(']).next().unwrap_or_default();
        let name = names.join(".");
        for name in [format!("{name}.{top}"), format!("{name}."), name] {
            prop_assert_eq!(registrable(&name), psl::domain_str(&name), "{}", name);
        }
    }
}
