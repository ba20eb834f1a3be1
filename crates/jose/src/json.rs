//! A strict JSON reader (RFC 8259, I-JSON): refuses everything that two readers could understand differently.
//!
//! Always refused: duplicate names at any depth (compared after unescaping, RFC 7515 §4), lone surrogates, anything after the
//! value. [`Strictness`] says how deep a document may be nested, which numbers it may have, and whether a byte order mark may
//! precede it. Number literals are kept as they were sent.

use std::fmt;

use serde::de::DeserializeOwned;

mod reader;
#[cfg(test)]
mod tests;

/// How much of JSON a reader accepts. Start from [`Strictness::with_depth`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strictness {
    /// Deepest nesting; a scalar root counts as 1.
    pub depth: usize,
    /// Which numbers are accepted.
    pub numbers: Numbers,
    /// Whether one byte order mark before the document is skipped (RFC 8259 §8.1) or refused.
    pub byte_order_mark: bool,
}

/// Which number literals a reader accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Without an exponent, and within these bounds: numbers that every implementation keeps exactly.
    Exact {
        /// Largest integer part, without its sign.
        max_integer: u64,
        /// Longest literal, in characters.
        characters: usize,
    },
    /// Every literal of RFC 8259 §6, whatever its size: whoever uses one reads its literal.
    Any,
}

impl Strictness {
    /// The largest integer that every JSON implementation keeps exactly: 2^53 − 1 (RFC 8259 §6).
    pub const MAX_INTEGER: u64 = (1 << 53) - 1;

    /// Documents of other parties, whose unknown members are ignored (RFC 7519 §4, RFC 7517 §4): any number, nested at most 64
    /// deep, with or without a byte order mark. Duplicate names stay refused.
    pub const FOREIGN: Strictness = Strictness { depth: 64, numbers: Numbers::Any, byte_order_mark: true };

    /// Documents nested at most `depth` deep, with integers up to [`Strictness::MAX_INTEGER`] and number literals of at most
    /// 40 characters, without a byte order mark.
    pub const fn with_depth(depth: usize) -> Self {
        let numbers = Numbers::Exact { max_integer: Self::MAX_INTEGER, characters: 40 };
        Self { depth, numbers, byte_order_mark: false }
    }
}

/// Reads one JSON document.
///
/// # Errors
/// [`JsonError`] with the first violation and its position.
pub fn read(bytes: &[u8], strictness: Strictness) -> Result<Json, JsonError> {
    read_naming_member(bytes, strictness).map_err(|(error, _)| error)
}

/// As [`read`]; an error within a member of the root object comes with that member's name, as the document spells it.
///
/// # Errors
/// As [`read`].
pub fn read_naming_member(bytes: &[u8], strictness: Strictness) -> Result<Json, (JsonError, Option<String>)> {
    let mut reader = reader::Reader::new(text(bytes).map_err(|error| (error, None))?, strictness);
    reader.document().map_err(|error| (error, reader.into_member()))
}

/// As [`read`], for a document of which nothing is kept: quicker.
///
/// # Errors
/// As [`read`].
pub fn check(bytes: &[u8], strictness: Strictness) -> Result<(), JsonError> {
    reader::Reader::<()>::new(text(bytes)?, strictness).document()
}

fn text(bytes: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(bytes).map_err(|error| JsonError { reason: Reason::NotUtf8, at: error.valid_up_to() })
}

/// The document without a byte order mark.
pub fn without_byte_order_mark(document: &[u8]) -> &[u8] {
    document.strip_prefix("\u{feff}".as_bytes()).unwrap_or(document)
}

/// Reads one JSON document into a type.
///
/// # Errors
/// As [`read`]; [`Reason::Shape`] if the document is accepted but is not a `T`.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], strictness: Strictness) -> Result<T, JsonError> {
    check(bytes, strictness)?;
    parse_checked(bytes)
}

/// As [`parse`], for a document that [`read`] or [`check`] has just accepted: this alone checks nothing that serde_json does not.
///
/// # Errors
/// [`Reason::Shape`] if the document is not a `T`.
pub fn parse_checked<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice(bytes).map_err(|e| JsonError { reason: Reason::Shape, at: e.column().saturating_sub(1) })
}

/// A JSON value with the order of its members and its number literals as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number's literal, for example `4.20`.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, its members in the order they were sent.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The member of this name, if this is an object that has one.
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(member, _)| member == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The unescaped string, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members, if this is an object.
    pub fn as_object(&self) -> Option<&[(String, Json)]> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }
}

/// A document that was refused, and where. Holds nothing of the document itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct JsonError {
    /// The rule that it breaks.
    pub reason: Reason,
    /// Offset in bytes from the start.
    pub at: usize,
}

impl JsonError {
    /// The stable code of the [`Reason`].
    pub const fn code(&self) -> &'static str {
        self.reason.code()
    }
}

/// Why a document was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Not JSON at all.
    Syntax,
    /// Not UTF-8.
    NotUtf8,
    /// One object has the same name more than once.
    DuplicateName,
    /// A `\ud800`-like escape without its other half.
    LoneSurrogate,
    /// Nested deeper than [`Strictness::depth`].
    TooDeep,
    /// A number beyond the bounds of [`Numbers::Exact`].
    NumberTooLarge,
    /// A number with an exponent, where [`Numbers::Exact`] are accepted.
    Exponent,
    /// Well-formed, but not the members of the expected message.
    Shape,
}

impl Reason {
    /// The stable code, for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Reason::Syntax => "json_syntax",
            Reason::NotUtf8 => "json_not_utf8",
            Reason::DuplicateName => "json_duplicate_name",
            Reason::LoneSurrogate => "json_lone_surrogate",
            Reason::TooDeep => "json_too_deep",
            Reason::NumberTooLarge => "json_number_too_large",
            Reason::Exponent => "json_exponent",
            Reason::Shape => "json_shape",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Syntax => "this is not JSON",
            Reason::NotUtf8 => "this is not UTF-8",
            Reason::DuplicateName => "an object has the same name more than once",
            Reason::LoneSurrogate => "half of a surrogate pair without the other",
            Reason::TooDeep => "this is nested too deeply",
            Reason::NumberTooLarge => "a number is too large to be kept exactly",
            Reason::Exponent => "a number has an exponent",
            Reason::Shape => "a member is missing or of another type",
        })
    }
}
