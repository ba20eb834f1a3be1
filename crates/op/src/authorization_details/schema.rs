//! One type of authorization details: its JSON Schema, compiled, and its errors in plain words.

use std::fmt;

use countersign_protocol::{kind, limits, text};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// The only dialect that schemas are written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// How many elements of one type a request may have where its entry says nothing.
const COUNT: usize = 50;

/// A type of authorization details.
pub struct DetailType {
    name: String,
    validator: Validator,
    max_bytes: usize,
    max_count: usize,
}

/// Why there can't be such a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetailTypeError {
    /// Empty, overlong, or with characters that can't be shown.
    #[error("the name of a type must be 1 to 100 characters that can be shown")]
    Name,
    /// Devices use it among themselves.
    #[error("the type urn:countersign:device is this program's own; choose another name")]
    Reserved,
    /// `$schema` names another dialect.
    #[error("the schema is written for another dialect; `$schema` must be {DIALECT}, or left out")]
    Dialect,
    /// Not a JSON Schema, or one that refers to another file or address.
    #[error("the schema can't be used: {0}")]
    Schema(String),
}

impl DetailType {
    /// A type with this schema (JSON Schema 2020-12; references stay inside it, nothing is fetched). `max_bytes` bounds one
    /// element without its white space, `max_count` the elements of this type in one request.
    ///
    /// # Errors
    /// [`DetailTypeError`].
    pub fn new(
        name: &str,
        schema: &Value,
        max_bytes: Option<usize>,
        max_count: Option<usize>,
    ) -> Result<DetailType, DetailTypeError> {
        if name.is_empty() || text::check(name, limits::NAME_CHARACTERS).is_err() {
            return Err(DetailTypeError::Name);
        }
        if name == kind::DEVICE_TYPE {
            return Err(DetailTypeError::Reserved);
        }
        if schema.get("$schema").is_some_and(|dialect| dialect != DIALECT) {
            return Err(DetailTypeError::Dialect);
        }
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            // Patterns run over clients' texts: in time that grows with their length and no faster.
            .with_pattern_options(PatternOptions::regex());
        let validator = options.build(schema).map_err(|error| {
            let words: String = error.to_string().chars().take(200).collect();
            DetailTypeError::Schema(words)
        })?;
        Ok(DetailType {
            name: name.to_owned(),
            validator,
            max_bytes: max_bytes.unwrap_or(limits::DETAILS_BYTES),
            max_count: max_count.unwrap_or(COUNT),
        })
    }

    /// The `type` member.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The most that one element may have, in bytes without white space.
    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// How many elements of this type one request may have.
    pub(super) fn max_count(&self) -> usize {
        self.max_count
    }

    /// Where an element does not fit, for example `.instructedAmount.amount`, and what is wrong there.
    pub(super) fn check(&self, element: &Value) -> Result<(), (String, String)> {
        self.validator.validate(element).map_err(|error| (path(&error), what(&error)))
    }
}

impl fmt::Debug for DetailType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

/// `/instructedAmount/accounts/0` as `.instructedAmount.accounts[0]`.
fn path(error: &ValidationError<'_>) -> String {
    let pointer = error.instance_path().to_string();
    let parts = pointer.split('/').skip(1);
    parts
        .map(|part| if part.bytes().all(|b| b.is_ascii_digit()) { format!("[{part}]") } else { format!(".{part}") })
        .collect()
}

/// What is wrong, without repeating the value: it may be somebody's account number.
fn what(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("{} is missing", property.as_str().unwrap_or("a member"))
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            format!("{} is not known here", unexpected.join(", "))
        }
        ValidationErrorKind::Type { kind } => format!("this must be of type {}", types(kind)),
        ValidationErrorKind::Pattern { pattern } => format!("this must match {pattern}"),
        ValidationErrorKind::Constant { expected_value } => format!("this must be {expected_value}"),
        ValidationErrorKind::Enum { options } => format!("this must be one of {options}"),
        ValidationErrorKind::Minimum { limit } => format!("this must be {limit} at least"),
        ValidationErrorKind::Maximum { limit } => format!("this must be {limit} at most"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("this must be more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("this must be less than {limit}"),
        ValidationErrorKind::MinLength { limit } if *limit > 1 => format!("this is shorter than {limit} characters"),
        ValidationErrorKind::MinLength { .. }
        | ValidationErrorKind::MinItems { .. }
        | ValidationErrorKind::MinProperties { .. } => "this must not be empty".to_owned(),
        ValidationErrorKind::MaxLength { limit } => format!("this is longer than {limit} characters"),
        ValidationErrorKind::MaxItems { limit } => format!("this has more than {limit} elements"),
        ValidationErrorKind::MaxProperties { limit } => format!("this has more than {limit} members"),
        ValidationErrorKind::UniqueItems => "this has an element twice".to_owned(),
        _ => "this value is not allowed".to_owned(),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(many) => many.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or "),
    }
}
