//! What the environment and the command line say in place of the file: `COUNTERSIGN_OP_POLICY__TTL=2m`, and `policy.ttl=2m`.

use std::ffi::OsString;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::section::ErrorCollector;

/// What every such variable begins with.
const PREFIX: &str = "COUNTERSIGN_OP_";

/// Values that go before the file's, later ones before earlier ones. Has no `Debug`: a secret may be among them.
#[derive(Clone, Default)]
pub struct Overrides {
    all: Vec<Override>,
}

#[derive(Clone)]
struct Override {
    /// As messages name it.
    source: String,
    /// A dotted name.
    name: String,
    value: String,
}

impl Overrides {
    /// Those of the environment: each variable named `COUNTERSIGN_OP_` and a name of the configuration in capitals, with `__` in the place
    /// of a dot. Others are passed over, and so are values that are no Unicode.
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

    /// Adds one of the command line, `NAME=VALUE`.
    ///
    /// # Errors
    /// Gives the text back if it is of another form.
    pub fn add(&mut self, given: &str) -> Result<(), String> {
        let (name, value) = given.split_once('=').ok_or_else(|| given.to_owned())?;
        let (name, value) = (name.trim().to_owned(), value.to_owned());
        self.all.push(Override { source: format!("--configure {name}"), name, value });
        Ok(())
    }

    /// Each as a line of TOML behind `length` blanks and those of the ones before it, so that every place in all of them is a place behind
    /// the file's text.
    pub(super) fn lines(&self, length: usize) -> Vec<(String, String)> {
        let mut begins = length + 1;
        let written = self.all.iter().map(|one| {
            let Override { source, name, value } = one;
            let plain = format!("{name} = {value}");
            // What is no TOML of its own is a text: most are.
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

/// Puts what these lines say in the place of what the document says.
pub(super) fn apply<'d>(document: &mut DeTable<'d>, lines: &'d [(String, String)], errors: &ErrorCollector<'_>) {
    for (_, line) in lines {
        match DeTable::parse(line) {
            Ok(read) => merge(document, read.into_inner()),
            Err(error) => {
                let at = line.len() - line.trim_start().len();
                errors.add(&(at..at), format!("this is no name of the configuration: {}", error.message()));
            }
        }
    }
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
