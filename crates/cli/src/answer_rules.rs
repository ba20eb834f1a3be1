//! Rules of an unattended device: a rule matches a challenge that contains all its members.

use countersign_jose::json::{self, Json, Strictness};

use crate::error_code::ErrorCode;
use crate::failure::Failure;
use crate::request_text::one_line;

/// JSON depth: more than a challenge with authorization details.
const DEPTH: usize = 16;

/// The members of a request, by its own and those of its objects. In `authorization_details` every name may be.
const MEMBERS: &[(&str, &[&str])] = &[
    ("account", &[]),
    ("subject", &[]),
    ("subject_label", &[]),
    ("id", &[]),
    ("kind", &[]),
    ("client", &["id", "name", "verified"]),
    ("provider", &["issuer", "name"]),
    ("binding_message", &[]),
    ("authorization_details", &[]),
    ("scope", &[]),
    ("terminal", &[]),
    ("interaction", &["type", "choices", "length"]),
    ("user_verification", &[]),
    ("issued_at", &[]),
    ("expires_at", &[]),
    ("held", &[]),
    ("practice", &[]),
    ("test", &[]),
    ("stage", &[]),
];

/// What the rules say about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleDecision {
    /// A rule of `--approve-if` matches, and none of `--deny-if`.
    Approve,
    /// A rule of `--deny-if` matches.
    Deny,
    /// No rule matches: the request is left to others.
    NoMatch,
}

/// The rules of one command.
pub struct Rules {
    approve: Vec<Json>,
    deny: Vec<Json>,
}

impl Rules {
    /// Parses the rules of the command line.
    ///
    /// # Errors
    /// A rule that is not a JSON object, or names a member that no request has.
    pub fn parse(approve: &[String], deny: &[String]) -> Result<Rules, Failure> {
        let read = |option: &str, texts: &[String]| {
            let rules = texts.iter().map(|text| match json::read(text.as_bytes(), Strictness::with_depth(DEPTH)) {
                Ok(rule @ Json::Object(_)) => match unknown_member(&rule) {
                    // It would never match, and a rule of --deny-if deny nothing.
                    Some(name) => Err(bad_rule(option, &format!("no request has a member `{}`", one_line(&name)))),
                    None => Ok(rule),
                },
                Ok(_) => Err(bad_rule(option, "it must be a JSON object such as {\"kind\":\"payment\"}")),
                Err(error) => Err(bad_rule(option, &error.to_string())),
            });
            rules.collect::<Result<Vec<_>, _>>()
        };
        Ok(Rules { approve: read("--approve-if", approve)?, deny: read("--deny-if", deny)? })
    }

    /// Applies the rules to a challenge as JSON; `--deny-if` takes precedence. A challenge that can't be parsed matches nothing.
    pub fn decide(&self, challenge: &str) -> RuleDecision {
        let Ok(challenge) = json::read(challenge.as_bytes(), Strictness::with_depth(DEPTH)) else {
            return RuleDecision::NoMatch;
        };
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

/// The first name in a rule that no request has.
fn unknown_member(rule: &Json) -> Option<String> {
    rule.as_object().unwrap_or_default().iter().find_map(|(name, wanted)| {
        let Some((_, inner)) = MEMBERS.iter().find(|(known, _)| known == name) else { return Some(name.clone()) };
        let mut names = wanted.as_object().unwrap_or_default().iter().map(|(inner, _)| inner);
        let unknown = names.find(|own| !inner.is_empty() && !inner.contains(&own.as_str()))?;
        Some(format!("{name}.{unknown}"))
    })
}

fn bad_rule(option: &str, why: &str) -> Failure {
    Failure::usage(ErrorCode::BadRule, format_args!("the rule of {option} is not valid: {why}"))
}

/// Whether the value contains the rule. Objects: each member of the rule is present and matches. Arrays: each element of the rule
/// matches some element. Anything else must be equal, numbers by their literals.
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
        Rules::parse(&owned(approve), &owned(deny)).expect("valid rules").decide(PAYMENT)
    }

    #[test]
    fn the_empty_rule_matches_everything_and_no_rule_nothing() {
        assert_eq!(decided(&["{}"], &[]), RuleDecision::Approve);
        assert_eq!(decided(&[], &["{}"]), RuleDecision::Deny);
        assert_eq!(decided(&[], &[]), RuleDecision::NoMatch);
    }

    #[test]
    fn a_rule_matches_a_challenge_that_has_its_members_at_any_depth() {
        assert_eq!(decided(&[r#"{"kind":"payment","client":{"id":"coffee-pos"}}"#], &[]), RuleDecision::Approve);
        let amount = r#"{"authorization_details":[{"instructedAmount":{"amount":"4.20"}}]}"#;
        assert_eq!(decided(&[amount], &[]), RuleDecision::Approve);
        let other_amount = r#"{"authorization_details":[{"instructedAmount":{"amount":"42.00"}}]}"#;
        assert_eq!(decided(&[other_amount], &[]), RuleDecision::NoMatch);
        assert_eq!(decided(&[r#"{"kind":"login"}"#], &[]), RuleDecision::NoMatch);
        assert_eq!(decided(&[r#"{"expires_at":"1800"}"#], &[]), RuleDecision::NoMatch, "a string is not a number");
    }

    #[test]
    fn deny_takes_precedence_and_later_rules_count_as_well() {
        assert_eq!(decided(&["{}"], &[r#"{"kind":"payment"}"#]), RuleDecision::Deny);
        assert_eq!(decided(&[r#"{"kind":"login"}"#, r#"{"kind":"payment"}"#], &[]), RuleDecision::Approve);
    }

    #[test]
    fn a_rule_that_is_not_an_object_or_names_what_no_request_has_is_refused() {
        let misspelt = [r#"{"knd":"payment"}"#, r#"{"client":{"verifed":false}}"#];
        for rule in ["[]", "approve", r#"{"kind":1,"kind":2}"#, ""].into_iter().chain(misspelt) {
            let refused = Rules::parse(&[rule.to_owned()], &[]).err().expect(rule);
            assert_eq!(refused.code, "bad_rule");
            assert!(refused.message.contains("--approve-if"), "{refused}");
        }
    }
}
