//! Property test: every value of any details is shown.

use proptest::prelude::*;

use super::*;

/// Any JSON that fits into details.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (0..1_000_000u64).prop_map(Into::into),
        "[a-zA-Z0-9 äöü€]{1,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-zA-Z]{1,8}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn leaves(value: &serde_json::Value, out: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => out.push(text.clone()),
        serde_json::Value::Array(all) if !all.is_empty() => all.iter().for_each(|value| leaves(value, out)),
        serde_json::Value::Object(all) if !all.is_empty() => all.values().for_each(|value| leaves(value, out)),
        other => out.push(other.to_string()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_value_of_any_details_is_in_some_line(
        name in prop_oneof![Just("payment_initiation"), Just("account_information"), Just("generic"),
            Just("urn:auth0:schemas:authorization-details:v1:x"), Just("unheard-of")],
        member in prop_oneof![Just("instructedAmount"), Just("creditorName"), Just("creditorAccount"), Just("accounts"),
            Just("actions"), Just("validUntil"), Just("title"), Just("properties"), Just("instruction"), Just("any")],
        value in json(),
    ) {
        let details = serde_json::json!([{ "type": name, member: value }]).to_string();
        let text = lines(&rendered(|provider| claims(provider, Kind::Payment, Some(&details)), Locale::En));
        let mut expected = Vec::new();
        leaves(&value, &mut expected);
        for leaf in expected {
            prop_assert!(text.contains(&leaf), "{} is missing in\n{}", leaf, text);
        }
    }
}
