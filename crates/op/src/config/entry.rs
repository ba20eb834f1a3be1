//! Single `[[clients]]` and `[[users]]` entries: what commands and registration add is validated by the same reader, with the same
//! errors, as the configuration file.

use std::path::Path;
use std::sync::Arc;

use countersign_jose::random::Random;
use toml::de::DeTable;

use super::clients::{self, ClientContext};
use super::error::ErrorCollector;
use super::section::Section;
use super::{Client, Config, ConfigError, HashedSecret, User, Users};

/// Parses TOML with one `[[clients]]` entry. Its secret, if its method needs one, is `secret`, never in the entry.
///
/// # Errors
/// Every error in it.
pub(crate) fn client_entry(
    text: &str,
    secret: Option<&HashedSecret>,
    config: &Config,
) -> Result<Client, Vec<ConfigError>> {
    let context = ClientContext {
        // Commands make the paths in an entry absolute.
        folder: Path::new("/"),
        policy: &config.policy,
        keep_records: config.keep_records,
        detail_types: &config.detail_types,
        hint_issuers: &config.hint_issuers,
        stored_secret: secret,
        assertion_audience: config.assertion_audience,
        profile: config.profile,
        client_ca: config.client_ca.is_some(),
    };
    let mut read = one(text, |top| clients::read(top.sections("clients", " in [[clients]]"), &context))?;
    read.pop().ok_or_else(Vec::new)
}

/// Parses TOML with one `[[users]]` entry.
///
/// # Errors
/// Every error in it.
pub(crate) fn user_entry(text: &str) -> Result<Arc<User>, Vec<ConfigError>> {
    let users = one(text, |top| Users::read(top.sections("users", " in [[users]]")))?;
    users.iter().next().cloned().ok_or_else(Vec::new)
}

/// A user's entry as it is stored: with the hash of a user code in place of the code. Slow (Argon2id) if there is one.
pub(crate) fn hashed_user_entry(text: String, user: &User, random: &dyn Random) -> String {
    let Some(code) = &user.user_code else { return text };
    let Ok(mut entry) = text.parse::<toml::Table>() else { return text };
    let people = entry.get_mut("users").and_then(toml::Value::as_array_mut);
    if let Some(person) = people.and_then(|people| people.first_mut()).and_then(toml::Value::as_table_mut) {
        person.insert("user_code".to_owned(), code.to_hash(random).into());
    }
    entry.to_string()
}

fn one<T>(text: &str, read: impl FnOnce(&Section<'_>) -> T) -> Result<T, Vec<ConfigError>> {
    let errors = ErrorCollector::of(text);
    let document = DeTable::parse(text)
        .map_err(|error| vec![ConfigError { line: 1, message: format!("this is not TOML: {}", error.message()) }])?;
    let top = Section::top(&document, &errors);
    let value = read(&top);
    top.finish();
    let found = errors.into_sorted();
    if found.is_empty() { Ok(value) } else { Err(found) }
}
