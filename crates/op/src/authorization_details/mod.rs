//! Which types of authorization details (RFC 9396) this provider takes, and whether a client's fit their schema.

mod built_in;
pub(crate) mod money;
mod schema;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use countersign_jose::json::Json;
use countersign_protocol::details::{Details, DetailsError};
use serde_json::Value;

pub(crate) use built_in::built_in;
use money::{Amount, Money};
pub use schema::{DetailType, DetailTypeError};

/// The type whose amount decides about user verification.
const PAYMENT: &str = "payment_initiation";

/// The types a provider takes, in the order in which they are offered. Cheap to clone.
#[derive(Clone, Default)]
pub struct DetailTypes {
    list: Vec<Arc<DetailType>>,
}

/// Why authorization details are refused: always `invalid_authorization_details`, with words that name the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthorizationDetailsError {
    /// Not an array of objects with a type, too large, or with text that can't be shown.
    #[error("{0}")]
    Form(#[from] DetailsError),
    /// A type that nobody knows, or that this client may not send.
    #[error("authorization_details[{at}] has a type that this client may not send; it may send: {allowed}")]
    Type {
        /// Which element, from 0.
        at: usize,
        /// The types it may send.
        allowed: String,
    },
    /// More elements of one type than it may have.
    #[error("authorization_details[{at}] is one too many of its type: {limit} at most in one request")]
    Count {
        /// Which element, from 0.
        at: usize,
        /// How many there may be.
        limit: usize,
    },
    /// An element larger than its type may be.
    #[error("authorization_details[{at}] is larger than {limit} bytes, the most that its type may have")]
    Size {
        /// Which element, from 0.
        at: usize,
        /// In bytes, without white space.
        limit: usize,
    },
    /// Not what the type's schema says.
    #[error("authorization_details[{at}]{path}: {what}")]
    Schema {
        /// Which element, from 0.
        at: usize,
        /// Where in the element, for example `.instructedAmount.amount`.
        path: String,
        /// What is wrong there.
        what: String,
    },
}

impl DetailTypes {
    /// These types; of two with the same name the first counts.
    pub fn new(types: impl IntoIterator<Item = Arc<DetailType>>) -> DetailTypes {
        let mut list: Vec<Arc<DetailType>> = Vec::new();
        for kind in types {
            if !list.iter().any(|known| known.name() == kind.name()) {
                list.push(kind);
            }
        }
        DetailTypes { list }
    }

    /// The names, in the order in which they are offered.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|kind| kind.name())
    }

    /// Whether a type of this name is taken.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn get(&self, name: &str) -> Option<&DetailType> {
        self.list.iter().find(|kind| kind.name() == name).map(Arc::as_ref)
    }

    /// Reads a client's text and checks every element; the result holds the text to the byte.
    pub(crate) fn check(&self, text: &str, allowed: &[String]) -> Result<Details, AuthorizationDetailsError> {
        let details = Details::parse(text)?;
        let values: Vec<Value> = serde_json::from_str(text).expect("strict JSON that is an array is JSON");
        let elements = details.elements();
        for (at, (element, value)) in elements.iter().zip(&values).enumerate() {
            let Some(kind) = self.get(&element.kind).filter(|_| allowed.contains(&element.kind)) else {
                return Err(AuthorizationDetailsError::Type { at, allowed: allowed.join(", ") });
            };
            let of_this_type = elements[..=at].iter().filter(|earlier| earlier.kind == element.kind).count();
            if of_this_type > kind.max_count() {
                return Err(AuthorizationDetailsError::Count { at, limit: kind.max_count() });
            }
            if value.to_string().len() > kind.max_bytes() {
                return Err(AuthorizationDetailsError::Size { at, limit: kind.max_bytes() });
            }
            kind.check(value).map_err(|(path, what)| AuthorizationDetailsError::Schema { at, path, what })?;
        }
        Ok(details)
    }
}

/// The amounts of the payments among the details; `None` for one whose amount can't be read.
pub(crate) fn payments(details: &Details) -> impl Iterator<Item = Option<Money>> {
    let payments = details.elements().iter().filter(|element| element.kind == PAYMENT);
    payments.map(|element| {
        let instructed = element.object.get("instructedAmount")?;
        let amount = Amount::parse(instructed.get("amount").and_then(Json::as_str)?)?;
        Some(Money { currency: instructed.get("currency").and_then(Json::as_str)?.to_owned(), amount })
    })
}
