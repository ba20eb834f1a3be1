//! Authorization details (RFC 9396): the accepted types, and validation against their schemas.

mod built_in;
pub(crate) mod money;
mod schema;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;

use countersign_jose::json::Json;
use countersign_protocol::details::{Details, DetailsError};
use serde_json::Value;

pub(crate) use built_in::built_in;
use money::{Amount, Money};
pub use schema::{DetailType, DetailTypeError};

/// The type whose amount is compared with the policy's `user_verification_above`.
const PAYMENT: &str = "payment_initiation";

/// Accepted types, in the order of the discovery document. Cheap to clone.
#[derive(Clone, Default)]
pub struct DetailTypes {
    list: Vec<Arc<DetailType>>,
}

/// Why authorization details are refused, with the place. The code on the wire is always
/// `invalid_authorization_details`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthorizationDetailsError {
    /// Not an array of objects with a type, too large, or with characters that can't be displayed.
    #[error("{0}")]
    Form(#[from] DetailsError),
    /// An unknown type, or one that this client may not send.
    #[error("authorization_details[{at}] has a type that this client may not send; it may send: {allowed}")]
    Type {
        /// Index of the element, from 0.
        at: usize,
        /// The types it may send.
        allowed: String,
    },
    /// More elements of one type than its `max_count`.
    #[error("authorization_details[{at}] is one too many of its type: {limit} at most in one request")]
    Count {
        /// Index of the element, from 0.
        at: usize,
        /// The type's `max_count`.
        limit: usize,
    },
    /// An element larger than its type's `max_bytes`.
    #[error("authorization_details[{at}] is larger than {limit} bytes, the most that its type may have")]
    Size {
        /// Index of the element, from 0.
        at: usize,
        /// The type's `max_bytes`, without white space.
        limit: usize,
    },
    /// An element that its type's schema refuses.
    #[error("authorization_details[{at}]{path}: {reason}")]
    Schema {
        /// Index of the element, from 0.
        at: usize,
        /// Path within the element, for example `.instructedAmount.amount`.
        path: String,
        /// The fault, without the value.
        reason: String,
    },
}

impl DetailTypes {
    /// Collects types; of several with the same name the first counts.
    pub fn new(types: impl IntoIterator<Item = Arc<DetailType>>) -> DetailTypes {
        let mut list: Vec<Arc<DetailType>> = Vec::new();
        for kind in types {
            if !list.iter().any(|known| known.name() == kind.name()) {
                list.push(kind);
            }
        }
        DetailTypes { list }
    }

    /// The types' names, in the order of the discovery document.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|kind| kind.name())
    }

    /// Whether a type of this name is accepted.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn get(&self, name: &str) -> Option<&DetailType> {
        self.list.iter().find(|kind| kind.name() == name).map(Arc::as_ref)
    }

    /// Parses a client's string and validates every element; the result keeps the string's bytes.
    ///
    /// # Errors
    /// The first [`AuthorizationDetailsError`].
    pub(crate) fn check(&self, json: &str, allowed: &[String]) -> Result<Details, AuthorizationDetailsError> {
        let details = Details::parse(json)?;
        let values: Vec<Value> = serde_json::from_str(json).expect("strict JSON that is an array is JSON");
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
            kind.check(value).map_err(|(path, reason)| AuthorizationDetailsError::Schema { at, path, reason })?;
        }
        Ok(details)
    }
}

/// Amounts of the `payment_initiation` elements; `None` for one whose amount can't be parsed.
pub(crate) fn payments(details: &Details) -> impl Iterator<Item = Option<Money>> {
    let payments = details.elements().iter().filter(|element| element.kind == PAYMENT);
    payments.map(|element| {
        let instructed = element.object.get("instructedAmount")?;
        let amount = Amount::parse(instructed.get("amount").and_then(Json::as_str)?)?;
        Some(Money { currency: instructed.get("currency").and_then(Json::as_str)?.to_owned(), amount })
    })
}
