//! Accessibility, judged by axe-core: no violation, and nothing it could not decide that was not looked at by a person.

use serde_json::Value;

use crate::page::Page;

const TAGS: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/// What axe can't decide and a person has: the rule, a part of the element's address, and why it is in order.
const DECIDED: &[(&str, &str, &str)] = &[
    ("color-contrast", "#number", "its own text is transparent: the digits stand in the boxes drawn under it"),
    ("color-contrast", ".boxes-shown", "ink on surface, 16 : 1; axe sees the transparent field that lies over it"),
];

/// Checks the page as it is.
///
/// # Panics
/// With every violation, and everything undecided that is not in the list above.
pub async fn check(page: &Page, screen: &str) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(file).expect("axe-core is installed: make app");
    page.run(&axe, vec![]).await;
    let script = "const done = arguments[arguments.length - 1];
        axe.run(document, { runOnly: { type: 'tag', values: arguments[0] } })
            .then((found) => done({
                passes: found.passes.length,
                violations: found.violations.map((rule) => [rule.id, rule.nodes.map((node) => node.html + ' ' + node.failureSummary)]),
                incomplete: found.incomplete.flatMap((rule) => rule.nodes.map((node) => [rule.id, node.target.join(' '), node.html])),
            }))
            .catch((error) => done({ error: String(error) }));";
    let found = page.client.execute_async(script, vec![TAGS.to_vec().into()]).await.expect("axe runs");
    assert!(found["passes"].as_u64() > Some(0), "{screen}: axe checked nothing: {found}");
    assert_eq!(found["violations"], Value::Array(vec![]), "{screen}: {:#}", found["violations"]);
    let undecided: Vec<&Value> =
        found["incomplete"].as_array().into_iter().flatten().filter(|node| !is_decided(node)).collect();
    assert!(undecided.is_empty(), "{screen}: to be looked at: {undecided:#?}");
}

fn is_decided(node: &Value) -> bool {
    let (rule, target) = (node[0].as_str().unwrap_or_default(), node[1].as_str().unwrap_or_default());
    DECIDED.iter().any(|(known, part, _)| *known == rule && target.contains(part))
}
