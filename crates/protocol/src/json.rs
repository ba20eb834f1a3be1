//! JSON documents of this protocol.

use countersign_jose::json::{self, Strictness};
// Moved to countersign-jose; these paths go once every crate names it.
pub use countersign_jose::json::{Json, JsonError, Reason};
use serde::de::DeserializeOwned;

use crate::limits;

/// How strictly a document of this protocol is read.
pub const STRICTNESS: Strictness = Strictness {
    depth: limits::JSON_DEPTH,
    max_integer: limits::MAX_INTEGER,
    number_characters: limits::NUMBER_CHARACTERS,
};

/// Reads one JSON document of this protocol into a type.
///
/// # Errors
/// As [`json::parse`].
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    json::parse(bytes, STRICTNESS)
}

/// Reads one JSON document, nested at most `depth` deep.
///
/// # Errors
/// As [`json::read`].
pub fn read(bytes: &[u8], depth: usize) -> Result<Json, JsonError> {
    json::read(bytes, Strictness::with_depth(depth))
}
