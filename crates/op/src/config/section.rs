//! Typed reads from a TOML table, with errors at the value's span; a key that nothing reads is an error.

use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ErrorCollector;
use super::spelling::nearest;

/// A value and its span.
#[derive(Clone)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) at: Range<usize>,
}

/// One table of the document. Read every key it may hold, then call [`Section::finish`].
pub(super) struct Section<'s> {
    /// Empty for the top of the file, else ` in [policy]`: completes "`ttl`…" in messages.
    place: &'static str,
    table: &'s DeTable<'s>,
    at: Range<usize>,
    read_keys: RefCell<Vec<&'static str>>,
    errors: &'s ErrorCollector<'s>,
}

impl<'s> Section<'s> {
    pub(super) fn top(document: &'s Spanned<DeTable<'s>>, errors: &'s ErrorCollector<'s>) -> Section<'s> {
        Section { place: "", table: document.get_ref(), at: 0..0, read_keys: RefCell::default(), errors }
    }

    /// Span of the table itself, for errors about missing keys.
    pub(super) fn at(&self) -> &Range<usize> {
        &self.at
    }

    /// Whether this is a table of this heading.
    pub(super) fn is_within(&self, heading: &str) -> bool {
        self.place.strip_prefix(" in ") == Some(heading)
    }

    /// Records an error at a span.
    pub(super) fn report(&self, at: &Range<usize>, message: impl Into<String>) {
        self.errors.add(at, message);
    }

    /// Line of a span, to refer to it in another value's message.
    pub(super) fn line(&self, at: &Range<usize>) -> usize {
        self.errors.line(at.start)
    }

    /// A key as messages name it, such as `ttl` in `[policy]`.
    pub(super) fn name(&self, key: &str) -> String {
        format!("`{key}`{}", self.place)
    }

    pub(super) fn string(&self, key: &'static str) -> Option<Found<&'s str>> {
        let (at, value) = self.take(key)?;
        match value {
            DeValue::String(text) => Some(Found { value: text.as_ref(), at }),
            other => self.wrong_type(key, &at, "must be a string in quotes", other),
        }
    }

    pub(super) fn required_string(&self, key: &'static str, example: &str) -> Option<Found<&'s str>> {
        if !self.has(key) {
            self.report(&self.at, format!("{} is missing; add it, for example {key} = \"{example}\"", self.name(key)));
        }
        self.string(key)
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let (at, value) = self.take(key)?;
        match value {
            DeValue::Boolean(flag) => Some(*flag),
            other => self.wrong_type(key, &at, "must be true or false, without quotes", other),
        }
    }

    pub(super) fn number(&self, key: &'static str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let (at, value) = self.take(key)?;
        let DeValue::Integer(digits) = value else {
            return self.wrong_type(key, &at, "must be a whole number, without quotes", value);
        };
        let number = u32::from_str_radix(digits.as_str(), digits.radix()).ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            self.report(&at, format!("{} must be between {least} and {most}, not {digits}", self.name(key)));
        }
        number
    }

    /// A duration: whole seconds, or a string of digits and `s`, `m`, `h` or `d`.
    pub(super) fn duration(
        &self,
        key: &'static str,
        range: std::ops::RangeInclusive<Duration>,
    ) -> Option<Found<Duration>> {
        let (at, value) = self.take(key)?;
        let (seconds, written) = match value {
            DeValue::Integer(digits) => (u64::from_str_radix(digits.as_str(), digits.radix()).ok(), digits.to_string()),
            DeValue::String(text) => (seconds(text), format!("\"{text}\"")),
            other => {
                return self.wrong_type(key, &at, "must be seconds such as 300, or a string such as \"5m\"", other);
            }
        };
        let Some(value) = seconds.map(Duration::from_secs) else {
            let name = self.name(key);
            self.report(&at, format!("{name} must be seconds such as 300, or a string such as \"5m\", not {written}"));
            return None;
        };
        if !range.contains(&value) {
            let (least, most) = (format_duration(*range.start()), format_duration(*range.end()));
            self.report(&at, format!("{} must be between {least} and {most}, not {written}", self.name(key)));
            return None;
        }
        Some(Found { value, at })
    }

    /// One of a fixed set of strings.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<Found<T>> {
        let found = self.string(key)?;
        let value = self.one_of(key, &found.at, found.value, words)?;
        Some(Found { value, at: found.at })
    }

    /// A list of strings; not empty, no duplicates.
    pub(super) fn strings(&self, key: &'static str) -> Option<Vec<Found<&'s str>>> {
        let strings = self.any_strings(key)?;
        if strings.is_empty() && self.is_empty_list(key) {
            self.report(&self.span_of(key), format!("{} is empty; leave it out or list at least one", self.name(key)));
        }
        Some(strings)
    }

    fn is_empty_list(&self, key: &str) -> bool {
        let value = self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value.get_ref());
        matches!(value, Some(DeValue::Array(items)) if items.is_empty())
    }

    /// A list of strings without duplicates, which may be empty: then it is as if it were left out.
    pub(super) fn any_strings(&self, key: &'static str) -> Option<Vec<Found<&'s str>>> {
        let (at, value) = self.take(key)?;
        let DeValue::Array(items) = value else {
            return self.wrong_type(key, &at, "must be a list of strings such as [\"one\", \"two\"]", value);
        };
        let mut strings: Vec<Found<&'s str>> = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) if strings.iter().any(|earlier| earlier.value == text.as_ref()) => {
                    self.report(&item.span(), format!("{} lists \"{text}\" twice; remove one", self.name(key)));
                }
                DeValue::String(text) => strings.push(Found { value: text.as_ref(), at: item.span() }),
                other => {
                    self.wrong_type::<()>(
                        key,
                        &item.span(),
                        "must be a list of strings such as [\"one\", \"two\"]",
                        other,
                    );
                }
            }
        }
        Some(strings)
    }

    /// A list from a fixed set of strings; not empty, no duplicates.
    pub(super) fn choices<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<Vec<T>> {
        let strings = self.strings(key)?;
        let found = strings.iter().filter_map(|text| self.one_of(key, &text.at, text.value, words));
        Some(found.collect())
    }

    /// As [`Section::json_text`], parsed.
    pub(super) fn json(&self, key: &'static str) -> Option<Found<serde_json::Value>> {
        let Found { value: text, at } = self.json_text(key)?;
        let value = serde_json::from_str(&text).ok();
        if value.is_none() {
            self.report(&at, format!("{} must be a table or a string that holds JSON", self.name(key)));
        }
        value.map(|value| Found { value, at })
    }

    /// A table, or a string that holds JSON, as JSON text: of a string its own, to be read as strictly as its reader does.
    pub(super) fn json_text(&self, key: &'static str) -> Option<Found<String>> {
        let (at, value) = self.take(key)?;
        let text = match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Table(_) => json_of(value).map(|json| json.to_string()),
            _ => None,
        };
        match text {
            Some(value) => Some(Found { value, at }),
            None => self.wrong_type(key, &at, "must be a table or a string that holds JSON", value),
        }
    }

    /// A table under this one, such as `[policy]`.
    pub(super) fn section(&self, key: &'static str, place: &'static str) -> Option<Section<'s>> {
        let (at, value) = self.take(key)?;
        let DeValue::Table(table) = value else {
            return self.wrong_type(
                key,
                &at,
                &format!("must be a table headed{}", place.trim_start_matches(" in")),
                value,
            );
        };
        Some(Section { place, table, at, read_keys: RefCell::default(), errors: self.errors })
    }

    /// The tables of a list such as `[[users]]`.
    pub(super) fn sections(&self, key: &'static str, place: &'static str) -> Vec<Section<'s>> {
        let Some((at, value)) = self.take(key) else { return Vec::new() };
        let expected = format!("must be a list of tables, each headed{}", place.trim_start_matches(" in"));
        let DeValue::Array(items) = value else {
            self.wrong_type::<()>(key, &at, &expected, value);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    let read_keys = RefCell::default();
                    sections.push(Section { place, table, at: item.span(), read_keys, errors: self.errors });
                }
                other => {
                    self.wrong_type::<()>(key, &item.span(), &expected, other);
                }
            }
        }
        sections
    }

    /// Reports every key that was not read.
    pub(super) fn finish(self) {
        let read_keys = self.read_keys.borrow();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if read_keys.contains(&name) {
                continue;
            }
            let place = if self.place.is_empty() { " at the top of the file" } else { self.place };
            let remedy = match nearest(name, read_keys.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("remove it, or use one of: {}", read_keys.join(", ")),
            };
            self.report(&key.span(), format!("unknown key `{name}`{place}; {remedy}"));
        }
    }

    /// Looks `found` up in `words`; reports the allowed ones if it is none of them.
    pub(super) fn one_of<T: Copy>(&self, key: &str, at: &Range<usize>, found: &str, words: &[(&str, T)]) -> Option<T> {
        let word = words.iter().find(|(word, _)| *word == found).map(|(_, value)| *value);
        if word.is_none() {
            let remedy = match nearest(found, words.iter().map(|(word, _)| *word)) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => {
                    let all: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                    format!("use {}", all.join(" or "))
                }
            };
            self.report(at, format!("{} can't be \"{found}\"; {remedy}", self.name(key)));
        }
        word
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.keys().any(|name| name.get_ref() == key)
    }

    /// Span of the key's value; the table's span if it has no such key.
    pub(super) fn span_of(&self, key: &str) -> Range<usize> {
        let entry = self.table.iter().find(|(name, _)| name.get_ref() == key);
        entry.map_or_else(|| self.at.clone(), |(_, value)| value.span())
    }

    fn take(&self, key: &'static str) -> Option<(Range<usize>, &'s DeValue<'s>)> {
        let mut read_keys = self.read_keys.borrow_mut();
        if !read_keys.contains(&key) {
            read_keys.push(key);
        }
        #[cfg(test)]
        self.errors.asked_for(self.place, key);
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some((value.span(), value.get_ref()))
    }

    fn wrong_type<T>(&self, key: &str, at: &Range<usize>, expected: &str, found: &DeValue<'_>) -> Option<T> {
        let found = match found {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a decimal point",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.report(at, format!("{} {expected}, not {found}", self.name(key)));
        None
    }
}

/// `None` for what JSON can't represent: dates, and numbers out of range.
fn json_of(value: &DeValue<'_>) -> Option<serde_json::Value> {
    Some(match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok()?.into(),
        DeValue::Array(items) => items.iter().map(|item| json_of(item.get_ref())).collect::<Option<Vec<_>>>()?.into(),
        DeValue::Table(table) => {
            let members =
                table.iter().map(|(name, value)| Some((name.get_ref().to_string(), json_of(value.get_ref())?)));
            serde_json::Value::Object(members.collect::<Option<_>>()?)
        }
        DeValue::Float(_) | DeValue::Datetime(_) => return None,
    })
}

fn seconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let digits = &text[..text.len() - unit.len_utf8()];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let each = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(each)
}

/// A duration as the configuration writes it, such as `5m`.
pub(super) fn format_duration(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 3600 && seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds >= 60 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}
