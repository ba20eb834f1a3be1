//! Rules by which an unattended device answers: a rule is a subset of a challenge's members.

use countersign_protocol::json::{self, Json};

use crate::failure::Failure;

/// Deeper than a challenge with its details ever is.
const DEPTH: usize = 16;

/// What to do about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleDecision {
    /// A rule of `--approve-if` matches, and none of `--deny-if`.
    Approve,
    /// A rule of `--deny-if` matches.
    Deny,
    /// None matches: somebody else may answer.
    NoMatch,
}

/// The rules of one run.
pub struct Rules {
    approve: Vec<Json>,
    deny: Vec<Json>,
}

impl Rules {
    /// Reads the rules as they stand on the command line.
    ///
    /// # Errors
    /// A rule that is not a JSON object.
    pub fn read(approve: &[String], deny: &[String]) -> Result<Rules, Failure> {
        let read = |option: &str, texts: &[String]| {
            let rules = texts.iter().map(|text| match json::read(text.as_bytes(), DEPTH) {
                Ok(rule @ Json::Object(_)) => Ok(rule),
                Ok(_) => Err(bad_rule(option, "it must be an object such as {\"kind\":\"payment\"}")),
                Err(error) => Err(bad_rule(option, &error.to_string())),
            });
            rules.collect::<Result<Vec<_>, _>>()
        };
        Ok(Rules { approve: read("--approve-if", approve)?, deny: read("--deny-if", deny)? })
    }

    /// Judges a challenge by its members as JSON; denying comes first. What can't be read matches nothing.
    pub fn decide(&self, challenge: &str) -> RuleDecision {
        let Ok(challenge) = json::read(challenge.as_bytes(), DEPTH) else { return RuleDecision::NoMatch };
        let matches = |rules: &[Json]| rules.iter().any(|rule| is_subset(rule, &challenge));
        if matches(&self.deny) {
            RuleDecision::Deny
        } else if matches(&self.approve) {
            RuleDecision::Approve
        } else {
            RuleDecision::NoMatch
        }
    }
}

fn bad_rule(option: &str, why: &str) -> Failure {
    Failure::usage("bad_rule", format_args!("the rule of {option} can't be used: {why}"))
}

/// Objects: each member of the rule is there and matches. Arrays: each element of the rule matches some element. Anything else
/// is equal, numbers by their literals.
fn is_subset(rule: &Json, value: &Json) -> bool {
    match (rule, value) {
        (Json::Object(members), Json::Object(_)) => {
            members.iter().all(|(name, wanted)| value.get(name).is_some_and(|there| is_subset(wanted, there)))
        }
        (Json::Array(wanted), Json::Array(there)) => {
            wanted.iter().all(|one| there.iter().any(|other| is_subset(one, other)))
        }
        (rule, value) => rule == value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYMENT: &str = r#"{"kind":"payment","client":{"id":"coffee-pos","name":"Acme Coffee","verified":true},
        "authorization_details":[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"}}],
        "expires_at":1800}"#;

    fn decided(approve: &[&str], deny: &[&str]) -> RuleDecision {
        let owned = |rules: &[&str]| rules.iter().map(|&rule| rule.to_owned()).collect::<Vec<_>>();
        Rules::read(&owned(approve), &owned(deny)).expect("sound rules").decide(PAYMENT)
    }

    #[test]
    fn the_empty_rule_matches_everything_and_no_rule_nothing() {
        assert_eq!(decided(&["{}"], &[]), RuleDecision::Approve);
        assert_eq!(decided(&[], &["{}"]), RuleDecision::Deny);
        assert_eq!(decided(&[], &[]), RuleDecision::NoMatch);
    }

    #[test]
    fn a_rule_matches_what_has_all_its_members_at_any_depth() {
        assert_eq!(decided(&[r#"{"kind":"payment","client":{"id":"coffee-pos"}}"#], &[]), RuleDecision::Approve);
        let amount = r#"{"authorization_details":[{"instructedAmount":{"amount":"4.20"}}]}"#;
        assert_eq!(decided(&[amount], &[]), RuleDecision::Approve);
        let other_amount = r#"{"authorization_details":[{"instructedAmount":{"amount":"42.00"}}]}"#;
        assert_eq!(decided(&[other_amount], &[]), RuleDecision::NoMatch);
        assert_eq!(decided(&[r#"{"kind":"login"}"#], &[]), RuleDecision::NoMatch);
        assert_eq!(decided(&[r#"{"colour":"red"}"#], &[]), RuleDecision::NoMatch);
        assert_eq!(decided(&[r#"{"expires_at":"1800"}"#], &[]), RuleDecision::NoMatch, "a text is no number");
    }

    #[test]
    fn denying_goes_before_approving_and_a_later_rule_counts_as_well() {
        assert_eq!(decided(&["{}"], &[r#"{"kind":"payment"}"#]), RuleDecision::Deny);
        assert_eq!(decided(&[r#"{"kind":"login"}"#, r#"{"kind":"payment"}"#], &[]), RuleDecision::Approve);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for rule in ["[]", "approve", r#"{"a":1,"a":2}"#, ""] {
            let refused = Rules::read(&[rule.to_owned()], &[]).err().expect(rule);
            assert_eq!(refused.code, "bad_rule");
            assert!(refused.message.contains("--approve-if"), "{refused}");
        }
    }
}
