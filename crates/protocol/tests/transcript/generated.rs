//! Property tests of the closed table: no change of its lines says something else and still holds.

use countersign_protocol::kind::Kind;
use proptest::prelude::*;

use super::*;

/// What a changed list of lines still says: each line's facts, where they stand, and the words that it stands under.
fn facts(lines: &[Line]) -> Vec<(Role, String, LineValue, u8)> {
    let mut facts: Vec<_> = lines
        .iter()
        .filter(|line| line.from != Source::Device)
        .map(|line| (line.role, line.from.to_string(), line.value.clone(), line.prominence))
        .collect();
    facts.sort_by(|one, other| one.1.cmp(&other.1).then(one.0.cmp(&other.0)));
    facts
}

/// Lines of an element in the order in which they stand, element by element.
fn elements(lines: &[Line]) -> Vec<usize> {
    let element = |line: &Line| {
        let pointer = line.from.to_string();
        let rest = pointer.strip_prefix("challenge:/authorization_details_json/")?;
        rest.split('/').next()?.parse().ok()
    };
    let mut order: Vec<usize> = Vec::new();
    for line in lines {
        match element(line) {
            Some(element) if order.last() != Some(&element) => order.push(element),
            _ => {}
        }
    }
    order
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lines_dropped_doubled_exchanged_or_recaptioned_never_say_something_else(
        details in prop_oneof![Just(EVIL), Just(TWO), Just(MIXED)],
        changes in prop::collection::vec((0_u8..6, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4),
    ) {
        let attempt = Attempt::new(details, "Acme Coffee");
        let honest = attempt.lines();
        let mut lines = honest.clone();
        for (change, one, other) in changes {
            if lines.is_empty() { break; }
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            match change {
                0 => { lines.remove(one); }
                1 => { let line = lines[one].clone(); lines.insert(other, line); }
                2 => lines.swap(one, other),
                3 => { let line = lines.remove(one); let at = other.min(lines.len()); lines.insert(at, line); }
                4 => lines[one].label = lines[other].label.clone(),
                _ => { let value = lines[other].value.clone(); lines[one].value = value; }
            }
        }
        let holds = attempt.holds(&lines);
        // Whatever is still accepted says the same of each member, prominently enough, element by element.
        if holds {
            prop_assert_eq!(facts(&lines), facts(&honest));
            prop_assert_eq!(elements(&lines), elements(&honest));
            for line in lines.iter().filter(|line| line.from != Source::Device) {
                let own = honest.iter().find(|own| own.from == line.from && own.role == line.role).expect("it was asked");
                let mut known = honest.iter().filter(|other| other.role != Role::ClientDetail && other.label == line.label);
                let known = line.label != own.label && known.next().is_some();
                prop_assert!(!known, "{} stands under {}", line.from, line.label);
            }
        }
    }

    #[test]
    fn lines_of_another_request_are_never_accepted(amount in "[1-9][0-9]{0,3}\\.[0-9]{2}", payee in "[A-Z][a-z]{1,9}") {
        let one = Attempt::new(EVIL, "Acme Coffee");
        let other = Attempt::new(&EVIL.replace("4200.00", &amount).replace("Evil GmbH", &payee), "Acme Coffee");
        let is_same = amount == "4200.00" && payee == "Evil GmbH";
        prop_assert_eq!(one.holds(&other.lines()), is_same);
    }

    #[test]
    fn the_lines_of_any_details_hold(value in json(), kind in kinds(), member in members()) {
        let details = serde_json::json!([{ "type": kind, member: value }]).to_string();
        let attempt = Attempt::new(&details, "x").with(|claims| claims.kind = Kind::Device);
        prop_assert!(attempt.holds(&attempt.lines()), "{}", details);
        let parsed = attempt.details();
        let lines = TranscriptBasis::by_issuer(&attempt.claims, parsed.as_ref(), &attempt.statement).lines(Locale::De);
        prop_assert!(attempt.holds(&lines), "{}", details);
    }
}

fn kinds() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("payment_initiation"),
        Just("account_information"),
        Just("generic"),
        Just("urn:auth0:schemas:authorization-details:v1:x"),
        Just("unheard-of")
    ]
}

fn members() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("instructedAmount"),
        Just("creditorName"),
        Just("creditorAccount"),
        Just("accounts"),
        Just("actions"),
        Just("validUntil"),
        Just("title"),
        Just("properties"),
        Just("instruction"),
        Just("any")
    ]
}

/// Any JSON that fits into details.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (0..1_000_000_u64).prop_map(Into::into),
        "[a-zA-Z0-9 äöü€]{1,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-zA-Z/~]{1,8}|name|value|iban|display", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}
