//! `[[users]]`: users of this provider, and the hints that identify them.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_jose::random::Random;
use countersign_protocol::id::Subject;

use super::check_displayable;
use super::section::{Found, Section};
use super::user_code_hash::UserCode;

/// A user, who approves on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `sub` in tokens: printable ASCII, at most 255 characters (OpenID Connect Core §2).
    pub sub: Subject,
    /// Display name on the device during enrollment.
    pub name: String,
    /// E-mail address at userinfo, with the scope `email`. Not a hint unless it is listed as one.
    pub email: Option<String>,
    /// Values of `login_hint` beside the subject: e-mail addresses, phone numbers, card numbers.
    pub hints: Vec<String>,
    /// Whether an automated device may answer for this user.
    pub allow_automated: bool,
    /// User code (CIBA Core §7.1) that clients registered for it must send.
    pub user_code: Option<UserCode>,
    /// Whether the user is locked: treated as unknown, also when tokens are issued.
    pub locked: bool,
}

/// Users of the configuration file, indexed by subject and hint.
#[derive(Debug, Clone, Default)]
pub struct Users {
    list: Vec<Arc<User>>,
    by_sub: HashMap<String, usize>,
    by_hint: HashMap<String, usize>,
}

impl Users {
    /// Finds a user by subject, byte for byte, or by a hint, ignoring ASCII case.
    pub fn by_login_hint(&self, hint: &str) -> Option<&Arc<User>> {
        self.by_sub(hint).or_else(|| self.by_hint.get(&folded(hint)).map(|n| &self.list[*n]))
    }

    /// Finds a user by subject, byte for byte.
    pub fn by_sub(&self, sub: &str) -> Option<&Arc<User>> {
        self.by_sub.get(sub).map(|n| &self.list[*n])
    }

    /// Number of users with a user code, and of all users.
    pub(crate) fn with_code(&self) -> (u64, u64) {
        let count = |people: usize| u64::try_from(people).unwrap_or(u64::MAX);
        (count(self.list.iter().filter(|user| user.user_code.is_some()).count()), count(self.list.len()))
    }

    /// Replaces each plain-text code by its hash. Slow (Argon2id) for each of them.
    pub(crate) fn hash_codes(&mut self, random: &dyn Random) {
        for user in &mut self.list {
            if let Some(code) = &user.user_code {
                let kept = Some(code.to_hashed(random));
                Arc::make_mut(user).user_code = kept;
            }
        }
    }

    /// All users, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<User>> {
        self.list.iter()
    }

    pub(super) fn read(sections: Vec<Section<'_>>) -> Users {
        let mut users = Users::default();
        // Where each name was first used, to point at it.
        let mut first_use: HashMap<String, (usize, usize)> = HashMap::new();
        for (n, section) in sections.into_iter().enumerate() {
            let sub = section.required_string("sub", "alice");
            let name = section.string("name");
            let email = section.string("email");
            let hints = section.any_strings("hints").unwrap_or_default();
            let allow_automated = section.flag("allow_automated").unwrap_or(false);
            let locked = section.flag("locked").unwrap_or(false);
            let user_code = section.string("user_code").and_then(|found| match UserCode::parse(found.value) {
                Ok(code) => Some(code),
                Err(why) => {
                    let name = section.name("user_code");
                    section.report(&found.at, format!("{name} can't be used: {why}"));
                    None
                }
            });
            if let Some(name) = &name {
                check_displayable(&section, "name", name);
            }
            if let Some(email) = email.as_ref().filter(|email| !is_email(email.value)) {
                let shown = section.name("email");
                section.report(&email.at, format!("{shown} must be an address such as \"alice@example.com\""));
            }
            for hint in hints.iter().filter(|hint| hint.value.trim() != hint.value || hint.value.is_empty()) {
                let shown = section.name("hints");
                section.report(&hint.at, format!("{shown} holds a hint that is empty or padded with spaces; trim it"));
            }
            for (kind, found) in sub.iter().map(|sub| ("sub", sub)).chain(hints.iter().map(|hint| ("hint", hint))) {
                match first_use.get(&folded(found.value)) {
                    Some((user, _)) if *user == n => {}
                    Some((_, line)) => {
                        let value = found.value;
                        let message = format!(
                            "{kind} \"{value}\" already names the user on line {line}; each may name one user only"
                        );
                        section.report(&found.at, message);
                    }
                    None => {
                        first_use.insert(folded(found.value), (n, section.line(&found.at)));
                    }
                }
            }
            if let Some(sub) = sub.and_then(|sub| parse_sub(&section, &sub)) {
                let index = users.list.len();
                users.by_sub.insert(sub.as_str().to_owned(), index);
                users.by_hint.extend(hints.iter().map(|hint| (folded(hint.value), index)));
                users.list.push(Arc::new(User {
                    name: name.map_or(sub.as_str(), |name| name.value).to_owned(),
                    sub,
                    email: email.map(|email| email.value.to_owned()),
                    hints: hints.iter().map(|hint| hint.value.to_owned()).collect(),
                    allow_automated,
                    user_code,
                    locked,
                }));
            }
            section.finish();
        }
        users
    }
}

