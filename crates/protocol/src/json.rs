//! JSON documents of this protocol.

use countersign_jose::json::{self, JsonError, Numbers, Strictness};
use serde::de::DeserializeOwned;

use crate::limits;

/// How strictly a document of this protocol is read.
pub const STRICTNESS: Strictness = Strictness {
    depth: limits::JSON_DEPTH,
    numbers: Numbers::Exact { max_integer: limits::MAX_INTEGER, characters: limits::NUMBER_CHARACTERS },
    byte_order_mark: false,
};

/// Reads one JSON document of this protocol into a type.
///
/// # Errors
/// As [`json::parse`].
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    json::parse(bytes, STRICTNESS)
}
