//! `authorization_details` (RFC 9396): the client's own bytes, from the request to the token.

use std::fmt;

use countersign_jose::hash::Hash;
use countersign_jose::json::{self, Json, JsonError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::STRICTNESS;
use crate::limits;
use crate::text::{self, TextError};

/// Authorization details as the client sent them, white space included. Their bytes are validated, stored, shown, signed,
/// hashed and put into tokens; nothing is ever added to them or written anew.
#[derive(Clone, PartialEq, Eq)]
pub struct Details {
    text: String,
    elements: Vec<Element>,
}

/// One element: its `type`, and the whole object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The `type` member.
    pub kind: String,
    /// The object, `type` included, members in the order they were sent.
    pub object: Json,
}

/// Why authorization details were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetailsError {
    /// More than 6 KiB.
    #[error("authorization_details is larger than 6 KiB")]
    TooLarge,
    /// Not strict JSON.
    #[error("authorization_details: {0}")]
    Json(#[from] JsonError),
    /// Not an array of at least one object.
    #[error("authorization_details is not an array of objects")]
    NotObjects,
    /// An object without a `type` that is a string.
    #[error("an object in authorization_details has no type")]
    NoType,
    /// A string or a member's name that can't be shown.
    #[error("authorization_details{path}: {error}")]
    Text {
        /// The string's place, such as `[0].creditorName`; of a name the place of its object, and `, in a member's name`.
        path: String,
        /// What is wrong with it.
        error: TextError,
    },
}

impl Details {
    /// Reads the value of the request parameter.
    ///
    /// # Errors
    /// [`DetailsError`].
    pub fn parse(text: &str) -> Result<Self, DetailsError> {
        if text.len() > limits::DETAILS_BYTES {
            return Err(DetailsError::TooLarge);
        }
        let Json::Array(objects) = json::read(text.as_bytes(), STRICTNESS)? else {
            return Err(DetailsError::NotObjects);
        };
        if objects.is_empty() {
            return Err(DetailsError::NotObjects);
        }
        let elements = objects.into_iter().enumerate();
        let elements = elements.map(|(at, object)| Element::new(object, at)).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), elements })
    }

    /// The client's bytes, unchanged.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The elements, in order; at least one.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The types, in order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.elements.iter().map(|element| element.kind.as_str())
    }

    /// At most how many bytes the lines of a transcript take for these details: over all leaves, twice the pointer, the name, the
    /// value and 160 bytes. More than 24 KiB ([`limits::DETAILS_TRANSCRIPT_BYTES`]) might not fit into a transcript.
    pub fn transcript_bound(&self) -> usize {
        let elements = self.elements.iter().enumerate();
        elements
            .map(|(at, element)| bound(&element.object, "challenge:/authorization_details_json/".len() + digits(at), 0))
            .sum()
    }

    /// The hash of the client's bytes: `details_hash` in tokens.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.text)
    }
}

impl Element {
    fn new(object: Json, at: usize) -> Result<Self, DetailsError> {
        if object.as_object().is_none() {
            return Err(DetailsError::NotObjects);
        }
        let refused = |(path, error)| DetailsError::Text { path: format!("[{at}]{path}"), error };
        check_texts(&object).map_err(refused)?;
        let kind = object.get("type").and_then(Json::as_str).ok_or(DetailsError::NoType)?.to_owned();
        text::check(&kind, limits::NAME_CHARACTERS).map_err(|error| refused((".type".to_owned(), error)))?;
        Ok(Self { kind, object })
    }
}

/// The bound of what is below a value, whose pointer and name have these lengths.
fn bound(value: &Json, pointer: usize, name: usize) -> usize {
    const LINE: usize = 160;
    let leaf = |value: usize| 2 * pointer + name + value + LINE;
    match value {
        Json::Array(elements) if !elements.is_empty() => {
            elements.iter().enumerate().map(|(at, element)| bound(element, pointer + 1 + digits(at), name)).sum()
        }
        Json::Object(members) if !members.is_empty() => {
            members.iter().map(|(name, value)| bound(value, pointer + 1 + name.len(), name.len())).sum()
        }
        Json::String(text) | Json::Number(text) => leaf(text.len()),
        // The longest of `null`, `false`, `[]` and `{}`.
        _ => leaf("false".len()),
    }
}

const fn digits(number: usize) -> usize {
    match number.checked_ilog10() {
        None => 1,
        Some(log) => log as usize + 1,
    }
}

/// Checks every string and every name of a value; the path within it of the first that can't be shown. A name is one line; a string
/// may have several.
fn check_texts(value: &Json) -> Result<(), (String, TextError)> {
    match value {
        Json::String(text) => text::check_block(text, limits::DETAILS_BYTES).map_err(|error| (String::new(), error)),
        Json::Array(elements) => elements.iter().enumerate().try_for_each(|(at, element)| {
            check_texts(element).map_err(|(path, error)| (format!("[{at}]{path}"), error))
        }),
        Json::Object(members) => members.iter().try_for_each(|(name, value)| {
            text::check_inner(name, limits::DETAILS_BYTES)
                .map_err(|error| (", in a member's name".to_owned(), error))?;
            check_texts(value).map_err(|(path, error)| (format!(".{name}{path}"), error))
        }),
        Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
    }
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_kept_to_the_byte() {
        let text = "[ {\"type\":\"payment_initiation\",\n \"amount\" : 4.20} ]";
        let details = Details::parse(text).expect("sound details");
        assert_eq!(details.as_str(), text);
        assert_eq!(details.hash(), Hash::of(text));
        assert_eq!(details.elements()[0].object.get("amount"), Some(&Json::Number("4.20".into())));
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        assert_eq!(Details::parse("[]"), Err(DetailsError::NotObjects));
        assert_eq!(Details::parse("{}"), Err(DetailsError::NotObjects));
        assert_eq!(Details::parse("[1]"), Err(DetailsError::NotObjects));
        assert_eq!(Details::parse("[{}]"), Err(DetailsError::NoType));
        assert_eq!(Details::parse(r#"[{"type":1}]"#), Err(DetailsError::NoType));
        assert!(matches!(Details::parse(r#"[{"type":"x","a":1,"a":2}]"#), Err(DetailsError::Json(_))));
        assert_eq!(Details::parse(&" ".repeat(6145)), Err(DetailsError::TooLarge));
    }

    #[test]
    fn a_string_that_cannot_be_shown_is_named_by_its_path_and_character() {
        for (details, words) in [
            (
                r#"[{"type":"x"},{"type":"x","a":{"b":["","c\u202e"]}}]"#,
                "authorization_details[1].a.b[1]: the text has a character that changes its direction: U+202E at character 2",
            ),
            (
                r#"[{"type":"x","a":{"\u200b":1}}]"#,
                "authorization_details[0].a, in a member's name: the text has an invisible character: U+200B at character 1",
            ),
            (r#"[{"type":""}]"#, "authorization_details[0].type: the text is empty"),
            (
                r#"[{"type":"x\ny"}]"#,
                "authorization_details[0].type: the text has a control character or a line break: U+000A at character 2",
            ),
            (
                r#"[{"type":"x","a\tb":1}]"#,
                "authorization_details[0], in a member's name: the text has a control character or a line break: U+0009 at character 2",
            ),
        ] {
            assert_eq!(Details::parse(details).map_err(|error| error.to_string()), Err(words.to_owned()));
        }
        let lines = r#"[{"type":"x","a":"Line 1\n\tLine 2"}]"#;
        assert!(Details::parse(lines).is_ok(), "a string of details may have several lines");
    }
}
