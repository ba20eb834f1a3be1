//! Any JSON as lines: one for each value, labelled by its path, numbers as they were sent.

use countersign_jose::json::Json;
use countersign_protocol::text::escape;

use super::{FIRST, MAIN, Renderer};

impl Renderer {
    /// `generic`: a title, then everything else as a tree.
    pub(super) fn generic(&mut self, object: &Json) {
        let title = object.get("title").and_then(Json::as_str);
        if let Some(title) = title {
            self.text(self.locale.words().title, title, FIRST);
        }
        self.tree_without(object, &|name| name == "type" || (name == "title" && title.is_some()), MAIN);
    }

    /// A line for every value below `value`; an empty array or object is shown as such.
    pub(super) fn tree(&mut self, path: &str, value: &Json, prominence: u8) {
        match value {
            Json::Null => self.text(path, "null", prominence),
            Json::Bool(value) => self.text(path, if *value { "true" } else { "false" }, prominence),
            Json::Number(text) | Json::String(text) => self.text(path, text, prominence),
            Json::Array(elements) if elements.is_empty() => self.text(path, "[]", prominence),
            Json::Object(members) if members.is_empty() => self.text(path, "{}", prominence),
            Json::Array(elements) => {
                for (at, element) in elements.iter().enumerate() {
                    self.tree(&format!("{path}[{}]", at + 1), element, prominence);
                }
            }
            Json::Object(members) => {
                for (name, value) in members {
                    self.tree(&below(path, name), value, prominence);
                }
            }
        }
    }

    /// The members of an object without those that a template has shown.
    pub(super) fn tree_without(&mut self, object: &Json, shown: &dyn Fn(&str) -> bool, prominence: u8) {
        for (name, value) in object.as_object().unwrap_or_default() {
            if !shown(name) {
                self.tree(&escape(name), value, prominence);
            }
        }
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { escape(name) } else { format!("{path} › {}", escape(name)) }
}
