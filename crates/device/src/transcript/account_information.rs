//! The template of `account_information`: the data and accounts that a client wants to see, and for how long.

use countersign_jose::json::Json;
use countersign_protocol::transcript::LineValue;

use super::payment::is_day;
use super::{FIRST, FOLDED, MAIN, Renderer};

impl Renderer {
    pub(super) fn account_information(&mut self, object: &Json) {
        let words = self.locale.words();
        let mut shown: Vec<&str> = vec!["type"];
        for (name, prominence) in [("actions", FIRST), ("datatypes", MAIN)] {
            if let Some(texts) = object.get(name).and_then(all_texts) {
                texts.into_iter().for_each(|text| self.text(words.access, text, prominence));
                shown.push(name);
            }
        }
        if let Some(accounts) = object.get("accounts").and_then(Json::as_array).filter(|accounts| !accounts.is_empty())
        {
            for (at, account) in accounts.iter().enumerate() {
                if !self.account(words.account, account, MAIN) {
                    self.tree(&format!("{} [{}]", words.account, at + 1), account, MAIN);
                }
            }
            shown.push("accounts");
        }
        if let Some(day) = object.get("validUntil").and_then(Json::as_str).filter(|text| is_day(text)) {
            self.line(words.valid_until, LineValue::Date(day.to_owned()), MAIN);
            shown.push("validUntil");
        }
        for (name, label) in [("frequencyPerDay", words.times_per_day), ("recurringIndicator", words.repeatedly)] {
            if let Some(value) = object.get(name) {
                self.tree(label, value, MAIN);
                shown.push(name);
            }
        }
        self.tree_without(object, &|name| shown.contains(&name), FOLDED);
    }
}

/// The strings of an array that holds strings only, and at least one.
fn all_texts(value: &Json) -> Option<Vec<&str>> {
    let elements = value.as_array().filter(|elements| !elements.is_empty())?;
    elements.iter().map(Json::as_str).collect()
}
