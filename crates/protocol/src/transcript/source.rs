//! Sources of a transcript's values: a member of the challenge, a member of the enrollment statement, or the device itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::escape;

/// The pointer of the details inside a challenge; pointers go on inside their text.
pub(super) const DETAILS: &str = "/authorization_details_json";

/// Where a line's value, or the words of its caption, come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The device's own words.
    Device,
    /// A member of the challenge, by its JSON pointer (RFC 6901).
    Challenge(String),
    /// A member of the enrollment statement, by its JSON pointer.
    Statement(String),
}

/// The text names no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a source is device, challenge:<pointer> or statement:<pointer>")]
pub struct NotASource;

impl Source {
    /// A member of the challenge.
    pub(super) fn challenge(pointer: impl Into<String>) -> Self {
        Self::Challenge(pointer.into())
    }

    /// A place in the details, by its pointer in them.
    pub(super) fn details(pointer: &str) -> Self {
        Self::Challenge(format!("{DETAILS}{pointer}"))
    }

    /// The pointer in the details that this names, if it does.
    pub(super) fn in_details(&self) -> Option<&str> {
        match self {
            Self::Challenge(pointer) => pointer.strip_prefix(DETAILS).filter(|rest| rest.starts_with('/')),
            _ => None,
        }
    }
}

/// A member's name as a part of a JSON pointer.
pub(super) fn pointer_part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// For people: whoever makes a transcript writes any pointer into it, so that it is escaped by the text rules.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&OnTheWire(self).to_string()))
    }
}

/// A source as a transcript has it.
struct OnTheWire<'a>(&'a Source);

impl fmt::Display for OnTheWire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::Device => f.write_str("device"),
            Source::Challenge(pointer) => write!(f, "challenge:{pointer}"),
            Source::Statement(pointer) => write!(f, "statement:{pointer}"),
        }
    }
}

impl FromStr for Source {
    type Err = NotASource;

    fn from_str(text: &str) -> Result<Self, NotASource> {
        match text.split_once(':') {
            None if text == "device" => Ok(Self::Device),
            Some(("challenge", pointer)) => Ok(Self::Challenge(pointer.to_owned())),
            Some(("statement", pointer)) => Ok(Self::Statement(pointer.to_owned())),
            _ => Err(NotASource),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&OnTheWire(self))
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
