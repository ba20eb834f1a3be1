//! Which types of authorization details (RFC 9396) this provider takes, and whether a client's fit their schema.

pub(crate) mod money;
mod schemas;
#[cfg(test)]
mod tests;

use countersign_protocol::details::{Details, DetailsError};
use countersign_protocol::json::Json;

use money::{Amount, Money};
pub(crate) use schemas::Schemas;

/// A type of authorization details that has a schema here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailType {
    /// One payment to one payee.
    PaymentInitiation,
    /// Reading somebody's accounts.
    AccountInformation,
    /// A title and any tree.
    Generic,
}

impl DetailType {
    /// The `type` member.
    pub const fn name(self) -> &'static str {
        match self {
            DetailType::PaymentInitiation => "payment_initiation",
            DetailType::AccountInformation => "account_information",
            DetailType::Generic => "generic",
        }
    }

    fn of(name: &str) -> Option<DetailType> {
        [DetailType::PaymentInitiation, DetailType::AccountInformation, DetailType::Generic]
            .into_iter()
            .find(|known| known.name() == name)
    }
}

/// Why authorization details are refused: always `invalid_authorization_details`, with words that name the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DetailsRefused {
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

/// The amounts of the payments among the details; `None` for one whose amount can't be read.
pub(crate) fn payments(details: &Details) -> impl Iterator<Item = Option<Money>> {
    let payments = details.elements().iter().filter(|element| element.kind == DetailType::PaymentInitiation.name());
    payments.map(|element| {
        let instructed = element.object.get("instructedAmount")?;
        let amount = Amount::parse(instructed.get("amount").and_then(Json::as_str)?)?;
        Some(Money { currency: instructed.get("currency").and_then(Json::as_str)?.to_owned(), amount })
    })
}
