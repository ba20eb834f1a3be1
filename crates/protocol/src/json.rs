//! JSON as this protocol reads it: nested at most [`limits::JSON_DEPTH`] deep, numbers kept as they were sent.

use countersign_jose::json::{self, Strictness};
// Moved to countersign-jose; these paths go once every crate names it.
pub use countersign_jose::json::{Json, JsonError, Reason};
use serde::de::DeserializeOwned;

use crate::limits;

/// Reads one JSON document, nested at most `depth` deep.
///
/// # Errors
/// As [`json::read`].
pub fn read(bytes: &[u8], depth: usize) -> Result<Json, JsonError> {
    json::read(bytes, Strictness::with_depth(depth))
}

/// Reads one JSON document into a type.
///
/// # Errors
/// As [`json::parse`].
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    json::parse(bytes, Strictness::with_depth(limits::JSON_DEPTH))
}
