//! Settings from the environment (`COUNTERSIGN_OP_POLICY__TTL=2m`) and the command line (`--configure policy.ttl=2m`), which
//! override the file.

use std::ffi::OsString;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ErrorCollector;

/// Prefix of environment variables.
const PREFIX: &str = "COUNTERSIGN_OP_";

/// Lists of tables of the file, which commands add to; a value that replaced one would hide its entries.
const LISTS_OF_TABLES: [&str; 4] = ["authorization_details", "clients", "login_hint_issuers", "users"];

/// Values that override the file's; later ones override earlier ones. Has no `Debug`: it may hold a secret.
#[derive(Clone, Default)]
pub struct Overrides {
    all: Vec<Override>,
}

#[derive(Clone)]
struct Override {
    /// Its origin in error messages.
    source: String,
    /// A dotted key.
    name: String,
    value: String,
}

/// An override that is not `NAME=VALUE`; holds the rejected argument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--configure takes NAME=VALUE, not {0}")]
pub struct OverrideError(pub String);

impl OverrideError {
    /// Stable code in snake_case, as the CLI prints it.
    pub const fn code(&self) -> &'static str {
        "configuration"
    }
}

impl Overrides {
    /// Reads each variable named `COUNTERSIGN_OP_` and a configuration key in capitals, with `__` for a dot. Ignores other variables,
    /// and values that are not Unicode.
    pub fn of_environment(variables: impl Iterator<Item = (OsString, OsString)>) -> Overrides {
        let mut all: Vec<Override> = variables
            .filter_map(|(variable, value)| {
                let (variable, value) = (variable.into_string().ok()?, value.into_string().ok()?);
                let name = variable.strip_prefix(PREFIX)?.to_ascii_lowercase().replace("__", ".");
                Some(Override { source: variable, name, value })
            })
            .collect();
        // The environment has no order.
        all.sort_by(|one, other| one.source.cmp(&other.source));
        Overrides { all }
    }

    /// Adds one from the command line, `NAME=VALUE`.
    ///
    /// # Errors
    /// [`OverrideError`] if there is no `=`.
    pub fn add(&mut self, given: &str) -> Result<(), OverrideError> {
        let (name, value) = given.split_once('=').ok_or_else(|| OverrideError(given.to_owned()))?;
        let (name, value) = (name.trim().to_owned(), value.to_owned());
        self.all.push(Override { source: format!("--configure {name}"), name, value });
        Ok(())
    }

    /// Each as a line of TOML, indented so that every span in it lies behind the file's text (`length` bytes) and behind the lines
    /// before it: a span then tells which source it is from.
    pub(super) fn lines(&self, length: usize) -> Vec<(String, String)> {
        let mut begins = length + 1;
        let written = self.all.iter().map(|one| {
            let Override { source, name, value } = one;
            let plain = format!("{name} = {value}");
            // A value that is not TOML is a string without its quotes, as most are.
            let line = match DeTable::parse(&plain) {
                Ok(_) if !value.contains('\n') => plain,
                _ => format!("{name} = {}", toml::Value::String(value.clone())),
            };
            let line = format!("{}{line}", " ".repeat(begins));
            begins = line.len() + 1;
            (source.clone(), line)
        });
        written.collect()
    }
}

/// Merges these lines into the document; they override its values.
pub(super) fn apply<'d>(document: &mut DeTable<'d>, lines: &'d [(String, String)], errors: &ErrorCollector<'_>) {
    for (_, line) in lines {
        match DeTable::parse(line) {
            Ok(read) => {
                let read = read.into_inner();
                match list_of_tables(&read) {
                    Some((name, at)) => errors.add(
                        &at,
                        format!("`{name}` is a list of tables, which can't be overridden: change the file, or use `countersign op client` and `op user`"),
                    ),
                    None => merge(document, read),
                }
            }
            Err(error) => {
                let at = line.len() - line.trim_start().len();
                errors.add(&(at..at), format!("this is not a configuration name: {}", error.message()));
            }
        }
    }
}

/// The first name at the top level whose value is a list of tables, and where: by its name, or because it holds tables.
fn list_of_tables(read: &DeTable<'_>) -> Option<(String, Range<usize>)> {
    read.iter().find_map(|(key, value)| {
        let name = key.get_ref().as_ref();
        let holds_tables = match value.get_ref() {
            DeValue::Array(values) => values.iter().any(|value| matches!(value.get_ref(), DeValue::Table(_))),
            _ => false,
        };
        (LISTS_OF_TABLES.contains(&name) || holds_tables).then(|| (name.to_owned(), key.span()))
    })
}

fn merge<'d>(into: &mut DeTable<'d>, from: DeTable<'d>) {
    for (key, value) in from {
        if let DeValue::Table(_) = value.get_ref()
            && let Some(there) = into.get_mut(key.get_ref().as_ref())
            && let DeValue::Table(below) = there.get_mut()
        {
            let DeValue::Table(value) = value.into_inner() else { continue };
            merge(below, value);
            continue;
        }
        into.remove(key.get_ref().as_ref());
        into.insert(key, Spanned::new(value.span(), value.into_inner()));
    }
}
