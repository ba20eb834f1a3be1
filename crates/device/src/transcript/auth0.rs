//! The template of Auth0's detail types: an instruction and named properties in the order of their `display_order`.

use countersign_jose::json::Json;
use countersign_protocol::text::escape;

use super::{FIRST, FOLDED, MAIN, Renderer};

/// The prefix of these types' names.
pub(super) const SCHEMAS: &str = "urn:auth0:schemas:authorization-details:v1:";

impl Renderer {
    pub(super) fn auth0(&mut self, object: &Json) {
        let words = self.locale.words();
        let mut shown: Vec<&str> = Vec::new();
        if let Some(instruction) = object.get("instruction").and_then(Json::as_str) {
            self.text(words.instruction, instruction, FIRST);
            shown.push("instruction");
        }
        if let Some(properties) = object.get("properties").and_then(Json::as_object).filter(|all| !all.is_empty()) {
            let mut ordered: Vec<_> = properties.iter().collect();
            ordered.sort_by_key(|(_, property)| order(property));
            for (key, property) in ordered {
                self.property(key, property);
            }
            shown.push("properties");
        }
        self.tree_without(object, &|name| shown.contains(&name), FOLDED);
    }

    /// One property under its name. One with `display: false` is folded, not hidden.
    fn property(&mut self, key: &str, property: &Json) {
        let name = property.get("name").and_then(Json::as_str).unwrap_or(key);
        let prominence = if property.get("display") == Some(&Json::Bool(false)) { FOLDED } else { MAIN };
        match property.get("value") {
            Some(value) => self.tree(&escape(name), value, prominence),
            None => return self.tree(&escape(key), property, prominence),
        }
        for (member, value) in property.as_object().unwrap_or_default() {
            let is_drawn = match member.as_str() {
                "value" => true,
                "name" => value.as_str().is_some(),
                "display" => matches!(value, Json::Bool(_)),
                "display_order" => order(property) != u64::MAX,
                _ => false,
            };
            if !is_drawn {
                self.tree(&format!("{} › {}", escape(name), escape(member)), value, prominence);
            }
        }
    }
}

/// A property's `display_order`, as a number or a string of one; without one it comes last.
fn order(property: &Json) -> u64 {
    match property.get("display_order") {
        Some(Json::Number(text) | Json::String(text)) => text.parse().unwrap_or(u64::MAX),
        _ => u64::MAX,
    }
}
