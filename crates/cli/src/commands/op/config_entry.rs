//! A client or user as a TOML entry of the configuration, made from a command's options. The provider validates it.

use std::path::Path;

use toml::{Table, Value};

use crate::error_code::ErrorCode;
use crate::failure::Failure;
use crate::home::absolute;

/// Members that are paths: made absolute, because the provider may run in another folder.
const FILES: [&str; 2] = ["jwks_file", "secret_file"];

/// An entry under construction.
#[derive(Default)]
pub struct ConfigEntry(Table);

impl ConfigEntry {
    /// Sets a string, if there is one.
    pub fn string(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), Value::String(value.into()));
        }
    }

    /// Sets a list of strings, unless it is empty.
    pub fn strings(&mut self, name: &str, values: Vec<String>) {
        if !values.is_empty() {
            self.0.insert(name.to_owned(), values.into());
        }
    }

    /// Sets a flag, if it is true.
    pub fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.0.insert(name.to_owned(), Value::Boolean(true));
        }
    }

    /// Sets a member from `--set NAME=VALUE`. VALUE is TOML, a string needs no quotes; `policy.ttl` is `ttl` in the table `policy`.
    ///
    /// # Errors
    /// Without a name or `=`.
    pub fn set(&mut self, given: &str) -> Result<(), Failure> {
        let wrong =
            || Failure::usage(ErrorCode::Set, format!("--set takes NAME=VALUE such as policy.ttl=2m, not {given}"));
        let (name, value) = given.split_once('=').ok_or_else(wrong)?;
        let parsed = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
        let value = parsed.unwrap_or_else(|| Value::String(value.to_owned()));
        match name.split_once('.') {
            _ if name.is_empty() => Err(wrong()),
            None => {
                let value = match value {
                    Value::String(path) if FILES.contains(&name) => {
                        absolute(Path::new(&path)).display().to_string().into()
                    }
                    value => value,
                };
                self.0.insert(name.to_owned(), value);
                Ok(())
            }
            Some((table, name)) => {
                let inner = self.0.entry(table.to_owned()).or_insert_with(|| Value::Table(Table::new()));
                let inner = inner.as_table_mut().ok_or_else(wrong)?;
                inner.insert(name.to_owned(), value);
                Ok(())
            }
        }
    }

    /// The entry as TOML in an array of tables of this name, as in the configuration.
    pub fn into_toml(self, list: &str) -> String {
        let mut document = Table::new();
        document.insert(list.to_owned(), Value::Array(vec![Value::Table(self.0)]));
        document.to_string()
    }

    /// Parses an entry that [`ConfigEntry::into_toml`] wrote.
    pub fn of_toml(text: &str, list: &str) -> Option<ConfigEntry> {
        let document = text.parse::<Table>().ok()?;
        document.get(list)?.as_array()?.first()?.as_table().cloned().map(ConfigEntry)
    }

    /// The strings of a list.
    pub fn strings_of(&self, name: &str) -> Vec<String> {
        let items = self.0.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// Replaces a list of strings; an empty one is left out.
    pub fn replace_strings(&mut self, name: &str, values: Vec<String>) {
        self.0.remove(name);
        self.strings(name, values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_an_entry_as_in_the_configuration_file() {
        let mut entry = ConfigEntry::default();
        entry.string("client_id", Some("till-15"));
        entry.string("name", None::<String>);
        entry.strings("grant_types", vec!["urn:openid:params:grant-type:ciba".to_owned()]);
        entry.flag("verified", true);
        for given in
            ["policy.ttl=2m", "policy.max_pending=7", "scope=openid profile", "first_party=true", "jwks_file=keys.json"]
        {
            assert!(entry.set(given).is_ok(), "{given}");
        }
        let text = entry.into_toml("clients");
        let read = text.parse::<Table>().expect("TOML");
        let client = &read["clients"][0];
        assert_eq!(client["client_id"].as_str(), Some("till-15"));
        assert_eq!(client["verified"].as_bool(), Some(true));
        assert_eq!(client["first_party"].as_bool(), Some(true));
        assert_eq!(client["scope"].as_str(), Some("openid profile"));
        assert_eq!(client["policy"]["ttl"].as_str(), Some("2m"));
        assert_eq!(client["policy"]["max_pending"].as_integer(), Some(7));
        let here = std::env::current_dir().expect("a folder").join("keys.json");
        assert_eq!(client["jwks_file"].as_str(), here.to_str(), "a path is relative to the current directory");
        assert!(client.get("name").is_none());
        for given in ["ttl", "=2m", "client_id.x=1"] {
            assert!(ConfigEntry::default().set(given).is_err() || given == "client_id.x=1", "{given}");
        }
    }
}
