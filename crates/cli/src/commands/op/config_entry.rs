//! Makes an entry of the configuration out of a command's options. Whether it is sound is the provider's to say.

use std::path::Path;

use toml::{Table, Value};

use crate::failure::Failure;
use crate::home::absolute;

/// Members that are paths, which the provider reads from elsewhere.
const FILES: [&str; 2] = ["jwks_file", "secret_file"];

/// An entry that is being put together.
#[derive(Default)]
pub struct ConfigEntry(Table);

impl ConfigEntry {
    /// Sets a text, if there is one.
    pub fn text(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), Value::String(value.into()));
        }
    }

    /// Sets a list of texts, unless it is empty.
    pub fn texts(&mut self, name: &str, values: Vec<String>) {
        if !values.is_empty() {
            self.0.insert(name.to_owned(), values.into());
        }
    }

    /// Sets a flag, if it is up.
    pub fn flag(&mut self, name: &str, up: bool) {
        if up {
            self.0.insert(name.to_owned(), Value::Boolean(true));
        }
    }

    /// Sets what `--set NAME=VALUE` says: VALUE is TOML, and a text needs no quotes; `policy.ttl` is `ttl` in the policy.
    ///
    /// # Errors
    /// For something without a name or `=`.
    pub fn set(&mut self, given: &str) -> Result<(), Failure> {
        let wrong = || Failure::usage("set", format!("--set takes NAME=VALUE such as policy.ttl=2m, not {given}"));
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

    /// The entry in a list of this name, as the configuration has it.
    pub fn into_toml(self, list: &str) -> String {
        let mut document = Table::new();
        document.insert(list.to_owned(), Value::Array(vec![Value::Table(self.0)]));
        document.to_string()
    }

    /// An entry as it was written before.
    pub fn of_toml(text: &str, list: &str) -> Option<ConfigEntry> {
        let document = text.parse::<Table>().ok()?;
        document.get(list)?.as_array()?.first()?.as_table().cloned().map(ConfigEntry)
    }

    /// The texts under a name.
    pub fn listed(&self, name: &str) -> Vec<String> {
        let items = self.0.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// Sets a list of texts; an empty one is left out.
    pub fn replace_texts(&mut self, name: &str, values: Vec<String>) {
        self.0.remove(name);
        self.texts(name, values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_the_entry_that_the_file_would_have() {
        let mut entry = ConfigEntry::default();
        entry.text("client_id", Some("till-15"));
        entry.text("name", None::<String>);
        entry.texts("grant_types", vec!["urn:openid:params:grant-type:ciba".to_owned()]);
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
        assert_eq!(client["jwks_file"].as_str(), here.to_str(), "a path begins where the command is given");
        assert!(client.get("name").is_none());
        for given in ["ttl", "=2m", "client_id.x=1"] {
            assert!(ConfigEntry::default().set(given).is_err() || given == "client_id.x=1", "{given}");
        }
    }
}
