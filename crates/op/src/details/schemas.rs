//! The JSON Schemas of the known types (`schemas/*.json`), compiled once, and their errors in plain words.

use countersign_protocol::details::Details;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::{DetailType, DetailsRefused};

/// Checks details against the schema of their type.
pub(crate) struct Schemas {
    payment_initiation: Validator,
    account_information: Validator,
    generic: Validator,
}

impl Schemas {
    /// Compiles the schemas that are part of the program.
    pub(crate) fn compile() -> Schemas {
        Schemas {
            payment_initiation: compile(include_str!("schemas/payment_initiation.json")),
            account_information: compile(include_str!("schemas/account_information.json")),
            generic: compile(include_str!("schemas/generic.json")),
        }
    }

    /// Reads a client's text and checks every element; the result holds the text to the byte.
    pub(crate) fn check(&self, text: &str, allowed: &[DetailType]) -> Result<Details, DetailsRefused> {
        let details = Details::parse(text)?;
        let values: Vec<Value> = serde_json::from_str(text).expect("strict JSON that is an array is JSON");
        for (at, (element, value)) in details.elements().iter().zip(&values).enumerate() {
            let Some(kind) = DetailType::of(&element.kind).filter(|kind| allowed.contains(kind)) else {
                let allowed: Vec<_> = allowed.iter().map(|kind| kind.name()).collect();
                return Err(DetailsRefused::Type { at, allowed: allowed.join(", ") });
            };
            if let Err(error) = self.of(kind).validate(value) {
                return Err(DetailsRefused::Schema { at, path: path(&error), what: what(&error) });
            }
        }
        Ok(details)
    }

    const fn of(&self, kind: DetailType) -> &Validator {
        match kind {
            DetailType::PaymentInitiation => &self.payment_initiation,
            DetailType::AccountInformation => &self.account_information,
            DetailType::Generic => &self.generic,
        }
    }
}

fn compile(schema: &str) -> Validator {
    let schema = serde_json::from_str(schema).expect("a schema file of this program is JSON; its test reads it");
    jsonschema::draft202012::new(&schema).expect("a schema file of this program is a schema; its test compiles it")
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
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            format!("{} is not known here", unexpected.join(", "))
        }
        ValidationErrorKind::Type { kind } => format!("this must be of type {}", types(kind)),
        ValidationErrorKind::Pattern { pattern } => format!("this must match {pattern}"),
        ValidationErrorKind::MinLength { .. }
        | ValidationErrorKind::MinItems { .. }
        | ValidationErrorKind::MinProperties { .. } => "this must not be empty".to_owned(),
        ValidationErrorKind::MaxLength { limit } => format!("this is longer than {limit} characters"),
        ValidationErrorKind::MaxItems { limit } => format!("this has more than {limit} elements"),
        _ => "this value is not allowed".to_owned(),
    }
}

fn types(kind: &jsonschema::error::TypeKind) -> String {
    match kind {
        jsonschema::error::TypeKind::Single(one) => one.to_string(),
        jsonschema::error::TypeKind::Multiple(many) => {
            many.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or ")
        }
    }
}
