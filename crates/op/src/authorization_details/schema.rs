//! A type of authorization details: its compiled JSON Schema, and validation errors in plain words.

use std::fmt;

use countersign_protocol::{kind, limits, text};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// The one accepted value of `$schema`.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Default of `max_count`.
const DEFAULT_MAX_COUNT: usize = 50;

/// A type of authorization details.
pub struct DetailType {
    name: String,
    validator: Validator,
    max_bytes: usize,
    max_count: usize,
    /// What a schema can't say of the values of a built-in type.
    check_values: Option<ValueCheck>,
}

/// Checks an element that its schema accepts.
///
/// # Errors
/// The path of the first fault, and the fault in words.
pub(super) type ValueCheck = fn(&Value) -> Result<(), (String, String)>;

/// Why a type can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetailTypeError {
    /// Empty, longer than 100 characters, or with characters that can't be displayed.
    #[error("the name of a type must be 1 to 100 displayable characters")]
    Name,
    /// The name is reserved for requests about devices.
    #[error("the type urn:countersign:device is reserved; choose another name")]
    Reserved,
    /// `$schema` names another dialect.
    #[error("the schema has another dialect; `$schema` must be {DIALECT}, or left out")]
    Dialect,
    /// Not a JSON Schema, or one that refers to another file or address.
    #[error("the schema can't be used: {0}")]
    Schema(String),
}

impl DetailTypeError {
    /// Stable code in snake_case.
    pub const fn code(&self) -> &'static str {
        match self {
            DetailTypeError::Name => "type_name",
            DetailTypeError::Reserved => "type_reserved",
            DetailTypeError::Dialect => "schema_dialect",
            DetailTypeError::Schema(_) => "schema",
        }
    }
}

impl DetailType {
    /// Compiles a schema (JSON Schema 2020-12; references stay inside it, nothing is fetched). `max_bytes` bounds one
    /// element without white space (default: the limit of all details), `max_count` the elements of this type in one
    /// request (default 50).
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
            // Patterns run over clients' strings: linear time, no backtracking.
            .with_pattern_options(PatternOptions::regex());
        let validator = options.build(schema).map_err(|error| {
            let words: String = error.to_string().chars().take(200).collect();
            DetailTypeError::Schema(words)
        })?;
        Ok(DetailType {
            name: name.to_owned(),
            validator,
            max_bytes: max_bytes.unwrap_or(limits::DETAILS_BYTES),
            max_count: max_count.unwrap_or(DEFAULT_MAX_COUNT),
            check_values: None,
        })
    }

    /// As this type, whose values are checked too.
    pub(super) fn with_values(self, check: ValueCheck) -> DetailType {
        DetailType { check_values: Some(check), ..self }
    }

    /// Value of the `type` member.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Largest size of one element, in bytes without white space.
    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Most elements of this type in one request.
    pub(super) fn max_count(&self) -> usize {
        self.max_count
    }

    /// Validates an element.
    ///
    /// # Errors
    /// The path of the first fault, for example `.instructedAmount.amount`, and the fault in words.
    pub(super) fn check(&self, element: &Value) -> Result<(), (String, String)> {
        self.validator.validate(element).map_err(|error| (path(&error), reason(&error)))?;
        self.check_values.map_or(Ok(()), |check| check(element))
    }
}

impl fmt::Debug for DetailType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

/// Path of the fault: `/instructedAmount/accounts/0` becomes `.instructedAmount.accounts[0]`.
fn path(error: &ValidationError<'_>) -> String {
    let pointer = error.instance_path().to_string();
    let parts = pointer.split('/').skip(1);
    parts
        .map(|part| if part.bytes().all(|b| b.is_ascii_digit()) { format!("[{part}]") } else { format!(".{part}") })
        .collect()
}

/// The fault in words, without the value: it may be an account number.
fn reason(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("{} is missing", property.as_str().unwrap_or("a member"))
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            format!("{} is not known here", unexpected.join(", "))
        }
        ValidationErrorKind::Type { kind } => format!("this must be of type {}", types(kind)),
        // An error's description can't hold every character (RFC 6749 §5.2): a pattern is printed as it is written, or not at all.
        ValidationErrorKind::Pattern { pattern } if pattern.bytes().all(is_printable) => {
            format!("this must match {pattern}")
        }
        ValidationErrorKind::Pattern { .. } => "this does not match the pattern of its type".to_owned(),
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

/// The characters of an error's description.
fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(many) => many.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or "),
    }
}