fn parse_sub(section: &Section<'_>, sub: &Found<&str>) -> Option<Subject> {
    let parsed = sub.value.parse().ok();
    if parsed.is_none() {
        let name = section.name("sub");
        section.report(&sub.at, format!("{name} must be 1 to 255 printable ASCII characters; choose another"));
    }
    parsed
}

/// Whether this is an e-mail address that needs no quoting (RFC 5321 §4.1.2): at most 254 ASCII characters, 64 of them before the
/// `@`. Stricter than the RFC, so that no client parses two addresses or a header out of it.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let atom = |part: &str| {
        let fits = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&c);
        !part.is_empty() && part.bytes().all(fits)
    };
    let label = |part: &str| {
        let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        matches!(part.len(), 1..=63) && part.bytes().all(fits) && !part.starts_with('-') && !part.ends_with('-')
    };
    text.len() <= 254 && local.len() <= 64 && local.split('.').all(atom) && domain.split('.').all(label)
}

/// A hint for comparison: a telephone number as E.164 writes it, without what people put between its digits, anything else in
/// lower-case ASCII.
pub(crate) fn folded(hint: &str) -> String {
    telephone_number(hint).unwrap_or_else(|| hint.to_ascii_lowercase())
}

/// `+49 (0) 170 / 123 45-67` as `+491701234567`; `None` for what is no international number of 7 to 15 digits.
fn telephone_number(hint: &str) -> Option<String> {
    // The trunk prefix in parentheses is not dialled from abroad (E.123 §7).
    let number = hint.strip_prefix('+')?.replacen("(0)", "", 1);
    let is_separator = |character: char| " \u{a0}-./()".contains(character);
    let digits: String = number.chars().filter(|character| !is_separator(*character)).collect();
    let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telephone_number_is_compared_as_e_164_writes_it() {
        for written in
            ["+491701234567", "+49 170 1234567", "+49-170-123-45-67", "+49 (170) 1234567", "+49 (0) 170 / 12.34.567"]
        {
            assert_eq!(folded(written), "+491701234567", "{written}");
        }
        for other in ["0170 1234567", "+49 170 CALL-ME", "+123456", "+1234567890123456", "a+49 170 1234567", "+"] {
            assert_eq!(folded(other), other.to_ascii_lowercase(), "{other}");
        }
    }

    #[test]
    fn an_address_is_one_plain_address() {
        for good in ["alice@example.com", "a.b+c@till-15.example", "o'neill@localhost"] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "alice",
            "@example.com",
            "alice@",
            "a@b@example.com",
            "alice @example.com",
            "a,b@example.com",
            "alice@example.com\n",
            "Alice <alice@example.com>",
            "a..b@example.com",
            "alice@-x.example",
            "alice@x..example",
            "\"a b\"@example.com",
            "zo\u{eb}@example.com",
            &long,
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
